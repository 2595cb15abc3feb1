//! Labelled pairs of names, and how a matcher does on them.

use crate::csv;
use crate::entry::{Profile, Ruling};
use crate::name::{Kind, Name};
use crate::ruling::{self, Scored};

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
    let hash = key
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let kind = if schema == "Person" { Kind::Person } else { Kind::Organisation };
    Some(Mark { kind, names, same: same == "true", development: (hash >> 20) & 1 == 0 })
}

impl Mark {
    /// Scores the pair: the first name is asked, the second listed.
    pub fn judge(&self) -> Scored {
        let [asked, listed] = [0, 1].map(|at| Name::new(&self.names[at], self.kind));
        let forms: Vec<&'static str> = listed.form.into_iter().collect();
        ruling::score(&asked, &listed, &forms, self.kind)
    }
}

/// How often a matcher was right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// The same party, and a match.
    pub hits: u32,
    /// Another party, and a match.
    pub false_hits: u32,
    /// The same party, and no match.
    pub missed: u32,
}

impl Figures {
    /// Counts one answer.
    pub fn count(&mut self, matched: bool, same: bool) {
        match (matched, same) {
            (true, true) => self.hits += 1,
            (true, false) => self.false_hits += 1,
            (false, true) => self.missed += 1,
            (false, false) => {}
        }
    }

    /// The part of matches that are right, from 0 to 1; 0 when there are none.
    pub fn precision(&self) -> f32 {
        part(self.hits, self.false_hits)
    }

    /// The part of the same parties that are matched, from 0 to 1; 0 when there are none.
    pub fn recall(&self) -> f32 {
        part(self.hits, self.missed)
    }
}

fn part(hits: u32, others: u32) -> f32 {
    hits as f32 / (hits + others).max(1) as f32
}

/// The figures of a profile: only [`Ruling::Match`] counts as a match.
pub fn measure<'m>(marks: impl IntoIterator<Item = &'m Mark>, profile: Profile) -> Figures {
    let mut figures = Figures::default();
    for mark in marks {
        let scored = mark.judge();
        figures.count(scored.ruling(profile) == Ruling::Match, mark.same);
    }
    figures
}
