//! Extended signatures (`ndb`, `ndu`, and `sdb` of old): one pattern with a target type and an offset.
//!
//! `Name:TargetType:Offset:HexSig[:MinFL[:MaxFL]]`
//!
//! `sdb` asks ClamAV to look at content before it is opened, which is what we always do.

use std::io;

use candor_detect::logical::{Expression, LogicalSignature};
use candor_detect::pattern::Pattern;
use candor_object::Strength;

use super::pattern::{Modifiers, literal_length};
use super::{category, each_signature, functionality_level, name, offset, pattern, target};
use crate::{Complaint, Language, Output};

/// Literals for any type and for PE have at least so many bytes.
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

fn read(line: &str, source: &str) -> Result<LogicalSignature, Complaint> {
    let fields: Vec<&str> = line.split(':').collect();
    let (signature, target, offset, hex, levels) = match fields.as_slice() {
        [name, target, offset, hex, levels @ ..] if levels.len() <= 2 => (name, target, offset, hex, levels),
        _ => return Err(Complaint::malformed(format!("{} fields, expected 4 to 6", fields.len()))),
    };
    functionality_level(levels.first().copied(), levels.get(1).copied())?;
    self::signature(name(signature)?, target, offset, hex, line, source)
}

/// The signature of one pattern.
pub(super) fn signature(
    name: &str,
    target: &str,
    offset: &str,
    hex: &str,
    line: &str,
    source: &str,
) -> Result<LogicalSignature, Complaint> {
    let (target, types) = target::target(target)?;
    let place = offset::parse(offset, target)?;
    let groups = pattern::parse(hex, Modifiers::default())?;
    if target < 2 && literal_length(&groups).is_some_and(|length| length < MIN_LITERAL) {
        return Err(Complaint::malformed(format!(
            "a literal for target {target} has at least {MIN_LITERAL} bytes"
        )));
    }
    Ok(LogicalSignature {
        name: name.to_owned(),
        source: source.to_owned(),
        text: line.to_owned(),
        category: category(name),
        strength: Strength::Strong,
        types: types.iter().map(|name| (*name).to_owned()).collect(),
        conditions: Vec::new(),
        expression: Expression::Pattern(0),
        subsignatures: vec![vec![Pattern { place, groups }]],
    })
}
