//! Maps a database file read-only: shared by all processes, read on demand.

#![expect(unsafe_code, reason = "mapping a file is unsafe: another process might change it")]

use std::fs::File;
use std::io;

use memmap2::Mmap;

/// A mapped file.
#[derive(Debug)]
pub(crate) struct Map(Mmap);

impl Map {
    /// Maps all of `file`.
    ///
    /// # Errors
    /// Those of the operating system.
    pub(crate) fn new(file: &File) -> io::Result<Self> {
        // SAFETY: a database file is replaced by renaming a new one over it and never written in place, so the
        // mapped bytes do not change under us. A file that somebody changes all the same can make us read
        // other bytes, which every reader checks, or (when it is cut short) end the process with SIGBUS; it
        // cannot make safe code misbehave, since only plain integers are read from it.
        let map = unsafe { Mmap::map(file)? };
        Ok(Self(map))
    }
}

impl AsRef<[u8]> for Map {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
