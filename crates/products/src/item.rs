//! What was identified, and by what.

use std::fmt;

use candor_object::Fact;

use crate::product::Provenance;

/// How good evidence is. The first is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grade {
    /// Cryptographic, or content that only the vendor has.
    A,
    /// Two independent signals, or one very specific path or key.
    B,
    /// A name alone.
    C,
    /// A mention.
    D,
}

impl Grade {
    /// The words in rules.
    pub const WORDS: [(&'static str, Self); 4] =
        [("A", Self::A), ("B", Self::B), ("C", Self::C), ("D", Self::D)];

    /// The letter.
    pub fn name(self) -> &'static str {
        Self::WORDS[self as usize].0
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What state a product is in. Where several are seen, the first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It is there.
    Installed,
    /// A document says that it is part of something.
    Declared,
    /// Its servers were contacted.
    Contacted,
    /// It was removed and left something.
    Remnant,
    /// It is mentioned.
    Mentioned,
}

impl State {
    /// The words in rules.
    pub const WORDS: [(&'static str, Self); 5] = [
        ("installed", Self::Installed),
        ("declared", Self::Declared),
        ("contacted", Self::Contacted),
        ("remnant", Self::Remnant),
        ("mentioned", Self::Mentioned),
    ];

    /// The word for reports and rules.
    pub fn name(self) -> &'static str {
        Self::WORDS[self as usize].0
    }
}

/// A fact, and the object that says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The system that it is about, where several are looked at; else empty. Facts of different systems are never put
    /// together. Hostile text.
    pub host: String,
    /// The path of the object; ` > ` separates containers from what is in them.
    pub place: String,
    /// What it says.
    pub fact: Fact,
}

/// The product that another one is inside of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Integration {
    /// The product of the catalogue, if it is one.
    pub product: Option<String>,
    /// Its name, or where the unknown product is. May be hostile text.
    pub name: String,
}

/// A product that was identified somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The product of the catalogue.
    pub product: String,
    /// Its state.
    pub state: State,
    /// How good the evidence is, taken together.
    pub grade: Grade,
    /// What it is inside of, if that is another's product.
    pub integrated_in: Option<Integration>,
    /// Where it was seen, without repetition, at most [`Item::MOST_PLACES`]. Hostile text.
    pub places: Vec<String>,
    /// What speaks for it, at most [`Item::MOST_EVIDENCE`] for each mark.
    pub evidence: Vec<Evidence>,
    /// How many facts speak for it.
    pub facts: u64,
    /// Its version, if one was told. Hostile text.
    pub version: Option<String>,
    /// The system that it is on, where several are looked at or an exported inventory names it. Hostile text.
    pub host: Option<String>,
}

impl Item {
    /// Most places that are kept.
    pub const MOST_PLACES: usize = 1000;
    /// Most pieces of evidence that are kept of one mark.
    pub const MOST_EVIDENCE: usize = 20;
}

/// One fact that matched one mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The fact in words. Hostile text.
    pub what: String,
    /// The object that says it. Hostile text.
    pub place: String,
    /// The mark, as the file and line that it stands at.
    pub mark: String,
    /// What it is worth alone.
    pub grade: Grade,
    /// The state that it shows.
    pub state: State,
    /// Where the mark is from.
    pub source: Provenance,
}
