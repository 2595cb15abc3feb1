//! Values that are typed without a file around them: in the environment and on the command line.

use serde::Deserialize;

use super::{Configuration, insert};

/// What a text means for a key: TOML, or the text itself, or a list of it alone, whatever the key takes first.
/// If it takes none, what was meant most likely, so that the complaint is about that.
pub(super) fn value(key: &str, text: &str) -> toml::Value {
    let toml = format!("x = {text}").parse::<toml::Table>().ok();
    let toml = toml.filter(|table| table.len() == 1).and_then(|mut table| table.remove("x"));
    let plain = toml::Value::String(text.to_owned());
    let alone = toml::Value::Array(vec![plain.clone()]);
    let first = toml.clone().unwrap_or_else(|| plain.clone());
    let candidates = toml.into_iter().chain([plain, alone]);
    let mut taken = candidates.filter(|value| {
        let mut table = toml::Table::new();
        insert(&mut table, key, value.clone());
        Configuration::deserialize(table).is_ok()
    });
    taken.next().unwrap_or(first)
}
