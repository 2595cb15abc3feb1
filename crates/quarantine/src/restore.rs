//! Brings a file back as it was, and only then removes its entry.

use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::attributes;
use crate::entry::record::Entry;
use crate::error::{About, Error, Result};
use crate::id::Id;
use crate::new_file::NewFile;
use crate::place::Place;
use crate::source::{self, Identity};
use crate::step::Step;
use crate::vault::{Stage, Vault};

/// What becomes of the entry when its file was restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// It is removed.
    Remove,
    /// It is kept.
    Keep,
}

/// A file that was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What the vault knew of it.
    pub entry: Entry,
    /// Where it is.
    pub path: PathBuf,
    /// What could not be restored, each with the reason, such as `owner 0: Operation not permitted`.
    pub missing: Vec<String>,
    /// Whether it was there already, as an interrupted program leaves it.
    pub was_there: bool,
    /// Whether the entry is still in the vault: if asked for, and if the original could not be settled yet.
    pub kept: bool,
}

impl Vault {
    /// Restores a file to where it was, or to another path; that path must have no symbolic links in it.
    ///
    /// Content, mode, times and extended attributes are exact, and so are owner and group if this user may
    /// give them. The set-user-ID and set-group-ID bits are given only together with the owner and group.
    /// A file that lies there already, equal in content, mode, owner and time of change, counts as restored.
    ///
    /// # Errors
    /// [`Error::Exists`] if something else is there; [`Error::Broken`] if the entry is damaged; whenever
    /// something fails, nothing appears and the entry stays.
    pub fn restore(&self, id: Id, to: Option<&Path>, afterwards: Afterwards) -> Result<Restored> {
        // What is left of the original must be settled before the entry, which knows of it, may go.
        self.mend()?;
        let _lock = self.lock_shared()?;
        let (mut unsealed, stage) = self.unseal(id)?;
        let entry = unsealed.entry.clone();
        let place = Place::of(to.unwrap_or(&entry.path))?;
        let mut restored =
            Restored { path: place.path.clone(), missing: Vec::new(), was_there: false, kept: true, entry };
        if place.look(&place.name)?.is_some() {
            if !is_restored(&place, &restored.entry)? {
                return Err(Error::Exists(place.path));
            }
            restored.was_there = true;
        } else {
            let making = "the file cannot be made";
            let passing = format!(".candor-restore-{id}");
            let mut file = NewFile::begin(place.folder.as_fd(), &passing).about(&place.path, making)?;
            self.steps.reached(Step::FileBegun);
            let read = unsealed.content(&mut |offset, piece| {
                let written = file.file().write_all_at(piece, offset);
                self.steps.reached(Step::ChunkRestored);
                written
            });
            read.map_err(|fault| fault.of_copying(&self.path_of(id, stage), &place.path))?;
            file.file().set_len(restored.entry.size).about(&place.path, "the file cannot be written")?;
            self.steps.reached(Step::FileWritten);
            let given = attributes::give(file.file(), &restored.entry);
            restored.missing = given.about(&place.path, "its mode cannot be set")?;
            file.file().sync_all().about(&place.path, "the file cannot be put on the disk")?;
            self.steps.reached(Step::FileSynced);
            let written = file.file().metadata().about(&place.path, "it cannot be looked at")?;
            match file.publish(&place.name) {
                Err(Errno::EXIST) => return Err(Error::Exists(place.path)),
                other => other.about(&place.path, making)?,
            }
            self.steps.reached(Step::FileNamed);
            if place.identity(&place.name)? != Some(Identity::of(&written)) {
                return Err(Error::Replaced(place.path));
            }
        }
        place.sync()?;
        self.steps.reached(Step::FileDurable);
        if afterwards == Afterwards::Remove && stage == Stage::Final {
            self.remove(id, stage)?;
            restored.kept = false;
            self.steps.reached(Step::EntryRemoved);
        }
        Ok(restored)
    }
}

/// Whether the file at this place is what restoring would make.
fn is_restored(place: &Place, entry: &Entry) -> Result<bool> {
    let Some(file) = place.open(OsStr::new(&place.name))? else { return Ok(false) };
    let metadata = file.metadata().about(&place.path, "it cannot be looked at")?;
    let may_give = rustix::process::geteuid().is_root();
    let same = metadata.len() == entry.size
        && source::modified(&metadata) == entry.modified
        && (metadata.mode() & 0o7777 == entry.mode
            || !may_give && metadata.mode() & 0o777 == entry.mode & 0o777)
        && ((metadata.uid(), metadata.gid()) == (entry.owner, entry.group) || !may_give);
    if !same {
        return Ok(false);
    }
    Ok(source::digest(&file, entry.size).about(&place.path, "it cannot be read")? == Some(entry.sha256))
}
