//! Verdicts that the kernel keeps: it asks no longer about files that are opened all the time.
//!
//! A mark that lets the kernel ignore a file would outlive a store through a mapping. So a read lease is held for as long as
//! the mark stands: whoever opens the file for writing, or cuts it short, waits until the mark is gone. Who does not want to
//! wait (`O_NONBLOCK`, as `touch` and `truncate` do) gets an error instead, and the lease needs the file to be open, which
//! keeps its file system from being unmounted. So it is taken only on files that nobody writes to in place: those of root
//! in folders of the system.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::gate::path_of;
use crate::group::Groups;
use crate::lease;
use crate::verdicts::Identity;

/// Files that are kept: each is open, and all are looked at when one of them is to be written to.
const MOST: usize = 8192;

/// Files about which the kernel does not ask.
#[derive(Debug)]
pub(crate) struct Kept {
    files: HashMap<(u64, u64), File>,
    folders: Vec<PathBuf>,
}

impl Kept {
    /// None yet.
    pub(crate) fn new(folders: &[PathBuf]) -> Self {
        Self { files: HashMap::new(), folders: folders.to_vec() }
    }

    /// Lets the kernel ask no longer about a file that is known as this, if nobody can write to it.
    pub(crate) fn keep(&mut self, groups: &Groups, file: File, identity: Identity) {
        if self.files.len() >= MOST
            || self.files.contains_key(&identity.file())
            || !self.is_of_the_system(&file)
        {
            return;
        }
        // Closing the file gives the lease back.
        let is_it = lease::take(&file) && Identity::of(&file).ok().flatten() == Some(identity);
        if is_it && groups.ignore(&file, true).is_ok() {
            self.files.insert(identity.file(), file);
        }
    }

    /// Whether a file is root's, nobody else may write to it, and it lies in one of the folders.
    fn is_of_the_system(&self, file: &File) -> bool {
        let is_roots = file.metadata().is_ok_and(|file| file.uid() == 0 && file.mode() & 0o022 == 0);
        let path = path_of(file);
        is_roots && self.folders.iter().any(|folder| path.starts_with(folder))
    }

    /// Gives back what somebody waits for.
    pub(crate) fn give_back(&mut self, groups: &Groups) {
        self.files.retain(|_, file| {
            let stands = lease::stands(file);
            if !stands {
                let _ = groups.ignore(file, false);
            }
            stands
        });
    }

    /// Closes files that have no name any more, whose space is wanted back.
    pub(crate) fn forget_deleted(&mut self, groups: &Groups) {
        self.files.retain(|_, file| {
            let has_name = file.metadata().is_ok_and(|file| file.nlink() > 0);
            if !has_name {
                let _ = groups.ignore(file, false);
            }
            has_name
        });
    }

    /// Lets the kernel ask about every file again.
    pub(crate) fn clear(&mut self, groups: &Groups) {
        let _ = groups.ignore_none();
        self.files.clear();
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }
}
