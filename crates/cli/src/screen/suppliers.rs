//! Who supplies what a bill of materials lists: CycloneDX and SPDX 2 as JSON.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use candor_screening::entry::Query;
use candor_screening::name::Kind;
use serde_json::Value;

use super::{Question, bulk};

const LARGEST: u64 = 128 * 1024 * 1024;
const MOST_SUPPLIERS: usize = 100_000;
const KEYS: &[&str] = &["supplier", "manufacturer", "manufacture", "publisher", "provider", "originator"];

/// The distinct parties of a bill of materials.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Question>> {
    let mut text = Vec::new();
    bulk::open(path)?.take(LARGEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LARGEST {
        bail!("larger than 128 MiB");
    }
    let bill: Value = serde_json::from_slice(&text).context("it is no JSON")?;
    if bill.get("bomFormat").is_none() && bill.get("spdxVersion").is_none() {
        bail!("it is no bill of materials in CycloneDX or SPDX 2, as JSON");
    }
    let mut found = BTreeMap::new();
    // serde_json reads 128 levels at most, so this is not deeper.
    collect(&bill, &mut found)?;
    let question = |(name, kind)| Question {
        query: Query { name, kind, country: None, born: None, address: None },
        id: String::new(),
    };
    Ok(found.into_iter().map(question).collect())
}

fn collect(value: &Value, found: &mut BTreeMap<String, Kind>) -> anyhow::Result<()> {
    match value {
        Value::Array(values) => values.iter().try_for_each(|value| collect(value, found)),
        Value::Object(members) => {
            for (key, value) in members {
                if KEYS.contains(&key.as_str()) {
                    let name = value.as_str().or_else(|| value.get("name").and_then(Value::as_str));
                    if let Some((name, kind)) = name.and_then(party) {
                        found.insert(name, kind);
                    }
                    if found.len() > MOST_SUPPLIERS {
                        bail!("more than {MOST_SUPPLIERS} suppliers");
                    }
                }
                collect(value, found)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// `Organization: Acme (info@acme.example)` as SPDX writes it, or a plain name.
fn party(text: &str) -> Option<(String, Kind)> {
    let text = text.trim();
    let (kind, name) = match text.split_once(':') {
        Some(("Organization", name)) => (Kind::Organisation, name),
        Some(("Person", name)) => (Kind::Person, name),
        _ => (Kind::Organisation, text),
    };
    let name = match name.rsplit_once('(') {
        Some((name, address)) if address.contains('@') || address.trim() == ")" => name,
        _ => name,
    };
    let name = name.trim();
    let known = name != "NOASSERTION" && name != "NONE" && name.chars().any(char::is_alphanumeric);
    known.then(|| (name.to_owned(), kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_addresses() {
        assert_eq!(party("Organization: Acme (a@b.example)"), Some(("Acme".to_owned(), Kind::Organisation)));
        assert_eq!(party("Person: Jane Doe ()"), Some(("Jane Doe".to_owned(), Kind::Person)));
        assert_eq!(
            party("Acme (Holdings) Ltd"),
            Some(("Acme (Holdings) Ltd".to_owned(), Kind::Organisation))
        );
        assert_eq!(party("NOASSERTION"), None);
    }
}
