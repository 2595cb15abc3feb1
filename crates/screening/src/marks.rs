//! Labelled pairs of names, and how a matcher does on them.

use crate::csv;
use crate::name::Kind;

/// Part of the key that divides the pairs; a new one makes a new division.
const SPLIT: &str = "2026-11-23";

/// A pair whose answer is known.
pub struct Mark {
    /// Person or organisation.
    pub kind: Kind,
    /// The two names.
    pub names: [String; 2],
    /// Whether they mean the same party.
    pub same: bool,
    /// Whether it may be used for fitting; the other half only measures.
    pub development: bool,
}

/// Reads pairs with the columns `case_group,schema,name1,name2,is_match`.
pub fn read(text: &str) -> Vec<Mark> {
    csv::Records::new(text).flatten().skip(1).filter_map(|record| mark(&record.fields)).collect()
}

fn mark(fields: &[String]) -> Option<Mark> {
    let [group, schema, a, b, same, ..] = fields else { return None };
    let mut names = [a.clone(), b.clone()];
    names.sort();
    let key = format!("{SPLIT}\0{group}\0{}\0{}", names[0], names[1]);
    // FNV-1a: small, fixed for ever, and in every language.
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let kind = if schema == "Person" { Kind::Person } else { Kind::Organisation };
    Some(Mark { kind, names, same: same == "true", development: (hash >> 20) & 1 == 0 })
}
