//! Companies and people, and how they belong together, each with dates and a source.

use crate::product::Provenance;

/// A company, a person, a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// The word by which rules name it.
    pub id: String,
    /// Its legal name.
    pub name: String,
    /// Other names, translated and former ones among them.
    pub aliases: Vec<String>,
    /// Country by ISO 3166-1 alpha-2, if known.
    pub country: Option<String>,
    /// Where it is registered, as the source has it.
    pub registered: Vec<String>,
    /// Where that is from.
    pub provenance: Provenance,
}

impl Entity {
    /// The name and the aliases.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.aliases.iter().map(String::as_str))
    }
}

/// What the first of two is to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RelationKind {
    /// It owns the second.
    Parent,
    /// It is owned by the second.
    Subsidiary,
    /// Both are under common control, or how is not known.
    Affiliate,
    /// It took the second's place.
    Successor,
    /// Its products contain the second's.
    Oem,
    /// It has a licence of the second, which does not make its products the second's.
    Licensee,
}

impl RelationKind {
    pub(crate) const WORDS: [(&'static str, Self); 6] = [
        ("parent", Self::Parent),
        ("subsidiary", Self::Subsidiary),
        ("affiliate", Self::Affiliate),
        ("successor", Self::Successor),
        ("oem", Self::Oem),
        ("licensee", Self::Licensee),
    ];

    /// The word for reports and rules.
    pub fn name(self) -> &'static str {
        Self::WORDS.iter().find(|(_, kind)| *kind == self).map_or("", |(word, _)| word)
    }
}

/// A dated relation: `from` is the `kind` of `to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// An entity, or for [`RelationKind::Oem`] a product.
    pub from: String,
    /// What it is to the other.
    pub kind: RelationKind,
    /// An entity, or a product.
    pub to: String,
    /// First day, `YYYY-MM-DD`, if known.
    pub since: Option<String>,
    /// First day on which it was no more so, if known.
    pub until: Option<String>,
    /// The share in per cent, if it is about ownership and known.
    pub share: Option<u32>,
    /// Where that is from.
    pub provenance: Provenance,
}

impl Relation {
    /// Whether it held on a day, `YYYY-MM-DD`. What has no dates is taken to hold.
    pub fn holds(&self, day: &str) -> bool {
        self.since.as_deref().is_none_or(|since| since <= day)
            && self.until.as_deref().is_none_or(|until| day < until)
    }
}
