//! The state on the disk: it is replaced as a whole, durably, before anything that follows from it is told to anybody.
//!
//! Beside the file NAME lie NAME.mark (which generation it is, and the lock), NAME.new (the next one while it is
//! written) and perhaps NAME.forgotten (why the witness must not be used any more). The order of a write: the new
//! file, its content, its bytes on the disk, its name, the folder on the disk, the mark, the mark on the disk. So the
//! mark is at most one generation behind the state, and never ahead of it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use candor_tlog::VerifyingKey;
use rustix::fs::OFlags;

use crate::mark::Mark;
use crate::state::{Kept, MAX_STATE, State};
use crate::step::{Step, reached};

/// Why there is no state, or why it must not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The operating system refuses something.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// There is none, and never was.
    #[error(
        "there is no state at {0}; for a key that never cosigned anything, begin with `candor-witness init`"
    )]
    Never(PathBuf),
    /// It existed and is gone.
    #[error("the state {0} is gone. {AMNESIA}")]
    Gone(PathBuf),
    /// It is there without its mark.
    #[error("the mark {0} is gone or damaged, so nobody knows whether the state is the latest. {AMNESIA}")]
    NoMark(PathBuf),
    /// It is not what was written.
    #[error("the state {0} is damaged: {1}. {AMNESIA}")]
    Damaged(PathBuf, String),
    /// It is not the one that was written last.
    #[error("the state {path} is generation {found}, but {marked} was written. {AMNESIA}")]
    Older {
        /// The file.
        path: PathBuf,
        /// Its generation.
        found: u64,
        /// What the mark says.
        marked: u64,
    },
    /// It was cosigned with keys that the configuration does not name.
    #[error("the state {0} was cosigned by {1}, which is neither among the keys nor retired")]
    OtherKeys(PathBuf, String),
    /// The witness was convicted of having forgotten something.
    #[error("{0} says that this witness cosigned what it does not remember. {AMNESIA}")]
    Forgotten(PathBuf),
    /// There is something already.
    #[error("{0} is there already; a state is begun once in the life of a key")]
    There(PathBuf),
}

const AMNESIA: &str = "A witness that does not remember what it cosigned must not go on with its keys: \
    find the latest state, or begin anew with a new key under a new name (docs/witness.md)";

type Result<T> = std::result::Result<T, StoreError>;

/// The state, with the only right to change it.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    mark: Mark,
    known: Vec<VerifyingKey>,
    state: State,
    /// Whether a write failed, so that the disk must be asked what came of it.
    doubtful: bool,
}

impl Store {
    /// Begins an empty state.
    ///
    /// # Errors
    /// [`StoreError::There`] if there was one ever; else what the operating system says.
    pub fn init(path: &Path, known: &[VerifyingKey]) -> Result<()> {
        let mark = beside(path, ".mark");
        if exists(&mark)? {
            return Err(StoreError::There(mark));
        }
        let empty = State { keys: known.to_vec(), ..State::default() };
        // What an interrupted `init` left has no logs in it.
        if exists(path)? && read(path)? != empty.to_bytes() {
            return Err(StoreError::There(path.to_owned()));
        }
        replace(path, &empty.to_bytes()).map_err(|error| StoreError::Io(path.to_owned(), error))?;
        let made = Mark::create(&mark).and_then(|_| sync_folder(path));
        made.map_err(|error| StoreError::Io(mark, error))
    }

