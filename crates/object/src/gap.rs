//! What was not examined, and why.

use crate::{Limit, ObjectId};

/// Why something was not examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// It is encrypted and no password is known.
    Encrypted,
    /// It breaks its format's rules; what could be read was examined.
    Damaged,
    /// It ends too early; what is there was examined.
    Truncated,
    /// We know what it is and cannot open it (yet).
    Unsupported,
    /// A limit was reached.
    Limit(Limit),
    /// The operating system refused to read it.
    Unreadable,
    /// The scan of it failed in a way that should be impossible.
    Crashed,
    /// The database has a damaged record that was needed here.
    Database,
}

impl Reason {
    /// All of them but limits.
    const WITHOUT_LIMIT: [Self; 7] = [
        Self::Encrypted,
        Self::Damaged,
        Self::Truncated,
        Self::Unsupported,
        Self::Unreadable,
        Self::Crashed,
        Self::Database,
    ];

    /// The reason of that name; `limit` names the limit, if it is one.
    pub fn from_names(name: &str, limit: &str) -> Option<Self> {
        match Limit::from_name(limit) {
            Some(limit) => (name == Self::Limit(limit).name()).then_some(Self::Limit(limit)),
            None => Self::WITHOUT_LIMIT.into_iter().find(|reason| reason.name() == name),
        }
    }

    /// Whether the examination failed, through no property of the content: nobody knows what would have been
    /// seen, and another attempt may end otherwise.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Unreadable | Self::Crashed | Self::Database)
    }

    /// The word for people and for reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Encrypted => "encrypted",
            Self::Damaged => "damaged",
            Self::Truncated => "truncated",
            Self::Unsupported => "unsupported",
            Self::Limit(_) => "limit",
            Self::Unreadable => "unreadable",
            Self::Crashed => "crashed",
            Self::Database => "database",
        }
    }
}

/// Content that was not examined, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The object of which something was not examined.
    pub object: ObjectId,
    /// Why.
    pub reason: Reason,
    /// More for people: the member, the method, the offset. Hostile where it quotes a name.
    pub detail: String,
}
