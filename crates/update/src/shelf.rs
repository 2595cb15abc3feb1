//! Where databases of feeds lie, beside those of releases. As there, every change is one rename.
//!
//! ```text
//! disabled.toml                names of rules that are not reported
//! feeds/NAME/versions/7/       the file as it was fetched, NAME.seg, NAME.cdb and about.json
//! feeds/NAME/current           a link to the version in use
//! feeds/NAME/previous          a link to the one before it
//! feeds/NAME/held.json         what the clean-file gate holds
//! feeds/NAME/incoming/         a version that is being made
//! feeds/NAME/status.json       how the last update went; nothing is decided by it
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use candor_policy::{DISABLED, Disabled};
use rustix::fs::{FlockOperation, flock};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::step::{Step, Steps};
use crate::store::{read_if_there, remove_if_there, remove_tree, sync_folder, write_synced};

const FEEDS: &str = "feeds";
const VERSIONS: &str = "versions";
const INCOMING: &str = "incoming";
const CURRENT: &str = "current";
const PREVIOUS: &str = "previous";
const ABOUT: &str = "about.json";
const HELD: &str = "held.json";
const STATUS: &str = "status.json";
/// Most bytes of what is kept about a version, and of the list of disabled rules.
const MOST: u64 = 16 << 20;

/// What is in use of a feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The name of the file.
    pub file: String,
    /// SHA-256 of the file, in base 16.
    pub sha256: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its licence as it was when it was put into use.
    pub licence: String,
    /// Who vouches for it, in words.
    pub vouching: String,
    /// When it was put into use.
    pub since: String,
    /// When its publisher signed it, in seconds since 1970, if that is known.
    #[serde(default)]
    pub signed_at: Option<u64>,
    /// How many of its rules are used.
    pub rules: u64,
    /// How many are not.
    pub left_out: u64,
    /// The first reasons why; they quote the file.
    pub problems: Vec<String>,
    /// The names that were switched off when it was compiled.
    pub disabled: Vec<String>,
}

/// What the gate holds: this content with these names switched off is not tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// SHA-256 of the file, in base 16.
    pub sha256: String,
    /// The names that were switched off.
    pub disabled: Vec<String>,
    /// Why.
    pub reason: String,
}

/// The databases of feeds, which nobody else changes while this value lives.
#[derive(Debug)]
pub struct Shelf {
    store: PathBuf,
    steps: Steps,
    _lock: File,
}

impl Shelf {
    /// Opens the shelf in the store of this folder; it is made if it is not there.
    ///
    /// # Errors
    /// If somebody else changes it, or the folder cannot be used.
    pub fn open(store: &Path) -> io::Result<Self> {
        let feeds = store.join(FEEDS);
        DirBuilder::new().recursive(true).mode(0o755).create(&feeds)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let lock = options.open(feeds.join(".lock"))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "another update of feeds is running"));
        }
        Ok(Self { store: store.to_owned(), steps: Steps::from_environment(), _lock: lock })
    }

    /// An empty folder for a version of a feed.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn begin(&self, name: &str, file: &str, content: &[u8]) -> io::Result<PathBuf> {
        let incoming = folder_of(&self.store, name).join(INCOMING);
        remove_tree(&incoming)?;
        DirBuilder::new().recursive(true).mode(0o755).create(&incoming)?;
        write_synced(&incoming.join(file), content)?;
        self.steps.reached(Step::SegmentWritten);
        Ok(incoming)
    }

    /// Puts what was begun into use, and keeps the version before it.
    ///
    /// # Errors
    /// If it cannot be done; then what was in use still is.
    pub fn admit(&self, name: &str, about: &About) -> io::Result<()> {
        let folder = folder_of(&self.store, name);
        let (incoming, versions) = (folder.join(INCOMING), folder.join(VERSIONS));
        write_synced(&incoming.join(ABOUT), &json(about)?)?;
        sync_folder(&incoming)?;
        DirBuilder::new().recursive(true).mode(0o755).create(&versions)?;
        let number = numbers(&versions)?.into_iter().max().unwrap_or(0).saturating_add(1);
        self.steps.reached(Step::BeforeAdmission);
        fs::rename(&incoming, versions.join(number.to_string()))?;
        sync_folder(&versions)?;
        self.steps.reached(Step::Admitted);
        let before = fs::read_link(folder.join(CURRENT)).ok();
        let current = Path::new(VERSIONS).join(number.to_string());
        if let Some(before) = &before {
            link(&folder, PREVIOUS, before)?;
        }
        link(&folder, CURRENT, &current)?;
        self.steps.reached(Step::Linked);
        remove_if_there(&folder.join(HELD))?;
        for old in numbers(&versions)? {
            let place = Path::new(VERSIONS).join(old.to_string());
            if place != current && Some(&place) != before.as_ref() {
                remove_tree(&folder.join(place))?;
            }
        }
        Ok(())
    }

    /// Gives up what was begun; what the gate holds is remembered.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn give_up(&self, name: &str, held: Option<&Held>) -> io::Result<()> {
        let folder = folder_of(&self.store, name);
        remove_tree(&folder.join(INCOMING))?;
        held.map_or(Ok(()), |held| replace(&folder, HELD, &json(held)?))
    }

    /// Takes a feed out of use and removes all that is kept of it; whether anything was.
    ///
    /// # Errors
    /// If it cannot be done.
    pub fn remove(&self, name: &str) -> io::Result<bool> {
        let folder = folder_of(&self.store, name);
        if !fs::symlink_metadata(&folder)?.is_dir() {
            return Ok(false);
        }
        // Without this link nothing of it is used, however far the rest comes.
        remove_if_there(&folder.join(CURRENT))?;
        sync_folder(&folder)?;
        remove_tree(&folder)?;
        sync_folder(&self.store.join(FEEDS))?;
        Ok(true)
    }

    /// Keeps how an update of a feed went.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn tell(&self, name: &str, status: &impl Serialize) -> io::Result<()> {
        let folder = folder_of(&self.store, name);
        DirBuilder::new().recursive(true).mode(0o755).create(&folder)?;
        replace(&folder, STATUS, &json(status)?)
    }

    /// Puts a list of disabled rules in the place of the one that is there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn disable(&self, disabled: &Disabled) -> io::Result<()> {
        replace(&self.store, DISABLED, disabled.text().map_err(io::Error::other)?.as_bytes())
    }
}

