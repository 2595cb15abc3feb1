//! On-access protection: every open and every execution on the chosen file systems is answered from a verdict before the
//! opener goes on.
//!
//! The *supervisor* has the privileges, holds the group of fanotify, and looks into nothing. The *gate*, which it starts and
//! starts again, has none: it reads events and answers them from verdicts, and has what it does not know scanned by jailed
//! workers. What waits for an answer is in a table that both share, so that no crash opens the door or leaves anybody
//! waiting.

mod ahead;
mod allowed;
mod answers;
mod beginning;
mod commands;
mod configuration;
mod coverage;
mod exclusions;
mod gate;
mod generation;
mod group;
mod idle;
mod isolation;
mod kept;
mod lease;
mod mounts;
mod notes;
mod pending;
mod requests;
mod scan;
mod status;
mod supervisor;
mod verdicts;
mod written;

pub use commands::main;
pub use configuration::{FILE, SOCKET};
pub use notes::Note;
pub use status::{FileSystem, Status};
