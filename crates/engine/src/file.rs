//! Content of files: in memory where it is small, else read at any offset with `pread`, never mapped.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use candor_object::{Content, Source};

/// Files up to this size, in bytes, are read into memory at once.
pub const IN_MEMORY: u64 = 16 << 20;

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

/// The content of an open file, as long as it is now: what is appended later is not seen. A file that claims no size, as those of `/proc` do, is read as far as
/// [`IN_MEMORY`] goes.
///
/// # Errors
/// Those of the operating system.
pub fn read_file(file: File) -> io::Result<Content> {
    let size = file.metadata()?.len();
    if size > IN_MEMORY {
        return Ok(Content::from_source(Arc::new(FileSource { file, size })));
    }
    // One byte more than the size shows the end without another call that makes the buffer grow.
    let mut bytes = Vec::with_capacity(size as usize + 1);
    (&file).take(IN_MEMORY + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > IN_MEMORY {
        let size = file.metadata()?.len();
        if size > IN_MEMORY {
            // It grew while it was read.
            return Ok(Content::from_source(Arc::new(FileSource { file, size })));
        }
        bytes.truncate(IN_MEMORY as usize);
    }
    Ok(Content::from_vec(bytes))
}
