//! What a rule says of an item or a party.

use std::fmt;

use candor_products::Grade;

use crate::moment::Moment;
use crate::rule::{SourceNote, TextVersion};

/// The ruling. The first is the gravest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The activity is forbidden.
    Prohibited,
    /// A person must decide: something that the rule asks about is not known or not certain.
    Review,
    /// It may be kept, and should be replaced.
    Replace,
    /// It was removed and left something.
    Remnant,
    /// Somebody warns, or a prohibition comes.
    Advisory,
    /// The rule excepts it.
    Exempt,
    /// The rule is about others, other things, other places or other times.
    NotCovered,
    /// No rule is about it, or it is only mentioned.
    Clean,
}

impl Kind {
    /// All of them with their words.
    pub const WORDS: [(&'static str, Self); 8] = [
        ("prohibited", Self::Prohibited),
        ("review", Self::Review),
        ("replace", Self::Replace),
        ("remnant", Self::Remnant),
        ("advisory", Self::Advisory),
        ("exempt", Self::Exempt),
        ("not-covered", Self::NotCovered),
        ("clean", Self::Clean),
    ];

    /// The word for reports.
    pub fn name(self) -> &'static str {
        Self::WORDS[self as usize].0
    }
}

/// How urgent it is for whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing is to be done.
    None,
    /// To be known.
    Low,
    /// To be planned.
    Medium,
    /// To be done now.
    High,
}

impl Severity {
    pub(crate) const WORDS: [(&'static str, Self); 4] =
        [("none", Self::None), ("low", Self::Low), ("medium", Self::Medium), ("high", Self::High)];

    /// The word for reports.
    pub fn name(self) -> &'static str {
        Self::WORDS[self as usize].0
    }
}

/// Something that a rule demands to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// What.
    pub what: String,
    /// To whom, if it is to be told to somebody.
    pub to: Option<String>,
    /// The clause that demands it.
    pub clause: Option<String>,
    /// The period in words: `1 business day`.
    pub within: String,
    /// Its end. Public holidays are not left out, so it is never too late.
    pub deadline: Moment,
    /// Whether it comes again after each period.
    pub repeats: bool,
}

impl Due {
    /// Its deadline with the period: `2018-09-01 00:00 EDT (90 days)`; at a later instant it says that it has passed.
    pub fn until(&self, at: &Moment) -> String {
        let passed = if self.deadline.instant() < at.instant() { "; it has passed" } else { "" };
        format!("{} ({}{passed})", self.deadline, self.within)
    }
}

/// What changes next under the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: Moment,
    /// What.
    pub what: String,
}

/// What one rule says of one activity with one item or party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// The rule; empty where none is about it.
    pub rule: String,
    /// Its title.
    pub title: String,
    /// The ruling.
    pub kind: Kind,
    /// The activity that was judged, if the ruling depends on it.
    pub activity: Option<String>,
    /// How urgent it is.
    pub severity: Severity,
    /// Why, in one sentence.
    pub why: String,
    /// Whom the prohibition binds, if one applies: it may be another than who asked.
    pub binds: Vec<String>,
    /// The clause.
    pub clause: Option<String>,
    /// The text that was valid at the instant.
    pub text: Option<TextVersion>,
    /// The instant that was asked about, in the rule's zone.
    pub at: Moment,
    /// The instant from which it is so, if it is one of the rule's.
    pub since: Option<Moment>,
    /// What changes next.
    pub next: Option<Change>,
    /// The grade of the evidence.
    pub grade: Grade,
    /// What is to be done, and until when.
    pub duties: Vec<Due>,
    /// What the rule threatens whoever asked with, if it does.
    pub consequence: Option<String>,
    /// A finding of its own that the product brings, apart from the rule.
    pub alert: Option<String>,
    /// What of the rule is not verified.
    pub unverified: Vec<String>,
    /// Where the rule is from.
    pub sources: Vec<SourceNote>,
}

impl Ruling {
    /// The ruling with its activity: `PROHIBITED(integrate)`.
    pub fn headline(&self) -> String {
        let name = self.kind.name().to_uppercase();
        match &self.activity {
            Some(activity) if self.kind == Kind::Prohibited => format!("{name}({activity})"),
            _ => name,
        }
    }

    /// The text that it rests on, with the clause.
    pub fn citation(&self) -> String {
        let cite = self.text.as_ref().map_or("no text was in force", |text| text.cite.as_str());
        self.clause.as_ref().map_or_else(|| cite.to_owned(), |clause| format!("{cite}, {clause}"))
    }
}

impl fmt::Display for Ruling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {} [{}]", self.headline(), self.rule, self.why, self.citation())
    }
}
