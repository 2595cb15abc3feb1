//! The fields of an event or a span, as values that can be written.

use std::fmt;

use serde_json::Value;
use tracing::field::{Field, Visit};

/// Most characters of one value; names of attackers are as long as they like.
const MOST_CHARACTERS: usize = 1000;

/// The message and the other fields, in their order.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) message: String,
    pub(super) others: Vec<(&'static str, Value)>,
}

impl Fields {
    /// Adds the fields of a span around this one, but those that are there.
    pub(super) fn add_missing(&mut self, outer: &Self) {
        for (name, value) in &outer.others {
            if !self.others.iter().any(|(there, _)| there == name) {
                self.others.push((name, value.clone()));
            }
        }
    }

    /// Adds how many events like this one were not written.
    pub(super) fn add_unsaid(&mut self, unsaid: u64) {
        if unsaid > 0 {
            self.others.push(("unsaid", unsaid.into()));
        }
    }

    fn add(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            (name, value) => self.others.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, cut(&format!("{value:?}")).into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, cut(value).into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_between_characters() {
        assert_eq!(cut("é"), "é");
        let long = cut(&"é".repeat(MOST_CHARACTERS + 1));
        assert_eq!(long.chars().count(), MOST_CHARACTERS + 1);
        assert!(long.ends_with("é…"));
    }
}
