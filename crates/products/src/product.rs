//! Products, and the marks that identify them.

use std::fmt;

use candor_object::{Attribute, FactKind};

use crate::item::{Grade, State};
use crate::pattern::Pattern;

/// Who read the source of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Checked {
    /// Read in the primary or the vendor's text.
    Primary,
    /// From a secondary source: a law firm, the press, a public repository.
    Secondary,
    /// From memory, not confirmed. Never the basis of more than a review.
    Memory,
}

impl Checked {
    /// The words in rules.
    pub const WORDS: [(&'static str, Self); 3] =
        [("primary", Self::Primary), ("secondary", Self::Secondary), ("memory", Self::Memory)];

    /// The word for reports and rules.
    pub fn name(self) -> &'static str {
        Self::WORDS[self as usize].0
    }
}

/// How sure the source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Several sources, or the maker's own.
    High,
    /// One good source.
    Medium,
    /// Known to be incomplete or doubtful.
    Low,
}

impl Confidence {
    pub(crate) const WORDS: [(&'static str, Self); 3] =
        [("high", Self::High), ("medium", Self::Medium), ("low", Self::Low)];

    /// The word for reports and rules.
    pub fn name(self) -> &'static str {
        Self::WORDS[self as usize].0
    }
}

/// Where a fact of the catalogue is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// An address, or the name of a publication.
    pub source: String,
    /// The day on which it was looked at, `YYYY-MM-DD`.
    pub seen: String,
    /// How sure it is.
    pub confidence: Confidence,
    /// Who read it.
    pub checked: Checked,
    /// What else is to be known.
    pub note: Option<String>,
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (confidence, checked) = (self.confidence.name(), self.checked.name());
        write!(f, "{}, seen {}, confidence {confidence}, {checked}", self.source, self.seen)
    }
}

/// A product.
#[derive(Clone, Debug)]
pub struct Product {
    /// The word by which rules name it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The entity that makes it.
    pub maker: String,
    /// What kinds of product it is, by the words of the rules: `anti-virus`, `telecommunications`.
    pub classes: Vec<String>,
    /// Other names.
    pub aliases: Vec<String>,
    /// Stands for any product of its maker where none is known better; gives its evidence away to one that is.
    pub generic: bool,
    /// Never takes the evidence of another product of its maker: what is excepted from a prohibition must not swallow
    /// what is not.
    pub apart: bool,
    /// The product that it took the place of.
    pub succeeds: Option<String>,
    /// Kinds of device that it is made for; empty if it is made for all.
    pub devices: Vec<String>,
    /// A finding of its own, apart from any rule: what a remnant of it does to security.
    pub alert: Option<String>,
    /// What else is to be known.
    pub note: Option<String>,
    /// What identifies it.
    pub marks: Vec<Mark>,
    /// Folders that are its own, or hosts: an engine in there belongs to it.
    pub(crate) homes: Vec<Pattern>,
    pub(crate) hosts: Vec<Pattern>,
}

/// One way to identify a product: all attributes must match values of one fact.
#[derive(Clone, Debug)]
pub struct Mark {
    /// Where it stands, `kaspersky.toml:12`.
    pub place: String,
    /// What the fact is about.
    pub fact: FactKind,
    /// The grade that it gives alone.
    pub grade: Grade,
    /// The grade that it gives when a signal of another kind agrees.
    pub corroborated: Option<Grade>,
    /// The kind of signal; two of one kind are not independent.
    pub signal: String,
    /// The state that it shows, unless the fact says better.
    pub state: State,
    /// Whether it is content of the engine, which may lie inside another's product.
    pub engine: bool,
    /// Where that is from.
    pub provenance: Provenance,
    pub(crate) needs: Vec<Need>,
    pub(crate) not: Vec<Need>,
    pub(crate) if_present: Vec<Need>,
}

/// What a fact must have: in one of some attributes a value that one of its patterns matches.
pub(crate) type Need = Vec<(Attribute, Vec<Pattern>)>;