    /// Opens the state that is there; `known` are all keys that may have cosigned it.
    ///
    /// # Errors
    /// When it is not the latest one, whole, and ours.
    pub fn open(path: &Path, known: &[VerifyingKey]) -> Result<Self> {
        let mark_path = beside(path, ".mark");
        let mark = match Mark::open(&mark_path) {
            Ok(mark) => mark,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(if exists(path)? {
                    StoreError::NoMark(mark_path)
                } else {
                    StoreError::Never(path.to_owned())
                });
            }
            Err(error) => return Err(StoreError::Io(mark_path, error)),
        };
        let forgotten = beside(path, ".forgotten");
        if exists(&forgotten)? {
            return Err(StoreError::Forgotten(forgotten));
        }
        // An interrupted write is of no use to anybody: nothing that it says was told.
        let passing = beside(path, ".new");
        if exists(&passing)? {
            fs::remove_file(&passing).map_err(|error| StoreError::Io(passing, error))?;
        }
        let known = known.to_vec();
        let mut store = Self { path: path.to_owned(), mark, known, state: State::default(), doubtful: true };
        store.settle()?;
        Ok(store)
    }

    /// Makes sure that what is remembered is what is on the disk, if there is doubt about it.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn settle(&mut self) -> Result<()> {
        if self.doubtful {
            self.state = self.load()?;
            self.doubtful = false;
        }
        Ok(())
    }

    /// What is remembered.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Has the disk asked before the next use.
    pub fn doubt(&mut self) {
        self.doubtful = true;
    }

    /// Whether the last write failed.
    pub fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    /// Remembers a checkpoint in the place of the log's last one. When this returns without an error it is on the disk.
    ///
    /// # Errors
    /// When it could not be written. Whether it was is asked before the next use.
    pub fn remember(&mut self, kept: Kept) -> Result<()> {
        self.doubtful = true;
        let mut next = self.state.clone();
        next.generation += 1;
        next.keys.clone_from(&self.known);
        next.logs.insert(kept.checkpoint.origin.clone(), kept);
        let bytes = next.to_bytes();
        let written = if bytes.len() > MAX_STATE {
            Err(io::Error::other("it would be too long to be read again"))
        } else {
            replace(&self.path, &bytes).and_then(|()| self.mark.set(next.generation))
        };
        written.map_err(|error| StoreError::Io(self.path.clone(), error))?;
        self.state = next;
        self.doubtful = false;
        Ok(())
    }

    /// Writes down that the witness does not remember what it once cosigned: it will not start again.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn has_forgotten(&self, what: &[u8]) -> io::Result<()> {
        let path = beside(&self.path, ".forgotten");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(what)?;
        file.sync_all()?;
        sync_folder(&self.path)
    }

    fn load(&self) -> Result<State> {
        let path = || self.path.clone();
        if !exists(&self.path)? {
            return Err(StoreError::Gone(path()));
        }
        let state = State::read(&read(&self.path)?).map_err(|what| StoreError::Damaged(path(), what))?;
        if let Some(key) = state.keys.iter().find(|key| !self.known.contains(key)) {
            return Err(StoreError::OtherKeys(path(), key.to_string()));
        }
        let mark = beside(&self.path, ".mark");
        let marked = self.mark.get().map_err(|error| StoreError::Io(mark.clone(), error))?;
        let marked = marked.ok_or_else(|| StoreError::NoMark(mark.clone()))?;
        let found = state.generation;
        // The power may have gone between the two.
        if found != marked && Some(found) != marked.checked_add(1) {
            return Err(StoreError::Older { path: path(), found, marked });
        }
        if found != marked {
            sync_folder(&self.path)
                .and_then(|()| self.mark.set(found))
                .map_err(|error| StoreError::Io(mark, error))?;
        }
        Ok(state)
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

fn exists(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreError::Io(path.to_owned(), error)),
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let read = || -> io::Result<Vec<u8>> {
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        let mut bytes = Vec::new();
        file.take(MAX_STATE as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|error| StoreError::Io(path.to_owned(), error))
}

/// Replaces a file as a whole; nothing is left of an attempt that fails.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let passing = beside(path, ".new");
    let replaced = write_new(&passing, bytes).and_then(|()| fs::rename(&passing, path));
    if let Err(error) = replaced {
        let _ = fs::remove_file(&passing);
        return Err(error);
    }
    reached(Step::Named);
    sync_folder(path)?;
    reached(Step::Durable);
    Ok(())
}

