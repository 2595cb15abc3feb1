//! Logical signatures (`ldb`, `ldu`): an expression over subsignatures, with a target description.
//!
//! `Name;TargetDescription;Expression;Sub0[;Sub1...]`
//!
//! What there is in the language and cannot be done makes a signature unsupported as a whole, since half of one
//! would find what it was not written for.

use std::io;

use candor_detect::logical::{Condition, LogicalSignature, MAX_TRIGGERS, Outcome, Subsignature};
use candor_detect::pattern::{Pattern, Place};

use super::pattern::Modifiers;
use super::target::is_executable;
use super::{
    FUNCTIONALITY_LEVEL, category, compare, each_signature, expression, name, near, offset, pattern, range,
    regex, target,
};
use crate::{Complaint, Language, Output, Turn};

/// Functionality level from which on the target description may hold more than the target.
pub(super) const DESCRIPTION_LEVEL: u32 = 51;
/// The target of PE files.
const PE: u32 = 1;

/// Most containers that a signature names.
const MAX_CONTAINERS: usize = 16;

/// Logical signatures.
pub(crate) struct Logical;

impl Language for Logical {
    fn name(&self) -> &'static str {
        "ClamAV logical signatures"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["ldb", "ldu"]
    }

    fn turn(&self) -> Turn {
        Turn::Third
    }

    fn read(&self, text: &mut dyn io::BufRead, output: &mut Output<'_>) -> io::Result<()> {
        each_signature(text, output, read)
    }
}

pub(super) fn read(line: &str, output: &mut Output<'_>) -> Result<Option<LogicalSignature>, Complaint> {
    let mut fields = line.splitn(4, ';');
    let (Some(signature), Some(description), Some(expression), Some(subsignatures)) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(Complaint::malformed("fewer than 4 fields"));
    };
    let name = name(signature)?;
    let description = Description::read(description)?;
    let expression = expression::parse(expression)?;
    let subsignatures = split(subsignatures);
    let expected = expression::patterns(&expression);
    if subsignatures.len() != expected {
        let found = subsignatures.len();
        return Err(Complaint::malformed(format!("{found} subsignatures, the expression needs {expected}")));
    }
    let mut read = Vec::with_capacity(expected);
    for (place, text) in subsignatures.iter().enumerate() {
        read.push(subsignature(text, description.target, place, output).map_err(
            |complaint| match complaint {
                Complaint::Malformed(reason) => {
                    Complaint::Malformed(format!("subsignature {place}: {reason}"))
                }
                other => other,
            },
        )?);
    }
    triggers_are_few(&read)?;
    Ok(Some(LogicalSignature {
        text: line.to_owned(),
        category: category(name),
        types: description.types.iter().map(|name| (*name).to_owned()).collect(),
        conditions: description.conditions,
        subsignatures: read,
        outcome: description.outcome,
        ..LogicalSignature::new(name, output.source(), expression, Vec::new())
    }))
}

/// Complains of regular expressions that trigger each other in too long a chain.
fn triggers_are_few(subsignatures: &[Subsignature]) -> Result<(), Complaint> {
    let mut lengths: Vec<u32> = Vec::with_capacity(subsignatures.len());
    for subsignature in subsignatures {
        let mut length = 0;
        if let Subsignature::Regex { trigger, .. } = subsignature {
            trigger.members(&mut |number| {
                length = length.max(lengths.get(usize::from(number)).copied().unwrap_or(0));
            });
            length = length.saturating_add(1);
        }
        if length > MAX_TRIGGERS {
            return Err(Complaint::unsupported(format!(
                "more than {MAX_TRIGGERS} regular expressions that trigger each other"
            )));
        }
        lengths.push(length);
    }
    Ok(())
}

/// The subsignatures: semicolons separate them, but not within a regular expression.
fn split(text: &str) -> Vec<&str> {
    let (mut escaped, mut expression) = (false, false);
    text.split(|letter| {
        if letter == '/' && !escaped {
            expression = !expression;
        }
        escaped = letter == '\\' && !escaped;
        letter == ';' && !expression
    })
    .collect()
}

/// The target description.
struct Description {
    target: u32,
    types: &'static [&'static str],
    conditions: Vec<Condition>,
    outcome: Outcome,
}

