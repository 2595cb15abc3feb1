//! The folder that is written to, and nothing outside of it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, ResolveFlags, fdatasync, flock, fstat, fstatvfs,
    mkdirat, open, openat2, renameat, statat, unlinkat,
};
use rustix::io::Errno;

use crate::{Error, Kind};

/// What a file is called until it is complete. It lies in the folder of the file, so that a rename is enough.
const PART: &str = ".part";
/// Bytes that are left free for others on the file system.
const RESERVE: u64 = 64 << 20;
/// After how many bytes the free space is asked for again.
const ASK_AGAIN: u64 = 16 << 20;
/// Most entries of a folder that are looked at.
const MOST_ENTRIES: usize = 100_000;

/// A folder of which one fetcher at a time is the writer.
///
/// Whatever lies in it is hostile, too: links are never followed, only replaced.
#[derive(Debug)]
pub struct Staging {
    root: OwnedFd,
}

/// An entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) is_folder: bool,
}

impl Staging {
    /// Opens the folder, which is made if it is missing, and locks it until the end of the process.
    ///
    /// # Errors
    /// [`Kind::Local`] when that cannot be done, [`Kind::Busy`] when another fetcher has locked it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let wrong = |error: Errno| Error::new(Kind::Local, format!("{}: {error}", path.display()));
        match rustix::fs::mkdir(path, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(wrong(error)),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let root = open(path, flags, Mode::empty()).map_err(wrong)?;
        match flock(&root, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { root }),
            Err(Errno::WOULDBLOCK) => {
                Err(Error::new(Kind::Busy, format!("another fetcher is at work in {}", path.display())))
            }
            Err(error) => Err(wrong(error)),
        }
    }

    /// Writes a file at `path`, which is relative, by `fill`, which may say that there is none. Until everything is
    /// on the disk the file has another name; what was there before stays there until then.
    ///
    /// `expected` bytes must be free at the beginning, and some for others all the time.
    ///
    /// # Errors
    /// Those of `fill`, [`Kind::DiskFull`], and [`Kind::Local`] for anything else.
    pub fn write<R>(
        &self,
        path: &str,
        expected: u64,
        fill: impl FnOnce(&mut dyn Write) -> Result<Option<R>, Error>,
    ) -> Result<Option<R>, Error> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let folder = self.make_folder(folder)?;
        let wrong = |error: Errno| Error::of_disk(path, &error.into());
        remove(&folder, PART).map_err(wrong)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let part = openat2(&folder, PART, flags, Mode::from_raw_mode(0o644), resolve()).map_err(wrong)?;
        let mut sink = Sink { file: File::from(part), unasked: 0 };
        let written = sink.ask(expected).map_err(|error| Error::of_disk(path, &error));
        let filled = written.and_then(|()| fill(&mut sink)).and_then(|filled| {
            let Some(filled) = filled else { return Ok(None) };
            fdatasync(&sink.file).map_err(wrong)?;
            renameat(&folder, PART, &folder, name).map_err(wrong)?;
            Ok(Some(filled))
        });
        if !matches!(filled, Ok(Some(_))) {
            // The error that led here says more than one of removing.
            let _ = remove(&folder, PART);
        }
        filled
    }

    /// Reads a file of at most `cap` bytes; nothing if there is none, or none that is regular, small and ours.
    pub(crate) fn read(&self, path: &str, cap: u64) -> Option<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat2(&self.root, path, flags, Mode::empty(), resolve()).ok()?;
        let stat = fstat(&file).ok()?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return None;
        }
        let mut bytes = Vec::new();
        File::from(file).take(cap + 1).read_to_end(&mut bytes).ok()?;
        (bytes.len() as u64 <= cap).then_some(bytes)
    }

    /// The first bytes of a regular file, at most `most`.
    pub(crate) fn beginning(&self, path: &str, most: u64) -> Option<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat2(&self.root, path, flags, Mode::empty(), resolve()).ok()?;
        let mut bytes = Vec::new();
        File::from(file).take(most).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// The length of a regular file.
    pub(crate) fn length(&self, path: &str) -> Option<u64> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let folder = self.folder(folder).ok()?;
        let stat = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        if regular { u64::try_from(stat.st_size).ok() } else { None }
    }

    /// What lies in a folder; nothing if there is no such folder. Names that are no text are left out.
    pub(crate) fn list(&self, path: &str) -> Vec<Entry> {
        let Ok(folder) = self.folder(path) else { return Vec::new() };
        let Ok(entries) = Dir::read_from(&folder) else { return Vec::new() };
        let mut list: Vec<Entry> = entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().to_str().ok()?.to_owned();
                let is_folder = match entry.file_type() {
                    FileType::Unknown => {
                        let stat = statat(&folder, name.as_str(), AtFlags::SYMLINK_NOFOLLOW).ok()?;
                        FileType::from_raw_mode(stat.st_mode) == FileType::Directory
                    }
                    kind => kind == FileType::Directory,
                };
                (name != "." && name != "..").then_some(Entry { name, is_folder })
            })
            .take(MOST_ENTRIES)
            .collect();
        list.sort_by(|one, other| one.name.cmp(&other.name));
        list
    }

    /// Removes a file or an empty folder, if that can be done.
    pub(crate) fn remove(&self, path: &str, is_folder: bool) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Ok(folder) = self.folder(folder) else { return };
        let flags = if is_folder { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        // What stays costs room and nothing else.
        let _ = unlinkat(&folder, name, flags);
    }

    fn folder(&self, path: &str) -> Result<OwnedFd, Errno> {
        let path = if path.is_empty() { "." } else { path };
        openat2(&self.root, path, FOLDER, Mode::empty(), resolve())
    }

    fn make_folder(&self, path: &str) -> Result<OwnedFd, Error> {
        let wrong = |error: Errno| Error::of_disk(path, &error.into());
        let mut folder = self.folder("").map_err(wrong)?;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            folder = make_one(&folder, name).map_err(wrong)?;
        }
        Ok(folder)
    }
}

