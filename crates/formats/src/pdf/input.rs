//! What decoders of single bytes read: any reader, by the byte.

use std::io::{self, ErrorKind, Read};

/// Bytes that are read at once.
const CHUNK: usize = 8 << 10;

/// A reader by the byte.
pub(super) struct Input {
    reader: Box<dyn Read>,
    chunk: Vec<u8>,
    place: usize,
    over: bool,
}

impl Input {
    pub(super) fn new(reader: Box<dyn Read>) -> Self {
        Self { reader, chunk: Vec::new(), place: 0, over: false }
    }

    /// The bytes that are there, at least one if it is not the end.
    pub(super) fn fill(&mut self) -> io::Result<&[u8]> {
        while self.place >= self.chunk.len() && !self.over {
            self.chunk.resize(CHUNK, 0);
            self.place = 0;
            let result = self.reader.read(&mut self.chunk);
            self.chunk.truncate(*result.as_ref().unwrap_or(&0));
            match result {
                Ok(0) => self.over = true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.over = true;
                    return Err(error);
                }
                Ok(_) => {}
            }
        }
        Ok(self.chunk.get(self.place..).unwrap_or_default())
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.place = self.place.saturating_add(count);
    }

    /// The next byte; nothing at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<u8>> {
        let byte = self.fill()?.first().copied();
        self.consume(1);
        Ok(byte)
    }
}
