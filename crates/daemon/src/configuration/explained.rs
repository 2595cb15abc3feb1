//! What the keys mean, taken from the page about them, which is part of the program.

use std::collections::BTreeMap;

/// docs/candord.md: each table of the configuration is a heading such as `### [service]`, each key a row of a table
/// with the columns key, default and meaning.
const PAGE: &str = include_str!("../../../../docs/candord.md");

/// A row of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The default as it is written in the configuration, or words for what is done without a value.
    pub(super) default: &'static str,
    /// What the key means.
    pub(super) meaning: &'static str,
}

/// The rows by key, such as `service.workers`.
pub(super) fn rows() -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::new();
    let mut table = None;
    for line in PAGE.lines() {
        if line.starts_with('#') {
            table = line.strip_prefix("### `[").and_then(|rest| rest.strip_suffix("]`"));
        } else if let (Some(table), Some((key, row))) = (table, row(line)) {
            rows.insert(format!("{table}.{key}"), row);
        }
    }
    rows
}

fn row(line: &'static str) -> Option<(&'static str, Row)> {
    let mut columns = line.strip_prefix("| `")?.strip_suffix(" |")?.splitn(3, " | ");
    let key = columns.next()?.strip_suffix('`')?;
    let default = columns.next()?;
    let default = default.strip_prefix('`').and_then(|code| code.strip_suffix('`')).unwrap_or(default);
    Some((key, Row { default, meaning: columns.next()? }))
}

#[cfg(test)]
mod tests {
    use super::super::keys::Keys;
    use super::super::show::toml;
    use super::*;

    #[test]
    fn every_key_is_on_the_page_with_its_default() {
        let rows = rows();
        let keys = Keys::of_the_types();
        let mut wrong = Vec::new();
        for (key, value) in keys.values() {
            let (table, name) = key.split_once('.').unwrap();
            let unset = value.is_null();
            let default = if unset { String::new() } else { toml(key, value) };
            match rows.get(key) {
                // Words say what is done without a value.
                Some(row) if row.meaning.ends_with('.') && (unset || row.default == default) => {}
                _ if unset => wrong.push(format!("### `[{table}]`: | `{name}` | WORDS | MEANING. |")),
                _ => wrong.push(format!("### `[{table}]`: | `{name}` | `{default}` | MEANING. |")),
            }
        }
        assert!(wrong.is_empty(), "docs/candord.md needs these rows:\n{}", wrong.join("\n"));
        for key in rows.keys() {
            assert!(keys.contains(key), "docs/candord.md: there is no key {key}");
        }
    }
}
