//! Single bytes of content with a look ahead, for the decoders.

use std::io;

use candor_object::Content;

/// Bytes read at once; also the bound of the look ahead.
const BUFFER: usize = 16 << 10;

/// A cursor that can look ahead.
#[derive(Debug)]
pub(crate) struct Bytes {
    content: Content,
    buffer: Vec<u8>,
    base: u64,
    at: usize,
}

impl Bytes {
    /// The bytes of `content` from its start on.
    pub(crate) fn new(content: Content) -> Self {
        Self { content, buffer: Vec::new(), base: 0, at: 0 }
    }

    /// The next byte.
    pub(crate) fn next(&mut self) -> io::Result<Option<u8>> {
        let byte = self.peek(0)?;
        if byte.is_some() {
            self.at = self.at.saturating_add(1);
        }
        Ok(byte)
    }

    /// The byte `ahead` places after the next, which stays the next. None beyond the end or the buffer.
    pub(crate) fn peek(&mut self, ahead: usize) -> io::Result<Option<u8>> {
        let place = self.at.saturating_add(ahead);
        if let Some(byte) = self.buffer.get(place) {
            return Ok(Some(*byte));
        }
        self.base = self.position();
        self.buffer.drain(..self.at.min(self.buffer.len()));
        self.at = 0;
        let kept = self.buffer.len();
        self.buffer.resize(BUFFER.max(kept), 0);
        let space = self.buffer.get_mut(kept..).unwrap_or_default();
        let read = self.content.read_at(self.base.saturating_add(kept as u64), space)?;
        self.buffer.truncate(kept.saturating_add(read));
        Ok(self.buffer.get(ahead).copied())
    }

    /// What is in sight, from the next byte on: at least one byte, except at the end.
    pub(crate) fn ahead(&mut self) -> io::Result<&[u8]> {
        self.peek(0)?;
        Ok(self.buffer.get(self.at..).unwrap_or_default())
    }

    /// Goes over `count` bytes that were peeked at.
    pub(crate) fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count).min(self.buffer.len());
    }

    /// Offset of the next byte.
    pub(crate) fn position(&self) -> u64 {
        self.base.saturating_add(self.at as u64)
    }

    /// Reads a line without its end into `line`, at most `limit` bytes of it; the rest is gone over.
    /// Returns whether there was one.
    pub(crate) fn line(&mut self, line: &mut Vec<u8>, limit: usize) -> io::Result<bool> {
        line.clear();
        let mut any = false;
        while let Some(byte) = self.next()? {
            any = true;
            match byte {
                b'\n' => break,
                b'\r' => {
                    if self.peek(0)? == Some(b'\n') {
                        self.skip(1);
                    }
                    break;
                }
                _ if line.len() < limit => line.push(byte),
                _ => {}
            }
        }
        Ok(any)
    }
}
