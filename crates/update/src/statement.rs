//! Release statements: what the log's entries say. One short text in one form, so that its hash is the same for all.

use std::fmt::{self, Display, Formatter};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::schedule::Schedule;

/// Most bytes of a statement: what an entry of a log can hold.
pub const MAX_STATEMENT: usize = 65_535;
/// Most segments of a release.
pub const MAX_SEGMENTS: usize = 64;
/// Most bytes of a segment, and of the database that is compiled from it.
pub const MAX_SEGMENT: u64 = 1 << 30;
/// The field of the TUF targets that has the statement.
pub const SIGNED_STATEMENT: &str = "x-candor-statement";
const VERSION: &str = "candor.release/v1";

/// SHA-256 of a file.
pub type Sha = [u8; 32];

/// A release of signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its number; each release has a higher one than that before it.
    pub sequence: u64,
    /// When it was made.
    pub date: Timestamp,
    /// SHA-256 of the statement before it; nothing for the first.
    pub previous: Option<Sha>,
    /// SHA-256 of the TUF targets file that came with it.
    pub targets: Sha,
    /// Where the signatures come from: a commit or a digest of their public source. One line for people.
    pub source: String,
    /// When it is for whom.
    pub schedule: Schedule,
    /// What it consists of, in the order of their names.
    pub segments: Vec<Segment>,
}

/// A part of a release: an archive of signature files and the database that everybody compiles from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Small letters, digits and hyphens.
    pub name: String,
    /// Length of the archive in bytes.
    pub size: u64,
    /// SHA-256 of the archive.
    pub digest: Sha,
    /// Version of the layout of the compiled database. Who compiles another one cannot compare.
    pub layout: u32,
    /// Length of the compiled database in bytes.
    pub image_size: u64,
    /// SHA-256 of the compiled database.
    pub image: Sha,
}

/// Why bytes are no statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct StatementError {
    /// The number of the line, from 1; 0 for the whole.
    pub line: usize,
    /// What is wrong.
    pub reason: &'static str,
}

impl Statement {
    /// Reads a statement. What is read is exactly what [`to_string`](ToString::to_string) writes.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn read(bytes: &[u8]) -> Result<Self, StatementError> {
        let whole = |reason| StatementError { line: 0, reason };
        if bytes.len() > MAX_STATEMENT {
            return Err(whole("the statement is too long"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| whole("the statement is not UTF-8"))?;
        let text =
            text.strip_suffix('\n').ok_or_else(|| whole("the statement does not end with a newline"))?;
        let mut lines = Lines { lines: text.split('\n'), number: 0 };
        lines.exactly(VERSION)?;
        lines.exactly("type sigdb")?;
        let statement = Self {
            sequence: lines.field("sequence ", decimal)?,
            date: lines.field("date ", date)?,
            previous: lines
                .field("previous ", |text| if text == "none" { Some(None) } else { sha(text).map(Some) })?,
            targets: lines.field("targets ", sha)?,
            source: lines.field("source ", source)?,
            schedule: lines.field("schedule", |text| {
                if !text.is_empty() && !text.starts_with(' ') { None } else { Schedule::read(text).ok() }
            })?,
            segments: lines.segments()?,
        };
        // A second form of one statement would have another hash.
        if statement.to_string().as_bytes() == bytes {
            Ok(statement)
        } else {
            Err(whole("it is not in the one form"))
        }
    }

    /// The text without its line `targets`, as the targets themselves carry it in [`SIGNED_STATEMENT`]: so the holders
    /// of the targets' keys sign what the log says, too, and the key of the log alone can change nothing of it.
    pub fn without_targets(&self) -> String {
        self.to_string().split_inclusive('\n').filter(|line| !line.starts_with("targets ")).collect()
    }

    /// SHA-256 of the text, which the next statement names.
    pub fn digest(&self) -> Sha {
        Sha256::digest(self.to_string()).into()
    }
}

impl Display for Statement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let previous = self.previous.map_or_else(|| "none".to_owned(), hex::encode);
        let schedule = self.schedule.to_string();
        let space = if schedule.is_empty() { "" } else { " " };
        writeln!(f, "{VERSION}\ntype sigdb\nsequence {}\ndate {}", self.sequence, self.date)?;
        writeln!(f, "previous {previous}\ntargets {}", hex::encode(self.targets))?;
        writeln!(f, "source {}\nschedule{space}{schedule}", self.source)?;
        for segment in &self.segments {
            let Segment { name, size, digest, layout, image_size, image } = segment;
            let (digest, image) = (hex::encode(digest), hex::encode(image));
            writeln!(f, "segment {name} {size} {digest} image {layout} {image_size} {image}")?;
        }
        Ok(())
    }
}

