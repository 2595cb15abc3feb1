//! Where verified databases lie. Every change is one rename, so that a power cut leaves what was or what is to be.
//!
//! ```text
//! state.json         what is remembered
//! leaves             the hashes of the log's entries
//! status.json        how the last update went, for who asks; nothing is decided by it
//! candor_update.prom the same for Prometheus, which its node exporter's textfile collector reads
//! releases/42/       statement, NAME.seg and NAME.cdb for each segment, images: the databases' digests
//! current            a link to the release in use
//! previous           a link to the one before it
//! incoming/          a release that is being made
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use candor_tlog::{Hash, MAX_LEAVES};
use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};

use crate::refusal::{About, Kind, Refusal};
use crate::state::{MAX_STATE, State};
use crate::statement::{MAX_STATEMENT, Sha, Statement};
use crate::step::{Step, Steps};

const STATE: &str = "state.json";
const LEAVES: &str = "leaves";
const IMAGES: &str = "images";
const METRICS: &str = "candor_update.prom";
const STATUS: &str = "status.json";
const RELEASES: &str = "releases";
const INCOMING: &str = "incoming";
const CURRENT: &str = "current";
const PREVIOUS: &str = "previous";
const STATEMENT: &str = "statement";

/// A store that nobody else changes while this value lives.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    steps: Steps,
    _lock: File,
}