impl Description {
    fn read(text: &str) -> Result<Self, Complaint> {
        let mut target = None;
        let mut engine = None;
        let mut conditions = Vec::new();
        let mut outcome = Outcome::Finding;
        let mut more = None;
        let mut icons = [None, None];
        for (place, field) in text.split(',').enumerate() {
            let (key, value) = field.split_once(':').ok_or_else(|| {
                Complaint::malformed(format!("{field:?} in the target description has no value"))
            })?;
            match key {
                "Engine" if place > 0 => return Err(Complaint::malformed("Engine must come first")),
                "Engine" => engine = Some(range::<u32>(value, "Engine")?),
                "Target" => target = Some(target::number(value)),
                "FileSize" => conditions.push(between(value, key, Condition::FileSize)?),
                "EntryPoint" => conditions.push(between(value, key, Condition::EntryPoint)?),
                "NumberOfSections" => conditions.push(between(value, key, Condition::Sections)?),
                "Container" if value == "CL_TYPE_ANY" => conditions.push(Condition::Root),
                "Container" => conditions.push(containers(value)?),
                "Intermediates" => conditions.push(containers(value)?),
                "HandlerType" => outcome = Outcome::HandleAs(target::handler(value)?.to_owned()),
                "IconGroup1" => icons[0] = Some(value.to_owned()),
                "IconGroup2" => icons[1] = Some(value.to_owned()),
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
        if icons.iter().any(Option::is_some) {
            if target != PE {
                return Err(Complaint::malformed("IconGroup is for PE files"));
            }
            conditions.push(Condition::Icons(icons));
        }
        let of_executables =
            |condition: &Condition| matches!(condition, Condition::EntryPoint(..) | Condition::Sections(..));
        if !is_executable(target) && conditions.iter().any(of_executables) {
            return Err(Complaint::malformed("EntryPoint and NumberOfSections are for executables"));
        }
        Ok(Self { target, types, conditions, outcome })
    }
}

fn between(text: &str, key: &str, condition: fn(u64, u64) -> Condition) -> Result<Condition, Complaint> {
    let (low, high) = range(text, key)?;
    Ok(condition(low, high))
}

/// Types of containers, the outermost first: `T1>T2>...`.
fn containers(text: &str) -> Result<Condition, Complaint> {
    let names: Vec<&str> = text.split('>').collect();
    if names.len() > MAX_CONTAINERS {
        return Err(Complaint::malformed(format!("more than {MAX_CONTAINERS} containers")));
    }
    let name = |name: &&str| match *name {
        "CL_TYPE_ANY" => Ok(String::new()),
        name => target::container(name).map(str::to_owned),
    };
    Ok(Condition::Containers(names.iter().map(name).collect::<Result<_, _>>()?))
}

/// A picture: the 16 hexadecimal digits of its hash, and if more is said, how many bits may differ, which is none.
fn picture_hash(text: &str) -> Result<Subsignature, Complaint> {
    let mut fields = text.split('#');
    let digits = fields.next().unwrap_or_default();
    let is_hash = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let hash = u64::from_str_radix(digits, 16).ok().filter(|_| is_hash);
    let hash = hash.ok_or_else(|| Complaint::malformed("the fuzzy image hash has not 16 digits"))?;
    match fields.next().map(str::parse::<u32>) {
        None | Some(Ok(0)) => Ok(Subsignature::Picture(hash)),
        Some(_) => Err(Complaint::malformed("the distance of the fuzzy image hash is not 0")),
    }
}

/// The subsignature of this number.
fn subsignature(
    text: &str,
    target: u32,
    number: usize,
    output: &Output<'_>,
) -> Result<Subsignature, Complaint> {
    if text.starts_with('$') {
        return near::parse(text, number, output);
    }
    if text.contains('/') {
        return regex::parse(text, target, number);
    }
    if let Some(picture) = text.strip_prefix("fuzzy_img#") {
        return picture_hash(picture);
    }
    if compare::recognises(text) {
        return compare::parse(text, number);
    }
    let (text, modifiers) = match text.split_once("::") {
        // A signature of ClamAV's own has modifiers in the middle. What stands before them is looked for as it is.
        Some((text, rest)) if rest.contains("::") => (text, Modifiers::default()),
        Some((text, letters)) => (text, Modifiers::parse(letters)?),
        None => (text, Modifiers::default()),
    };
    let (place, hex) = match text.split_once(':') {
        Some((place, hex)) => (offset::parse(place, target)?, hex),
        None => (Place::ANYWHERE, text),
    };
    let mut patterns = Vec::new();
    for variant in modifiers.variants() {
        let groups = pattern::parse(hex, variant)?;
        patterns.push(Pattern { place: offset::of_pattern(place, &groups), groups });
    }
    Ok(Subsignature::Patterns(patterns))
}
