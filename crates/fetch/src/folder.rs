//! A mirror that is a folder: a stick, a share, what another machine has put there.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, open, openat2};
use rustix::io::Errno;

use crate::{Error, Kind};

/// How many bytes are read at a time.
const PIECE: usize = 64 << 10;

/// A folder of files. Only regular files are read, and no link is followed, neither out of the folder nor in it.
#[derive(Debug)]
pub struct Folder {
    root: OwnedFd,
}

impl Folder {
    /// Opens a folder. Its own path may have links in it: the user wrote it.
    ///
    /// # Errors
    /// [`Kind::Unreachable`] when it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = open(path, flags, Mode::empty())
            .map_err(|error| Error::new(Kind::Unreachable, format!("{}: {error}", path.display())))?;
        Ok(Self { root })
    }

    /// Writes a file to a sink; nothing comes back if there is none.
    pub(crate) fn read(&self, path: &str, cap: u64, sink: &mut dyn Write) -> Result<Option<u64>, Error> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::NOFOLLOW;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let file = match openat2(&self.root, path, flags, Mode::empty(), resolve) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(Errno::LOOP | Errno::XDEV) => return Err(refused("it is a link, or behind one")),
            Err(Errno::NOSYS) => {
                return Err(Error::new(Kind::Local, "folders need openat2, that is Linux 5.6"));
            }
            Err(error) => return Err(refused(error)),
        };
        let stat = fstat(&file).map_err(refused)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(refused("it is no regular file"));
        }
        if u64::try_from(stat.st_size).unwrap_or(u64::MAX) > cap {
            return Err(too_large(cap));
        }
        copy(file, cap, sink).map(Some)
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }
}

/// Copies at most `cap` bytes; the file may grow meanwhile.
fn copy(mut file: File, cap: u64, sink: &mut dyn Write) -> Result<u64, Error> {
    let mut piece = vec![0; PIECE];
    let mut total = 0;
    loop {
        let read = match file.read(&mut piece) {
            Ok(0) => return Ok(total),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(refused(error)),
        };
        total += read as u64;
        if total > cap {
            return Err(too_large(cap));
        }
        sink.write_all(&piece[..read]).map_err(|error| Error::of_disk("writing", &error))?;
    }
}

fn refused(why: impl std::fmt::Display) -> Error {
    Error::new(Kind::Refused, format!("the file cannot be read: {why}"))
}

pub(crate) fn too_large(cap: u64) -> Error {
    Error::new(Kind::TooLarge, format!("it is larger than {cap} bytes"))
}
