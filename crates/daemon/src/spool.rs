//! Spooled that arrives in pieces: in memory while it is small, then in a temporary file without a name.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candor_jail::sealed;

/// Bytes that are kept in memory before a file is made.
const IN_MEMORY: usize = 256 << 10;

/// Spooled that is all there.
#[derive(Clone, Debug)]
pub(crate) enum Spooled {
    /// In memory; a file is made of it only if a worker has to read it.
    Memory(Arc<Vec<u8>>),
    /// In a file that nobody can write through what is here.
    File(Arc<File>),
}

impl From<File> for Spooled {
    fn from(file: File) -> Self {
        Self::File(Arc::new(file))
    }
}

impl Spooled {
    /// The same as a file.
    ///
    /// # Errors
    /// Those of the operating system.
    pub(crate) fn into_file(self) -> io::Result<Arc<File>> {
        match self {
            Self::Memory(bytes) => sealed(bytes.as_slice()).map(Arc::new),
            Self::File(file) => Ok(file),
        }
    }
}

/// Spooled on its way.
#[derive(Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
    limit: u64,
    size: u64,
    head: Vec<u8>,
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
    /// An empty one for at most `limit` bytes; long content goes to `folder`.
    pub(crate) fn new(folder: &Path, limit: u64) -> Self {
        Self { folder: folder.to_owned(), limit, size: 0, head: Vec::new(), file: None }
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
        } else {
            self.head.extend_from_slice(bytes);
            if self.head.len() > IN_MEMORY {
                let mut file = tempfile::tempfile_in(&self.folder)?;
                file.write_all(&std::mem::take(&mut self.head))?;
                self.file = Some(file);
            }
        }
        Ok(())
    }

    /// The content, to be scanned.
    pub(crate) fn finish(self) -> Result<Spooled, Error> {
        let Some(file) = self.file else { return Ok(Spooled::Memory(Arc::new(self.head))) };
        Ok(File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))?.into())
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
        for length in [0, 5, IN_MEMORY, IN_MEMORY + 1, 3 * IN_MEMORY] {
            let content: Vec<u8> = (0..length).map(|number| (number % 251) as u8).collect();
            let mut spool = Spool::new(&std::env::temp_dir(), 1 << 20);
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
    fn the_limit_is_kept() {
        let mut spool = Spool::new(&std::env::temp_dir(), 10);
        spool.push(&[0; 10]).unwrap();
        assert!(matches!(spool.push(&[0]), Err(Error::TooLong(10))));
    }
}