impl Store {
    /// Opens the store, made if it is not there, and clears away what an update that was cut short left.
    ///
    /// # Errors
    /// If another update is running, or the folder cannot be used.
    pub fn open(folder: &Path) -> Result<Self, Refusal> {
        let what = folder.display().to_string();
        let made = DirBuilder::new().recursive(true).mode(0o755).create(folder.join(RELEASES));
        made.about(Kind::Local, &what)?;
        let lock =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(folder.join("lock"));
        let lock = lock.about(Kind::Local, &what)?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(Refusal::new(Kind::Local, format!("{what}: another update is running")));
        }
        let store = Self { folder: folder.to_owned(), steps: Steps::from_environment(), _lock: lock };
        store.remove_incoming().about(Kind::Local, &what)?;
        Ok(store)
    }

    /// What is remembered; nothing in a new store.
    ///
    /// # Errors
    /// If it cannot be read. It is never made anew then: whoever damages it could make this machine forget.
    pub fn state(&self) -> Result<Option<State>, Refusal> {
        let path = self.folder.join(STATE);
        let what = path.display().to_string();
        let Some(bytes) = read_if_there(&path, MAX_STATE).about(Kind::Local, &what)? else {
            // Releases without a state: somebody took it away.
            let releases = fs::read_dir(self.folder.join(RELEASES)).about(Kind::Local, &what)?.count();
            if releases > 0 {
                let text = format!(
                    "{what} is gone, though there are releases; restore it, or begin with an empty store"
                );
                return Err(Refusal::new(Kind::Local, text));
            }
            return Ok(None);
        };
        State::read(&bytes).map(Some).about(Kind::Local, &what)
    }

    /// Remembers.
    ///
    /// # Errors
    /// If it cannot be written; what was remembered stays.
    pub fn remember(&self, state: &State) -> Result<(), Refusal> {
        let text = serde_json::to_vec_pretty(state).about(Kind::Local, STATE)?;
        self.steps.reached(Step::BeforeState);
        self.replace(STATE, &text).about(Kind::Local, &self.named(STATE))?;
        self.steps.reached(Step::StateWritten);
        Ok(())
    }

    /// Tells how the last update went, as JSON and as metrics. Failing to is no failure of the update.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn tell(&self, status: &[u8], metrics: &[u8]) -> io::Result<()> {
        self.replace(METRICS, metrics)?;
        self.replace(STATUS, status)
    }

    /// Starts a release. What an earlier start left is gone.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn begin(&self) -> Result<Incoming, Refusal> {
        let begin = || {
            self.remove_incoming()?;
            DirBuilder::new().mode(0o755).create(self.folder.join(INCOMING))
        };
        begin().about(Kind::Local, &self.named(INCOMING))?;
        Ok(Incoming { folder: self.folder.join(INCOMING), steps: self.steps.clone() })
    }

    /// Clears away what was begun and could not be put into use: on a full disk there is room again to tell why.
    pub(crate) fn give_up(&self, state: &State) {
        // The next start does it again.
        let _ = self.remove_incoming();
        let _ = self.mend(state);
    }

    /// Puts a finished release among the others; `images` are the digests of its databases.
    ///
    /// # Errors
    /// If it cannot be done; nothing is in use that was not before.
    pub(crate) fn admit(
        &self,
        incoming: &Incoming,
        statement: &Statement,
        images: &[Sha],
    ) -> Result<(), Refusal> {
        let admit = || {
            let images: String = images.iter().map(|image| hex::encode(image) + "\n").collect();
            write_synced(&incoming.folder.join(IMAGES), images.as_bytes())?;
            write_synced(&incoming.folder.join(STATEMENT), statement.to_string().as_bytes())?;
            sync_folder(&incoming.folder)?;
            let place = self.release(statement.sequence);
            // The same release from an earlier run that was cut before it was in use.
            remove_tree(&place)?;
            self.steps.reached(Step::BeforeAdmission);
            fs::rename(&incoming.folder, &place)?;
            sync_folder(&self.folder.join(RELEASES))?;
            self.steps.reached(Step::Admitted);
            Ok::<(), io::Error>(())
        };
        admit().about(Kind::Local, &incoming.folder.display().to_string())
    }

    /// Puts a release of the store into use; `state` says what is kept of the others: the newest `kept`.
    ///
    /// # Errors
    /// If it is not there, or the state or the link cannot be written. The state decides: where only it was written,
    /// [`mend`](Self::mend) does the rest.
    pub fn switch(&self, state: &mut State, sequence: u64, kept: usize) -> Result<(), Refusal> {
        self.statement(sequence)?;
        let mut next = state.clone();
        next.installed.retain(|installed| *installed != sequence);
        next.installed.insert(0, sequence);
        next.installed.truncate(kept.max(2));
        self.remember(&next)?;
        *state = next;
        self.mend(state)
    }

    /// Lets the links say what the state says, and removes releases that it does not know: they are too old, or could
    /// not be put into use.
    ///
    /// # Errors
    /// If a link cannot be written, or a release not be removed.
    pub fn mend(&self, state: &State) -> Result<(), Refusal> {
        for (name, sequence) in [(PREVIOUS, state.installed.get(1)), (CURRENT, state.installed.first())] {
            if let Some(sequence) = sequence {
                self.link(name, *sequence).about(Kind::Local, &self.named(name))?;
                self.steps.reached(Step::Linked);
            }
        }
        let sweep = || -> io::Result<()> {
            for entry in fs::read_dir(self.folder.join(RELEASES))? {
                let entry = entry?;
                let sequence = entry.file_name().to_str().and_then(|name| name.parse::<u64>().ok());
                if sequence.is_some_and(|sequence| !state.installed.contains(&sequence)) {
                    remove_tree(&entry.path())?;
                }
            }
            Ok(())
        };
        sweep().about(Kind::Local, &self.named(RELEASES))
    }

    /// The statement of a release in the store.
    ///
    /// # Errors
    /// If it is not there or damaged.
    pub fn statement(&self, sequence: u64) -> Result<Statement, Refusal> {
        statement_of(&self.folder, sequence)
    }

    /// Whether the databases of a release in the store are what was put there.
    pub fn is_whole(&self, sequence: u64) -> bool {
        let Ok(statement) = self.statement(sequence) else {
            return false;
        };
        let folder = self.release(sequence);
        let images =
            read_if_there(&folder.join(IMAGES), MAX_STATEMENT as u64).ok().flatten().unwrap_or_default();
        let digests = images.split(|&byte| byte == b'\n').map(|line| hex::decode(line).unwrap_or_default());
        statement.segments.iter().zip(digests).all(|(segment, digest)| {
            digest_of(&folder.join(format!("{}.cdb", segment.name)))
                .is_ok_and(|found| found[..] == digest[..])
        })
    }

    /// Remembers the hashes of all entries of the log, so that other checkpoints can be compared with ours.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn remember_leaves(&self, leaves: &[Hash]) -> Result<(), Refusal> {
        self.replace(LEAVES, leaves.as_flattened()).about(Kind::Local, &self.named(LEAVES))
    }

    /// The folder of a release.
    pub fn release(&self, sequence: u64) -> PathBuf {
        release_of(&self.folder, sequence)
    }

    /// Where the store lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn link(&self, name: &str, sequence: u64) -> io::Result<()> {
        let target = Path::new(RELEASES).join(sequence.to_string());
        let link = self.folder.join(name);
        if fs::read_link(&link).is_ok_and(|old| old == target) {
            return Ok(());
        }
        let fresh = self.folder.join(format!(".{name}.new"));
        remove_if_there(&fresh)?;
        symlink(target, &fresh)?;
        fs::rename(fresh, link)?;
        sync_folder(&self.folder)
    }

    fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let fresh = self.folder.join(format!(".{name}.new"));
        remove_if_there(&fresh)?;
        let written = write_synced(&fresh, content).and_then(|()| fs::rename(&fresh, self.folder.join(name)));
        if let Err(error) = written {
            // Half a file on a full disk is room that something else needs.
            let _ = fs::remove_file(fresh);
            return Err(error);
        }
        sync_folder(&self.folder)
    }

    /// A file of the store, for people.
    fn named(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn remove_incoming(&self) -> io::Result<()> {
        remove_tree(&self.folder.join(INCOMING))
    }
}

