//! Macros: `${min-max}group$` as a subsignature means any member of a group, near the subsignature before.
//!
//! The members are extended signatures whose offset is `$group$`; such a signature never alerts itself.

use candor_detect::logical::{MAX_NEAR, Subsignature};

use super::{number, range};
use crate::{Complaint, Output};

/// Highest number of a group.
const MAX_GROUP: u8 = 31;

/// The group that an offset `$n$` names.
pub(super) fn group(offset: &str) -> Option<Result<u8, Complaint>> {
    let digits = offset.strip_prefix('$')?.strip_suffix('$')?;
    Some(read_group(digits))
}

fn read_group(digits: &str) -> Result<u8, Complaint> {
    let group = number(digits, "macro group")?;
    if group > MAX_GROUP {
        return Err(Complaint::malformed(format!("macro groups are numbered up to {MAX_GROUP}")));
    }
    Ok(group)
}

/// Reads the subsignature of this number.
pub(super) fn parse(text: &str, own_number: usize, output: &Output<'_>) -> Result<Subsignature, Complaint> {
    if own_number == 0 {
        return Err(Complaint::malformed("a macro cannot be the first subsignature"));
    }
    let inner = text.strip_prefix("${").and_then(|text| text.strip_suffix('$'));
    let (distance, group) = inner
        .and_then(|text| text.split_once('}'))
        .ok_or_else(|| Complaint::malformed("a macro is written ${min-max}group$"))?;
    let (low, high) = range(distance, "distance of the macro")?;
    let patterns = output.members(read_group(group)?);
    if patterns.is_empty() {
        return Err(Complaint::unsupported("a macro of a group without members"));
    }
    if patterns.len() > MAX_NEAR {
        return Err(Complaint::unsupported(format!("a macro of a group of more than {MAX_NEAR} members")));
    }
    Ok(Subsignature::Near { patterns: patterns.to_vec(), low, high })
}