impl AsFd for Staging {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn resolve() -> ResolveFlags {
    ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS
}

/// Opens a folder in a folder; what is there and is no folder, such as a link, gives way to one.
fn make_one(folder: &OwnedFd, name: &str) -> Result<OwnedFd, Errno> {
    let make = || match mkdirat(folder, name, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(Errno::EXIST) => openat2(folder, name, FOLDER, Mode::empty(), resolve()),
        Err(error) => Err(error),
    };
    match make() {
        Err(Errno::LOOP | Errno::NOTDIR | Errno::XDEV) => {
            unlinkat(folder, name, AtFlags::empty())?;
            make()
        }
        made => made,
    }
}

fn remove(folder: &OwnedFd, name: &str) -> Result<(), Errno> {
    match unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Writes as long as there is room.
struct Sink {
    file: File,
    unasked: u64,
}

impl Sink {
    /// Asks whether there is room for as many bytes, and for what others need.
    fn ask(&self, bytes: u64) -> io::Result<()> {
        let space = fstatvfs(&self.file)?;
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        if free < bytes.saturating_add(RESERVE) {
            let text =
                format!("{free} bytes are free; {bytes} are needed, and {RESERVE} are left for others");
            return Err(io::Error::new(io::ErrorKind::StorageFull, text));
        }
        Ok(())
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.unasked >= ASK_AGAIN {
            self.ask(0)?;
            self.unasked = 0;
        }
        let written = self.file.write(bytes)?;
        self.unasked += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn put(staging: &Staging, path: &str, text: &str) -> Result<Option<()>, Error> {
        staging.write(path, 0, |sink| {
            sink.write_all(text.as_bytes()).map_err(|error| Error::of_disk("test", &error))?;
            Ok(Some(()))
        })
    }

    #[test]
    fn links_are_replaced_and_not_followed() {
        let outside = tempfile::tempdir().unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("victim"), "untouched").unwrap();
        symlink(outside.path(), folder.path().join("metadata")).unwrap();
        symlink(outside.path().join("victim"), folder.path().join("checkpoint")).unwrap();
        symlink(outside.path().join("victim"), folder.path().join(".part")).unwrap();
        fs::hard_link(outside.path().join("victim"), folder.path().join("director")).unwrap();
        let staging = Staging::open(folder.path()).unwrap();
        assert_eq!(staging.read("metadata/victim", 100), None);
        assert_eq!(staging.read("checkpoint", 100), None);
        assert!(staging.list("metadata").is_empty());
        for path in ["metadata/victim", "checkpoint", "director"] {
            put(&staging, path, "new").unwrap();
            assert_eq!(staging.read(path, 3).unwrap(), b"new");
        }
        assert_eq!(staging.read("checkpoint", 2), None);
        assert_eq!(fs::read_to_string(outside.path().join("victim")).unwrap(), "untouched");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    }

    #[test]
    fn nothing_half_has_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::open(folder.path()).unwrap();
        put(&staging, "a/b", "old").unwrap();
        let cut = staging.write("a/b", 0, |sink| {
            sink.write_all(b"half").unwrap();
            Err::<Option<()>, _>(Error::new(Kind::Garbage, "cut"))
        });
        assert_eq!(cut.unwrap_err().kind(), Kind::Garbage);
        assert_eq!(staging.write::<()>("a/c", 0, |_| Ok(None)).unwrap(), None);
        assert_eq!(staging.read("a/b", 100).unwrap(), b"old");
        assert_eq!(staging.list("a"), [Entry { name: "b".to_owned(), is_folder: false }]);
    }

    #[test]
    fn more_than_is_free_is_not_begun() {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::open(folder.path()).unwrap();
        let full = staging.write::<()>("a", u64::MAX / 2, |_| panic!("nothing is asked"));
        assert_eq!(full.unwrap_err().kind(), Kind::DiskFull);
    }

    #[test]
    fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let _first = Staging::open(folder.path()).unwrap();
        assert_eq!(Staging::open(folder.path()).unwrap_err().kind(), Kind::Busy);
    }
}
