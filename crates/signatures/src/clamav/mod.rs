//! ClamAV's signature languages, written from the public signature manual and observed behaviour.
//!
//! One file per language, and `container` for files that hold others. `pattern`, `offset`, `expression` and `ere` read
//! what several of them share; `regex`, `compare` and `near` the subsignatures of `logical` that are no patterns. `target`
//! knows ClamAV's numbers and names of file types.

mod compare;
mod hash;
mod extended;
mod legacy;
mod links;
mod logical;
mod bytecode;
mod ignore;
mod near;
mod regex;
mod icons;
mod indicator;
mod metadata;
mod password;
mod switches;
mod magic;
mod publisher;
mod catalog;
pub mod container;
pub(crate) mod pattern;
mod offset;
mod target;
pub(crate) mod expression;
pub mod ere;

pub(crate) use bytecode::Bytecode;
pub(crate) use catalog::Catalogs;
pub(crate) use extended::Extended;
pub(crate) use hash::{ImportHashes, ObjectHashes, SectionHashes};
pub(crate) use icons::Icons;
pub(crate) use ignore::Ignore;
pub(crate) use indicator::OpenIoc;
pub(crate) use legacy::Legacy;
pub(crate) use links::{Allowed as AllowedLinks, Protected as ProtectedLinks};
pub(crate) use logical::Logical;
pub(crate) use magic::Magic;
pub(crate) use metadata::Metadata;
pub(crate) use password::Passwords;
pub(crate) use publisher::Publishers;
pub(crate) use switches::Switches;

use std::io;

use candor_detect::logical::LogicalSignature;
use candor_object::Category;

use crate::lines::each_line;
use crate::{Complaint, Output};

/// The functionality level that we answer as: that of ClamAV 1.6.
const FUNCTIONALITY_LEVEL: u32 = candor_detect::bytecode::FUNCTIONALITY_LEVEL;

/// Reads a signature of patterns from each line. Files whose extension ends in `u` hold those for unwanted programs.
fn each_signature(
    text: &mut dyn io::BufRead,
    output: &mut Output<'_>,
    read: fn(&str, &mut Output<'_>) -> Result<Option<LogicalSignature>, Complaint>,
) -> io::Result<()> {
    let unwanted = output.source().to_ascii_lowercase().ends_with('u');
    each_line(text, output, |line, output| {
        let Some(mut signature) = read(line, output)? else { return Ok(()) };
        if unwanted {
            signature.category = Category::Unwanted;
        }
        output.logical(&signature)
    })
}

/// Complains if the levels at the end of a line (`[min[:max]]`) do not include ours. An empty one is 0.
fn functionality_level(min: Option<&str>, max: Option<&str>) -> Result<(), Complaint> {
    let min = min.map_or(Ok(0), |level| number_or_zero(level, "lowest functionality level"))?;
    let max = max.map_or(Ok(u32::MAX), |level| number_or_zero(level, "highest functionality level"))?;
    if min > FUNCTIONALITY_LEVEL || max < FUNCTIONALITY_LEVEL {
        let range = if max == u32::MAX { format!("{min} or more") } else { format!("{min} to {max}") };
        return Err(Complaint::NotForUs(format!(
            "for functionality level {range}, ours is {FUNCTIONALITY_LEVEL}"
        )));
    }
    Ok(())
}

/// A decimal number without sign.
fn number<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, Complaint> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = if digits { text.parse().ok() } else { None };
    parsed.ok_or_else(|| Complaint::malformed(format!("the {what} {text:?} is no number in range")))
}

/// The same, where nothing means 0, as ClamAV reads most numbers.
fn number_or_zero<T: std::str::FromStr + Default>(text: &str, what: &str) -> Result<T, Complaint> {
    if text.is_empty() { Ok(T::default()) } else { number(text, what) }
}

/// A range `a-b` of decimal numbers, of which either may be missing and is 0 then. It may run backwards: ClamAV
/// takes such a range, which nothing is in.
fn range<T: std::str::FromStr + Default>(text: &str, what: &str) -> Result<(T, T), Complaint> {
    let (low, high) = text
        .split_once('-')
        .ok_or_else(|| Complaint::malformed(format!("the {what} {text:?} is no range")))?;
    Ok((number_or_zero(low, what)?, number_or_zero(high, what)?))
}

/// A detection name.
fn name(text: &str) -> Result<&str, Complaint> {
    let text = text.strip_suffix(" (Clam)").unwrap_or(text);
    if text.is_empty() { Err(Complaint::malformed("the name is empty")) } else { Ok(text) }
}

/// What a name says of the kind of finding.
fn category(name: &str) -> Category {
    if name.starts_with("PUA.") { Category::Unwanted } else { Category::Malware }
}
