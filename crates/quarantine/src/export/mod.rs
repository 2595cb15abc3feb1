//! Writes the content of an entry to a file for analysts: harmless, or as it was; never executable.

mod zip;

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use crate::entry::Fault;
use crate::entry::unseal::Unsealed;
use crate::error::{About, Error, Result};
use crate::id::Id;
use crate::new_file::NewFile;
use crate::vault::Vault;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// A zip with the password that analysts agreed on, `infected`: no program opens or scans it by accident.
    /// The file in it is named by its SHA-256. The encryption is the traditional one, which every tool knows.
    Zip,
    /// The bytes as they were.
    Raw,
}

impl Vault {
    /// Writes the content to a new file that only this user can read and nobody can execute. The entry stays.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is something already; [`Error::Broken`] if the entry is damaged; whenever
    /// something fails, nothing appears.
    pub fn export(&self, id: Id, to: &Path, form: Form) -> Result<PathBuf> {
        let _lock = self.lock_shared()?;
        let (mut unsealed, stage) = self.unseal(id)?;
        let in_vault = self.path_of(id, stage);
        let path = std::path::absolute(to).about(to, "it is no path")?;
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(Error::NotRegular(path));
        };
        let folder = openat(CWD, parent, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .about(&path, "its folder cannot be opened")?;
        let passing = format!(".candor-export-{id}");
        let mut file = NewFile::begin(folder.as_fd(), &passing).about(&path, "the file cannot be made")?;
        let written = match form {
            Form::Raw => raw(&mut unsealed, file.file()),
            Form::Zip => zip::write(&mut unsealed, file.file()),
        };
        written.map_err(|fault| fault.of_copying(&in_vault, &path))?;
        file.file().sync_all().about(&path, "the file cannot be put on the disk")?;
        match file.publish(name) {
            Err(Errno::EXIST) => Err(Error::Exists(path)),
            other => other.about(&path, "the file cannot be made").map(|()| path.clone()),
        }
    }
}

fn raw(unsealed: &mut Unsealed<File>, file: &File) -> std::result::Result<(), Fault> {
    unsealed.content(&mut |offset, piece| file.write_all_at(piece, offset))?;
    file.set_len(unsealed.entry.size).map_err(Fault::Sink)
}
