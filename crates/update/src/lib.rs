//! Updates of signature databases that nobody can weaponise, withhold, or send to one victim only.

#![forbid(unsafe_code)]

mod crypto;
mod refusal;
mod staging;

pub mod delta;
pub mod place;
pub mod schedule;
pub mod statement;
pub mod tuf;

pub use refusal::{Kind, Refusal};
pub use staging::Staging;
