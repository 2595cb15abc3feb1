//! Starts workers, confines them, and kills them on the deadline.
//!
//! A [`Pool`] takes files and answers with reports. Behind it are processes that [`confine`] has taken
//! everything from but the descriptors that they are sent.

mod confine;
mod pool;

pub use confine::{Confinement, Error, Mechanism, Missing, STACK, confine, confine_partly};
pub use pool::{Job, Pool, Settings};
