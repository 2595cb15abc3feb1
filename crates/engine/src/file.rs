//! Content of files: in memory where it is small, else read at any offset with `pread`, never mapped.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use candor_object::{Content, IN_MEMORY, Source};
use rustix::buffer::spare_capacity;
use rustix::io::{Errno, pread};

/// Files up to this size, in bytes, are read as a whole; of larger ones parts are read when they are needed, some of
/// them again and again.
const READ_WHOLE: u64 = 24 << 20;
/// Room for the beginning of a file that claims no size, in bytes.
const FIRST: usize = 4 << 10;

struct FileSource {
    file: File,
    size: u64,
}

impl Source for FileSource {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
}

/// The first `size` bytes of an open file, whatever its cursor says; what is appended later is not seen. Of a
/// file that claims no size, as those of `/proc` do, the first [`IN_MEMORY`] bytes. Uses no system call but
/// `pread`, since a confined worker has few others.
///
/// `buffer` becomes the memory of the content; what is in it is lost. One that was used before costs less than one
/// that the kernel must fill with zeros first.
///
/// # Errors
/// Those of the operating system.
pub fn read_file(file: File, size: u64, mut buffer: Vec<u8>) -> io::Result<Content> {
    if size > READ_WHOLE {
        return Ok(Content::from_source(Arc::new(FileSource { file, size })));
    }
    let expected = size as usize;
    let size = if size == 0 { IN_MEMORY as usize } else { expected };
    buffer.clear();
    buffer.reserve(if expected == 0 { FIRST } else { expected });
    let mut bytes = buffer;
    while bytes.len() < size {
        // A vector may have more room than was asked for, and a file may have grown.
        if bytes.len() == bytes.capacity() {
            bytes.reserve(bytes.len());
        }
        let offset = bytes.len() as u64;
        match pread(&file, spare_capacity(&mut bytes), offset) {
            Ok(0) if bytes.len() < expected => {
                let reason = "the file became shorter while it was read";
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason));
            }
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(size);
    Ok(Content::from_vec(bytes))
}
