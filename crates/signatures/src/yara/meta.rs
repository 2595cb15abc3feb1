//! What a rule says of itself: shown with its findings.

use boreal_parser::file::YaraFileComponent;
use boreal_parser::rule::{Metadata, MetadataValue, RuleTag};
use candor_object::{Category, Strength};

/// Most bytes that are shown of one rule.
const MAX_SHOWN: usize = 16 << 10;
/// Words that mean unwanted software and not malware, as tags, as values and at the start of values.
const UNWANTED: [&str; 5] = ["pua", "pup", "adware", "riskware", "unwanted"];
/// Keys whose value may be such a word.
const KINDS: [&str; 6] =
    ["category", "classification", "malware_type", "threat_type", "tc_detection_type", "type"];

/// What a rule says of itself.
pub(super) struct Meta {
    /// For people: one line for each entry.
    pub(super) text: String,
    pub(super) category: Category,
    pub(super) strength: Strength,
}

/// Reads the part of a rule from `meta:` up to the next section. Bytes that are not UTF-8 are replaced: nothing
/// depends on them.
pub(super) fn read(section: &[u8], tags: &[RuleTag]) -> Result<Meta, String> {
    let entries = entries(section)?;
    let unwanted = |word: &str| UNWANTED.iter().any(|unwanted| word.eq_ignore_ascii_case(unwanted));
    let is_unwanted = |entry: &Metadata| match &entry.value {
        MetadataValue::Bytes(value) if KINDS.iter().any(|kind| entry.name.eq_ignore_ascii_case(kind)) => {
            unwanted(String::from_utf8_lossy(value).trim())
        }
        _ => false,
    };
    let category = if tags.iter().any(|tag| unwanted(&tag.tag)) || entries.iter().any(is_unwanted) {
        Category::Unwanted
    } else {
        Category::Malware
    };
    let mut lines: Vec<String> = entries.iter().map(line).collect();
    if !tags.is_empty() {
        let tags: Vec<&str> = tags.iter().map(|tag| tag.tag.as_str()).collect();
        lines.push(format!("tags: {}", tags.join(" ")));
    }
    let mut text = lines.join("\n");
    text.truncate(text.floor_char_boundary(MAX_SHOWN));
    Ok(Meta { text, category, strength: Strength::Strong })
}

fn entries(section: &[u8]) -> Result<Vec<Metadata>, String> {
    if section.is_empty() {
        return Ok(Vec::new());
    }
    let section = String::from_utf8_lossy(section);
    let parsed = boreal_parser::parse(&format!("rule r {{ {section}\ncondition: true }}"))
        .map_err(|error| format!("meta: {}", super::rule::reason(&error)))?;
    match parsed.components.into_iter().next() {
        Some(YaraFileComponent::Rule(rule)) => Ok(rule.metadatas),
        _ => Err("meta cannot be read".to_owned()),
    }
}

fn line(entry: &Metadata) -> String {
    let value = match &entry.value {
        MetadataValue::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        MetadataValue::Integer(number) => number.to_string(),
        MetadataValue::Boolean(truth) => truth.to_string(),
    };
    let value: String = value.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    format!("{}: {}", entry.name, value.trim())
}
