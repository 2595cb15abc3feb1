//! The keys that there are, taken from the settings' types, and the nearest one to a wrong one.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Configuration;

/// Least similarity of a key that is worth being named.
const SIMILAR: f64 = 0.8;

/// All keys such as `service.workers`, with their values.
#[derive(Debug)]
pub(crate) struct Keys(BTreeMap<String, Value>);

impl Keys {
    /// Those of the types, with the defaults.
    pub(crate) fn of_the_types() -> Self {
        Self::of(&Configuration::default())
    }

    /// Those of the types, with the values of a configuration.
    pub(crate) fn of(configuration: &Configuration) -> Self {
        let mut keys = BTreeMap::new();
        // The types have no map with keys that are no text, so that they can always be written.
        let values = serde_json::to_value(configuration).unwrap_or_default();
        flatten(&mut keys, "", values);
        Self(keys)
    }

    /// Keys and their values, sorted by key. A key that has no value has null.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Their names, sorted.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether it is a key, or lies in one whose names are free.
    pub(crate) fn contains(&self, key: &str) -> bool {
        let free = |key: &str| self.0.get(key).is_some_and(Value::is_object);
        self.0.contains_key(key)
            || key.match_indices('.').any(|(place, _)| key.get(..place).is_some_and(free))
    }

    /// Whether keys begin with it.
    pub(crate) fn has_table(&self, table: &str) -> bool {
        self.names().any(|key| key.strip_prefix(table).is_some_and(|rest| rest.starts_with('.')))
    }

    /// `; did you mean ...`, or nothing.
    pub(crate) fn hint(&self, key: &str) -> String {
        hint(key, self.names().map(str::to_owned))
    }

    /// The same for a table.
    pub(crate) fn hint_of_table(&self, table: &str) -> String {
        hint(table, self.names().filter_map(|key| key.split('.').next()).map(str::to_owned))
    }
}

/// The nearest of the names as a question to the user, or nothing if none is near.
pub(crate) fn hint(wrong: &str, names: impl Iterator<Item = String>) -> String {
    names
        .map(|name| (strsim::jaro_winkler(wrong, &name), name))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map_or_else(String::new, |(_, name)| format!("; did you mean `{name}`?"))
}

fn flatten(keys: &mut BTreeMap<String, Value>, prefix: &str, value: Value) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
                flatten(keys, &key, value);
            }
        }
        value => drop(keys.insert(prefix.to_owned(), value)),
    }
}
