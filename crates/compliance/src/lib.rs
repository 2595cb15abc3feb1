//! What prohibitions mean: from an item or a party and a situation to rulings with citations.
//!
//! [`Rules`] are data (`rules/prohibitions`): a new ban is a new file. [`judge`] is a pure function of rules, catalogue,
//! item and [`Situation`]; it looks at no clock, and every [`Ruling`] names the text that was valid at the instant, the
//! evidence, and what changes next. Nothing is prohibited on a name alone, and nobody is threatened with a
//! consequence that the rule does not give to them.

#![forbid(unsafe_code)]

mod judge;
mod moment;
mod party;
mod read;
mod rule;
mod ruling;
mod situation;
mod subject;
mod timeline;
mod words;

pub use judge::judge;
pub use moment::{Moment, parse_moment};
pub use party::judge_party;
pub use rule::{
    Advice, Closure, Consequence, Duty, Exemption, Floors, Forbid, Object, Place, Rule, Rules, SourceNote,
    Status, Subject, TextVersion, Within,
};
pub use ruling::{Change, Due, Kind, Ruling, Severity};
pub use situation::Situation;
pub use timeline::{Stage, timeline};
pub use words::{WORDS, Word};
