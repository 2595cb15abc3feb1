//! Why something could not be fetched.

use std::fmt;
use std::io;

/// What went wrong, in one word that programs may look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Nobody answers there, or the name is not known.
    Unreachable,
    /// The answer is one that is not taken: a certificate that nobody vouches for, a redirect to where none may
    /// lead, a status that says no.
    Refused,
    /// What every mirror has is not there.
    Missing,
    /// Too few bytes in the time that is granted.
    TooSlow,
    /// More bytes than there may be.
    TooLarge,
    /// Bytes that are not what they should be: cut short, compressed, no HTTP, no number.
    Garbage,
    /// There is no room for it here.
    DiskFull,
    /// Another fetcher is at work in the same folder.
    Busy,
    /// Something else on this machine.
    Local,
}

impl Kind {
    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Missing => "missing",
            Self::TooSlow => "too-slow",
            Self::TooLarge => "too-large",
            Self::Garbage => "garbage",
            Self::DiskFull => "disk-full",
            Self::Busy => "busy",
            Self::Local => "local",
        }
    }
}

/// Why something could not be fetched.
///
/// The text may hold bytes of a server; whoever shows it to a terminal escapes it.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct Error {
    kind: Kind,
    text: String,
}

impl Error {
    /// An error of a kind.
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The same error, with what was fetched before it.
    #[must_use]
    pub fn of(self, what: impl fmt::Display) -> Self {
        Self { kind: self.kind, text: format!("{what}: {}", self.text) }
    }

    /// An error of a file of ours; a full disk is told from others.
    pub fn of_disk(what: impl fmt::Display, error: &io::Error) -> Self {
        let full = matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
        );
        Self::new(if full { Kind::DiskFull } else { Kind::Local }, format!("{what}: {error}"))
    }
}
