//! What is remembered between updates. It only ever moves forward, and the process with the network cannot write it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::schedule::PLACES;
use crate::tuf::Remembered;

/// Most bytes of a state: root, metadata and a checkpoint, as text.
pub const MAX_STATE: u64 = 16 << 20;
const VERSION: u32 = 1;

/// What is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    version: u32,
    /// The newest metadata.
    pub trusted: Remembered,
    /// The newest checkpoint, with its signatures.
    pub checkpoint: Option<String>,
    /// The latest time that the witnesses told. It is later than that however the clock is set.
    pub seen: Option<Timestamp>,
    /// The place in the queue of each roll-out, below [`PLACES`], which was drawn here.
    pub place: u32,
    /// Numbers of the releases that are in the store, the one in use first.
    pub installed: Vec<u64>,
    /// The administrator's choices.
    pub choices: Choices,
    /// Releases that the clean-file gate held, and why.
    pub held: Vec<Held>,
}

/// What the administrator wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Choices {
    /// Only this release.
    pub pinned: Option<u64>,
    /// Nothing new, for this reason.
    pub hold: Option<String>,
    /// Not these.
    pub skipped: Vec<u64>,
    /// Releases younger than so many seconds wait, whatever their schedule says.
    pub delay: u64,
}

/// A release that the clean-file gate held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// Its number.
    pub sequence: u64,
    /// What it would have done.
    pub reason: String,
}

impl State {
    /// The state before the first update. The place is drawn out of random bytes.
    pub fn new(trusted: Remembered, random: [u8; 4]) -> Self {
        Self {
            version: VERSION,
            trusted,
            checkpoint: None,
            seen: None,
            place: u32::from_le_bytes(random) % PLACES,
            installed: Vec::new(),
            choices: Choices::default(),
            held: Vec::new(),
        }
    }

    /// Reads a state.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let state: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if state.version != VERSION {
            return Err(format!("it has version {}; this program knows {VERSION}", state.version));
        }
        Ok(state)
    }

    /// The release in use.
    pub fn current(&self) -> Option<u64> {
        self.installed.first().copied()
    }

    /// The time now. A clock that was set back does not make old things young again.
    pub fn now(&self, clock: Timestamp) -> Timestamp {
        self.seen.map_or(clock, |seen| seen.max(clock))
    }
}
