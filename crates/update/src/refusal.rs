//! Why an update is not accepted. The old database stays, scanning goes on, and the reason is told.

use std::fmt::{self, Display, Formatter};

/// Kinds of reasons, for programs: metrics, exit statuses, tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// A file that must be there is not.
    Missing,
    /// A file is not what it should be: damaged, too long, of another form.
    Malformed,
    /// Too few keys signed, or the wrong ones.
    Signature,
    /// It is older than what was seen before.
    Rollback,
    /// What was signed has run out: somebody holds back what is newer, or a clock is wrong.
    Expired,
    /// Files do not belong together.
    Mismatch,
    /// It is not in the log, or not as the newest.
    NotLogged,
    /// The log has two histories. Somebody is being lied to.
    SplitView,
    /// Too few witnesses have seen this lately.
    NoQuorum,
    /// The site's own director says otherwise, or nothing.
    Director,
    /// The jailed loader could not make a database of it, or not the published one, or it could not be tried.
    NotLoaded,
    /// The clean-file gate held it.
    Held,
    /// This machine could not do its part: disk full, no permission.
    Local,
}

impl Kind {
    /// The name that programs get.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Signature => "signature",
            Self::Rollback => "rollback",
            Self::Expired => "expired",
            Self::Mismatch => "mismatch",
            Self::NotLogged => "not-logged",
            Self::SplitView => "split-view",
            Self::NoQuorum => "no-quorum",
            Self::Director => "director",
            Self::NotLoaded => "not-loaded",
            Self::Held => "held",
            Self::Local => "local",
        }
    }
}

/// Why an update is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of reason it is.
    pub kind: Kind,
    /// The reason, for people. It may quote hostile text and is to be escaped where it is shown.
    pub text: String,
    /// What proves to others that the log cheated: two checkpoints, as a text.
    pub evidence: Option<String>,
}

impl Refusal {
    /// A reason without evidence.
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), evidence: None }
    }
}

impl Display for Refusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Refusal {}

/// Says what was being looked at.
pub(crate) trait About<T> {
    /// The error as a refusal of this kind, with what it is about before it.
    fn about(self, kind: Kind, what: &str) -> Result<T, Refusal>;
}

impl<T, E: Display> About<T> for Result<T, E> {
    fn about(self, kind: Kind, what: &str) -> Result<T, Refusal> {
        self.map_err(|error| Refusal::new(kind, format!("{what}: {error}")))
    }
}
