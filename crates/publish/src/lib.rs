//! What a publisher of signatures does: keys and root ceremonies, releases, the log and its witnesses, mirrors.
//!
//! Nothing here is trusted by clients: what is published here is verified by `candor-update` as if an attacker
//! had made it. So the parts can be used one by one, also to make what must be refused: [`root::Plan::to_document`]
//! writes roots that [`root::Plan::check`] would not allow, and [`Log`](log::Log)s can be made with two histories.
//! No part asks a clock; the time is given. [`rehearsal`] sets up a whole publisher in a folder, for tests.
//!
//! Start with [`repository::Repository`]. Documented in `docs/publishing.md`.

#![forbid(unsafe_code)]

pub mod changes;
pub mod compile;
pub mod director;
pub mod files;
pub mod http;
pub mod keys;
pub mod log;
pub mod metadata;
pub mod mirror;
pub mod online;
pub mod publish;
pub mod rehearsal;
pub mod release;
pub mod repository;
pub mod root;
pub mod settings;
pub mod witness;

pub use candor_update::Timestamp;
