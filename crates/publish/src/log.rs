//! The log: entries that never change, and checkpoints of which none contradicts another.
//!
//! ```text
//! entries/0, entries/1, …   one file per entry
//! signed                    the last checkpoint that was signed; written before anybody sees the signature
//! cosigned                  the same, with cosignatures
//! witnesses.json            how far each witness is, as far as known
//! ```
//!
//! Whatever ends the program between two steps: an entry that is there stays, and the next checkpoint is
//! signed only if it continues the last one that was.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use candor_tlog::{
    Checkpoint, Hash, MAX_LEAVES, Note, Proof, SigningKey, TilePath, bundle_of, consistency_proof, hashes_of,
    inclusion_proof, leaf_hash, root_of, tiles_of,
};

use crate::files;

const SIGNED: &str = "signed";
const COSIGNED: &str = "cosigned";
const WITNESSES: &str = "witnesses.json";
/// Most bytes of an entry: its length has 16 bits in a tile.
const MOST_ENTRY: usize = 65_535;

/// A log in a folder. Whoever has two of them at once for one folder must see to it that only one writes.
#[derive(Debug)]
pub struct Log {
    folder: PathBuf,
    origin: String,
    entries: Vec<Vec<u8>>,
    leaves: Vec<Hash>,
}

impl Log {
    /// Opens the log of this origin; an empty one is made if there is none.
    ///
    /// # Errors
    /// When entries are missing that a signed checkpoint knows, or it is the log of another origin.
    pub fn open(folder: &Path, origin: &str) -> anyhow::Result<Self> {
        files::make_folder(&folder.join("entries"))?;
        let mut log = Self {
            folder: folder.to_owned(),
            origin: origin.to_owned(),
            entries: Vec::new(),
            leaves: Vec::new(),
        };
        while let Some(entry) = files::read_if_there(&log.entry_path(log.entries.len()))? {
            log.leaves.push(leaf_hash(&entry));
            log.entries.push(entry);
        }
        if let Some(signed) = log.signed()? {
            log.continues(&Checkpoint::read(&signed)?).context("the log is damaged")?;
        }
        Ok(log)
    }

    fn entry_path(&self, index: usize) -> PathBuf {
        self.folder.join("entries").join(index.to_string())
    }

    /// How many entries it has.
    pub fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// Its entries.
    pub fn entries(&self) -> &[Vec<u8>] {
        &self.entries
    }

    /// The hashes of its entries.
    pub fn leaves(&self) -> &[Hash] {
        &self.leaves
    }

    /// The number of an entry.
    pub fn position(&self, entry: &[u8]) -> Option<usize> {
        self.entries.iter().position(|known| known == entry)
    }

    /// Adds an entry, and gives its number. One that is there already is not added again.
    ///
    /// # Errors
    /// When it is too long, the log is full, or it cannot be written.
    pub fn append(&mut self, entry: &[u8]) -> anyhow::Result<usize> {
        if let Some(index) = self.position(entry) {
            return Ok(index);
        }
        ensure!(entry.len() <= MOST_ENTRY, "the entry is too long for a log");
        ensure!(self.size() < MAX_LEAVES, "the log is full");
        let index = self.entries.len();
        files::replace(&self.entry_path(index), entry)?;
        self.leaves.push(leaf_hash(entry));
        self.entries.push(entry.to_vec());
        Ok(index)
    }

    /// The last checkpoint that was signed.
    ///
    /// # Errors
    /// When the file is none.
    pub fn signed(&self) -> anyhow::Result<Option<Note>> {
        self.note(SIGNED)
    }

    /// The last checkpoint with the cosignatures that came for it.
    ///
    /// # Errors
    /// When the file is none.
    pub fn cosigned(&self) -> anyhow::Result<Option<Note>> {
        self.note(COSIGNED)
    }

