//! A witness of transparency logs, as <https://c2sp.org/tlog-witness> specifies it.
//!
//! It has seen the latest checkpoint of each log, and cosigns a next one only if that continues it. So whoever
//! demands its cosignature cannot be shown another history than everybody else. All that depends on two things:
//! that the private key stays private, and that the witness never forgets ([`Store`]).
//!
//! Start with [`Witness::add_checkpoint`], which is the whole decision. Documented in `docs/witness.md`.

#![forbid(unsafe_code)]

mod configuration;
mod confine;
mod counts;
mod journal;
mod key_file;
mod mark;
mod server;
mod shelf;
mod state;
mod step;
mod store;
mod witness;

pub use configuration::Configuration;
pub use confine::confine;
pub use journal::{Priority, say};
pub use key_file::{new_key, read_key};
pub use server::serve;
pub use shelf::Shelf;
pub use state::{Kept, MAX_STATE, State};
pub use store::{Store, StoreError};
pub use witness::{Answer, Clock, Cosigners, Logs, Witness, system_clock};