fn write_new(passing: &Path, bytes: &[u8]) -> io::Result<()> {
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    let mut options = OpenOptions::new();
    let mut file =
        options.write(true).create(true).truncate(true).mode(0o600).custom_flags(flags).open(passing)?;
    reached(Step::Begun);
    let (half, rest) = bytes.split_at(bytes.len() / 2);
    file.write_all(half)?;
    reached(Step::HalfWritten);
    file.write_all(rest)?;
    reached(Step::Written);
    file.sync_all()?;
    reached(Step::Synced);
    Ok(())
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// The folder in which a file lies.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use candor_tlog::{Checkpoint, KeyKind, SigningKey, cosign};

    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::new(&format!("witness.example.org/{seed}"), KeyKind::Cosignature, &[seed; 32])
            .expect("a key")
    }

    fn kept(size: u64) -> Kept {
        let checkpoint = Checkpoint { origin: "o".to_owned(), size, root: [7; 32] };
        let mut note = checkpoint.to_note().expect("a note");
        note.put(cosign(&note, &key(1), 9).expect("a line"));
        Kept { checkpoint, time: 9, note }
    }

    struct Ground {
        _folder: tempfile::TempDir,
        state: PathBuf,
        known: Vec<VerifyingKey>,
    }

    fn ground() -> Ground {
        let folder = tempfile::tempdir().expect("a folder");
        let (state, known) = (folder.path().join("state"), vec![key(1).public().clone()]);
        Store::init(&state, &known).expect("a state");
        Ground { _folder: folder, state, known }
    }

    impl Ground {
        fn open(&self) -> Result<Store> {
            Store::open(&self.state, &self.known)
        }
    }

    #[test]
    fn what_is_remembered_is_there_after_a_restart() {
        let ground = ground();
        for size in 1..4 {
            let mut store = ground.open().expect("the state");
            store.remember(kept(size)).expect("room");
            assert!(matches!(ground.open(), Err(StoreError::Io(..))), "it is locked");
        }
        let store = ground.open().expect("the state");
        assert_eq!((store.state().generation, &store.state().logs["o"]), (3, &kept(3)));
    }

    #[test]
    fn an_older_state_is_refused_and_one_that_is_a_write_ahead_is_not() {
        let ground = ground();
        let mut copies = Vec::new();
        let mut store = ground.open().expect("the state");
        for size in 1..4 {
            store.remember(kept(size)).expect("room");
            copies
                .push((fs::read(&ground.state).unwrap(), fs::read(beside(&ground.state, ".mark")).unwrap()));
        }
        drop(store);
        for (old, _) in &copies[..2] {
            fs::write(&ground.state, old).expect("room");
            assert!(matches!(ground.open(), Err(StoreError::Older { .. })));
        }
        fs::write(&ground.state, &copies[2].0).expect("room");
        fs::write(beside(&ground.state, ".mark"), &copies[0].1).expect("room");
        assert!(matches!(ground.open(), Err(StoreError::Older { .. })), "a mark that is two behind");
        fs::write(beside(&ground.state, ".mark"), &copies[1].1).expect("room");
        let store = ground.open().expect("the power went between the two");
        assert_eq!(store.mark.get().unwrap(), Some(3), "which is mended");
    }

    #[test]
    fn what_is_missing_damaged_or_foreign_is_refused() {
        let ground = ground();
        ground.open().expect("the state").remember(kept(1)).expect("room");
        let good = fs::read(&ground.state).unwrap();
        assert!(matches!(Store::init(&ground.state, &ground.known), Err(StoreError::There(_))));
        assert!(matches!(Store::open(&ground.state, &[]), Err(StoreError::OtherKeys(..))));
        let rotated = [key(1).public().clone(), key(2).public().clone()];
        Store::open(&ground.state, &rotated).expect("a new key beside the old one");

        fs::write(&ground.state, b"").unwrap();
        assert!(matches!(ground.open(), Err(StoreError::Damaged(..))));
        fs::remove_file(&ground.state).unwrap();
        assert!(matches!(ground.open(), Err(StoreError::Gone(_))));
        assert!(matches!(Store::init(&ground.state, &ground.known), Err(StoreError::There(_))));
        std::os::unix::fs::symlink("/dev/zero", &ground.state).unwrap();
        assert!(matches!(ground.open(), Err(StoreError::Io(..))));
        fs::remove_file(&ground.state).unwrap();

        fs::write(&ground.state, &good).unwrap();
        ground.open().expect("as before").has_forgotten(b"a checkpoint").unwrap();
        assert!(matches!(ground.open(), Err(StoreError::Forgotten(_))));
        fs::remove_file(beside(&ground.state, ".forgotten")).unwrap();
        fs::remove_file(beside(&ground.state, ".mark")).unwrap();
        assert!(matches!(ground.open(), Err(StoreError::NoMark(_))));
        assert!(
            matches!(Store::init(&ground.state, &ground.known), Err(StoreError::There(_))),
            "it has logs"
        );
        fs::remove_file(&ground.state).unwrap();
        assert!(matches!(ground.open(), Err(StoreError::Never(_))));
    }

    #[test]
    fn an_interrupted_init_is_finished() {
        let ground = ground();
        fs::remove_file(beside(&ground.state, ".mark")).unwrap();
        Store::init(&ground.state, &ground.known).expect("an empty state");
        fs::write(beside(&ground.state, ".new"), b"half").unwrap();
        ground.open().expect("the state");
        assert!(!beside(&ground.state, ".new").exists());
    }

    #[test]
    fn a_failed_write_is_asked_for_before_the_next_use() {
        let ground = ground();
        let mut store = ground.open().expect("the state");
        fs::create_dir(beside(&ground.state, ".new")).unwrap();
        assert!(store.remember(kept(1)).is_err() && store.is_doubtful());
        fs::remove_dir(beside(&ground.state, ".new")).unwrap();
        store.settle().expect("nothing was written");
        assert!(store.state().logs.is_empty());
        store.remember(kept(1)).expect("room");
        assert_eq!(store.state().generation, 1);
    }
}
