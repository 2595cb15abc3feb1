//! What policy says of a report.

/// The judgement over one root object and all that came out of it, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// Known good.
    Trusted,
    /// Nothing alerting was seen; no claim of harmlessness.
    Undetected,
    /// Weak evidence only.
    Suspicious,
    /// Probably not malware, but disliked by most (PUA).
    Unwanted,
    /// Forbidden by this organisation.
    Prohibited,
    /// Intended to harm.
    Malicious,
}

impl Verdict {
    /// The word for people and for reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Undetected => "undetected",
            Self::Suspicious => "suspicious",
            Self::Unwanted => "unwanted",
            Self::Prohibited => "prohibited",
            Self::Malicious => "malicious",
        }
    }
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Nothing.
    Allow,
    /// Tell people.
    Report,
}

impl Action {
    /// The word for reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Report => "report",
        }
    }
}

/// What policy makes of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The judgement.
    pub verdict: Verdict,
    /// What to do about it.
    pub action: Action,
    /// Whether everything was examined; if not, [`Verdict::Undetected`] says less than it seems to.
    pub fully_examined: bool,
    /// The findings that count, as indices into [`Report::findings`](crate::Report::findings); findings that
    /// a trusted hash overrides are not among them.
    pub detections: Vec<usize>,
    /// Findings that do not count since their rules were switched off, as indices likewise.
    pub disabled: Vec<usize>,
}
