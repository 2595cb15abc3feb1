//! The decision: which checkpoints are cosigned, and what is answered for the others.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::sync::{Mutex, MutexGuard};
use std::time::SystemTime;

use candor_tlog::{
    Checkpoint, Evidence, Hash, Note, SigningKey, Submission, VerifyingKey, cosign, cosigned, empty_root,
    signed_by_any, verify_consistency,
};
use sha2::{Digest, Sha256};

use crate::counts::Counts;
use crate::journal::{Priority, say};
use crate::shelf::{Shelf, Shelved};
use crate::state::Kept;
use crate::store::Store;

/// The logs that are witnessed: by origin, the keys that may sign their checkpoints.
pub type Logs = BTreeMap<String, Vec<VerifyingKey>>;

/// Asks what time it is, in seconds since 1970.
pub type Clock = Box<dyn Fn() -> u64 + Send + Sync>;

/// The keys of the witness.
#[derive(Debug)]
pub struct Cosigners {
    /// Those that cosign.
    pub signing: Vec<SigningKey>,
    /// Those that did once; what they cosigned counts.
    pub retired: Vec<VerifyingKey>,
}

impl Cosigners {
    /// All of them.
    pub fn known(&self) -> Vec<VerifyingKey> {
        self.signing.iter().map(SigningKey::public).chain(&self.retired).cloned().collect()
    }
}

/// What is answered: a status of HTTP, a media type, a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The media type.
    pub media_type: &'static str,
    /// The body.
    pub body: String,
}

impl Answer {
    pub(crate) fn new(status: u16, text: impl Into<String>) -> Self {
        Self { status, media_type: "text/plain; charset=utf-8", body: text.into() }
    }

    fn refusal(status: u16, why: &str) -> Self {
        Self::new(status, format!("{why}\n"))
    }

    /// The size from which the proof must begin.
    fn conflict(size: u64) -> Self {
        Self { status: 409, media_type: "text/x.tlog.size", body: format!("{size}\n") }
    }
}

/// A witness.
pub struct Witness {
    logs: Logs,
    cosigners: Cosigners,
    known: Vec<VerifyingKey>,
    memory: Mutex<Memory>,
    shelf: Shelf,
    clock: Clock,
    pub(crate) counts: Counts,
}

struct Memory {
    store: Store,
    /// A checkpoint showed that we do not remember what we cosigned. There is no way back.
    forgotten: bool,
}

impl Debug for Witness {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").field("logs", &self.logs).field("keys", &self.known).finish_non_exhaustive()
    }
}

/// The clock of the system.
pub fn system_clock() -> Clock {
    Box::new(|| SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs()))
}

impl Witness {
    /// A witness of these logs that remembers what is in the store.
    pub fn new(logs: Logs, cosigners: Cosigners, store: Store, shelf: Shelf, clock: Clock) -> Self {
        let known = cosigners.known();
        let memory = Mutex::new(Memory { store, forgotten: false });
        Self { logs, cosigners, known, memory, shelf, clock, counts: Counts::default() }
    }

    /// Answers `add-checkpoint`: cosigns the checkpoint if it continues the last one. What is cosigned is on the disk
    /// before this returns; checking and remembering are one step for all callers.
    pub fn add_checkpoint(&self, body: &[u8]) -> Answer {
        let submission = match Submission::read(body) {
            Ok(submission) => submission,
            Err(error) => return Answer::refusal(400, &error.to_string()),
        };
        let Submission { old, proof, note, checkpoint } = submission;
        let Some(keys) = self.logs.get(&checkpoint.origin) else {
            return Answer::refusal(404, "this log is not witnessed here");
        };
        if let Err(error) = signed_by_any(&note, keys) {
            return Answer::refusal(403, &error.to_string());
        }
        if old > checkpoint.size {
            return Answer::refusal(400, "the old size is larger than the checkpoint");
        }
        let mut memory = self.memory();
        if memory.forgotten {
            return Answer::refusal(500, "this witness does not remember what it cosigned");
        }
        if let Err(error) = memory.store.settle() {
            alarm(&format!("the state cannot be used: {error}"));
            return Answer::refusal(500, "the state cannot be used");
        }
        let kept = memory.store.state().logs.get(&checkpoint.origin);
        if self.remembers_less(kept, &note, &checkpoint) {
            return self.stop(&mut memory, &note);
        }
        let (size, root) =
            kept.map_or_else(|| (0, empty_root()), |kept| (kept.checkpoint.size, kept.checkpoint.root));
        let sent = signed_only(&note, keys);
        if let Some(kept) =
            kept.filter(|kept| kept.checkpoint.size == checkpoint.size && root != checkpoint.root)
        {
            self.keep_contradiction(&kept.note, &sent, &[], keys);
        }
        if old != size {
            return Answer::conflict(size);
        }
        if old == checkpoint.size && root != checkpoint.root {
            return Answer::refusal(409, "another tree of this size was cosigned before");
        }
        if let Err(error) = verify_consistency((size, &root), (checkpoint.size, &checkpoint.root), &proof) {
            if let Some(kept) = kept.filter(|kept| kept.checkpoint.size < checkpoint.size) {
                self.keep_contradiction(&kept.note, &sent, &proof, keys);
            }
            return Answer::refusal(422, &error.to_string());
        }
        self.cosign(&mut memory, sent, &checkpoint.origin)
    }

    /// The latest checkpoint of the log whose origin has this SHA-256, cosigned.
    pub(crate) fn latest(&self, digest: &[u8]) -> Option<Note> {
        let memory = self.memory();
        let mut logs = memory.store.state().logs.iter();
        logs.find(|(origin, _)| Sha256::digest(origin)[..] == *digest).map(|(_, kept)| kept.note.clone())
    }

