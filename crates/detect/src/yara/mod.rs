//! YARA rules, run by `boreal`.
//!
//! Rules lie in the database as text, in sets. No set is run before a logical signature says so
//! ([`Outcome::Rules`](crate::logical::Outcome::Rules)): what must be true of content for a rule to match at all
//! is looked for together with all other signatures. A set that is asked for the first time is compiled and kept.
//!
//! Text and not `boreal`'s serialized form: whoever forges that form can make it panic, and it is no smaller. It
//! would be ready sooner (0.04 ms instead of 0.15 ms for a rule, median of 3,630), but once for a process.

mod compile;
mod engine;
mod nesting;
mod search;
mod section;

use candor_object::{Category, Strength};

pub use engine::{Checker, Fault};
pub use nesting::is_too_deep;

pub(crate) use compile::Compiler;
pub(crate) use engine::Cache;
pub(crate) use search::inspect;
pub(crate) use section::RuleTables;

/// Longest text of a unit in bytes. Stops a damaged or forged database from keeping a compiler busy.
pub const MAX_UNIT: usize = 4 << 20;

/// What stands in the text before names of rules that the engine would take for something else, and is no part of
/// the name of the [`Rule`].
pub const SHELTER: &str = "sheltered_";

/// Rules that are compiled and run together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleSet {
    /// The units; rules of different units do not see each other.
    pub units: Vec<RuleUnit>,
}

/// Rules of one namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleUnit {
    /// The rules in YARA's language, at most [`MAX_UNIT`] bytes. Lines `import "…"` come first; nothing is
    /// included.
    pub text: String,
    /// Those of them that make findings.
    pub rules: Vec<Rule>,
}

/// What is said of a rule when it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// The file that it comes from.
    pub source: String,
    /// What its author says of it, shown to people.
    pub text: String,
    /// What kind of finding it makes.
    pub category: Category,
    /// How much the finding weighs.
    pub strength: Strength,
}

/// The number of a set in its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleSetNumber(pub(crate) u32);
