//! What becomes of a file in which something was found: it is moved, copied or removed.

use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use candor_quarantine::Error;
use candor_quarantine::elsewhere::{Folder, Put, remove};

use super::options::Deed;
use candor_object::harmless;

/// What is done, with the folder held open for it.
#[derive(Debug)]
pub(super) enum Deeds {
    /// Nothing.
    Nothing,
    /// Files are moved here.
    Move(Folder),
    /// Files are copied here.
    Copy(Folder),
    /// Files are removed.
    Remove,
}

impl Deeds {
    /// Gets ready.
    ///
    /// # Errors
    /// When files cannot be put into the folder; the line says so.
    pub(super) fn prepare(deed: &Deed) -> Result<Self, String> {
        let folder = |path: &Path| Folder::open(path).map_err(|error| without_number(&error));
        Ok(match deed {
            Deed::Nothing => Self::Nothing,
            Deed::Move(path) => Self::Move(folder(path)?),
            Deed::Copy(path) => Self::Copy(folder(path)?),
            Deed::Remove => Self::Remove,
        })
    }

    /// The word for what is done.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Move(_) => "moved",
            Self::Copy(_) => "copied",
            Self::Remove => "removed",
        }
    }

    /// Does it with exactly the file that was examined; the line that tells of it, if there is something to tell.
    ///
    /// # Errors
    /// The line that says why not; then the file is where it was.
    pub(super) fn apply(&self, path: &Path, file: &File) -> Result<Option<Vec<u8>>, Vec<u8>> {
        let shown = harmless(path.as_os_str().as_bytes());
        let done = match self {
            Self::Nothing => return Ok(None),
            Self::Move(folder) => folder.take(file, path).map(|put| line(&shown, "moved", &put)),
            Self::Copy(folder) => folder.copy(file, path).map(|put| line(&shown, "copied", &put)),
            Self::Remove => {
                remove(file, path).map(|from| Some([&shown, &real(&from)[..], b": Removed."].concat()))
            }
        };
        done.map_err(|error| {
            let verb = match self {
                Self::Move(_) => "move",
                Self::Copy(_) => "copy",
                _ => "remove",
            };
            let why = harmless(without_number(&error).as_bytes());
            [format!("Can't {verb} file '").as_bytes(), &shown, b"': ", &why].concat()
        })
    }
}

/// What is wrong, without the system's number for it.
fn without_number(error: &Error) -> String {
    error.to_string().split(" (os error").next().unwrap_or_default().to_owned()
}

/// Nothing is told of what lies in the folder already.
fn line(shown: &[u8], word: &str, put: &Put) -> Option<Vec<u8>> {
    if put.from == put.to {
        return None;
    }
    let to = harmless(put.to.as_os_str().as_bytes());
    Some([shown, &real(&put.from), format!(": {word} to '").as_bytes(), &to, b"'"].concat())
}

fn real(path: &Path) -> Vec<u8> {
    [b" (real path: '", &harmless(path.as_os_str().as_bytes())[..], b"')"].concat()
}
