//! Writes the configuration as TOML: what is in effect and why, or all defaults with their meaning.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::Value;

use super::explained;
use super::keys::Keys;
use super::{Configuration, Effective, Origin};

/// Tables that come first; front-ends follow by name.
const FIRST: [&str; 7] = ["service", "database", "limits", "policy", "cache", "log", "metrics"];
/// Width of the comments.
const WIDTH: usize = 100;

/// Whether each value is shown with where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origins {
    /// It is.
    Shown,
    /// Only the values are.
    Hidden,
}

/// What is in effect, as a configuration file. Keys without a value are comments.
pub(crate) fn effective(effective: &Effective, origins: Origins) -> String {
    let keys = Keys::of(&effective.configuration);
    let mut text = String::new();
    for table in tables(&keys) {
        let _ = writeln!(text, "{}[{table}]", if text.is_empty() { "" } else { "\n" });
        for (name, key, value) in of_table(&keys, &table) {
            let line = match value {
                Value::Null => format!("# {name} ="),
                value => format!("{name} = {}", toml(key, value)),
            };
            let origin = effective.origins.get(key).map_or_else(|| "default".to_owned(), Origin::to_string);
            let _ = match origins {
                Origins::Shown => writeln!(text, "{line}  # {origin}"),
                Origins::Hidden => writeln!(text, "{line}"),
            };
        }
    }
    text
}

/// A file with all defaults as comments, each with its meaning.
pub(crate) fn defaults() -> String {
    let keys = Keys::of(&Configuration::default());
    let rows = explained::rows();
    let mut text = String::from(
        "# The configuration of candord. Everything has a default, which is shown; remove the \"#\" to change it.\n",
    );
    for table in tables(&keys) {
        let _ = writeln!(text, "\n[{table}]");
        for (name, key, value) in of_table(&keys, &table) {
            let _ = writeln!(text);
            if let Some(row) = rows.get(key) {
                wrap(&mut text, row.meaning);
            }
            let _ = match value {
                Value::Null => writeln!(text, "#{name} ="),
                value => writeln!(text, "#{name} = {}", toml(key, value)),
            };
        }
    }
    text
}

/// A value as it is written in a file.
pub(super) fn toml(key: &str, value: &Value) -> String {
    match value {
        // Permissions are read in octal by everybody.
        Value::Number(mode) if key.ends_with("_mode") => {
            mode.as_u64().map_or_else(|| mode.to_string(), |mode| format!("0o{mode:o}"))
        }
        // Whatever TOML has no number for is no default of ours, and nobody can have written it.
        value => toml::Value::try_from(value).map_or_else(|_| value.to_string(), |value| value.to_string()),
    }
}

fn tables(keys: &Keys) -> Vec<String> {
    let all: BTreeSet<&str> = keys.names().filter_map(|key| key.split('.').next()).collect();
    let first = FIRST.into_iter().filter(|table| all.contains(table));
    let rest = all.iter().copied().filter(|table| !FIRST.contains(table));
    first.chain(rest).map(str::to_owned).collect()
}

fn of_table<'a>(keys: &'a Keys, table: &'a str) -> impl Iterator<Item = (&'a str, &'a str, &'a Value)> {
    keys.values().filter_map(move |(key, value)| {
        let name = key.strip_prefix(table)?.strip_prefix('.')?;
        Some((name, key, value))
    })
}

fn wrap(text: &mut String, meaning: &str) {
    let mut width = 0;
    for word in meaning.split(' ') {
        let length = word.chars().count();
        if width == 0 || width + 1 + length > WIDTH {
            text.push_str(if width == 0 { "# " } else { "\n# " });
            width = 2 + length;
        } else {
            text.push(' ');
            width += 1 + length;
        }
        text.push_str(word);
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::load;

    fn read(text: &str) -> Effective {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        load(Some(file.path()), None, std::iter::empty(), &[]).unwrap()
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        let shown = effective(&read("[service]\nqueue = 7\n[log]\nfile = \"/a b/\\\"c\"\n"), Origins::Shown);
        assert!(shown.contains("queue = 7  # /") && shown.contains("# workers =  # default\n"), "{shown}");
        let again = effective(&read(&shown), Origins::Hidden);
        let lines: Vec<&str> = shown.lines().map(|line| line.split("  # ").next().unwrap()).collect();
        assert_eq!(lines.join("\n"), again.trim_end());
        assert!(again.contains("socket_mode = 0o660"));
    }

    #[test]
    fn the_defaults_are_the_defaults() {
        let text = defaults();
        let set: String = text
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(line) if line.starts_with(' ') || line.ends_with(" =") => "\n".to_owned(),
                Some(line) => format!("{line}\n"),
                None => format!("{line}\n"),
            })
            .collect();
        let (origins, remarks) = Default::default();
        let default = Effective { configuration: Configuration::default(), origins, remarks };
        assert_eq!(effective(&read(&set), Origins::Hidden), effective(&default, Origins::Hidden));
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH + 2 || line.starts_with('#')));
    }
}