    /// Keeps a checkpoint with cosignatures.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_cosigned(&self, note: &Note) -> anyhow::Result<()> {
        files::replace(&self.folder.join(COSIGNED), &note.to_bytes())
    }

    fn note(&self, name: &str) -> anyhow::Result<Option<Note>> {
        let path = self.folder.join(name);
        let bytes = files::read_if_there(&path)?;
        bytes.map(|bytes| Note::read(&bytes)).transpose().with_context(|| path.display().to_string())
    }

    /// Signs the checkpoint of all entries. It is remembered on the disk before it is given out.
    ///
    /// # Errors
    /// When it would contradict one that was signed before.
    pub fn checkpoint(&self, key: &SigningKey) -> anyhow::Result<Note> {
        let checkpoint =
            Checkpoint { origin: self.origin.clone(), size: self.size(), root: root_of(&self.leaves) };
        // What is on the disk counts, not what was there when the log was opened.
        if let Some(signed) = self.signed()? {
            let before = Checkpoint::read(&signed)?;
            self.continues(&before)?;
            if before == checkpoint && signed.signed_by(key.public()).is_ok() {
                return Ok(signed);
            }
        }
        let mut note = checkpoint.to_note()?;
        note.sign(key);
        files::replace(&self.folder.join(SIGNED), &note.to_bytes())?;
        Ok(note)
    }

    fn continues(&self, signed: &Checkpoint) -> anyhow::Result<()> {
        ensure!(signed.origin == self.origin, "it is the log {}, not {}", signed.origin, self.origin);
        let beginning = usize::try_from(signed.size).ok().and_then(|size| self.leaves.get(..size));
        match beginning {
            None => {
                bail!("a checkpoint of {} entries was signed, and there are {}", signed.size, self.size())
            }
            Some(beginning) if root_of(beginning) != signed.root => {
                bail!("its first {} entries are not those for which a checkpoint was signed", signed.size)
            }
            Some(_) => Ok(()),
        }
    }

    /// What proves that the tree of `old` entries is the beginning of this one. Nothing if this one is smaller.
    pub fn consistency(&self, old: u64) -> Option<Vec<Hash>> {
        consistency_proof(&self.leaves, usize::try_from(old).ok()?)
    }

    /// What proves that an entry is in the tree of a checkpoint of all entries.
    pub fn proof(&self, index: usize, checkpoint: &Note) -> Option<Proof> {
        let hashes = inclusion_proof(&self.leaves, index)?;
        Some(Proof { extra: None, index: index as u64, hashes, checkpoint: checkpoint.clone() })
    }

    /// The tiles of all entries, with their names in a mirror.
    ///
    /// # Errors
    /// Never for logs that can be opened.
    pub fn tiles(&self) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
        let tile = |path: TilePath| {
            let content = match path.level {
                Some(_) => hashes_of(&self.leaves, path),
                None => self.bundle(path),
            };
            Ok((path.to_string(), content.context("a tile beyond the end of the log")?))
        };
        tiles_of(self.size())?.into_iter().map(tile).collect()
    }

    fn bundle(&self, path: TilePath) -> Option<Vec<u8>> {
        let first = usize::try_from(path.index.checked_mul(candor_tlog::HASHES_PER_TILE)?).ok()?;
        let end = first.checked_add(usize::try_from(path.width).ok()?)?;
        bundle_of(self.entries.get(first..end)?).ok()
    }

    /// How many entries each witness knew last, by its key. A hint: a wrong one costs a request.
    pub fn known_to_witnesses(&self) -> BTreeMap<String, u64> {
        let bytes = files::read_if_there(&self.folder.join(WITNESSES)).ok().flatten();
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Remembers that.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn remember_witnesses(&self, known: &BTreeMap<String, u64>) -> anyhow::Result<()> {
        files::replace(&self.folder.join(WITNESSES), &serde_json::to_vec(known)?)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use candor_tlog::{KeyKind, verify_consistency};

    use super::*;

    const ORIGIN: &str = "example.org/log";

    fn key() -> SigningKey {
        SigningKey::new(ORIGIN, KeyKind::Note, &[1; 32]).expect("a key")
    }

    #[test]
    fn entries_are_added_once_and_proven() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut log = Log::open(folder.path(), ORIGIN).expect("a log");
        for number in [0_u32, 1, 2, 1, 0] {
            log.append(&number.to_be_bytes()).expect("added");
        }
        assert_eq!(log.size(), 3);
        let note = log.checkpoint(&key()).expect("a checkpoint");
        let log = Log::open(folder.path(), ORIGIN).expect("the log");
        let proof = log.proof(1, &note).expect("an entry");
        assert_eq!(proof.includes(&1_u32.to_be_bytes()).expect("a proof").size, 3);
        let consistency = log.consistency(2).expect("smaller");
        let (two, three) = (root_of(&log.leaves()[..2]), root_of(log.leaves()));
        verify_consistency((2, &two), (3, &three), &consistency).expect("it continues");
        assert_eq!(log.tiles().expect("tiles").len(), 2);
        assert!(Log::open(folder.path(), "example.org/other").is_err());
    }

    #[test]
    fn no_checkpoint_contradicts_one_that_was_signed() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut log = Log::open(folder.path(), ORIGIN).expect("a log");
        log.append(b"one").expect("added");
        // Not signed yet: this is what a program that was killed leaves, and it goes on.
        let mut log = Log::open(folder.path(), ORIGIN).expect("the log");
        assert_eq!(log.append(b"one").expect("there already"), 0);
        log.checkpoint(&key()).expect("signed");
        log.append(b"two").expect("added");
        log.checkpoint(&key()).expect("signed");
        let last = log.entry_path(1);
        fs::write(&last, b"other").expect("a forgery");
        assert!(Log::open(folder.path(), ORIGIN).is_err(), "another entry");
        fs::remove_file(&last).expect("removed");
        assert!(Log::open(folder.path(), ORIGIN).is_err(), "an entry less");
        // Somebody who opened it before sees what was signed meanwhile.
        let elsewhere = tempfile::tempdir().expect("a folder");
        let mut other = Log::open(elsewhere.path(), ORIGIN).expect("a log");
        other.append(b"another history").expect("added");
        fs::copy(folder.path().join(SIGNED), elsewhere.path().join(SIGNED)).expect("a copy");
        assert!(other.checkpoint(&key()).is_err());
    }
}
