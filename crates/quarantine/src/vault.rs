//! The vault's folder: who may use it, what lies in it, and who works in it now.

use std::ffi::OsString;
use std::fs::{DirBuilder, File};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use candor_packages::Packages;
use rustix::fs::{AtFlags, CWD, Dir, FlockOperation, Mode, OFlags, flock, fsync, openat, renameat, unlinkat};
use rustix::io::Errno;

use crate::entry::unseal::Unsealed;
use crate::error::{About, Error, Result};
use crate::id::Id;
use crate::key::{self, Key};
use crate::source::Identity;
use crate::step::{Step, Steps};

/// Most bytes of a file that is taken, unless somebody says otherwise: reading it takes minutes.
pub const MOST_BYTES: u64 = 64 << 30;

/// The folder in which files are kept so that they can neither run nor be read.
#[derive(Debug)]
pub struct Vault {
    pub(crate) folder: OwnedFd,
    pub(crate) path: PathBuf,
    pub(crate) identity: Identity,
    pub(crate) key: Key,
    pub(crate) most_bytes: u64,
    pub(crate) packages: Packages,
    pub(crate) steps: Steps,
}

/// How far an entry has come; it is the end of its file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It is being written; worth nothing.
    Part,
    /// It is whole and on the disk; the original may still be there.
    Taken,
    /// The original is gone.
    Final,
}

impl Stage {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Part, ".part"), (Self::Taken, ".taken"), (Self::Final, ".entry")];

    pub(crate) fn file_name(self, id: Id) -> String {
        let end = Self::ALL.iter().find(|(stage, _)| *stage == self).map_or("", |(_, end)| *end);
        format!("{id}{end}")
    }

    fn of(name: &str) -> Option<(Id, Self)> {
        Self::ALL.iter().find_map(|(stage, end)| Some((name.strip_suffix(end)?.parse().ok()?, *stage)))
    }
}

/// What lies in the vault's folder.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) entries: Vec<(Id, Stage)>,
    /// Keys that were never finished.
    pub(crate) keys: Vec<String>,
    /// What is not ours.
    pub(crate) strange: Vec<OsString>,
}

/// Held while somebody works in the vault; ends with the process, however that ends.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "the lock lasts as long as it is open")] OwnedFd);

impl Vault {
    /// Where the vault is when nobody says otherwise: `/var/lib/candor/quarantine` for root, and
    /// `$XDG_DATA_HOME/candor/quarantine` or `$HOME/.local/share/candor/quarantine` for others. Nothing if
    /// neither is set to an absolute path.
    pub fn default_folder() -> Option<PathBuf> {
        if rustix::process::geteuid().is_root() {
            return Some(PathBuf::from("/var/lib/candor/quarantine"));
        }
        let folder = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let data = folder("XDG_DATA_HOME").or_else(|| Some(folder("HOME")?.join(".local/share")))?;
        Some(data.join("candor/quarantine"))
    }

    /// Opens the vault in this folder.
    ///
    /// # Errors
    /// [`Error::NoVault`] if there is none, [`Error::Exposed`] if folder or key belong to another user or
    /// others may use them, or if there are entries and no key.
    pub fn open(path: &Path) -> Result<Self> {
        let path = &std::path::absolute(path).about(path, "it is no path")?;
        let (folder, identity) = open_folder(path)?;
        match key::read(folder.as_fd(), path)? {
            Some(key) => Ok(Self {
                folder,
                path: path.clone(),
                identity,
                key,
                most_bytes: MOST_BYTES,
                packages: Packages::at(Path::new("/")),
                steps: Steps::default(),
            }),
            None if names(&folder, path)?.entries.is_empty() => Err(Error::NoVault(path.clone())),
            None => Err(Error::Exposed {
                path: path.join(key::NAME),
                reason: "the key file is missing and entries need it; put it back".to_owned(),
            }),
        }
    }

    /// Opens the vault in this folder; makes folder and key where they are missing, for this user only.
    ///
    /// # Errors
    /// As [`open`](Self::open), and when something cannot be made.
    pub fn create(path: &Path) -> Result<Self> {
        match Self::open(path) {
            Err(Error::NoVault(_)) => {}
            other => return other,
        }
        let path = &std::path::absolute(path).about(path, "it is no path")?;
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.about(path, "the vault's folder cannot be made")?;
        let (folder, _) = open_folder(path)?;
        key::make(folder.as_fd(), path)?;
        // A folder that is lost with its name in a power cut would take everything with it.
        for folder in path.ancestors().skip(1) {
            if let Ok(folder) = File::open(folder) {
                let _ = folder.sync_all();
            }
        }
        Self::open(path)
    }

