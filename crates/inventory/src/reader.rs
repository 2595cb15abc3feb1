//! What a reader is, and what it is asked about.

use std::borrow::Cow;
use std::io;
use std::time::Instant;

use candor_object::{Content, FileType, Layout, Object, Signed};

use crate::Facts;

/// Bytes of the beginning of an object that readers may look at to recognise it.
pub const HEAD: usize = 4096;

/// Takes facts out of one kind of content.
pub trait Reader: Sync {
    /// What it reads, in a word or two for people: `dpkg status`.
    fn name(&self) -> &'static str;

    /// Whether it reads such an object. Judged by the content where that is possible, since names may be missing:
    /// asked about every object, it must cost next to nothing.
    fn reads(&self, subject: &Subject<'_>) -> bool;

    /// Takes facts out of it.
    ///
    /// # Errors
    /// What was wrong; the facts up to there stay.
    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error>;
}

/// An object that readers are asked about.
#[derive(Debug)]
pub struct Subject<'s> {
    /// The object. Its name is the path in its container, or that which the caller gave; hostile, and possibly empty.
    pub object: &'s Object,
    /// Its first bytes, at most [`HEAD`].
    pub head: &'s [u8],
    /// Types of the containers around it, the outermost first.
    pub containers: &'s [FileType],
    /// Where things are in it, if it is an executable.
    pub layout: Option<&'s Layout>,
    /// Its signatures, if it is an executable that has some.
    pub signed: Option<&'s Signed>,
    /// What the engine found of those signatures, by where they begin.
    pub verified: &'s [(u64, Verified)],
    /// When to stop.
    pub deadline: Instant,
}

/// What is known of a signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verified {
    /// It is over this content, and a publisher whom a list trusts stands for it.
    Yes,
    /// It is not over this content.
    No,
    /// It is there: nobody who is known stands for it, or nobody could ask.
    #[default]
    Present,
}

impl Verified {
    /// The word for facts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Present => "present",
        }
    }
}

impl Subject<'_> {
    /// The content.
    pub fn content(&self) -> &Content {
        &self.object.content
    }

    /// The name with forward slashes, without a leading `/` or `./`.
    pub fn path(&self) -> String {
        let path = self.object.name.replace('\\', "/");
        path.trim_start_matches("./").trim_start_matches('/').to_owned()
    }

    /// Whether the last part of the name is this.
    pub fn is_named(&self, name: &str) -> bool {
        self.object.name.rsplit(['/', '\\']).next() == Some(name)
    }

    /// The last part of the name.
    pub fn file_name(&self) -> &str {
        self.object.name.rsplit(['/', '\\']).next().unwrap_or("")
    }

    /// Whether these bytes are in the [`head`](Self::head).
    pub(crate) fn says(&self, bytes: &str) -> bool {
        memchr::memmem::find(self.head, bytes.as_bytes()).is_some()
    }

    /// Whether the first character that is no white space is this.
    pub(crate) fn begins_with(&self, byte: u8) -> bool {
        let head = self.head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(self.head);
        head.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&byte)
    }

    /// The head as text; UTF-16 is decoded where a byte order mark tells it.
    pub(crate) fn head_text(&self) -> Cow<'_, str> {
        let unit: fn([u8; 2]) -> u16 = match self.head {
            [0xff, 0xfe, ..] => u16::from_le_bytes,
            [0xfe, 0xff, ..] => u16::from_be_bytes,
            _ => {
                return String::from_utf8_lossy(self.head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(self.head));
            }
        };
        let units: Vec<u16> = self.head[2..].chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        Cow::Owned(String::from_utf16_lossy(&units))
    }

    /// # Errors
    /// When the deadline has passed.
    pub fn time_left(&self) -> Result<(), Error> {
        if Instant::now() < self.deadline { Ok(()) } else { Err(Error::TimeIsUp) }
    }
}

/// Why not everything was read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The content could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It breaks its format's rules.
    #[error("{0}")]
    Damaged(String),
    /// It is of a form that is not read.
    #[error("{0}")]
    Unsupported(String),
    /// There are more facts than a report may have.
    #[error("there are more facts than a report may have")]
    Full,
    /// There was no time for more.
    #[error("the time was up")]
    TimeIsUp,
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use candor_object::{Fact, ObjectId};

    use super::*;

    /// Calls `with` with content of this name, as the engine would show it to readers.
    pub(crate) fn with_subject<R>(name: &str, content: &[u8], with: impl FnOnce(&Subject<'_>) -> R) -> R {
        let mut object = Object::root(Content::from_vec(content.to_vec()), FileType::DATA);
        name.clone_into(&mut object.name);
        with(&Subject {
            object: &object,
            head: &content[..content.len().min(HEAD)],
            containers: &[],
            layout: None,
            signed: None,
            verified: &[],
            deadline: Instant::now() + Duration::from_secs(60),
        })
    }

    /// What a reader takes out of content of this name, and how it ended; nothing if it does not recognise it.
    pub(crate) fn told(reader: &dyn Reader, name: &str, content: &[u8]) -> (Vec<Fact>, Result<(), Error>) {
        let (mut all, mut text) = (Vec::new(), 0);
        let result = with_subject(name, content, |subject| {
            if !reader.reads(subject) {
                return Ok(());
            }
            reader.read(subject, &mut Facts::new(ObjectId::ROOT, &mut all, &mut text))
        });
        (all, result)
    }

    /// What a reader takes out of content of this name; nothing if it does not recognise it.
    pub(crate) fn facts_of(reader: &dyn Reader, name: &str, content: &[u8]) -> Vec<Fact> {
        let (facts, result) = told(reader, name, content);
        result.unwrap();
        facts
    }
}
