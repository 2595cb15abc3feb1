//! Updates of signature databases that nobody can weaponise, withhold, or send to one victim only.

#![forbid(unsafe_code)]

mod crypto;
mod check;
mod refusal;
mod staging;
mod step;

pub mod bundle;
pub mod delta;
pub mod director;
pub mod feed;
pub mod history;
pub mod install;
pub mod place;
pub mod schedule;
pub mod segments;
pub mod settings;
pub mod shelf;
pub mod state;
pub mod statement;
pub mod store;
pub mod tuf;

pub use check::{Believed, Choice, Trust, check};
pub use jiff::Timestamp;
pub use refusal::{Kind, Refusal};
pub use staging::Staging;
