//! What the distribution's package manager vouches for: which package a file belongs to, whether it is as the package
//! brought it, and all the files that it knows a digest of.
//!
//! Debian's database is text and is read as it lies. That of rpm has three forms over the years (Berkeley DB, ndb,
//! SQLite) with binary headers inside; the program `rpm`, which the same distribution vouches for, reads them all, so
//! it is asked, and no second reader of hostile headers is linked. Nothing is ever written.

#![forbid(unsafe_code)]

mod digest;
mod dpkg;
mod names;
mod rpm;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

pub use digest::Digest;
pub use names::merged;

/// What the package database says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
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

/// A file that a package brought, and what it contained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// Its path as the package has it, from the root.
    pub path: PathBuf,
    /// The package.
    pub package: String,
    /// The digest of what the package brought.
    pub digest: Digest,
}

/// Where the databases are.
#[derive(Clone, Debug)]
pub struct Packages {
    root: PathBuf,
    rpm: PathBuf,
}

impl Packages {
    /// Those of the system under this root.
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned(), rpm: PathBuf::from(rpm::PROGRAM) }
    }

    /// With another program `rpm`: for tests.
    #[doc(hidden)]
    pub fn with_rpm(mut self, program: &Path) -> Self {
        self.rpm = program.to_owned();
        self
    }

    /// Whose file this is. The path is absolute and without links.
    pub fn owner(&self, path: &Path, file: &File) -> Owner {
        let debian = dpkg::owner(&self.dpkg(), path, file);
        if !matches!(debian, Owner::Nobody | Owner::NoDatabase) {
            return debian;
        }
        match rpm::owner(&self.rpm, &self.root, path, file) {
            Owner::NoDatabase => debian,
            other => other,
        }
    }

    /// All files with a digest, each name once, in the order of their paths; empty where there is no database.
    ///
    /// # Errors
    /// When a database is there and cannot be read.
    pub fn vouched(&self) -> io::Result<Vec<Vouched>> {
        let mut all = dpkg::vouched(&self.dpkg())?;
        all.extend(rpm::vouched(&self.rpm, &self.root)?);
        all.sort_by(|one, other| (&one.path, &one.package).cmp(&(&other.path, &other.package)));
        all.dedup_by(|one, other| one.path == other.path && one.digest == other.digest);
        Ok(all)
    }

    fn dpkg(&self) -> PathBuf {
        self.root.join("var/lib/dpkg")
    }
}
