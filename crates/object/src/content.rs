//! The bytes of an object: in memory, or behind a reader at any offset.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

/// Files up to this size, in bytes, are read into memory at once before they are examined: what is examined of
/// them is what they were at one moment.
pub const IN_MEMORY: u64 = 4 << 20;

/// Bytes that can be read at any offset without a cursor, as `pread` does.
pub trait Source: Send + Sync {
    /// Length in bytes when the source was opened.
    fn size(&self) -> u64;

    /// Reads into `buffer` from `offset` on; fewer bytes than asked mean that the end was reached.
    ///
    /// # Errors
    /// Whatever the device says.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// How many bytes from `offset` on are known to be zeros that are stored nowhere.
    fn hole(&self, _offset: u64) -> u64 {
        0
    }
}

#[derive(Clone)]
enum Store {
    Memory(Arc<Vec<u8>>),
    Source(Arc<dyn Source>),
}

/// The bytes of an object. Cloning and taking a [`range`](Self::range) copy nothing.
#[derive(Clone)]
pub struct Content {
    store: Store,
    start: u64,
    size: u64,
}

impl Content {
    /// Content in memory.
    pub fn from_vec(bytes: Vec<u8>) -> Self {
        let size = bytes.len() as u64;
        Self { store: Store::Memory(Arc::new(bytes)), start: 0, size }
    }

    /// Content behind a source, for what is too large for memory.
    pub fn from_source(source: Arc<dyn Source>) -> Self {
        let size = source.size();
        Self { store: Store::Source(source), start: 0, size }
    }

    /// Length in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The whole content, if it is in memory.
    pub fn as_slice(&self) -> Option<&[u8]> {
        match &self.store {
            Store::Memory(bytes) => {
                let start = usize::try_from(self.start).ok()?;
                let size = usize::try_from(self.size).ok()?;
                bytes.get(start..start.checked_add(size)?)
            }
            Store::Source(_) => None,
        }
    }

    /// A part of this content; what reaches beyond the end is cut.
    #[must_use]
    pub fn range(&self, offset: u64, size: u64) -> Self {
        let offset = offset.min(self.size);
        let size = size.min(self.size - offset);
        Self { store: self.store.clone(), start: self.start + offset, size }
    }

    /// Everything from `offset` on.
    #[must_use]
    pub fn from(&self, offset: u64) -> Self {
        self.range(offset, u64::MAX)
    }

    /// Fills `buffer` from `offset` on; fewer bytes than asked only at the end.
    ///
    /// # Errors
    /// Those of the [`Source`], and `UnexpectedEof` where it ends before its size; content in memory has none.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.size.saturating_sub(offset);
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = &mut buffer[..want];
        if let Some(bytes) = self.as_slice() {
            if want > 0 {
                let offset = offset as usize;
                buffer.copy_from_slice(&bytes[offset..offset + want]);
            }
            return Ok(want);
        }
        let Store::Source(source) = &self.store else {
            return Ok(0);
        };
        let mut done = 0;
        while done < want {
            match source.read_at(self.start + offset + done as u64, &mut buffer[done..]) {
                Ok(0) => {
                    let reason = "the file became shorter while it was read";
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason));
                }
                Ok(count) => done += count.min(want - done),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// Up to `size` bytes from `offset` on: borrowed where the content is in memory, else read. Fewer only at
    /// the end. The caller chooses a `size` that it can afford.
    ///
    /// # Errors
    /// Those of the [`Source`].
    pub fn window(&self, offset: u64, size: usize) -> io::Result<Cow<'_, [u8]>> {
        if let Some(bytes) = self.as_slice() {
            let start = usize::try_from(offset.min(self.size)).unwrap_or(bytes.len());
            return Ok(Cow::Borrowed(&bytes[start..start.saturating_add(size).min(bytes.len())]));
        }
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut buffer = vec![0; size.min(left)];
        let read = self.read_at(offset, &mut buffer)?;
        buffer.truncate(read);
        Ok(Cow::Owned(buffer))
    }

    /// How many bytes from `offset` on are known to be zeros without reading them.
    pub fn hole(&self, offset: u64) -> u64 {
        let left = self.size.saturating_sub(offset);
        match &self.store {
            Store::Source(source) if left > 0 => source.hole(self.start.saturating_add(offset)).min(left),
            _ => 0,
        }
    }

    /// A cursor over the content. Wrap it in a `BufReader` where many small reads meet a source.
    pub fn reader(&self) -> Reader {
        Reader { content: self.clone(), position: 0 }
    }

    /// Gives the memory back for another use, if nobody else holds it.
    pub fn into_vec(self) -> Option<Vec<u8>> {
        match self.store {
            Store::Memory(bytes) => Arc::try_unwrap(bytes).ok(),
            Store::Source(_) => None,
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.size)
    }
}

/// A cursor over a [`Content`].
#[derive(Clone, Debug)]
pub struct Reader {
    content: Content,
    position: u64,
}

impl Reader {
    /// Offset of the next byte.
    pub fn position(&self) -> u64 {
        self.position
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read_at(self.position, buffer)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(delta) => self.content.size.checked_add_signed(delta),
            SeekFrom::Current(delta) => self.position.checked_add_signed(delta),
        };
        self.position =
            target.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "seek before the start"))?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Drip(Vec<u8>);

    impl Source for Drip {
        fn size(&self) -> u64 {
            self.0.len() as u64
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            let rest = &self.0[(offset as usize).min(self.0.len())..];
            let count = rest.len().min(buffer.len()).min(3);
            buffer[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        }
    }

    #[test]
    fn a_source_that_became_shorter_is_no_end() {
        struct Cut;
        impl Source for Cut {
            fn size(&self) -> u64 {
                100
            }

            fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
                Ok(buffer.len().min(10_usize.saturating_sub(offset as usize)))
            }
        }
        let content = Content::from_source(Arc::new(Cut));
        assert_eq!(content.read_at(0, &mut [0; 10]).unwrap(), 10);
        assert_eq!(content.window(5, 20).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn ranges_and_windows_agree_for_memory_and_source() {
        let bytes: Vec<u8> = (0..=99).collect();
        for content in [Content::from_vec(bytes.clone()), Content::from_source(Arc::new(Drip(bytes.clone())))]
        {
            let inner = content.range(10, 50).range(5, 1000);
            assert_eq!(inner.size(), 45);
            assert_eq!(inner.window(40, 100).unwrap().as_ref(), &bytes[55..60]);
            assert_eq!(inner.window(1000, 5).unwrap().len(), 0);
            let mut all = Vec::new();
            inner.reader().read_to_end(&mut all).unwrap();
            assert_eq!(all, &bytes[15..60]);
            assert_eq!(content.from(u64::MAX).size(), 0);
        }
    }
}
