//! Entries of lists, questions about parties, and the answers.

use crate::name::Kind;

/// A party of a list.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Entry {
    /// What the list calls it; unique within the list.
    pub id: String,
    /// The list it is in, by its short name.
    pub list: String,
    /// What the party is.
    pub kind: Kind,
    /// The main name first, then aliases.
    pub names: Vec<String>,
    /// ISO 3166 alpha-2 codes in upper case.
    pub countries: Vec<String>,
    /// Addresses, as the list has them.
    pub addresses: Vec<String>,
    /// Dates or years of birth, as the list has them.
    pub born: Vec<String>,
    /// Programmes or rules under which it is listed.
    pub programs: Vec<String>,
    /// Where the entry is published.
    pub source: String,
    /// What the list adds in words.
    pub remarks: String,
}

/// A party that is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Its name.
    pub name: String,
    /// What it is, if known.
    pub kind: Kind,
    /// ISO 3166 alpha-2 code.
    pub country: Option<String>,
    /// Date or year of birth.
    pub born: Option<String>,
    /// Address in words.
    pub address: Option<String>,
}

/// One number of an explanation.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What was measured; one of [`crate::features::FEATURES`].
    pub what: &'static str,
    /// How much of it there is, from 0 to 1.
    pub value: f32,
    /// What one whole unit of it adds to the sum; negative weights speak against a match.
    pub weight: f32,
}

/// What a score means under a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ruling {
    /// Another party.
    NoMatch,
    /// Somebody has to look.
    Possible,
    /// The listed party, as far as names can say.
    Match,
}

/// How much likeness makes a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Few false matches.
    Strict,
    /// The profile that the published figures are measured with.
    Balanced,
    /// Few misses.
    Wide,
}

/// What a reader of a result has to know besides the score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flag {
    /// The asked name mixes letters of scripts that look alike, as nobody does by accident.
    Evasion,
    /// The same core name under another legal form: a sister or daughter, which the list does not name.
    LegalFormDiffers,
    /// The asked country is none of the entry's.
    CountryDiffers,
    /// The asked name has the listed name and a place: probably a daughter that the list does not name.
    UnlistedAffiliate,
    /// The asked date of birth is none of the entry's.
    BirthDiffers,
}

/// An entry that is like the asked party.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// Its index in the entries.
    pub entry: usize,
    /// Which of its names.
    pub name: usize,
    /// The score of the names, from 0 to 1, before any cap.
    pub score: f32,
    /// What the score is made of.
    pub parts: Vec<Part>,
    /// What it means.
    pub ruling: Ruling,
    /// What else is to be known.
    pub flags: Vec<Flag>,
}
