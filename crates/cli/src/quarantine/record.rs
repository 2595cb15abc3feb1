//! Entries as JSON and as lines for people.

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use candor_quarantine::{Entry, Original, Time};
use serde::Serialize;

use crate::escape::Escaped;
use crate::numbers::{counted, size};

/// An entry.
#[derive(Serialize)]
pub(super) struct EntryRecord<'a> {
    id: String,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    size: u64,
    sha256: String,
    findings: &'a [String],
    database: Option<&'a str>,
    taken: String,
    taken_by: u32,
    owner: u32,
    group: u32,
    mode: String,
    accessed: TimeRecord,
    modified: TimeRecord,
    changed: TimeRecord,
    other_names: u64,
    packages: &'a str,
}

/// A time that may lie before 1970.
#[derive(Serialize)]
struct TimeRecord {
    seconds: i64,
    nanoseconds: u32,
}

/// An extended attribute.
#[derive(Serialize)]
pub(super) struct AttributeRecord {
    name: String,
    value_hex: String,
}

impl<'a> EntryRecord<'a> {
    pub(super) fn new(entry: &'a Entry) -> Self {
        let time = |time: Time| TimeRecord { seconds: time.seconds, nanoseconds: time.nanoseconds };
        Self {
            id: entry.id.to_string(),
            path: entry.path.to_string_lossy().into_owned(),
            path_hex: path_hex(&entry.path),
            size: entry.size,
            sha256: hex::encode(entry.sha256),
            findings: &entry.grounds.findings,
            database: entry.grounds.database.as_deref(),
            taken: point(entry.taken),
            taken_by: entry.taken_by,
            owner: entry.owner,
            group: entry.group,
            mode: format!("{:04o}", entry.mode),
            accessed: time(entry.accessed),
            modified: time(entry.modified),
            changed: time(entry.changed),
            other_names: entry.other_names,
            packages: &entry.packages,
        }
    }
}

/// The attributes of an entry.
pub(super) fn attributes(entry: &Entry) -> Vec<AttributeRecord> {
    let record = |attribute: &candor_quarantine::Attribute| AttributeRecord {
        name: String::from_utf8_lossy(&attribute.name).into_owned(),
        value_hex: hex::encode(&attribute.value),
    };
    entry.attributes.iter().map(record).collect()
}

/// The bytes of a path that is not UTF-8.
pub(super) fn path_hex(path: &Path) -> Option<String> {
    path.to_str().is_none().then(|| hex::encode(path.as_os_str().as_bytes()))
}

/// What became of an original, in one word.
pub(super) fn original_word(original: Original) -> &'static str {
    match original {
        Original::GoneAlready => "gone-already",
        Original::TakenEarlier => "taken-earlier",
        _ => "removed",
    }
}

/// A point in time such as `2026-01-31T23:59:59Z`; before 1970 the seconds, negative.
pub(super) fn point(time: Time) -> String {
    match u64::try_from(time.seconds) {
        // Years of more than four digits are no dates of people.
        Ok(seconds) if seconds < 253_402_300_800 => {
            candor_object::utc(UNIX_EPOCH + Duration::from_secs(seconds))
        }
        _ => format!("{} s since 1970", time.seconds),
    }
}

/// The path of an entry, plain.
pub(super) fn path(entry: &Entry) -> String {
    Escaped(&entry.path.to_string_lossy()).to_string()
}

/// The line of a list.
pub(super) fn write_line(writer: &mut dyn Write, entry: &Entry) -> io::Result<()> {
    let findings = match entry.grounds.findings.as_slice() {
        [] => "no finding named".to_owned(),
        [first] => Escaped(first).to_string(),
        [first, rest @ ..] => format!("{} and {} more", Escaped(first), rest.len()),
    };
    let (id, taken, size, path) = (entry.id, point(entry.taken), size(entry.size), path(entry));
    writeln!(writer, "{id}  {taken}  {size:>12}  {findings}  {path}")
}

/// What people must know of other names of the file.
pub(super) fn other_names(entry: &Entry) -> Option<String> {
    let names = || counted(entry.other_names, "other name", "other names");
    (entry.other_names > 0).then(|| {
        format!("the file had {} (hard links) that may still be there: find -inum {}", names(), entry.inode)
    })
}
