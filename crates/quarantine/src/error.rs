//! Why something could not be done with the vault; every message names the file that it is about.

use std::io;
use std::path::{Path, PathBuf};

/// Why something could not be done. Nothing was lost: what was in its place or in the vault is there still.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system says no.
    #[error("{}: {doing}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was attempted, such as `it cannot be opened`.
        doing: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
    /// There is no vault yet.
    #[error("{}: there is no vault here; the first file that is taken makes one", .0.display())]
    NoVault(PathBuf),
    /// Others could read or change the vault.
    #[error("{}: {reason}", path.display())]
    Exposed {
        /// The vault's folder or its key file.
        path: PathBuf,
        /// What is wrong, with what to do.
        reason: String,
    },
    /// It is a folder, a device or something else that is no file.
    #[error("{}: it is no regular file", .0.display())]
    NotRegular(PathBuf),
    /// It is a symbolic link.
    #[error("{}: it is a symbolic link; name the file that it leads to", .0.display())]
    SymbolicLink(PathBuf),
    /// A folder of the path is a symbolic link, which its owner could turn to any place at any time.
    #[error("{}: a folder on the way is a symbolic link; name the path without links, as `realpath` prints it", .0.display())]
    SymbolicLinkOnTheWay(PathBuf),
    /// It is a file that the kernel makes up.
    #[error("{}: it is no stored file but one that the kernel makes up", .0.display())]
    MadeUp(PathBuf),
    /// It lies in the vault.
    #[error("{}: it is a part of the vault", .0.display())]
    InVault(PathBuf),
    /// It is longer than allowed.
    #[error("{}: it has {size} bytes, more than the {most} that are taken; raise the limit", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes, holes included.
        size: u64,
        /// The limit in bytes.
        most: u64,
    },
    /// It has more extended attributes than can be kept.
    #[error("{}: its extended attributes have more than {most} bytes", path.display())]
    TooManyAttributes {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        most: usize,
    },
    /// It was written to while it was taken.
    #[error("{}: it changed while it was taken, so it was left in its place; try again", .0.display())]
    Changed(PathBuf),
    /// The name leads to another file than the one that was opened, or to none.
    #[error("{}: the name no longer leads to the file that was opened, so nothing was removed; try again", .0.display())]
    Moved(PathBuf),
    /// Another file came to the name and could not be put back to it.
    #[error("{}: another file was in its place and is now at {}; nothing was removed", path.display(), at.display())]
    Displaced {
        /// Where it was.
        path: PathBuf,
        /// Where it is.
        at: PathBuf,
    },
    /// It is as the distribution's package brought it.
    #[error("{}: it is an unmodified file of the package {package}; taking it could break the system, only force does it", path.display())]
    OfPackage {
        /// The file.
        path: PathBuf,
        /// The package's name.
        package: String,
    },
    /// It belongs to a package that has no checksum of it, or the package database cannot be read.
    #[error("{}: whether it is an unmodified file of a package cannot be told: {reason}; only force takes it", path.display())]
    PackageUnknown {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Something is there already.
    #[error("{}: something is there already and is not overwritten; choose another place", .0.display())]
    Exists(PathBuf),
    /// The file that was written under this name was replaced by somebody before it could be seen there.
    #[error("{}: somebody replaced the file while it was put there; it is still in the vault", .0.display())]
    Replaced(PathBuf),
    /// It is no id, or nothing with this id is in the vault.
    #[error("nothing in the vault has an id that begins with {0:?}; `candor quarantine list` shows all")]
    Unknown(String),
    /// More than one id begins so.
    #[error("more than one id begins with {0:?}; write more of it")]
    Ambiguous(String),
    /// An entry is damaged or was made by somebody who does not have the key.
    #[error("{}: {reason}", path.display())]
    Broken {
        /// The entry's file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Another program holds the vault, so what was left unfinished in it cannot be told from what is under way.
    #[error("{}: another program is at work in the vault; try again", .0.display())]
    Busy(PathBuf),
}

/// What this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Says of an error of the operating system what it is about.
pub(crate) trait About<T> {
    /// With the file, and what was attempted.
    fn about(self, path: &Path, doing: &'static str) -> Result<T>;
}

impl<T, E: Into<io::Error>> About<T> for std::result::Result<T, E> {
    fn about(self, path: &Path, doing: &'static str) -> Result<T> {
        self.map_err(|error| Error::Io { path: path.to_owned(), doing, source: error.into() })
    }
}