struct Lines<'a> {
    lines: std::str::Split<'a, char>,
    number: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a str> {
        self.number += 1;
        self.lines.next()
    }

    fn wrong(&self, reason: &'static str) -> StatementError {
        StatementError { line: self.number, reason }
    }

    fn exactly(&mut self, expected: &str) -> Result<(), StatementError> {
        if self.next() == Some(expected) {
            Ok(())
        } else {
            Err(self.wrong("it is no release of signatures of a version that is known"))
        }
    }

    fn field<T>(&mut self, name: &str, read: impl FnOnce(&'a str) -> Option<T>) -> Result<T, StatementError> {
        let value = self.next().and_then(|line| line.strip_prefix(name)).and_then(read);
        value.ok_or_else(|| self.wrong("the line is missing or has another form"))
    }

    fn segments(&mut self) -> Result<Vec<Segment>, StatementError> {
        let mut segments: Vec<Segment> = Vec::new();
        while let Some(line) = self.next() {
            let segment = segment(line).ok_or_else(|| self.wrong("it is no segment"))?;
            if segments.last().is_some_and(|last| last.name >= segment.name) {
                return Err(self.wrong("the segments are not in the order of their names"));
            }
            if segments.len() == MAX_SEGMENTS {
                return Err(self.wrong("there are too many segments"));
            }
            segments.push(segment);
        }
        if segments.is_empty() { Err(self.wrong("there is no segment")) } else { Ok(segments) }
    }
}

fn segment(line: &str) -> Option<Segment> {
    let words: Vec<&str> = line.split(' ').collect();
    let ["segment", name, size, digest, "image", layout, image_size, image] = words.as_slice() else {
        return None;
    };
    let fit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let named = (1..=32).contains(&name.len()) && name.bytes().all(fit);
    let bounded = |text| decimal(text).filter(|&size| size <= MAX_SEGMENT);
    named.then_some(Segment {
        name: (*name).to_owned(),
        size: bounded(size)?,
        digest: sha(digest)?,
        layout: u32::try_from(decimal(layout)?).ok()?,
        image_size: bounded(image_size)?,
        image: sha(image)?,
    })
}

fn decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

fn date(text: &str) -> Option<Timestamp> {
    text.parse().ok().filter(|date: &Timestamp| date.to_string() == text)
}

fn sha(text: &str) -> Option<Sha> {
    let mut digest = [0; 32];
    let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    (lower && hex::decode_to_slice(text, &mut digest).is_ok()).then_some(digest)
}

fn source(text: &str) -> Option<String> {
    let fit = !text.is_empty() && text.len() <= 1024 && !text.chars().any(char::is_control);
    fit.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn example() -> Statement {
        let segment = |name: &str| Segment {
            name: name.to_owned(),
            size: 20_482,
            digest: [1; 32],
            layout: 4,
            image_size: 30_000,
            image: [2; 32],
        };
        Statement {
            sequence: 42,
            date: "2026-11-22T20:00:00Z".parse().expect("a time"),
            previous: Some([3; 32]),
            targets: [4; 32],
            source: "commit 0123abc".to_owned(),
            schedule: Schedule::read("0:5 24:100").expect("a schedule"),
            segments: vec![segment("base"), segment("day")],
        }
    }

    #[test]
    fn statements_are_read_as_they_are_written() {
        let first = Statement { previous: None, schedule: Schedule::immediate(), ..example() };
        for statement in [example(), first] {
            assert_eq!(Statement::read(statement.to_string().as_bytes()), Ok(statement));
        }
    }

    #[test]
    fn there_is_one_form_only() {
        let text = example().to_string();
        for (from, to) in [
            ("sequence 42", "sequence 042"),
            ("sequence 42", "sequence +42"),
            ("20:00:00Z", "20:00:00.0Z"),
            ("0101", "0101 "),
            ("schedule 0", "schedule  0"),
            ("segment day", "segment base"),
            ("segment day", "segment ../x"),
            ("segment base 20482", "segment base 1073741825"),
            ("type sigdb", "type engine"),
            ("release/v1", "release/v2"),
            ("\nsource", "\r\nsource"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            assert!(Statement::read(changed.as_bytes()).is_err(), "{to}");
        }
        assert_eq!(Statement::read(text.replacen("42", "x", 1).as_bytes()).expect_err("no number").line, 3);
        assert!(Statement::read(&[b'\n'; MAX_STATEMENT + 1]).is_err());
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_another_statement_or_none(place in 0..500_usize, byte: u8) {
            let mut bytes = example().to_string().into_bytes();
            let place = place % bytes.len();
            prop_assume!(bytes[place] != byte);
            bytes[place] = byte;
            if let Ok(read) = Statement::read(&bytes) {
                prop_assert_ne!(read.digest(), example().digest());
            }
        }
    }
}
