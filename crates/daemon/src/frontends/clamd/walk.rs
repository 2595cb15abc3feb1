//! The files that a named path stands for, opened one after the other.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use tokio::sync::mpsc::Sender;
use walkdir::{DirEntry, WalkDir};

use super::permission::{Asker, Use};
use super::settings::Settings;
use crate::local_file;

/// What is met on the way.
#[derive(Debug)]
pub(super) enum Step {
    /// The named path is a folder; what follows lies in it.
    Folder,
    /// A file to scan.
    File(PathBuf, File),
    /// Something that settings leave out, with the words for it.
    Left(PathBuf, &'static str),
    /// Something that cannot be looked at, with the reason.
    Failed(PathBuf, String),
}

/// Nobody wants more.
#[derive(Debug)]
struct Unwanted;

/// Sends what the path stands for. Waits for files and for the receiver, so it needs a thread; ends when the
/// receiver is dropped.
pub(super) fn walk(named: &Path, settings: &Settings, asker: &Asker, to: &Sender<Step>) {
    // Whoever dropped the receiver has no more questions.
    let _: Result<(), Unwanted> = Walk { settings, asker, to }.named(named);
}

struct Walk<'a> {
    settings: &'a Settings,
    asker: &'a Asker,
    to: &'a Sender<Step>,
}

impl Walk<'_> {
    fn send(&self, step: Step) -> Result<(), Unwanted> {
        self.to.blocking_send(step).map_err(|_| Unwanted)
    }

    fn failed(&self, path: &Path, because: impl Into<String>) -> Result<(), Unwanted> {
        self.send(Step::Failed(path.to_owned(), because.into()))
    }

    fn left(&self, path: &Path, words: &'static str) -> Result<(), Unwanted> {
        self.send(Step::Left(path.to_owned(), words))
    }

    fn excluded(&self, path: &Path) -> bool {
        self.settings.exclude.iter().any(|exclusion| exclusion.matches(path.as_os_str().as_bytes()))
    }

    fn named(&self, path: &Path) -> Result<(), Unwanted> {
        if !path.is_absolute() {
            // clamd takes them from its own working folder, which is not the client's.
            return self.failed(path, check_failure(&io::Error::from_raw_os_error(NOT_FOUND)));
        }
        if !self.asker.may_know(path) {
            return self.failed(path, ACCESS_DENIED);
        }
        if self.excluded(path) {
            return self.left(path, "Excluded");
        }
        let mut metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => return self.failed(path, check_failure(&error)),
        };
        if metadata.is_symlink() {
            let target = match fs::metadata(path) {
                Ok(metadata) => metadata,
                Err(error) => return self.failed(path, check_failure(&error)),
            };
            let follow = self.settings.follow;
            if !(target.is_dir() && follow.folders() || target.is_file() && follow.files()) {
                return self.failed(path, "Symbolic link, not followed.");
            }
            metadata = target;
        }
        if metadata.is_dir() {
            self.send(Step::Folder)?;
            self.folder(path, &metadata)
        } else if metadata.is_file() {
            self.file(path.to_owned())
        } else {
            self.failed(path, NOT_SUPPORTED)
        }
    }

    fn folder(&self, named: &Path, root: &Metadata) -> Result<(), Unwanted> {
        let follow = self.settings.follow;
        let mut entries = WalkDir::new(named).follow_links(follow.files() || follow.folders()).into_iter();
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.unreadable(&error)?;
                    continue;
                }
            };
            let path = entry.path();
            let folder = entry.file_type().is_dir();
            if entry.depth() > 0 && self.excluded(path) {
                if folder {
                    entries.skip_current_dir();
                }
                self.left(path, "Excluded")?;
            } else if folder && !self.enters(&entry, root)? {
                entries.skip_current_dir();
            } else if entry.file_type().is_file() && (follow.files() || !entry.path_is_symlink()) {
                self.file(entry.into_path())?;
            }
        }
        Ok(())
    }

    /// Whether a folder is gone into; tells why not.
    fn enters(&self, entry: &DirEntry, root: &Metadata) -> Result<bool, Unwanted> {
        let path = entry.path();
        if entry.depth() > 0 {
            if entry.path_is_symlink() && !self.settings.follow.folders() {
                return Ok(false);
            }
            if entry.depth() > self.settings.depth {
                // clamd says nothing of it.
                self.failed(path, "Folders too deep, not scanned.")?;
                return Ok(false);
            }
            let elsewhere = entry.metadata().is_ok_and(|metadata| metadata.dev() != root.dev());
            if elsewhere && !self.settings.other_file_systems {
                self.left(path, "Excluded (another filesystem)")?;
                return Ok(false);
            }
        }
        if *self.asker == Asker::Unlimited {
            return Ok(true);
        }
        let allowed = open(path, OFlags::DIRECTORY).and_then(|folder| self.asker.may_use(&folder, Use::List));
        match allowed {
            Ok(true) => return Ok(true),
            Ok(false) => self.failed(path, ACCESS_DENIED)?,
            Err(error) => self.failed(path, check_failure(&error))?,
        }
        Ok(false)
    }

    fn unreadable(&self, error: &walkdir::Error) -> Result<(), Unwanted> {
        let (Some(path), Some(cause)) = (error.path(), error.io_error()) else {
            // A link to a folder above: everything in it is met anyhow.
            return Ok(());
        };
        // What is gone, or what a broken link names, has no content.
        if error.depth() > 0 && cause.kind() == io::ErrorKind::NotFound {
            return Ok(());
        }
        self.failed(path, check_failure(cause))
    }

    fn file(&self, path: PathBuf) -> Result<(), Unwanted> {
        let links = if self.settings.follow.files() { OFlags::empty() } else { OFlags::NOFOLLOW };
        let allowed = open(&path, links).and_then(|file| Ok((self.asker.may_use(&file, Use::Read)?, file)));
        match allowed {
            Ok((true, file)) => self.send(Step::File(path, file)),
            Ok((false, _)) => self.failed(&path, ACCESS_DENIED),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.failed(&path, ACCESS_DENIED)
            }
            Err(error) => self.failed(&path, check_failure(&error)),
        }
    }
}

const ACCESS_DENIED: &str = "Access denied.";
const NOT_SUPPORTED: &str = "Not supported file type";
const NOT_FOUND: i32 = rustix::io::Errno::NOENT.raw_os_error();

/// What is said to clients that may not name paths.
pub(super) fn denied(path: PathBuf) -> Step {
    Step::Failed(path, ACCESS_DENIED.into())
}

fn check_failure(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    format!("File path check failure: {text}.")
}

/// Opens a file or folder; a path may have become something else since it was looked at.
fn open(path: &Path, more: OFlags) -> io::Result<File> {
    let file = local_file::open_now(path, more)?;
    let kind = file.metadata()?.file_type();
    if kind.is_fifo() || kind.is_socket() || kind.is_char_device() || kind.is_block_device() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(file)
}
