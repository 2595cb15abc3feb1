//! Which package of the distribution a file belongs to, and whether it is as the package brought it.

mod dpkg;

use std::fs::File;
use std::path::Path;

/// What the package database says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// It is as this package brought it.
    Unmodified(String),
    /// It belongs to this package and has other content.
    Modified(String),
    /// It belongs to no package.
    Nobody,
    /// It cannot be told, for this reason.
    Unknown(String),
    /// There is no database that we can read.
    NoDatabase,
}

/// Asks the package database of the system under this root. The path is absolute and without links.
pub(crate) fn owner(root: &Path, path: &Path, file: &File) -> Owner {
    dpkg::owner(&root.join("var/lib/dpkg"), path, file)
}
