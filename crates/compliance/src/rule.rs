//! Rules as data: each axis on which prohibitions differ.

use std::collections::BTreeSet;
use std::fmt;

use candor_products::{Catalogue, Checked, Grade, Problem};
use jiff::tz::TimeZone;

use crate::moment::Moment;
use crate::read;
use crate::ruling::{Kind, Severity};
use crate::words::Word;

/// The files of `rules/prohibitions`, by name.
static EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// All rules.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// In the order of the files.
    pub rules: Vec<Rule>,
    /// Words that rules define beside [`WORDS`](crate::WORDS).
    pub words: BTreeSet<(Word, String)>,
}

impl Rules {
    /// The rules that the program carries.
    pub fn embedded(catalogue: &Catalogue) -> Self {
        // A test reads them without a problem.
        Self::parse(EMBEDDED.iter().copied(), catalogue).0
    }

    /// The files that the program carries, by name.
    pub fn embedded_files() -> &'static [(&'static str, &'static str)] {
        EMBEDDED
    }

    /// Reads files, each with its name: one rule a file. What is wrong with one costs no other; a rule with a problem
    /// is left out, since what is left of it might say something else.
    pub fn parse<'f>(
        files: impl IntoIterator<Item = (&'f str, &'f str)>,
        catalogue: &Catalogue,
    ) -> (Self, Vec<Problem>) {
        read::files(files, catalogue)
    }

    /// The rule of that id.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }
}

/// Whether a rule binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It binds whom it names.
    InForce,
    /// It warns and binds nobody.
    Warning,
    /// It is no more.
    Repealed,
}

impl Status {
    /// The words in rules.
    pub const WORDS: [(&'static str, Self); 3] =
        [("in-force", Self::InForce), ("warning", Self::Warning), ("repealed", Self::Repealed)];

    /// The word for reports and rules.
    pub fn name(self) -> &'static str {
        Self::WORDS[self as usize].0
    }
}

/// One prohibition, list or warning.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The word that names it.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Whether it binds.
    pub status: Status,
    /// `statute`, `clause`, `notice`, `directive`, `list`, `order` or `warning`.
    pub authority: String,
    /// Who made it.
    pub issuer: String,
    /// The zone that its days begin in.
    pub zone: TimeZone,
    /// When it was made known.
    pub announced: Option<Moment>,
    /// What it says, in a sentence or two.
    pub summary: String,
    /// Its texts, the oldest first.
    pub texts: Vec<TextVersion>,
    /// Against whom.
    pub subject: Subject,
    /// Which products.
    pub object: Object,
    /// Where.
    pub place: Place,
    /// What is forbidden.
    pub forbids: Vec<Forbid>,
    /// What is advised.
    pub advice: Vec<Advice>,
    /// What is excepted, or needs a person to decide.
    pub exemptions: Vec<Exemption>,
    /// What is to be done.
    pub duties: Vec<Duty>,
    /// How good evidence must be.
    pub floors: Floors,
    /// What follows.
    pub consequences: Vec<Consequence>,
    /// Where all this is from.
    pub sources: Vec<SourceNote>,
    /// What is not verified.
    pub unverified: Vec<String>,
    /// File and line.
    pub defined: String,
}

impl Rule {
    /// The text that was valid on a day, `YYYY-MM-DD`; the newest if there are several.
    pub fn text(&self, day: &str) -> Option<&TextVersion> {
        self.texts.iter().rev().find(|text| {
            text.valid_from.as_str() <= day && text.valid_until.as_deref().is_none_or(|until| day < until)
        })
    }
}

/// A version of the rule's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextVersion {
    /// How it is cited.
    pub cite: String,
    /// The number of the document.
    pub doc: Option<String>,
    /// Its address.
    pub url: Option<String>,
    /// What is different in it.
    pub note: Option<String>,
    /// First day, `YYYY-MM-DD`.
    pub valid_from: String,
    /// First day on which it is no more valid.
    pub valid_until: Option<String>,
    /// Who read it.
    pub checked: Checked,
}

/// Against whom a rule is.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// Entities that it names.
    pub entities: Vec<String>,
    /// Others that belong to those.
    pub closures: Vec<Closure>,
    /// Relations that are no more than a red flag.
    pub flags: Vec<String>,
    /// Makers of all countries but these.
    pub foreign_to: Vec<String>,
    /// Makers of these countries.
    pub countries: Vec<String>,
}

/// Which relations extend the subject, and when.
#[derive(Clone, Debug)]
pub struct Closure {
    /// `parents`, `subsidiaries`, `affiliates`, `successors` or `majority`.
    pub kind: String,
    /// The least share in per cent, of majority.
    pub share: u32,
    /// From when.
    pub from: Option<Moment>,
    /// Until when.
    pub until: Option<Moment>,
    /// When it is suspended.
    pub suspended: Vec<(Moment, Moment)>,
    /// What it is after the last suspension is not known.
    pub uncertain_after: bool,
}

