//! What the gate tells of what it did: one JSON object each, through the supervisor to the journal and to whoever listens.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use candor_protocol::Channel;
use serde::{Deserialize, Serialize};

/// Notes that may wait to be sent; more are dropped, since nobody who opens a file waits for a log.
const MOST: usize = 10_000;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Note {
    /// The workers are confined and the databases open.
    Ready {
        /// Signatures.
        signatures: u64,
        /// SHA-256 of the databases.
        database: String,
        /// What the workers' confinement lacks on this system.
        missing: Vec<String>,
    },
    /// A gate begins.
    Started {
        /// Its number.
        process: u32,
        /// Accesses that it took over from one that died.
        taken_over: u64,
    },
    /// Something was detected.
    Detected {
        /// Where, as far as the gate sees it.
        path: String,
        /// The verdict.
        verdict: String,
        /// The names of what was found.
        names: Vec<String>,
        /// Whether the access was refused.
        refused: bool,
        /// `open`, `execute` or `written`; `again` when it was scanned again, or to the end, and nobody waited; `ahead`
        /// when nobody had opened it yet.
        access: String,
        /// The process that opened it.
        process: i32,
        /// Its user.
        user: u32,
    },
    /// A file is in quarantine; `candor quarantine restore ID` brings it back.
    Quarantined {
        /// Where it was.
        path: String,
        /// Its id in the vault.
        id: String,
    },
    /// A file was not taken into quarantine.
    Left {
        /// Where it is.
        path: String,
        /// Why.
        reason: String,
    },
    /// A process executes a file in which something was found.
    Running {
        /// The process.
        process: u32,
        /// Its name, which it chose itself.
        name: String,
        /// The file.
        path: String,
        /// Whether the process was ended.
        ended: bool,
    },
    /// There was no verdict in time.
    Late {
        /// Where.
        path: String,
        /// Whether the access was refused.
        refused: bool,
    },
    /// The gate has to be started again.
    Failed {
        /// Why.
        reason: String,
    },
}

/// Sends notes from a thread of its own.
#[derive(Clone, Debug)]
pub(crate) struct Notes(SyncSender<Note>);

impl Notes {
    /// Sends to the other end of a socket.
    pub(crate) fn new(channel: Channel) -> Self {
        let (sender, receiver) = sync_channel::<Note>(MOST);
        thread::spawn(move || {
            for note in receiver {
                if let Ok(bytes) = serde_json::to_vec(&note) {
                    // Without a supervisor nobody is there to hear it.
                    let _ = channel.send(&bytes, &[]);
                }
            }
        });
        Self(sender)
    }

    /// Tells something; never waits.
    pub(crate) fn tell(&self, note: Note) {
        let _ = self.0.try_send(note);
    }
}
