//! What goes over the wire between our own processes: a descriptor in, a report out.
//!
//! Messages are packets of a Unix socket (`SOCK_SEQPACKET`), so one is read whole or not at all. What a
//! [`Channel`] receives is hostile: a worker may have been taken over by the file that it scans. So every
//! number is checked, every length is bounded, and what breaks a rule is a [`Broken`].

#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::unwrap_used))]

mod answer;
mod channel;
mod compiling;
mod names;
mod opening;
mod passwords;
mod records;
mod report;
mod request;

pub use answer::{Answers, Assembly, MAX_REPORT};
pub use channel::{Channel, MAX_DESCRIPTORS, MAX_PACKET, Received};
pub use compiling::{Compile, Compiled, LONGEST_PROBLEM, MOST_PROBLEMS};
pub use opening::{LayoutRecord, MAX_OPENED, MOST_PARTS, Opened, OpenedPieces, Part};
pub use passwords::{LONGEST_PASSWORD, MOST_PASSWORD_BYTES, MOST_PASSWORDS, Passwords};
pub use records::{FindingRecord, GapRecord, ObjectRecord};
pub use report::MOST_FORMS;
pub use request::{Job, MAX_JOB_HINT, MAX_JOB_NAME, Ready, Request, Start};

/// A message that breaks the protocol; whoever sent it is not to be spoken to any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the other process broke the protocol: {0}")]
pub struct Broken(pub &'static str);
