//! The catalogue of products: what identifies them, who makes them, and what is inside others.
//!
//! A [`Catalogue`] is read from TOML (`rules/products`), where each fact has a source, a date and a confidence. It
//! turns [`Located`] facts, which are hostile text, into [`Item`]s: a product with a state, a grade of evidence and all
//! that speaks for it. It knows no prohibition: what an item means is for `candor-compliance`.
//!
//! Pure: no file is read here, and nothing is asked but the arguments.

#![forbid(unsafe_code)]

mod catalogue;
mod identify;
mod item;
mod index;
mod pattern;
mod product;
mod entity;
mod read;
pub mod document;

pub use catalogue::Catalogue;
pub use document::Problem;
pub use entity::{Entity, Relation, RelationKind};
pub use item::{Evidence, Grade, Integration, Item, Located, State};
pub use product::{Checked, Confidence, Mark, Product, Provenance};