/// What is remembered in the store of this folder, which is neither locked nor changed; nothing in a new one.
///
/// # Errors
/// If it cannot be read, or is gone though there are releases. It is never made anew then: whoever damages
/// it could make this machine forget.
pub fn peek(folder: &Path) -> Result<Option<State>, Refusal> {
    let path = folder.join(STATE);
    let what = path.display().to_string();
    if let Some(bytes) = read_if_there(&path, MAX_STATE).about(Kind::Local, &what)? {
        return State::read(&bytes).map(Some).about(Kind::Local, &what);
    }
    match fs::read_dir(folder.join(RELEASES)).map(|mut releases| releases.next().is_some()) {
        Ok(true) => {
            let text = format!(
                "{what} is gone, though there are releases; restore it, or begin with an empty store"
            );
            Err(Refusal::new(Kind::Local, text))
        }
        _ => Ok(None),
    }
}

/// The statement of a release in the store of this folder.
///
/// # Errors
/// If it is not there or damaged.
pub fn statement_of(folder: &Path, sequence: u64) -> Result<Statement, Refusal> {
    let path = release_of(folder, sequence).join(STATEMENT);
    let what = path.display().to_string();
    let bytes = read_if_there(&path, MAX_STATEMENT as u64).about(Kind::Local, &what)?;
    let bytes = bytes
        .ok_or_else(|| Refusal::new(Kind::Missing, format!("release {sequence} is not in the store")))?;
    Statement::read(&bytes).about(Kind::Local, &what)
}

/// The hashes of the log's entries as they were remembered last. They prove nothing until their root is compared.
///
/// # Errors
/// If there are none.
pub fn leaves_of(folder: &Path) -> io::Result<Vec<Hash>> {
    let bytes = read_if_there(&folder.join(LEAVES), MAX_LEAVES * 32)?.ok_or(io::ErrorKind::NotFound)?;
    Ok(bytes.as_chunks::<32>().0.to_vec())
}

/// The folder of a release in the store of this folder.
pub fn release_of(folder: &Path, sequence: u64) -> PathBuf {
    folder.join(RELEASES).join(sequence.to_string())
}

/// A release that is being made.
#[derive(Debug)]
pub struct Incoming {
    folder: PathBuf,
    steps: Steps,
}

impl Incoming {
    /// Where a segment's archive goes.
    pub fn segment(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.seg"))
    }

    /// Where a segment's database goes.
    pub fn image(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.cdb"))
    }

    /// Writes a segment's archive.
    pub(crate) fn write_segment(&self, name: &str, content: &[u8]) -> io::Result<()> {
        write_synced(&self.segment(name), content)?;
        self.steps.reached(Step::SegmentWritten);
        Ok(())
    }
}

/// SHA-256 of a file.
pub(crate) fn digest_of(path: &Path) -> io::Result<[u8; 32]> {
    let (mut file, mut hasher) = (File::open(path)?, Sha256::new());
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finalize().into()),
            length => hasher.update(&buffer[..length]),
        }
    }
}

/// Reads a file whole; nothing if it is not there.
///
/// # Errors
/// If it cannot be read, is no regular file, or is longer than `most` bytes.
pub fn read_if_there(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // Opening a pipe would wait for its other end.
        Ok(metadata) if !metadata.is_file() => return Err(io::Error::other("it is no regular file")),
        _ => {}
    }
    let file = File::open(path)?;
    let mut content = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut content)?;
    if content.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {most} bytes")));
    }
    Ok(Some(content))
}

pub(crate) fn write_synced(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

pub(crate) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
