//! JSON documents of a bounded size, as a tree.

use serde_json::Value;

use crate::{Error, Subject};

/// Longest document that is read as a tree: one in memory takes up to twenty times as much.
pub(crate) const LONGEST: u64 = 8 << 20;

/// Whether content begins like an object of JSON.
pub(crate) fn is_object(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    head.trim_ascii_start().starts_with(b"{")
}

/// Whether content begins like an array of JSON.
pub(crate) fn is_array(head: &[u8]) -> bool {
    head.trim_ascii_start().starts_with(b"[")
}

/// Reads a document.
pub(crate) fn read(subject: &Subject<'_>) -> Result<Value, Error> {
    if subject.content().size() > LONGEST {
        return Err(Error::Unsupported(format!("the document is longer than {LONGEST} bytes")));
    }
    let bytes = subject.content().window(0, LONGEST as usize)?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    serde_json::from_slice(bytes).map_err(|error| Error::Damaged(error.to_string()))
}

/// The text of a key; empty if there is none.
pub(crate) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The values of a list of that key.
pub(crate) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The pairs of an object of that key.
pub(crate) fn pairs<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = (&'v String, &'v Value)> {
    value.get(key).and_then(Value::as_object).into_iter().flatten()
}
