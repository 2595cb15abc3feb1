//! Text of unknown length, read piece by piece: lines and single bytes, each bounded, whatever the content is.

use crate::{Error, Subject};

/// Longest line, name or value that is kept, in bytes; what is longer is cut.
pub(crate) const LONGEST: usize = 64 << 10;

/// Bytes that are read at once; even, so that no UTF-16 unit is torn.
const CHUNK: usize = 64 << 10;

/// Calls `each` with every line, without its end, lossily decoded.
pub(crate) fn lines(
    subject: &Subject<'_>,
    mut each: impl FnMut(&str) -> Result<(), Error>,
) -> Result<(), Error> {
    numbered_lines(subject, |_, line| each(line))
}

/// Calls `each` with the number of every line, the first being 1, and the line.
pub(crate) fn numbered_lines(
    subject: &Subject<'_>,
    mut each: impl FnMut(u64, &str) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut input = Input::new(subject)?;
    let mut line = Vec::new();
    loop {
        line.clear();
        let number = input.line;
        let ended = input.until(b'\n', &mut line)?;
        if !ended && line.is_empty() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line);
        each(number, text.trim_end_matches('\r'))?;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Little,
    Big,
}

/// A text as UTF-8 bytes: with a byte order mark, UTF-16 is decoded. Looks at the clock at every chunk.
pub(crate) struct Input<'s> {
    subject: &'s Subject<'s>,
    encoding: Encoding,
    /// Where the next chunk is.
    offset: u64,
    chunk: Vec<u8>,
    at: usize,
    /// The first half of a pair of UTF-16 units at the end of a chunk.
    half: Option<u16>,
    /// The line of the next byte; the first is 1.
    pub(crate) line: u64,
}

impl<'s> Input<'s> {
    pub(crate) fn new(subject: &'s Subject<'s>) -> Result<Self, Error> {
        let (encoding, offset) = match subject.head {
            [0xef, 0xbb, 0xbf, ..] => (Encoding::Utf8, 3),
            [0xff, 0xfe, ..] => (Encoding::Little, 2),
            [0xfe, 0xff, ..] => (Encoding::Big, 2),
            _ => (Encoding::Utf8, 0),
        };
        let mut input = Self { subject, encoding, offset, chunk: Vec::new(), at: 0, half: None, line: 1 };
        input.fill()?;
        Ok(input)
    }

    /// The next byte, which stays.
    pub(crate) fn peek(&mut self) -> Result<Option<u8>, Error> {
        if self.at == self.chunk.len() && !self.fill()? {
            return Ok(None);
        }
        Ok(self.chunk.get(self.at).copied())
    }

    /// The next byte.
    pub(crate) fn next(&mut self) -> Result<Option<u8>, Error> {
        let byte = self.peek()?;
        if let Some(byte) = byte {
            self.at += 1;
            self.line += u64::from(byte == b'\n');
        }
        Ok(byte)
    }

    /// Takes what comes before `end` into `into`, up to [`LONGEST`] bytes of it, and leaves out `end`. False at the
    /// end of the text.
    pub(crate) fn until(&mut self, end: u8, into: &mut Vec<u8>) -> Result<bool, Error> {
        loop {
            let rest = &self.chunk[self.at..];
            let found = memchr::memchr(end, rest);
            let piece = &rest[..found.unwrap_or(rest.len())];
            into.extend_from_slice(&piece[..piece.len().min(LONGEST.saturating_sub(into.len()))]);
            self.line += memchr::memchr_iter(b'\n', piece).count() as u64;
            self.at += piece.len();
            if found.is_some() {
                self.next()?;
                return Ok(true);
            }
            if !self.fill()? {
                return Ok(false);
            }
        }
    }

    /// Passes over white space, and shows the byte after it.
    pub(crate) fn past_space(&mut self) -> Result<Option<u8>, Error> {
        while let Some(byte) = self.peek()? {
            if !byte.is_ascii_whitespace() {
                return Ok(Some(byte));
            }
            self.next()?;
        }
        Ok(None)
    }

    /// What is wrong, with the line that it is in.
    pub(crate) fn damaged(&self, what: &str) -> Error {
        Error::Damaged(format!("line {}: {what}", self.line))
    }

    fn fill(&mut self) -> Result<bool, Error> {
        self.subject.time_left()?;
        self.chunk.resize(CHUNK, 0);
        self.at = 0;
        let read = match self.subject.content().read_at(self.offset, &mut self.chunk) {
            Ok(read) => read,
            Err(error) => {
                self.chunk.clear();
                return Err(error.into());
            }
        };
        self.offset += read as u64;
        self.chunk.truncate(read);
        if self.encoding != Encoding::Utf8 {
            self.decode();
        }
        Ok(read > 0)
    }

    fn decode(&mut self) {
        let encoding = self.encoding;
        let unit = |pair: &[u8]| match *pair {
            [first, second] if encoding == Encoding::Little => u16::from_le_bytes([first, second]),
            [first, second] => u16::from_be_bytes([first, second]),
            _ => 0xfffd,
        };
        let mut units: Vec<u16> = self.half.take().into_iter().collect();
        units.extend(self.chunk.chunks(2).map(unit));
        if self.chunk.len() == CHUNK && units.last().is_some_and(|last| (0xd800..0xdc00).contains(last)) {
            self.half = units.pop();
        }
        let characters = char::decode_utf16(units).map(|found| found.unwrap_or(char::REPLACEMENT_CHARACTER));
        self.chunk = characters.collect::<String>().into_bytes();
    }
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::with_subject;

    use super::*;

    fn all(content: &[u8]) -> Vec<(u64, String)> {
        with_subject("x", content, |subject| {
            let mut lines = Vec::new();
            numbered_lines(subject, |number, line| {
                lines.push((number, line.to_owned()));
                Ok(())
            })
            .unwrap();
            lines
        })
    }

    #[test]
    fn lines_are_numbered_cut_and_decoded() {
        assert_eq!(all(b"a\r\n\nb"), [(1, "a".to_owned()), (2, String::new()), (3, "b".to_owned())]);
        let long = [b"x".repeat(LONGEST * 3), b"\nend".to_vec()].concat();
        let lines = all(&long);
        assert_eq!(lines[0].1.len(), LONGEST);
        assert_eq!(lines[1], (2, "end".to_owned()));
        let wide: Vec<u8> = "\u{feff}é\n😀".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(all(&wide), [(1, "é".to_owned()), (2, "😀".to_owned())]);
    }

    #[test]
    fn pairs_of_units_that_two_chunks_share_stay_whole() {
        let text = format!("\u{feff}x{}", format!("{}\n", "😀".repeat(999)).repeat(100));
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let lines = all(&wide);
        assert!(lines.iter().all(|(_, line)| !line.contains(char::REPLACEMENT_CHARACTER)));
        assert_eq!(lines.len(), 100);
    }
}
