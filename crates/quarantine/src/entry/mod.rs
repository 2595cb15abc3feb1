//! An entry of the vault, one file: a header, the sealed content, and the sealed record of what it was.

pub(crate) mod header;
pub(crate) mod record;
pub(crate) mod seal;
pub(crate) mod unseal;

use std::io;
use std::path::Path;

use crate::error::Error;

/// Bytes of content that are sealed together.
pub(crate) const CHUNK: usize = 64 << 10;
/// Bytes that sealing adds to each chunk and to the record.
pub(crate) const TAG: usize = 16;

/// Why an entry cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{0}; it is left as it is")]
    Damaged(&'static str),
    #[error("it was sealed with another key than the one in the vault; put the right key file back")]
    ForeignKey,
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Of where the content goes.
    #[error(transparent)]
    Sink(io::Error),
}

impl Fault {
    /// The same, of this file.
    pub(crate) fn of(self, path: &Path) -> Error {
        match self {
            Self::Io(source) if source.kind() != io::ErrorKind::UnexpectedEof => {
                Error::Io { path: path.to_owned(), doing: "the entry cannot be read", source }
            }
            Self::Sink(source) => {
                Error::Io { path: path.to_owned(), doing: "its content cannot be used", source }
            }
            Self::Io(_) => Self::Damaged("it is cut short").of(path),
            other => Error::Broken { path: path.to_owned(), reason: other.to_string() },
        }
    }

    /// The same, of this file whose content went into that one.
    pub(crate) fn of_copying(self, path: &Path, to: &Path) -> Error {
        match self {
            Self::Sink(source) => Error::Io { path: to.to_owned(), doing: "it cannot be written", source },
            other => other.of(path),
        }
    }
}