    /// The same, with another limit of bytes for a file that is taken, holes included.
    #[must_use]
    pub fn with_most_bytes(mut self, most_bytes: u64) -> Self {
        self.most_bytes = most_bytes;
        self
    }

    /// The same, with the package database of the system under another folder than `/`.
    #[must_use]
    pub fn with_packages_of(mut self, root: &Path) -> Self {
        self.packages = Packages::at(root);
        self
    }

    /// The same, with these package databases. For tests.
    #[doc(hidden)]
    #[must_use]
    pub fn with_packages(mut self, packages: Packages) -> Self {
        self.packages = packages;
        self
    }

    /// The same, calling this at every point between two changes. For tests.
    #[doc(hidden)]
    #[must_use]
    pub fn with_hook(mut self, hook: impl Fn(Step) + Send + Sync + 'static) -> Self {
        self.steps = Steps(Some(Box::new(hook)));
        self
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The one entry whose id begins with this text.
    ///
    /// # Errors
    /// [`Error::Unknown`] or [`Error::Ambiguous`].
    pub fn find(&self, beginning: &str) -> Result<Id> {
        let mut ids = self.names()?.entries;
        ids.retain(|(id, stage)| *stage != Stage::Part && id.to_string().starts_with(beginning));
        ids.dedup_by_key(|(id, _)| *id);
        match ids.as_slice() {
            // Nothing is the beginning of everything, but nobody means it.
            _ if beginning.is_empty() => Err(Error::Unknown(String::new())),
            [(id, _)] => Ok(*id),
            [_, _, ..] => Err(Error::Ambiguous(beginning.to_owned())),
            [] => Err(Error::Unknown(beginning.to_owned())),
        }
    }

    /// All names in the folder; entries by id.
    pub(crate) fn names(&self) -> Result<Names> {
        names(&self.folder, &self.path)
    }

    /// The file of an entry, for messages.
    pub(crate) fn path_of(&self, id: Id, stage: Stage) -> PathBuf {
        self.path.join(stage.file_name(id))
    }

    /// Opens an entry and reads its record.
    pub(crate) fn unseal(&self, id: Id) -> Result<(Unsealed<File>, Stage)> {
        // It may be given its final name between the first two looks.
        for stage in [Stage::Final, Stage::Taken, Stage::Final] {
            if let Some(unsealed) = self.unseal_at(id, stage)? {
                return Ok((unsealed, stage));
            }
        }
        Err(Error::Unknown(id.to_string()))
    }

    pub(crate) fn unseal_at(&self, id: Id, stage: Stage) -> Result<Option<Unsealed<File>>> {
        let path = self.path_of(id, stage);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.folder, stage.file_name(id), flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error).about(&path, "the entry cannot be opened"),
        };
        if !file.metadata().about(&path, "the entry cannot be looked at")?.is_file() {
            return Err(Error::Broken { path, reason: "it is no regular file".to_owned() });
        }
        Unsealed::open(file, &self.key, id).map(Some).map_err(|fault| fault.of(&path))
    }

    /// Gives an entry its next name, for good.
    pub(crate) fn promote(&self, id: Id, from: Stage, to: Stage) -> Result<()> {
        let renamed = renameat(&self.folder, from.file_name(id), &self.folder, to.file_name(id));
        renamed.about(&self.path_of(id, from), "the entry cannot be renamed")
    }

    /// Removes an entry, for good.
    pub(crate) fn remove(&self, id: Id, stage: Stage) -> Result<()> {
        let removed = unlinkat(&self.folder, stage.file_name(id), AtFlags::empty());
        removed.about(&self.path_of(id, stage), "the entry cannot be removed")?;
        self.sync()
    }

    /// Puts the folder's names on the disk.
    pub(crate) fn sync(&self) -> Result<()> {
        fsync(&self.folder).about(&self.path, "the vault's folder cannot be put on the disk")
    }

    /// Waits until nobody mends the vault, and keeps others from mending it.
    pub(crate) fn lock_shared(&self) -> Result<Lock> {
        let lock = self.lock_file()?;
        flock(&lock, FlockOperation::LockShared).about(&self.path, "the vault cannot be locked")?;
        Ok(Lock(lock))
    }

    /// Keeps all others out, or tells that somebody is at work.
    pub(crate) fn lock_alone(&self) -> Result<Option<Lock>> {
        let lock = self.lock_file()?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Lock(lock))),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error).about(&self.path, "the vault cannot be locked"),
        }
    }

    /// The folder, opened again: locks belong to an opening and not to a thread.
    fn lock_file(&self) -> Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(&self.folder, ".", flags, Mode::empty()).about(&self.path, "the vault cannot be locked")
    }
}

