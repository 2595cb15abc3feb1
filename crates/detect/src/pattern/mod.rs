//! Byte patterns: a prefilter over every position, then a look at the few that pass.
//!
//! A [`Pattern`] is a place and one or more [`Group`]s. Within a group every gap is bounded, so a group is
//! verified in one go around an *anchor*, its rarest four bytes. Between groups any number of bytes may lie.
//!
//! `model` is what signature languages produce, `program` how a group is encoded and run, `anchor` how its
//! anchor is chosen, `prefilter` the bitmaps over anchors (`grams` tests many at once, `pairs` looks for those of
//! two bytes), `search` what is done where one passes, `late` what
//! is looked for when a signature asks, `needle` the literal by which a group is looked for without
//! one. `compile` and `prefilter_compile` write what the others read, laid out as `section` says.

mod anchor;
mod compile;
mod grams;
mod late;
mod model;
mod needle;
mod pairs;
mod prefilter;
mod prefilter_compile;
mod program;
mod search;
mod section;
mod view;

pub use model::{Base, Boundary, Element, Group, Pattern, Place};

pub(crate) use anchor::{COMMON, NO_ANCHOR, RARE};
pub(crate) use compile::{Compiled, Compiler};
pub(crate) use prefilter::{BLOCK, Filters, Reader};
pub(crate) use prefilter_compile::FilterWriter;
pub(crate) use search::{Hit, Matcher, Starts};
pub(crate) use section::{PatternTables, PlaceRecord};
pub(crate) use view::{View, Window};