    /// Whether it can cosign, as far as is known.
    pub(crate) fn is_healthy(&self) -> bool {
        let memory = self.memory();
        !memory.forgotten && !memory.store.is_doubtful()
    }

    pub(crate) fn metrics(&self) -> String {
        let memory = self.memory();
        let healthy = !memory.forgotten && !memory.store.is_doubtful();
        self.counts.text(memory.store.state(), healthy)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(|poisoned| {
            // Whoever panicked may have been writing.
            let mut memory = poisoned.into_inner();
            memory.store.doubt();
            self.memory.clear_poison();
            memory
        })
    }

    fn cosign(&self, memory: &mut Memory, mut note: Note, origin: &str) -> Answer {
        let now = (self.clock)();
        if let Some(kept) = memory.store.state().logs.get(origin) {
            if now < kept.time {
                alarm(&format!(
                    "the clock was set back: {origin:?} was cosigned at {}, now is {now}",
                    kept.time
                ));
                return Answer::refusal(500, "the clock of this witness was set back");
            }
            // Whoever sends the same again within a second gets the same lines again, and nothing is written.
            if now == kept.time && kept.note.text() == note.text() && self.cosigned_by_all(&kept.note, now) {
                return self.lines(&kept.note);
            }
        }
        for key in &self.cosigners.signing {
            match cosign(&note, key, now) {
                Ok(line) => note.put(line),
                Err(error) => return Answer::refusal(500, &error.to_string()),
            }
        }
        // With our lines it may have become longer than any reader takes, and we are one at the next start.
        if Note::read(&note.to_bytes()).is_err() {
            return Answer::refusal(400, "the checkpoint is too long to be cosigned");
        }
        let remembered = Kept::of(note.clone(), &self.known)
            .and_then(|kept| memory.store.remember(kept).map_err(|error| error.to_string()));
        match remembered {
            Ok(()) => self.lines(&note),
            Err(error) => {
                self.counts.write_failed();
                alarm(&format!("nothing is cosigned, since it could not be remembered: {error}"));
                Answer::refusal(500, "the state could not be written")
            }
        }
    }

    fn cosigned_by_all(&self, note: &Note, time: u64) -> bool {
        let by =
            |key: &SigningKey| cosigned(note, key.public()).is_ok_and(|cosignature| cosignature.time == time);
        self.cosigners.signing.iter().all(by)
    }

    /// Our lines of a note.
    fn lines(&self, note: &Note) -> Answer {
        let ours = |key: &SigningKey| {
            let mut lines = note.signatures().iter();
            let public = key.public();
            lines.find(|line| line.id == public.id() && line.name == public.name()).map(|line| line.to_line())
        };
        Answer::new(200, self.cosigners.signing.iter().filter_map(ours).collect::<String>())
    }

    /// Whether a checkpoint has a cosignature of ours that we do not remember: the state is older than it
    /// should be, or somebody else has the key. What is cosigned is always remembered first.
    fn remembers_less(&self, kept: Option<&Kept>, note: &Note, checkpoint: &Checkpoint) -> bool {
        let cosigned = self.known.iter().filter_map(|key| cosigned(note, key).ok());
        let Some(latest) = cosigned.max() else { return false };
        kept.is_none_or(|kept| {
            let other = checkpoint.size == kept.checkpoint.size && checkpoint.root != kept.checkpoint.root;
            other || checkpoint.size > kept.checkpoint.size || latest.time > kept.time
        })
    }

    fn stop(&self, memory: &mut Memory, note: &Note) -> Answer {
        memory.forgotten = true;
        alarm(
            "somebody sent a cosignature of this witness that it does not remember: its state is an old one, or \
            somebody else has its key. It cosigns nothing any more; see docs/witness.md",
        );
        if let Err(error) = memory.store.has_forgotten(&note.to_bytes()) {
            alarm(&format!("that could not be written down: {error}"));
        }
        Answer::refusal(500, "this witness does not remember what it cosigned")
    }

    /// Keeps two checkpoints of a log that were not shown to be of one history.
    fn keep_contradiction(&self, kept: &Note, sent: &Note, proof: &[Hash], keys: &[VerifyingKey]) {
        let Ok(Checkpoint { origin, size, .. }) = Checkpoint::read(sent) else { return };
        let (kind, what, shelved) = match Evidence::with(kept, sent, proof, keys) {
            Some(evidence) => {
                let what = format!("SPLIT VIEW: {origin:?} signed two histories, the second of size {size}");
                ("fork", what, self.shelf.convict(&origin, &evidence))
            }
            // The log may have signed the first one with a key that is not its own any more.
            None => {
                let what = format!(
                    "{origin:?} signed a checkpoint of size {size} that nobody proved to continue the last"
                );
                ("question", what, self.shelf.question(&origin, kept, sent, proof))
            }
        };
        self.counts.evidence(kind);
        match shelved {
            Ok(Shelved::New(path)) => alarm(&format!("{what}; see {}", path.display())),
            // It was told then, and anybody can send it again and again.
            Ok(Shelved::Known | Shelved::NoRoom) => {}
            Err(error) => alarm(&format!("{what}; this could not be kept: {error}")),
        }
    }
}

/// The note with the lines of these keys only: others are for others, and could be many.
fn signed_only(note: &Note, keys: &[VerifyingKey]) -> Note {
    let mut reduced = Note::unsigned(note.text().to_owned()).unwrap_or_else(|_| note.clone());
    for line in note.signatures() {
        if keys.iter().any(|key| key.id() == line.id && key.name() == line.name) {
            reduced.put(line.clone());
        }
    }
    reduced
}

/// What somebody must look at.
fn alarm(what: &str) {
    say(Priority::Error, what);
}
