//! Signatures made of patterns: an expression over subsignatures, and conditions on the object.

mod compile;
mod expression;
mod search;
mod section;

use candor_object::{Category, Strength};

use crate::pattern::Pattern;

pub use expression::{Comparison, Count, Expression, MAX_EXPRESSION_DEPTH};

pub(crate) use compile::Compiler;
pub(crate) use search::inspect;
pub(crate) use section::SignatureTables;

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
    /// How the patterns combine.
    pub expression: Expression,
    /// The subsignatures, at most [`MAX_SUBSIGNATURES`]; the expression names them by number.
    pub subsignatures: Vec<Subsignature>,
}

/// One or a few patterns that count as one: it matches where any of them does.
pub type Subsignature = Vec<Pattern>;

/// Most subsignatures of a signature, as in ClamAV's language.
pub const MAX_SUBSIGNATURES: usize = 64;
/// Most patterns of a subsignature.
pub const MAX_VARIANTS: usize = 4;

/// What must hold besides the expression. Ranges include both ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The object's size in bytes.
    FileSize(u64, u64),
    /// File offset of the entry point.
    EntryPoint(u64, u64),
    /// Number of sections.
    Sections(u64, u64),
    /// The object lies directly in a container of this type.
    Container(String),
    /// The object lies in no container.
    Root,
}
