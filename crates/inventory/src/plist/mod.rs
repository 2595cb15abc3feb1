//! Property lists of macOS, as XML and in binary.

mod binary;
mod text;

use crate::{Error, Subject};

/// Longest list that is read, in bytes.
const LONGEST: usize = 8 << 20;
/// Deepest nest of values.
const DEEPEST: usize = 32;
/// Most values of a list.
const MOST_VALUES: usize = 200_000;

/// A value; numbers, dates and data are text, as far as an inventory needs them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Flag(bool),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

impl Value {
    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(pairs) = self else { return None };
        pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The text of a key; empty if there is none.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.get(key).and_then(Self::as_text).unwrap_or_default()
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The values of a list.
    pub(crate) fn list(&self) -> &[Self] {
        if let Self::List(values) = self { values } else { &[] }
    }

    pub(crate) fn is_set(&self, key: &str) -> bool {
        self.get(key) == Some(&Self::Flag(true))
    }
}

/// Whether content begins like a property list.
pub(crate) fn is_plist(head: &[u8]) -> bool {
    head.starts_with(b"bplist00")
        || head.trim_ascii_start().starts_with(b"<") && crate::fields::holds(head, b"<plist")
}

/// Reads a property list.
pub(crate) fn read(subject: &Subject<'_>) -> Result<Value, Error> {
    let bytes = subject.content().window(0, LONGEST)?;
    if subject.content().size() > LONGEST as u64 {
        return Err(Error::Unsupported(format!("the property list is longer than {LONGEST} bytes")));
    }
    let value = if bytes.starts_with(b"bplist00") {
        binary::read(&bytes)
    } else {
        text::read(&String::from_utf8_lossy(&bytes))
    };
    value.ok_or_else(|| Error::Damaged("the property list is damaged".to_owned()))
}
