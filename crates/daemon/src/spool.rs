//! Content that arrives in pieces: in memory while it is small, then in a temporary file without a name.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use candor_jail::sealed;
use rustix::fs::{AtFlags, FileType, StatxFlags, statx};

/// Bytes that are kept in memory before a file is made.
const IN_MEMORY: u64 = 256 << 10;
/// Bytes of all content that is kept in memory.
const MOST_IN_MEMORY: usize = 32 << 20;

/// Content that is all there.
#[derive(Clone, Debug)]
pub(crate) enum Spooled {
    /// In memory; a file is made of it only if a worker has to read it.
    Memory(Arc<Held>),
    /// In a temporary file of ours, which nobody else can reach.
    Kept(Arc<File>),
    /// In a file that somebody else may change at any time.
    File(Arc<File>),
}

/// Bytes in memory, and their share of what all content may take.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) bytes: Vec<u8>,
    share: Share,
}

/// How much memory content takes, of all clients together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Arc<AtomicUsize>);

/// A part of it, given back in the end.
#[derive(Debug)]
struct Share {
    of: Memory,
    bytes: usize,
}

impl Share {
    /// Takes more, if there is so much.
    fn grow(&mut self, bytes: usize) -> bool {
        let taken = self.of.0.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        self.bytes = self.bytes.saturating_add(bytes);
        if taken > MOST_IN_MEMORY {
            self.give_back(bytes);
        }
        taken <= MOST_IN_MEMORY
    }

    fn give_back(&mut self, bytes: usize) {
        self.of.0.fetch_sub(bytes, Ordering::Relaxed);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

impl From<File> for Spooled {
    fn from(file: File) -> Self {
        Self::File(Arc::new(file))
    }
}

impl Spooled {
    /// Its length in bytes; nothing for what is no regular file. Asks no file system on another machine or in
    /// another process, which might never answer.
    ///
    /// # Errors
    /// Those of the operating system.
    pub(crate) fn size(&self) -> io::Result<Option<u64>> {
        let file = match self {
            Self::Memory(held) => return Ok(Some(held.bytes.len() as u64)),
            Self::Kept(file) | Self::File(file) => file,
        };
        let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
        let seen = statx(file, c"", flags, StatxFlags::TYPE | StatxFlags::SIZE)?;
        let kind = FileType::from_raw_mode(seen.stx_mode.into());
        Ok((kind == FileType::RegularFile).then_some(seen.stx_size))
    }

    /// The same as a file.
    ///
    /// # Errors
    /// Those of the operating system.
    pub(crate) fn into_file(self) -> io::Result<Arc<File>> {
        match self {
            Self::Memory(held) => sealed(held.bytes.as_slice()).map(Arc::new),
            Self::Kept(file) | Self::File(file) => Ok(file),
        }
    }
}

/// Content on its way.
#[derive(Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
    limit: u64,
    size: u64,
    head: Held,
    file: Option<File>,
}

/// Why content could not be taken in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// It is longer than allowed.
    #[error("the content is longer than {0} bytes")]
    TooLong(u64),
    /// There is no room for it.
    #[error("the content could not be kept: {0}")]
    Io(#[from] io::Error),
}

impl Spool {
    /// An empty one for at most `limit` bytes; long content goes to `folder`, and short content too where there is
    /// too much of it in memory.
    pub(crate) fn new(folder: &Path, limit: u64, memory: &Memory) -> Self {
        let head = Held { bytes: Vec::new(), share: Share { of: memory.clone(), bytes: 0 } };
        Self { folder: folder.to_owned(), limit, size: 0, head, file: None }
    }

    /// Bytes so far.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Adds bytes. Call it with pieces of some 64 KiB at most: it writes to a file and does not yield.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let size = self.size.saturating_add(bytes.len() as u64);
        if size > self.limit {
            return Err(Error::TooLong(self.limit));
        }
        self.size = size;
        if let Some(file) = &mut self.file {
            file.write_all(bytes)?;
        } else if size <= IN_MEMORY && self.head.share.grow(bytes.len()) {
            self.head.bytes.extend_from_slice(bytes);
        } else {
            let mut file = tempfile::tempfile_in(&self.folder)?;
            file.write_all(&std::mem::take(&mut self.head.bytes))?;
            file.write_all(bytes)?;
            self.head.share.give_back(self.head.share.bytes);
            self.file = Some(file);
        }
        Ok(())
    }

    /// The content, to be scanned.
    pub(crate) fn finish(self) -> Result<Spooled, Error> {
        let Some(file) = self.file else { return Ok(Spooled::Memory(Arc::new(self.head))) };
        let reading = File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
        Ok(Spooled::Kept(Arc::new(reading)))
    }

    /// The content as a file, which may go back to the client after the scan.
    pub(crate) fn into_file(self) -> Result<Arc<File>, Error> {
        Ok(self.finish()?.into_file()?)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn what_is_pushed_is_in_the_file() {
        let most = IN_MEMORY as usize;
        for length in [0, 5, most, most + 1, 3 * most] {
            let content: Vec<u8> = (0..length).map(|number| (number % 251) as u8).collect();
            let mut spool = Spool::new(&std::env::temp_dir(), 1 << 20, &Memory::default());
            content.chunks(1000).for_each(|piece| spool.push(piece).unwrap());
            let file = spool.into_file().unwrap();
            let mut read = vec![0; length + 1];
            let mut done = 0;
            while let count @ 1.. = file.read_at(&mut read[done..], done as u64).unwrap() {
                done += count;
            }
            assert_eq!(&read[..done], content);
            assert!(file.write_at(b"x", 0).is_err());
        }
    }

    #[test]
    fn memory_is_bounded_and_given_back() {
        let memory = Memory::default();
        let spool = || {
            let mut spool = Spool::new(&std::env::temp_dir(), 1 << 20, &memory);
            spool.push(&vec![7; IN_MEMORY as usize]).unwrap();
            spool.finish().unwrap()
        };
        let kept: Vec<_> = (0..MOST_IN_MEMORY / IN_MEMORY as usize).map(|_| spool()).collect();
        assert!(kept.iter().all(|content| matches!(content, Spooled::Memory(_))));
        let Spooled::Kept(file) = spool() else { panic!("there was room for more") };
        assert_eq!(file.metadata().unwrap().len(), IN_MEMORY);
        drop(kept);
        assert!(matches!(spool(), Spooled::Memory(_)));
        assert_eq!(memory.0.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_limit_is_kept() {
        let mut spool = Spool::new(&std::env::temp_dir(), 10, &Memory::default());
        spool.push(&[0; 10]).unwrap();
        assert!(matches!(spool.push(&[0]), Err(Error::TooLong(10))));
    }
}
