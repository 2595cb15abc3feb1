//! What `candor protect status` is told.

use serde::{Deserialize, Serialize};

use crate::notes::Note;

/// The state of the protection.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// Which accesses to what was detected are refused: `block`, `executions` or `report`.
    pub mode: String,
    /// Seconds since it began.
    pub seconds: u64,
    /// How often the gate was started again since then.
    pub restarts: u64,
    /// Signatures of the databases.
    pub signatures: u64,
    /// SHA-256 of the databases.
    pub database: String,
    /// The processes: the supervisor and the gate.
    pub processes: (u32, u32),
    /// File systems, and whether each is watched.
    pub file_systems: Vec<FileSystem>,
    /// What is not covered at all on this system, a sentence each.
    pub uncovered: Vec<String>,
    /// What was counted, by name.
    pub counts: Vec<(String, u64)>,
    /// The last things that happened, the newest last.
    pub recent: Vec<Note>,
}

/// A file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSystem {
    /// Where it is mounted; the first place.
    pub point: String,
    /// Its kind.
    pub kind: String,
    /// Why it is not watched; nothing if it is.
    pub left: Option<String>,
}
