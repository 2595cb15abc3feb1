//! The compressed RTF of Outlook's messages: a reader that unpacks it.
//!
//! Specification: [MS-OXRTFCP], <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxrtfcp>. Sizes are
//! not believed, and a wrong checksum is told once everything was given out.

use std::io::{self, BufReader, ErrorKind, Read};

use crate::fields::u32_le;

/// Bytes of the header.
const HEADER: usize = 16;
const COMPRESSED: u32 = 0x7546_5a4c;
const STORED: u32 = 0x414c_454d;
/// Bytes of the dictionary, a power of two.
const DICTIONARY: usize = 4096;
/// What the dictionary holds at first.
const FIRST: &[u8] =
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \
\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\
\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

/// Unpacks what `R` reads.
pub(crate) struct CompressedRtf<R> {
    input: BufReader<R>,
    dictionary: [u8; DICTIONARY],
    write: usize,
    /// Bits of the current control byte that are left, and how many.
    control: (u8, u8),
    /// The place in the dictionary and the length of what is being copied.
    copy: (usize, usize),
    checksum: u32,
    expected: u32,
    given: u64,
    size: u64,
    state: State,
    failed: Option<io::Error>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Compressed,
    Stored,
    Done,
}

impl<R: Read> CompressedRtf<R> {
    /// A reader of what `input`, which begins with the header, holds.
    pub(crate) fn new(input: R) -> Self {
        let mut dictionary = [0; DICTIONARY];
        for (to, from) in dictionary.iter_mut().zip(FIRST) {
            *to = *from;
        }
        Self {
            input: BufReader::with_capacity(8 << 10, input),
            dictionary,
            write: FIRST.len(),
            control: (0, 0),
            copy: (0, 0),
            checksum: 0,
            expected: 0,
            given: 0,
            size: 0,
            state: State::Header,
            failed: None,
        }
    }

    fn header(&mut self) -> io::Result<()> {
        let mut header = [0; HEADER];
        self.input.read_exact(&mut header)?;
        let number = |at| u32_le(&header, at).unwrap_or(0);
        self.size = number(4).into();
        self.expected = number(12);
        self.state = match number(8) {
            COMPRESSED => State::Compressed,
            STORED => State::Stored,
            other => {
                let text = format!("compressed RTF of the unknown kind {other:#010x}");
                return Err(io::Error::new(ErrorKind::Unsupported, text));
            }
        };
        Ok(())
    }

    /// The next byte of the input, if it has one.
    fn next(&mut self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        loop {
            match self.input.read(&mut byte) {
                Ok(0) => return Ok(None),
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let [byte] = byte;
        self.checksum = add(self.checksum, byte);
        Ok(Some(byte))
    }

    /// The next byte that is unpacked; nothing at the end.
    fn step(&mut self) -> io::Result<Option<u8>> {
        loop {
            if self.copy.1 > 0 {
                let byte = self.dictionary.get(self.copy.0).copied().unwrap_or(0);
                self.copy = (wrap(self.copy.0), self.copy.1.saturating_sub(1));
                return Ok(Some(byte));
            }
            if self.control.1 == 0 {
                let Some(control) = self.next()? else { return self.early() };
                self.control = (control, 8);
            }
            let is_reference = self.control.0 & 1 != 0;
            self.control = (self.control.0 >> 1, self.control.1.saturating_sub(1));
            let Some(first) = self.next()? else { return self.early() };
            if !is_reference {
                return Ok(Some(first));
            }
            let Some(second) = self.next()? else { return self.early() };
            let place = usize::from(first) << 4 | usize::from(second >> 4);
            if place == self.write {
                return self.end();
            }
            self.copy = (place, usize::from(second & 15).saturating_add(2));
        }
    }

    /// The input ended without the mark of the end, which some writers leave out.
    fn early(&mut self) -> io::Result<Option<u8>> {
        if self.given < self.size {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "compressed RTF ends too early"));
        }
        self.end()
    }

    fn end(&mut self) -> io::Result<Option<u8>> {
        self.state = State::Done;
        if self.checksum != self.expected {
            return Err(io::Error::new(ErrorKind::InvalidData, "checksum of compressed RTF"));
        }
        Ok(None)
    }
}

impl<R: Read> Read for CompressedRtf<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if self.state == State::Header && !buffer.is_empty() {
            self.header()?;
        }
        if self.state == State::Stored {
            return self.input.read(buffer);
        }
        let mut count: usize = 0;
        for slot in buffer.iter_mut() {
            if self.state == State::Done {
                break;
            }
            let byte = match self.step() {
                Ok(Some(byte)) => byte,
                Ok(None) => break,
                Err(error) if count == 0 => return Err(error),
                Err(error) => {
                    // What came before it goes out first; the next read tells.
                    self.state = State::Done;
                    self.failed = Some(error);
                    break;
                }
            };
            if let Some(to) = self.dictionary.get_mut(self.write) {
                *to = byte;
            }
            self.write = wrap(self.write);
            *slot = byte;
            count = count.saturating_add(1);
            self.given = self.given.saturating_add(1);
        }
        Ok(count)
    }
}

fn wrap(place: usize) -> usize {
    place.wrapping_add(1) & (DICTIONARY - 1)
}

/// CRC-32 without its first and last inversion.
fn add(checksum: u32, byte: u8) -> u32 {
    let mut rest = checksum ^ u32::from(byte);
    for _ in 0..8 {
        rest = if rest & 1 == 0 { rest >> 1 } else { rest >> 1 ^ 0xedb8_8320 };
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first example of [MS-OXRTFCP] 3.1.
    const EXAMPLE: &[u8] = b"\x2d\0\0\0\x2b\0\0\0LZFu\xf1\xc5\xc7\xa7\x03\0\x0a\0rcpg125B2\x0a\xf3 hel\x09\0 bw\x05\xb0ld}\x0a\x80\x0f\xa0";

    #[test]
    fn the_example_of_the_document() {
        let mut text = String::new();
        CompressedRtf::new(EXAMPLE).read_to_string(&mut text).unwrap();
        assert_eq!(text, "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n");
    }

    #[test]
    fn damage_is_told_after_what_came_before() {
        let mut wrong = EXAMPLE.to_vec();
        wrong[12] ^= 1;
        for (bytes, kind) in
            [(&wrong[..], ErrorKind::InvalidData), (&EXAMPLE[..40], ErrorKind::UnexpectedEof)]
        {
            let mut text = Vec::new();
            let error = CompressedRtf::new(bytes).read_to_end(&mut text).unwrap_err();
            assert_eq!(error.kind(), kind);
            assert!(text.starts_with(b"{\\rtf1\\ansi\\ansicpg1252"), "{text:?}");
        }
        let stored = b"\x10\0\0\0\x04\0\0\0MELA\0\0\0\0{\\x}";
        let mut text = Vec::new();
        CompressedRtf::new(&stored[..]).read_to_end(&mut text).unwrap();
        assert_eq!(text, b"{\\x}");
    }
}
