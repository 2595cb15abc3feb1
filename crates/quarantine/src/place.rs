//! Where a file lies: its folder, held open, and its name there. Paths are walked once and without links.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Stat, fstatfs, fsync, openat2, readlinkat, statat,
    syncfs,
};
use rustix::io::Errno;

use crate::error::{About, Error, Result};
use crate::source::Identity;

/// No link on the way is followed: the owner of one could turn it between two looks.
const STRAIGHT: ResolveFlags = ResolveFlags::NO_SYMLINKS.union(ResolveFlags::NO_MAGICLINKS);

/// A name in a folder that is held open, so that renaming folders around it changes nothing.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) folder: OwnedFd,
    pub(crate) name: OsString,
    /// For people and for the record.
    pub(crate) path: PathBuf,
}

impl Place {
    /// The place that a path names; nothing need be there.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        let path = std::path::absolute(path).about(path, "it is no path")?;
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(Error::NotRegular(path));
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = match openat2(CWD, parent, flags, Mode::empty(), STRAIGHT) {
            // A folder may be used by those who cannot list it; it just cannot be synced then.
            Err(Errno::ACCESS) => openat2(
                CWD,
                parent,
                OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
                Mode::empty(),
                STRAIGHT,
            ),
            other => other,
        };
        let folder = folder.map_err(|error| refused(error, &path, "its folder cannot be opened"))?;
        Ok(Self { folder, name: name.to_owned(), path })
    }

    /// What is there now, not following a link; nothing if nothing is.
    pub(crate) fn look(&self, name: &OsStr) -> Result<Option<Stat>> {
        match statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error).about(&self.path, "it cannot be looked at"),
        }
    }

    /// Which file has this name in the folder now.
    pub(crate) fn identity(&self, name: &OsStr) -> Result<Option<Identity>> {
        Ok(self.look(name)?.map(|stat| Identity { device: stat.st_dev, inode: stat.st_ino }))
    }

    /// The regular file with this name in the folder, if there is one.
    pub(crate) fn open(&self, name: &OsStr) -> Result<Option<File>> {
        let Some(stat) = self.look(name)? else { return Ok(None) };
        // Opening a device can have effects, so it is looked at before.
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Ok(None);
        }
        match open_to_read(&self.folder, name) {
            Ok(file) => {
                let file = File::from(file);
                let regular = file.metadata().about(&self.path, "it cannot be looked at")?.is_file();
                Ok(regular.then_some(file))
            }
            Err(Errno::NOENT | Errno::LOOP) => Ok(None),
            Err(error) => Err(error).about(&self.path, "it cannot be opened"),
        }
    }

    /// Puts the folder's names on the disk.
    pub(crate) fn sync(&self) -> Result<()> {
        let synced = match fsync(&self.folder) {
            // A folder that cannot be listed is open as a path only; all of its file system goes to the disk then.
            Err(Errno::BADF) => {
                openat2(&self.folder, &self.name, READ, Mode::empty(), STRAIGHT).and_then(syncfs)
            }
            other => other,
        };
        synced.about(&self.path, "its folder cannot be put on the disk")
    }
}

/// Opens for reading; where it may, in a way that does not count as reading, so that the time stays as it was.
fn open_to_read(folder: impl AsFd, path: &OsStr) -> std::result::Result<OwnedFd, Errno> {
    match openat2(&folder, path, READ | OFlags::NOATIME, Mode::empty(), STRAIGHT) {
        // Only for the owner and root.
        Err(Errno::PERM) => openat2(folder, path, READ, Mode::empty(), STRAIGHT),
        other => other,
    }
}

/// For reading, without waiting for anything.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// Opens a file to be taken. No symbolic link is followed anywhere in the path.
///
/// # Errors
/// When it is a symbolic link, no regular file, has links in its path, or cannot be opened for reading.
pub fn open(path: &Path) -> Result<File> {
    let look = openat2(CWD, path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty(), STRAIGHT)
        .map_err(|error| refused(error, path, "it cannot be opened"))?;
    let seen = File::from(look).metadata().about(path, "it cannot be looked at")?;
    if seen.is_symlink() {
        return Err(Error::SymbolicLink(path.to_owned()));
    }
    // Opening a device for reading can have effects, so only files are.
    if !seen.is_file() {
        return Err(Error::NotRegular(path.to_owned()));
    }
    let file = open_to_read(CWD, path.as_os_str())
        .map_err(|error| refused(error, path, "it cannot be opened for reading"))?;
    let file = File::from(file);
    let opened = file.metadata().about(path, "it cannot be looked at")?;
    if Identity::of(&opened) != Identity::of(&seen) {
        return Err(Error::Moved(path.to_owned()));
    }
    Ok(file)
}

