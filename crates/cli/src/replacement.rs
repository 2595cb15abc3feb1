//! Writes a file whole or not at all: beside its final name, which it gets at the end.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

/// A file that does not have its name yet. Dropped, it is gone, and what had the name stays as it was.
pub(crate) struct Replacement(TempPath, PathBuf);

impl Replacement {
    /// Starts a file that is to have this name.
    pub(crate) fn start(path: &Path) -> io::Result<(File, Self)> {
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        // As readable as any new file, as far as the umask allows.
        let file: NamedTempFile = tempfile::Builder::new()
            .prefix(".candor-")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)?;
        let (file, place) = file.into_parts();
        Ok((file, Self(place, path.to_owned())))
    }

    /// Gives the file its name.
    pub(crate) fn finish(self) -> io::Result<()> {
        Ok(self.0.persist(self.1)?)
    }
}

/// A file for a report: a replacement, or the device or FIFO itself if the name is that of one.
pub(crate) fn report(path: &Path) -> io::Result<(File, Option<Replacement>)> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Ok((OpenOptions::new().write(true).open(path)?, None));
    }
    let (file, replacement) = Replacement::start(path)?;
    Ok((file, Some(replacement)))
}