/// The folder of a feed in a store.
pub fn folder_of(store: &Path, name: &str) -> PathBuf {
    store.join(FEEDS).join(name)
}

/// The folder of the version that is in use of a feed.
pub fn current_of(store: &Path, name: &str) -> PathBuf {
    folder_of(store, name).join(CURRENT)
}

/// The names of the feeds in a store, sorted.
///
/// # Errors
/// If they cannot be read.
pub fn names(store: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(store.join(FEEDS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string().ok().filter(|name| !name.starts_with('.')));
    }
    names.sort();
    Ok(names)
}

/// What is in use of a feed, if anything.
///
/// # Errors
/// If it cannot be read.
pub fn about(store: &Path, name: &str) -> io::Result<Option<About>> {
    read(&current_of(store, name).join(ABOUT))
}

/// What was told of the last update of a feed, if anything.
///
/// # Errors
/// If it cannot be read.
pub fn told<T: DeserializeOwned>(store: &Path, name: &str) -> io::Result<Option<T>> {
    read(&folder_of(store, name).join(STATUS))
}

/// What the gate holds of a feed, if anything.
///
/// # Errors
/// If it cannot be read.
pub fn held(store: &Path, name: &str) -> io::Result<Option<Held>> {
    read(&folder_of(store, name).join(HELD))
}

/// The rules that are disabled in a store; none without a list.
///
/// # Errors
/// If the list cannot be read.
pub fn disabled(store: &Path) -> io::Result<Disabled> {
    let Some(bytes) = read_if_there(&store.join(DISABLED), MOST)? else { return Ok(Disabled::default()) };
    let wrong = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    let text = String::from_utf8(bytes).map_err(|error| wrong(error.to_string()))?;
    Disabled::from_toml(&text).map_err(|error| wrong(error.to_string()))
}

fn numbers(versions: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(versions)? {
        numbers.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u64>().ok()));
    }
    Ok(numbers)
}

fn link(folder: &Path, name: &str, target: &Path) -> io::Result<()> {
    let fresh = folder.join(format!(".{name}.new"));
    remove_if_there(&fresh)?;
    symlink(target, &fresh)?;
    fs::rename(fresh, folder.join(name))?;
    sync_folder(folder)
}

fn replace(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let fresh = folder.join(format!(".{name}.new"));
    remove_if_there(&fresh)?;
    write_synced(&fresh, content)?;
    fs::rename(fresh, folder.join(name))?;
    sync_folder(folder)
}

fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    let bytes = read_if_there(path, MOST)?;
    Ok(bytes.map(|bytes| serde_json::from_slice(&bytes)).transpose()?)
}

fn json(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}