fn refused(error: Errno, path: &Path, doing: &'static str) -> Error {
    let source = match error {
        Errno::LOOP => return Error::SymbolicLinkOnTheWay(path.to_owned()),
        Errno::NOSYS => io::Error::other("the kernel has no openat2; Linux 5.6 or later is needed"),
        other => other.into(),
    };
    Error::Io { path: path.to_owned(), doing, source }
}

/// The place where an open file lies: where the kernel says, or else where it was opened.
pub(crate) fn find(file: &File, opened_by: &Path) -> Result<Place> {
    let metadata = file.metadata().about(opened_by, "it cannot be looked at")?;
    let told = readlinkat(CWD, format!("/proc/self/fd/{}", file.as_fd().as_raw_fd()), Vec::new())
        .ok()
        .map(|path| PathBuf::from(OsStr::from_bytes(path.as_bytes())))
        .filter(|path| path.is_absolute());
    let mut reason = None;
    for path in told.iter().map(PathBuf::as_path).chain([opened_by]) {
        match Place::of(path) {
            Ok(place) if place.identity(&place.name)? == Some(Identity::of(&metadata)) => return Ok(place),
            Ok(_) => {}
            Err(error) => reason = Some(error),
        }
    }
    Err(reason.unwrap_or_else(|| Error::Moved(opened_by.to_owned())))
}

/// Whether the kernel makes up what is in this file.
pub(crate) fn is_made_up(file: &File) -> io::Result<bool> {
    /// `PROC_SUPER_MAGIC` and `SYSFS_MAGIC` of `linux/magic.h`.
    const MADE_UP: [u64; 2] = [0x9fa0, 0x6265_6572];
    let kind = fstatfs(file)?.f_type;
    Ok(MADE_UP.iter().any(|made_up| u64::try_from(kind) == Ok(*made_up)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_devices_and_folders_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("real")).unwrap();
        std::fs::write(path("real/file"), "x").unwrap();
        symlink("real", path("linked")).unwrap();
        symlink("real/file", path("link")).unwrap();
        rustix::fs::mkfifoat(CWD, path("fifo"), Mode::RUSR).unwrap();
        assert!(open(&path("real/file")).is_ok());
        assert!(matches!(open(&path("link")), Err(Error::SymbolicLink(_))));
        assert!(matches!(open(&path("linked/file")), Err(Error::SymbolicLinkOnTheWay(_))));
        assert!(matches!(open(&path("real")), Err(Error::NotRegular(_))));
        assert!(matches!(open(&path("fifo")), Err(Error::NotRegular(_))));
        assert!(matches!(open(Path::new("/dev/null")), Err(Error::NotRegular(_))));
        assert!(matches!(open(&path("none")), Err(Error::Io { .. })));
    }

    #[test]
    fn an_open_file_is_found_where_it_is_now() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().canonicalize().unwrap().join(name);
        std::fs::write(path("a"), "x").unwrap();
        let file = open(&path("a")).unwrap();
        assert_eq!(find(&file, &path("a")).unwrap().path, path("a"));
        std::fs::rename(path("a"), path("b")).unwrap();
        assert_eq!(find(&file, &path("a")).unwrap().path, path("b"));
        std::fs::remove_file(path("b")).unwrap();
        std::fs::write(path("b"), "other").unwrap();
        assert!(matches!(find(&file, &path("a")), Err(Error::Moved(_))));
    }

    #[test]
    fn proc_is_made_up() {
        assert!(is_made_up(&open(Path::new("/proc/version")).unwrap()).unwrap());
        assert!(!is_made_up(&tempfile::tempfile().unwrap()).unwrap());
    }
}
