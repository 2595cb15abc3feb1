//! One piece of evidence about one object.

use crate::ObjectId;

/// Most bytes of a match that a finding keeps for people to look at.
pub const MAX_EXCERPT: usize = 64;

/// What kind of evidence a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Category {
    /// Known good, by hash or publisher: speaks for the object and all that comes out of it.
    Trusted,
    /// Odd, but no sign of intent: overlapping archive members, a test marker for spam filters.
    Anomaly,
    /// Probably not malware, little use, disliked by most (PUA).
    Unwanted,
    /// Allowed by law and nature, forbidden by this organisation.
    Prohibited,
    /// Intended to harm.
    Malware,
}

impl Category {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Trusted, Self::Anomaly, Self::Unwanted, Self::Prohibited, Self::Malware];

    /// The category of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.name() == name)
    }

    /// The word for reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Anomaly => "anomaly",
            Self::Unwanted => "unwanted",
            Self::Prohibited => "prohibited",
            Self::Malware => "malware",
        }
    }
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// Never alerts alone.
    Weak,
    /// Alerts alone.
    Strong,
}

impl Strength {
    /// The word for reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Weak => "weak",
            Self::Strong => "strong",
        }
    }
}

/// One piece of evidence about one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The object that it is about.
    pub object: ObjectId,
    /// The technique that saw it: `hash`, `logical`, `yara`, `format`.
    pub detector: &'static str,
    /// The detection name, unchanged from the signature.
    pub name: String,
    /// The signature's file, such as `daily.hsb`, or empty where no signature was needed.
    pub source: String,
    /// What kind of evidence it is.
    pub category: Category,
    /// How much it weighs.
    pub strength: Strength,
    /// The text of the signature, or a sentence for people; may be empty.
    pub text: String,
    /// The bytes that matched; empty for a match of the whole object.
    pub evidence: Vec<Evidence>,
}

/// Bytes that matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What matched: `subsignature 2`, `section 0 MD5`.
    pub what: String,
    /// Where it begins in the object, in bytes.
    pub offset: u64,
    /// Length of the match in bytes.
    pub size: u64,
    /// Its first bytes, at most [`MAX_EXCERPT`].
    pub excerpt: Vec<u8>,
}
