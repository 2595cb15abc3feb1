//! What unverified files say of which others there are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;

use crate::{Error, Kind};

/// Most segments of a release.
const MOST_SEGMENTS: usize = 64;
/// Longest name of a segment.
const LONGEST_NAME: usize = 64;
/// Most entries of a log: at ten a day, three hundred years.
const MOST_ENTRIES: u64 = 1 << 20;

/// A SHA-256 in lower-case hexadecimal digits, so that it may stand in a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Digest(String);

impl Digest {
    pub(super) fn read(text: &str) -> Option<Self> {
        let digits = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        digits.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A segment that a statement names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Its name: small letters, digits, hyphens. It stands in no path.
    pub(super) name: String,
    /// The digest of its content.
    pub(super) digest: Digest,
}

impl Segment {
    pub(super) fn new(name: &str, digest: &str) -> Option<Self> {
        let letters = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        let name = (letters && (1..=LONGEST_NAME).contains(&name.len())).then(|| name.to_owned())?;
        Some(Self { name, digest: Digest::read(digest)? })
    }
}

#[derive(Deserialize)]
struct Signed<T> {
    signed: T,
}

#[derive(Deserialize)]
struct Meta {
    meta: BTreeMap<String, Version>,
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

#[derive(Deserialize)]
struct TargetTable {
    targets: BTreeMap<String, Target>,
}

#[derive(Deserialize)]
struct Target {
    length: u64,
}

/// The version of a file that `timestamp.json` or `snapshot.json` names.
pub(super) fn version(metadata: &[u8], file: &str) -> Result<u64, Error> {
    let meta: Signed<Meta> = json(metadata)?;
    let version = meta.signed.meta.get(file).map(|entry| entry.version);
    version.ok_or_else(|| garbage(format!("the metadata do not name {file}")))
}

/// How long targets are, by `targets.json`.
#[derive(Debug)]
pub(super) struct Targets(BTreeMap<String, Target>);

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.length)
    }
}

impl Targets {
    pub(super) fn read(metadata: &[u8]) -> Result<Self, Error> {
        let table: Signed<TargetTable> = json(metadata)?;
        Ok(Self(table.signed.targets))
    }

    pub(super) fn length(&self, name: &str) -> Option<u64> {
        self.0.get(name).map(|target| target.length)
    }
}

/// The number of entries that a checkpoint speaks of: its second line (C2SP tlog-checkpoint).
pub(super) fn log_size(checkpoint: &[u8]) -> Result<u64, Error> {
    let line = text(checkpoint)?.lines().nth(1).ok_or_else(|| garbage("the checkpoint has no size"))?;
    let size = decimal(line).ok_or_else(|| garbage("the checkpoint has no size"))?;
    if size > MOST_ENTRIES {
        return Err(Error::new(
            Kind::TooLarge,
            format!("the log has {size} entries; {MOST_ENTRIES} are the most"),
        ));
    }
    Ok(size)
}

/// A decimal number and the end of a line.
pub(super) fn number(bytes: &[u8]) -> Result<u64, Error> {
    let text = text(bytes)?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    decimal(line).ok_or_else(|| garbage("releases/latest is no number"))
}

/// The segments of a statement: lines `segment NAME SIZE DIGEST ...`.
pub(super) fn segments(statement: &[u8]) -> Result<Vec<Segment>, Error> {
    let mut segments = Vec::new();
    let mut names = BTreeSet::new();
    for line in text(statement)?.lines() {
        let mut words = line.split(' ');
        if words.next() != Some("segment") {
            continue;
        }
        let name = words.next().unwrap_or_default();
        let segment = Segment::new(name, words.nth(1).unwrap_or_default())
            .ok_or_else(|| garbage("a segment of the statement has no name or digest"))?;
        if !names.insert(name) || segments.len() == MOST_SEGMENTS {
            return Err(garbage("the statement has a segment twice, or too many"));
        }
        segments.push(segment);
    }
    if segments.is_empty() { Err(garbage("the statement has no segments")) } else { Ok(segments) }
}

/// A number as it stands in paths: digits, no zero in front.
fn decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || text.bytes().next().is_some_and(|byte| matches!(byte, b'1'..=b'9'));
    let digits = canonical && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

fn text(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(|_| garbage("a text file is no text"))
}

fn json<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| garbage(format!("the metadata cannot be read: {error}")))
}

fn garbage(text: impl Into<String>) -> Error {
    Error::new(Kind::Garbage, text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_as_they_stand_in_paths() {
        for (text, value) in
            [("0", Some(0)), ("42", Some(42)), ("007", None), ("+1", None), ("", None), ("1 ", None)]
        {
            assert_eq!(decimal(text), value, "{text:?}");
        }
        assert_eq!(decimal("18446744073709551616"), None);
        assert_eq!(number(b"42\n").unwrap(), 42);
        assert!(number(b"42\n\n").is_err());
        assert_eq!(log_size(b"example.org/log\n7\nhash\n").unwrap(), 7);
        assert_eq!(log_size(b"o\n99999999999\nh\n").unwrap_err().kind(), Kind::TooLarge);
        assert!(log_size(b"o\n").is_err());
    }

    #[test]
    fn names_and_digests_cannot_leave_a_folder() {
        let digest = "ab".repeat(32);
        assert!(Segment::new("base-2", &digest).is_some());
        for name in ["", "../x", "a/b", "A", "a b", &"a".repeat(65)] {
            assert_eq!(Segment::new(name, &digest), None, "{name}");
        }
        for digest in [&"AB".repeat(32), "ab", &format!("{}/.", "a".repeat(62)), &"é".repeat(32)] {
            assert_eq!(Digest::read(digest), None);
        }
    }

    #[test]
    fn segments_of_a_statement() {
        let one = "11".repeat(32);
        let text = format!("candor.release/v1\nsegment base 10 {one} image 4 20 {one}\n");
        assert_eq!(segments(text.as_bytes()).unwrap(), [Segment::new("base", &one).unwrap()]);
        let twice = format!("{text}segment base 10 {one} image 4 20 {one}\n");
        for wrong in [twice.as_str(), "segment base 10\n", "none\n", "segment base 10 zz image\n"] {
            assert_eq!(segments(wrong.as_bytes()).unwrap_err().kind(), Kind::Garbage);
        }
    }

    #[test]
    fn metadata_are_read_for_numbers_only() {
        let timestamp =
            br#"{"signatures":[],"signed":{"_type":"timestamp","meta":{"snapshot.json":{"version":3}}}}"#;
        assert_eq!(version(timestamp, "snapshot.json").unwrap(), 3);
        assert!(version(timestamp, "targets.json").is_err());
        let targets = br#"{"signed":{"targets":{"segments/a.zst":{"length":5,"hashes":{}}}}}"#;
        assert_eq!(Targets::read(targets).unwrap().length("segments/a.zst"), Some(5));
        for wrong in ["", "{}", "[1]", r#"{"signed":{"meta":{"snapshot.json":{"version":-1}}}}"#] {
            assert!(version(wrong.as_bytes(), "snapshot.json").is_err(), "{wrong}");
        }
        assert!(version("[".repeat(100_000).as_bytes(), "snapshot.json").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = version(&bytes, "snapshot.json");
            let _ = Targets::read(&bytes);
            let _ = log_size(&bytes);
            let _ = number(&bytes);
            let _ = segments(&bytes);
        }
    }
}
