//! A folder with a vault and files that can be compared in all that the vault promises to keep.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use candor_quarantine::{Grounds, Protection, Result, Taken, Vault, open};
use rustix::fs::{OFlags, Timespec, Timestamps, XattrFlags, futimens};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

pub(crate) struct Ground {
    _folder: TempDir,
    root: PathBuf,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir(root.join("files")).unwrap();
        Self { _folder: folder, root }
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn vault(&self) -> Vault {
        // The packages of the machine that runs the tests are not asked.
        Vault::create(&self.path("vault")).unwrap().with_packages_of(&self.path("no-system"))
    }

    /// A file with a mode, times and attributes that no file has by accident.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path("files").join(name);
        fs::write(&path, content).unwrap();
        dress(&path);
        path
    }

    /// All names under `files`.
    pub(crate) fn names(&self) -> Vec<String> {
        names(&self.path("files"))
    }

    /// All names in the vault but the key's.
    pub(crate) fn in_vault(&self) -> Vec<String> {
        names(&self.path("vault")).into_iter().filter(|name| name != "key").collect()
    }
}

/// Gives a file unusual properties.
pub(crate) fn dress(path: &Path) {
    let file = File::options().write(true).open(path).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o4751)).unwrap();
    // Not every file system of a test machine has them.
    let _ = rustix::fs::fsetxattr(&file, "user.candor", b"\0value\xff", XattrFlags::empty());
    let times = Timestamps {
        last_access: Timespec { tv_sec: 1_000_000_001, tv_nsec: 123_456_789 },
        last_modification: Timespec { tv_sec: -5, tv_nsec: 987_654_321 },
    };
    futimens(&file, &times).unwrap();
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub(crate) fn take(vault: &Vault, path: &Path) -> Result<Taken> {
    let grounds = Grounds { findings: vec!["Test.Known-1".to_owned()], database: Some("ab12".to_owned()) };
    vault.take(&open(path)?, path, &grounds, Protection::Packages)
}

/// All of a file that restoring must bring back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Likeness {
    sha256: String,
    mode: u32,
    owner: (u32, u32),
    accessed: (i64, i64),
    modified: (i64, i64),
    attribute: Option<Vec<u8>>,
}

impl Likeness {
    pub(crate) fn of(path: &Path) -> Self {
        let metadata = fs::symlink_metadata(path).unwrap();
        let mut value = [0; 100];
        let attribute = rustix::fs::getxattr(path, "user.candor", &mut value[..]).ok();
        Self {
            sha256: hex::encode(Sha256::digest(read(path))),
            mode: metadata.mode(),
            owner: (metadata.uid(), metadata.gid()),
            accessed: (metadata.atime(), metadata.atime_nsec()),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            attribute: attribute.map(|length| value[..length].to_vec()),
        }
    }
}

/// The content, read without leaving a time of access.
pub(crate) fn read(path: &Path) -> Vec<u8> {
    let flags = OFlags::NOATIME.bits().cast_signed();
    let mut content = Vec::new();
    File::options().read(true).custom_flags(flags).open(path).unwrap().read_to_end(&mut content).unwrap();
    content
}
