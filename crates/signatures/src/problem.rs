//! What is wrong with a signature, and where.

use std::fmt;
use std::path::PathBuf;

/// Why a signature was not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Complaint {
    /// It breaks the rules of its language.
    Malformed(String),
    /// It is well-formed and needs something that we cannot do (yet).
    Unsupported(String),
    /// It says itself that it is not for us: another functionality level or an unknown target type.
    NotForUs(String),
    /// It is a program in bytecode that nobody who is trusted has signed.
    Unsigned,
    /// An ignore list names it.
    Ignored,
}

impl Complaint {
    /// A malformed signature.
    pub(crate) fn malformed(reason: impl Into<String>) -> Self {
        Self::Malformed(reason.into())
    }

    /// A signature that needs what we do not have.
    pub(crate) fn unsupported(reason: impl Into<String>) -> Self {
        Self::Unsupported(reason.into())
    }

    /// The word for people and programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::Unsupported(_) => "unsupported",
            Self::NotForUs(_) => "not for us",
            Self::Unsigned => "unsigned",
            Self::Ignored => "ignored",
        }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(reason) | Self::Unsupported(reason) | Self::NotForUs(reason) => {
                write!(f, "{}: {reason}", self.kind())
            }
            Self::Unsigned => f.write_str("unsigned: programs are taken out of signed containers only"),
            Self::Ignored => f.write_str("an ignore list names it"),
        }
    }
}

/// A signature that was not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The signature file.
    pub file: String,
    /// The folder that the file lies in, as it was named; nothing for texts and members of containers.
    pub folder: Option<PathBuf>,
    /// The line, counted from 1; 0 if the file as a whole is not used.
    pub line: u64,
    /// Why.
    pub complaint: Complaint,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.complaint),
            line => write!(f, "{}:{line}: {}", self.file, self.complaint),
        }
    }
}