fn open_folder(path: &Path) -> Result<(OwnedFd, Identity)> {
    let exposed = |reason: &str| Err(Error::Exposed { path: path.to_owned(), reason: reason.to_owned() });
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = match openat(CWD, path, flags, Mode::empty()) {
        Ok(folder) => File::from(folder),
        Err(Errno::NOENT) => return Err(Error::NoVault(path.to_owned())),
        // Who may exchange a link decides where the vault is.
        Err(Errno::NOTDIR | Errno::LOOP) => {
            return exposed("it is a link or no folder; name the folder itself");
        }
        Err(error) => return Err(error).about(path, "the vault's folder cannot be opened"),
    };
    let metadata = folder.metadata().about(path, "the vault's folder cannot be looked at")?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return exposed("the vault's folder belongs to another user; use one of your own");
    }
    if metadata.mode() & 0o077 != 0 {
        return exposed("others may use the vault's folder; `chmod 700` it, or name a folder of its own");
    }
    Ok((folder.into(), Identity::of(&metadata)))
}

fn names(folder: &OwnedFd, path: &Path) -> Result<Names> {
    let mut names = Names::default();
    for one in Dir::read_from(folder).about(path, "the vault's folder cannot be read")? {
        let one = one.about(path, "the vault's folder cannot be read")?;
        let name = OsString::from_vec(one.file_name().to_bytes().to_vec());
        match name.to_str() {
            Some("." | ".." | key::NAME) => {}
            Some(text) if text.starts_with(key::UNFINISHED) => names.keys.push(text.to_owned()),
            text => match text.and_then(Stage::of) {
                Some(entry) => names.entries.push(entry),
                None => names.strange.push(name),
            },
        }
    }
    names.entries.sort_by_key(|(id, _)| *id);
    names.strange.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn ground() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/vault");
        (folder, path)
    }

    #[test]
    fn a_vault_is_for_its_owner_only() {
        let (_folder, path) = ground();
        assert!(matches!(Vault::open(&path), Err(Error::NoVault(_))));
        Vault::create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(path.join("key")).unwrap().mode() & 0o777, 0o600);
        Vault::open(&path).unwrap();
        for (name, loose) in [("", 0o750), ("key", 0o640)] {
            let path = if name.is_empty() { path.clone() } else { path.join(name) };
            let tight = fs::metadata(&path).unwrap().permissions();
            fs::set_permissions(&path, Permissions::from_mode(loose)).unwrap();
            let vault = ground_of(&path);
            assert!(matches!(Vault::open(&vault), Err(Error::Exposed { .. })), "{name}");
            assert!(matches!(Vault::create(&vault), Err(Error::Exposed { .. })), "{name}");
            fs::set_permissions(&path, tight).unwrap();
        }
        Vault::open(&path).unwrap();
    }

    fn ground_of(path: &Path) -> PathBuf {
        if path.ends_with("key") { path.parent().unwrap().to_owned() } else { path.to_owned() }
    }

    #[test]
    fn a_key_is_made_once_and_never_replaced() {
        let (_folder, path) = ground();
        Vault::create(&path).unwrap();
        let key = fs::read(path.join("key")).unwrap();
        assert_eq!(key.len(), 32);
        Vault::create(&path).unwrap();
        assert_eq!(fs::read(path.join("key")).unwrap(), key);
        fs::write(path.join("key"), "short").unwrap();
        assert!(matches!(Vault::create(&path), Err(Error::Exposed { .. })));
        fs::remove_file(path.join("key")).unwrap();
        fs::write(path.join(format!("{}.entry", "0".repeat(32))), "x").unwrap();
        assert!(matches!(Vault::create(&path), Err(Error::Exposed { .. })));
        assert!(!path.join("key").exists());
    }

    #[test]
    fn many_who_make_the_vault_at_once_share_one_key() {
        let (_folder, path) = ground();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| Vault::create(&path).unwrap());
            }
        });
        let names: Vec<_> = fs::read_dir(&path).unwrap().map(|one| one.unwrap().file_name()).collect();
        assert_eq!(names, ["key"]);
    }

    #[test]
    fn a_link_is_no_vault() {
        let (folder, path) = ground();
        Vault::create(&path).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(Vault::open(&link), Err(Error::Exposed { .. })));
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(Vault::create(&folder.path().join("file")).is_err());
    }

    #[test]
    fn threads_share_a_vault() {
        fn shared<T: Send + Sync + 'static>() {}
        shared::<Vault>();
    }

    #[test]
    fn whoever_works_keeps_others_from_mending() {
        let (_folder, path) = ground();
        let vault = Vault::create(&path).unwrap();
        let first = vault.lock_shared().unwrap();
        let second = vault.lock_shared().unwrap();
        assert!(vault.lock_alone().unwrap().is_none());
        drop((first, second));
        assert!(vault.lock_alone().unwrap().is_some());
    }
}
