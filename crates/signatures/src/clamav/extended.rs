//! Extended signatures (`ndb`, `ndu`, and `sdb` of old): one pattern with a target type and an offset.
//!
//! `Name:TargetType:Offset:HexSig[:MinFL[:MaxFL]]`
//!
//! `sdb` asks ClamAV to look at content before it is opened, which is what we always do.

use std::io;

use candor_detect::logical::{Expression, LogicalSignature};
use candor_detect::pattern::{Pattern, Place};

use super::pattern::{Modifiers, literal_length};
use super::{category, each_signature, functionality_level, name, near, offset, pattern, target};
use crate::{Complaint, Language, Output};

/// Literals for any type have at least so many bytes.
const MIN_LITERAL: usize = 3;

/// Extended signatures.
pub(crate) struct Extended;

impl Language for Extended {
    fn name(&self) -> &'static str {
        "ClamAV extended signatures"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["ndb", "ndu", "sdb"]
    }

    fn read(&self, text: &mut dyn io::BufRead, output: &mut Output<'_>) -> io::Result<()> {
        each_signature(text, output, read)
    }
}

fn read(line: &str, output: &mut Output<'_>) -> Result<Option<LogicalSignature>, Complaint> {
    let fields: Vec<&str> = line.split(':').collect();
    let (signature, target, offset, hex, levels) = match fields.as_slice() {
        [name, target, offset, hex, levels @ ..] if levels.len() <= 2 => (name, target, offset, hex, levels),
        _ => return Err(Complaint::malformed(format!("{} fields, expected 4 to 6", fields.len()))),
    };
    functionality_level(levels.first().copied(), levels.get(1).copied())?;
    self::signature(name(signature)?, target, offset, hex, line, output)
}

/// The signature of one pattern.
pub(super) fn signature(
    name: &str,
    target: &str,
    offset: &str,
    hex: &str,
    line: &str,
    output: &mut Output<'_>,
) -> Result<Option<LogicalSignature>, Complaint> {
    let (target, types) = target::target(target)?;
    let groups = pattern::parse(hex, Modifiers::default())?;
    if let Some(group) = near::group(offset) {
        output.member(group?, Pattern { place: Place::ANYWHERE, groups });
        return Ok(None);
    }
    let place = offset::parse(offset, target)?;
    if target == 0 && literal_length(&groups).is_some_and(|length| length < MIN_LITERAL) {
        return Err(Complaint::malformed(format!(
            "a literal for target {target} has at least {MIN_LITERAL} bytes"
        )));
    }
    let patterns = vec![Pattern { place: offset::of_pattern(place, &groups), groups }];
    Ok(Some(LogicalSignature {
        text: line.to_owned(),
        category: category(name),
        types: types.iter().map(|name| (*name).to_owned()).collect(),
        ..LogicalSignature::new(name, output.source(), Expression::Pattern(0), patterns)
    }))
}
