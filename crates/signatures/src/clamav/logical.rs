//! Logical signatures (`ldb`, `ldu`): an expression over subsignatures, with a target description.
//!
//! `Name;TargetDescription;Expression;Sub0[;Sub1...]`
//!
//! Read so far: subsignatures of content with `i w f a`, and of the target description `Engine`, `Target`,
//! `FileSize`, `EntryPoint`, `NumberOfSections` and `Container`. Whatever else there is in the language makes
//! a signature unsupported as a whole, since half of one would find what it was not written for.

use std::io;

use candor_detect::logical::{Condition, LogicalSignature, Subsignature};
use candor_detect::pattern::{Pattern, Place};
use candor_object::Strength;

use super::pattern::Modifiers;
use super::target::is_executable;
use super::{
    FUNCTIONALITY_LEVEL, category, each_signature, expression, name, offset, pattern, range, target,
};
use crate::{Complaint, Language, Output};

/// Functionality level from which on the target description may hold more than the target.
pub(super) const DESCRIPTION_LEVEL: u32 = 51;

/// Logical signatures.
pub(crate) struct Logical;

impl Language for Logical {
    fn name(&self) -> &'static str {
        "ClamAV logical signatures"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["ldb", "ldu"]
    }

    fn read(&self, text: &mut dyn io::BufRead, output: &mut Output<'_>) -> io::Result<()> {
        each_signature(text, output, read)
    }
}

fn read(line: &str, source: &str) -> Result<LogicalSignature, Complaint> {
    let mut fields = line.splitn(4, ';');
    let (Some(signature), Some(description), Some(expression), Some(subsignatures)) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(Complaint::malformed("fewer than 4 fields"));
    };
    let name = name(signature)?;
    let description = Description::read(description)?;
    let expression = expression::parse(expression)?;
    if subsignatures.contains('/') {
        return Err(Complaint::unsupported("a regular expression (PCRE)"));
    }
    let subsignatures: Vec<&str> = subsignatures.split(';').collect();
    let expected = expression::patterns(&expression);
    if subsignatures.len() != expected {
        let found = subsignatures.len();
        return Err(Complaint::malformed(format!("{found} subsignatures, the expression needs {expected}")));
    }
    let mut read = Vec::with_capacity(expected);
    for (place, text) in subsignatures.iter().enumerate() {
        read.push(subsignature(text, description.target).map_err(|complaint| match complaint {
            Complaint::Malformed(reason) => Complaint::Malformed(format!("subsignature {place}: {reason}")),
            other => other,
        })?);
    }
    Ok(LogicalSignature {
        name: name.to_owned(),
        source: source.to_owned(),
        text: line.to_owned(),
        category: category(name),
        strength: Strength::Strong,
        types: description.types.iter().map(|name| (*name).to_owned()).collect(),
        conditions: description.conditions,
        expression,
        subsignatures: read,
    })
}

/// The target description.
struct Description {
    target: u32,
    types: &'static [&'static str],
    conditions: Vec<Condition>,
}

impl Description {
    fn read(text: &str) -> Result<Self, Complaint> {
        let mut target = None;
        let mut engine = None;
        let mut conditions = Vec::new();
        let mut more = None;
        for (place, field) in text.split(',').enumerate() {
            let (key, value) = field.split_once(':').ok_or_else(|| {
                Complaint::malformed(format!("{field:?} in the target description has no value"))
            })?;
            match key {
                "Engine" if place > 0 => return Err(Complaint::malformed("Engine must come first")),
                "Engine" => engine = Some(range::<u32>(value, "Engine")?),
                "Target" => target = Some(target::target(value)),
                "FileSize" => conditions.push(between(value, key, Condition::FileSize)?),
                "EntryPoint" => conditions.push(between(value, key, Condition::EntryPoint)?),
                "NumberOfSections" => conditions.push(between(value, key, Condition::Sections)?),
                "Container" if value == "CL_TYPE_ANY" => conditions.push(Condition::Root),
                "Container" => conditions.push(Condition::Container(target::container(value)?.to_owned())),
                "IconGroup1" | "IconGroup2" | "HandlerType" | "Intermediates" => {
                    return Err(Complaint::unsupported(format!("{key} in the target description")));
                }
                _ => {
                    return Err(Complaint::NotForUs(format!("{key:?} in the target description is unknown")));
                }
            }
            if !matches!(key, "Engine" | "Target") {
                more = Some(key);
            }
        }
        if let Some((low, high)) = engine
            && !(low..=high).contains(&FUNCTIONALITY_LEVEL)
        {
            let ours = FUNCTIONALITY_LEVEL;
            return Err(Complaint::NotForUs(format!(
                "for functionality level {low} to {high}, ours is {ours}"
            )));
        }
        let (target, types) = target.ok_or_else(|| Complaint::malformed("Target is missing"))??;
        if let Some(key) = more
            && engine.is_none_or(|(low, _)| low < DESCRIPTION_LEVEL)
        {
            return Err(Complaint::malformed(format!("{key} needs Engine with {DESCRIPTION_LEVEL} or more")));
        }
        let of_executables =
            |condition: &Condition| matches!(condition, Condition::EntryPoint(..) | Condition::Sections(..));
        if !is_executable(target) && conditions.iter().any(of_executables) {
            return Err(Complaint::malformed("EntryPoint and NumberOfSections are for executables"));
        }
        Ok(Self { target, types, conditions })
    }
}

fn between(text: &str, key: &str, condition: fn(u64, u64) -> Condition) -> Result<Condition, Complaint> {
    let (low, high) = range(text, key)?;
    Ok(condition(low, high))
}

/// The patterns of a subsignature: one, or with the modifiers `wa` two.
fn subsignature(text: &str, target: u32) -> Result<Subsignature, Complaint> {
    if text.starts_with('$') {
        return Err(Complaint::unsupported("a macro subsignature"));
    }
    if text.starts_with("fuzzy_img#") {
        return Err(match text.split('#').nth(1) {
            Some(hash) if hash.len() == 16 => Complaint::unsupported("a fuzzy image hash"),
            _ => Complaint::malformed("the fuzzy image hash has not 16 digits"),
        });
    }
    if text.contains('(') && text.matches('#').count() == 2 {
        return Err(Complaint::unsupported("a byte comparison"));
    }
    let (text, modifiers) = match text.split_once("::") {
        Some((text, letters)) => (text, Modifiers::parse(letters)?),
        None => (text, Modifiers::default()),
    };
    let (place, hex) = match text.split_once(':') {
        Some((place, hex)) => (offset::parse(place, target)?, hex),
        None => (Place::ANYWHERE, text),
    };
    let mut patterns = Vec::new();
    for variant in modifiers.variants() {
        patterns.push(Pattern { place, groups: pattern::parse(hex, variant)? });
    }
    Ok(patterns)
}