/// Which products a rule is about.
#[derive(Clone, Debug, Default)]
pub struct Object {
    /// It is about dealings with the party, not about products.
    pub parties: bool,
    /// All products of the subject.
    pub all: bool,
    /// Classes of products.
    pub classes: Vec<String>,
    /// Products by name, whoever makes them, and their successors.
    pub products: Vec<String>,
    /// How deep: `direct`, `integrated`, `substantial-component`.
    pub depth: Vec<String>,
    /// Classes of device; empty for all.
    pub devices: Vec<String>,
    /// Classes of system; empty for all.
    pub systems: Vec<String>,
}

/// Where a rule holds.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Countries; empty for everywhere.
    pub countries: Vec<String>,
    /// Persons whom it follows anywhere.
    pub persons: Vec<String>,
}

/// One thing that is forbidden.
#[derive(Clone, Debug)]
pub struct Forbid {
    /// What.
    pub activities: Vec<String>,
    /// To whom.
    pub bound: Vec<String>,
    /// From when.
    pub from: Moment,
    /// Until then the beginning is disputed.
    pub ambiguous_until: Option<Moment>,
    /// Until when.
    pub until: Option<Moment>,
    /// When it is suspended.
    pub suspended: Vec<(Moment, Moment)>,
    /// When it was published, if it reaches back before that.
    pub published: Option<Moment>,
    /// Contracts from before this are left alone.
    pub contracts_before: Option<Moment>,
    /// Classes of device; empty for the rule's.
    pub devices: Vec<String>,
    /// Classes of system; empty for the rule's.
    pub systems: Vec<String>,
    /// The clause.
    pub clause: Option<String>,
    /// What it says, in words that fit "it is forbidden: ...".
    pub says: Option<String>,
    /// Who read it; from memory it gives a review.
    pub checked: Checked,
}

/// What is advised where nothing is forbidden.
#[derive(Clone, Debug)]
pub struct Advice {
    /// About what; empty for everything.
    pub activities: Vec<String>,
    /// To whom; empty for everybody.
    pub bound: Vec<String>,
    /// From when.
    pub from: Option<Moment>,
    /// Until when.
    pub until: Option<Moment>,
    /// Replace, advisory or review.
    pub kind: Kind,
    /// How urgent.
    pub severity: Severity,
    /// The sentence.
    pub says: String,
}

/// What a rule excepts; with `review`, what a person must decide.
#[derive(Clone, Debug)]
pub struct Exemption {
    /// Classes of products; empty for all.
    pub classes: Vec<String>,
    /// Products; empty for all.
    pub products: Vec<String>,
    /// Only for these activities; empty for all.
    pub activities: Vec<String>,
    /// Only for these; empty for everybody.
    pub bound: Vec<String>,
    /// Only with one of these qualifiers.
    pub only_if: Vec<String>,
    /// Not with one of these qualifiers: they decide that it is not excepted.
    pub unless: Vec<String>,
    /// From when.
    pub from: Option<Moment>,
    /// Until when.
    pub until: Option<Moment>,
    /// It is not excepted: a person must decide.
    pub review: bool,
    /// The sentence.
    pub says: String,
    /// The clause.
    pub clause: Option<String>,
}

/// A period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// Hours.
    Hours(u32),
    /// Days of the calendar.
    Days(u32),
    /// Days that are no Saturday and no Sunday.
    BusinessDays(u32),
    /// Months.
    Months(u32),
}

impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = match self {
            Self::Hours(number) => (number, "hour"),
            Self::Days(number) => (number, "day"),
            Self::BusinessDays(number) => (number, "business day"),
            Self::Months(number) => (number, "month"),
        };
        write!(f, "{number} {unit}{}", if *number == 1 { "" } else { "s" })
    }
}

/// Something that is to be done.
#[derive(Clone, Debug)]
pub struct Duty {
    /// Who.
    pub bound: Vec<String>,
    /// What.
    pub what: String,
    /// To whom.
    pub to: Option<String>,
    /// Within what time from discovery.
    pub within: Within,
    /// From this instant on and not from discovery.
    pub counts_from: Option<Moment>,
    /// It comes again after each period.
    pub repeats: bool,
    /// The clause.
    pub clause: Option<String>,
    /// From when.
    pub from: Option<Moment>,
    /// Until when.
    pub until: Option<Moment>,
}

/// How good evidence must be for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floors {
    /// For a prohibition; A or B.
    pub prohibited: Grade,
    /// For a review.
    pub review: Grade,
}

impl Default for Floors {
    fn default() -> Self {
        Self { prohibited: Grade::B, review: Grade::C }
    }
}

/// What follows for whom.
#[derive(Clone, Debug)]
pub struct Consequence {
    /// For whom.
    pub bound: Vec<String>,
    /// `civil`, `criminal` or `contract`.
    pub kind: String,
    /// The sentence.
    pub says: String,
    /// Who read it.
    pub checked: Checked,
}

/// A source, and who read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceNote {
    /// An address, or the name of a publication.
    pub source: String,
    /// What it says.
    pub note: Option<String>,
    /// Who read it.
    pub checked: Checked,
}
