//! Signatures made of patterns: an expression over subsignatures, and conditions on the object.

mod check;
mod compile;
mod evaluation;
mod expression;
mod search;
mod section;

use candor_object::{Category, Strength};

use crate::pattern::Pattern;
use crate::regex::Regex;
use crate::yara::RuleSetNumber;

pub use check::{ByteComparison, Number, Numeral, Order};
pub use expression::{Comparison, Count, Expression, MAX_EXPRESSION_DEPTH};

pub(crate) use compile::Compiler;
pub(crate) use search::inspect;
pub(crate) use section::{SignatureTables, strength, strength_byte};

/// A signature: detected when its conditions hold and its expression is true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogicalSignature {
    /// Its detection name.
    pub name: String,
    /// The file that it comes from.
    pub source: String,
    /// Its own text, shown to people.
    pub text: String,
    /// What kind of finding it makes.
    pub category: Category,
    /// How much the finding weighs.
    pub strength: Strength,
    /// Names of the file types that it is for; none means all.
    pub types: Vec<String>,
    /// What must hold besides the expression.
    pub conditions: Vec<Condition>,
    /// How the subsignatures combine.
    pub expression: Expression,
    /// The subsignatures, at most [`MAX_SUBSIGNATURES`]; the expression names them by number.
    pub subsignatures: Vec<Subsignature>,
    /// What it means when all is true.
    pub outcome: Outcome,
}

impl LogicalSignature {
    /// A signature for malware of any type, whose subsignatures are single patterns.
    pub fn new(name: &str, source: &str, expression: Expression, patterns: Vec<Pattern>) -> Self {
        let single = |pattern| Subsignature::Patterns(vec![pattern]);
        Self {
            name: name.to_owned(),
            source: source.to_owned(),
            text: String::new(),
            category: Category::Malware,
            strength: Strength::Strong,
            types: Vec::new(),
            conditions: Vec::new(),
            expression,
            subsignatures: patterns.into_iter().map(single).collect(),
            outcome: Outcome::Finding,
        }
    }
}

/// What a signature that is true leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// A finding.
    #[default]
    Finding,
    /// No finding: the object is looked at once more, as this file type.
    HandleAs(String),
    /// No finding: content of this file type may begin where the first subsignature, a single pattern, matches.
    Embedded(String),
    /// What the program with this number in the database finds; it is told what matched.
    Program(u32),
    /// No finding of its own: this set of YARA rules is run on the object.
    Rules(RuleSetNumber),
}

/// A part of a signature that the expression asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subsignature {
    /// One or a few patterns, at most [`MAX_VARIANTS`], that count as one: it matches where any of them does.
    Patterns(Vec<Pattern>),
    /// A regular expression, looked for only where an expression over subsignatures before it is true.
    Regex {
        /// When it is looked for.
        trigger: Expression,
        /// What is looked for.
        regex: Regex,
    },
    /// Bytes near the last match of a subsignature of patterns, read as a number.
    Compare {
        /// The number of that subsignature.
        reference: u8,
        /// How the bytes compare.
        comparison: ByteComparison,
    },
    /// Any of these patterns, near a match of the subsignature before, which is one of patterns.
    Near {
        /// The patterns, at most [`MAX_NEAR`].
        patterns: Vec<Pattern>,
        /// Fewest bytes between the start of the one before and the start of these.
        low: u32,
        /// Most bytes between them.
        high: u32,
    },
    /// Any of these rows of bytes, at most [`MAX_FIXED`], each at exactly its offset. They are read and not
    /// looked for, so a signature of nothing else is asked for every object.
    Fixed(Vec<(u32, Vec<u8>)>),
    /// A picture with this perceptual hash.
    Picture(u64),
}

/// Most subsignatures of a signature, as in ClamAV's language.
pub const MAX_SUBSIGNATURES: usize = 64;
/// Longest chain of regular expressions of which each is the trigger of the next. Stops a damaged image from
/// running in circles, and signatures made to exhaust the stack.
pub const MAX_TRIGGERS: u32 = 16;
/// Most patterns of a subsignature.
pub const MAX_VARIANTS: usize = 4;
/// Most rows of bytes at fixed offsets, of which each has at most 255.
pub const MAX_FIXED: usize = 255;
/// Most patterns that are looked for near another.
pub const MAX_NEAR: usize = 64;

/// What must hold besides the expression. Ranges include both ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The object's size in bytes.
    FileSize(u64, u64),
    /// File offset of the entry point.
    EntryPoint(u64, u64),
    /// Number of sections.
    Sections(u64, u64),
    /// The object lies in containers of these types: the last directly around it, each before around the next.
    /// An empty name stands for any type.
    Containers(Vec<String>),
    /// The object lies in no container.
    Root,
    /// The object has an icon of these groups, as far as they are named. Asked last, when all else holds.
    Icons([Option<String>; 2]),
}
