//! A file outside the vault: its content without the holes, and how to tell that it is still the same.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use crate::entry::CHUNK;
use crate::entry::record::{Extent, MOST_EXTENTS, Time};
use crate::whole_digest::WholeDigest;

/// Which file it is, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

impl Identity {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// What changes with every change of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    size: u64,
    modified: Time,
    changed: Time,
}

impl State {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self { size: metadata.len(), modified: modified(metadata), changed: changed(metadata) }
    }

    /// Whether only the inode was changed since, as a renaming does.
    pub(crate) fn has_content_of(self, other: Self) -> bool {
        (self.size, self.modified) == (other.size, other.modified)
    }
}

pub(crate) fn accessed(metadata: &Metadata) -> Time {
    time(metadata.atime(), metadata.atime_nsec())
}

pub(crate) fn modified(metadata: &Metadata) -> Time {
    time(metadata.mtime(), metadata.mtime_nsec())
}

pub(crate) fn changed(metadata: &Metadata) -> Time {
    time(metadata.ctime(), metadata.ctime_nsec())
}

fn time(seconds: i64, nanoseconds: i64) -> Time {
    Time { seconds, nanoseconds: u32::try_from(nanoseconds).unwrap_or(0).min(999_999_999) }
}

/// The parts of a file between its holes; where there are too many, the last part has the rest, holes and all.
pub(crate) fn extents(file: &File, size: u64) -> io::Result<Vec<Extent>> {
    let mut extents = Vec::new();
    let mut at = 0;
    while at < size {
        let whole = Extent { offset: at, length: size - at };
        if extents.len() + 1 == MOST_EXTENTS {
            extents.push(whole);
            break;
        }
        let begin = match seek(file, SeekFrom::Data(at)) {
            Ok(begin) if begin >= size => break,
            Ok(begin) => begin,
            Err(Errno::NXIO) => break,
            // A file system that knows no holes has one part.
            Err(Errno::INVAL | Errno::NOTSUP) => {
                extents.push(whole);
                break;
            }
            Err(error) => return Err(error.into()),
        };
        let end = seek(file, SeekFrom::Hole(begin))?.min(size);
        // The file may shrink while it is looked at; that is seen later, but must not keep us here.
        if end <= begin {
            break;
        }
        extents.push(Extent { offset: begin, length: end - begin });
        at = end;
    }
    Ok(extents)
}

/// Why reading ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The file is shorter than it was.
    Shorter,
    /// It cannot be read.
    Unreadable(io::Error),
    /// The sink failed.
    Sink(io::Error),
}

/// Reads these parts in pieces of at most 64 KiB, and says what the SHA-256 of the whole is.
pub(crate) fn read(
    file: &File,
    size: u64,
    extents: &[Extent],
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<[u8; 32], Stop> {
    let mut digest = WholeDigest::default();
    let mut buffer = vec![0; CHUNK];
    for extent in extents {
        let mut done = 0;
        while done < extent.length {
            let most = usize::try_from(extent.length - done).unwrap_or(CHUNK).min(CHUNK);
            let Some(room) = buffer.get_mut(..most) else { break };
            let count = match file.read_at(room, extent.offset + done) {
                Ok(0) => return Err(Stop::Shorter),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Stop::Unreadable(error)),
            };
            let piece = room.get(..count).unwrap_or_default();
            digest.push(extent.offset + done, piece);
            sink(piece).map_err(Stop::Sink)?;
            done += count as u64;
        }
    }
    Ok(digest.finish(size))
}

/// SHA-256 of a file as it is now, or nothing if it is shorter than this.
pub(crate) fn digest(file: &File, size: u64) -> io::Result<Option<[u8; 32]>> {
    match read(file, size, &extents(file, size)?, &mut |_| Ok(())) {
        Ok(digest) => Ok(Some(digest)),
        Err(Stop::Shorter) => Ok(None),
        Err(Stop::Unreadable(error) | Stop::Sink(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn holes_are_passed_over_and_count() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"begin", 0).unwrap();
        file.write_all_at(b"middle", 10 << 20).unwrap();
        file.set_len(20 << 20).unwrap();
        let extents = extents(&file, 20 << 20).unwrap();
        let stored: u64 = extents.iter().map(|extent| extent.length).sum();
        assert!(stored < 1 << 20, "{extents:?}");
        let mut whole = vec![0; 20 << 20];
        whole[..5].copy_from_slice(b"begin");
        whole[10 << 20..][..6].copy_from_slice(b"middle");
        assert_eq!(digest(&file, 20 << 20).unwrap().unwrap(), <[u8; 32]>::from(Sha256::digest(whole)));
    }

    #[test]
    fn parts_are_bounded() {
        let file = tempfile::tempfile().unwrap();
        let size = 5000 * 8192;
        for number in 0..5000 {
            file.write_all_at(b"x", number * 8192).unwrap();
        }
        file.set_len(size).unwrap();
        let extents = extents(&file, size).unwrap();
        assert!(extents.len() <= MOST_EXTENTS);
        let last = extents.last().unwrap();
        assert!(extents.len() < MOST_EXTENTS || last.offset + last.length == size);
        let mut whole = vec![0; size as usize];
        (0..5000).for_each(|number| whole[number * 8192] = b'x');
        assert_eq!(digest(&file, size).unwrap().unwrap(), <[u8; 32]>::from(Sha256::digest(whole)));
    }

    #[test]
    fn a_file_that_ends_early_is_an_error() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"short").unwrap();
        let extents = [Extent { offset: 0, length: 6 }];
        assert!(matches!(read(&file, 6, &extents, &mut |_| Ok(())), Err(Stop::Shorter)));
    }
}
