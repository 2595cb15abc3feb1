//! What is compared with what, and what comes of it.

pub use crate::name::Kind;

/// A party on a list.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Entry {
    /// What the list calls it; unique within the list as far as the list takes care.
    pub id: String,
    /// The list that it is on.
    pub list: String,
    /// Person or organisation.
    pub kind: Kind,
    /// Its names: the main one first, then aliases.
    pub names: Vec<String>,
    /// Countries, as upper-case letters of ISO 3166-1 alpha-2.
    pub countries: Vec<String>,
    /// Addresses, each in one line.
    pub addresses: Vec<String>,
    /// Dates of birth, as the list writes them.
    pub born: Vec<String>,
    /// Programmes of sanctions.
    pub programs: Vec<String>,
    /// The citation or address that it rests on.
    pub source: String,
    /// What else the list says.
    pub remarks: String,
}

/// A party that is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Its name.
    pub name: String,
    /// Person or organisation, as far as the asker knows.
    pub kind: Kind,
    /// Its country, as two upper-case letters.
    pub country: Option<String>,
    /// Its date of birth, or a part of it: `1970` or `1970-05-01`.
    pub born: Option<String>,
    /// Its address.
    pub address: Option<String>,
}

/// One feature in an explanation.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The feature.
    pub what: &'static str,
    /// Its value for this pair.
    pub value: f32,
    /// What it counts for.
    pub weight: f32,
}

/// An entry that may be the party that was asked about.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// The entry, as its place in the slice that was searched.
    pub entry: usize,
    /// Which of its names.
    pub name: usize,
    /// From 0 to 1.
    pub score: f32,
    /// What the score is made of.
    pub parts: Vec<Part>,
    /// What it means at the chosen profile.
    pub ruling: Ruling,
    /// What a person should look at.
    pub flags: Vec<Flag>,
}

/// What a score means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ruling {
    /// To be taken for the party until somebody shows otherwise.
    Match,
    /// Somebody has to look.
    Possible,
    /// Another party.
    NoMatch,
}

/// How much likeness is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Few false alarms.
    Strict,
    /// Both errors count alike.
    #[default]
    Balanced,
    /// Few misses.
    Wide,
}

/// What a person should look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// Letters of several scripts in one word: somebody hides the name.
    Evasion,
    /// The legal forms are different, so these may be two companies of one group.
    LegalFormDiffers,
    /// The countries are different.
    CountryDiffers,
    /// Likely of the same group, but not the listed company itself.
    UnlistedAffiliate,
}
