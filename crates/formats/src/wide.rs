//! Text in UTF-16 as UTF-8: what says that it is, but has no byte order mark, is known to no detector.

use std::io::{self, BufReader, ErrorKind, Read};

/// A reader of the same text in UTF-8. Halves of pairs become replacement characters.
pub(crate) struct Wide<R> {
    input: BufReader<R>,
    /// A unit that was read too far.
    ahead: Option<u16>,
    /// Bytes of a letter that are still to be given out, and how many were.
    letter: ([u8; 4], usize, usize),
    failed: Option<io::Error>,
}

impl<R: Read> Wide<R> {
    /// Reads little-endian UTF-16.
    pub(crate) fn new(input: R) -> Self {
        Self {
            input: BufReader::with_capacity(8 << 10, input),
            ahead: None,
            letter: ([0; 4], 0, 0),
            failed: None,
        }
    }

    fn unit(&mut self) -> io::Result<Option<u16>> {
        if let Some(unit) = self.ahead.take() {
            return Ok(Some(unit));
        }
        let Some(low) = self.byte()? else { return Ok(None) };
        // An odd byte at the end is no letter.
        Ok(self.byte()?.map(|high| u16::from_le_bytes([low, high])))
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        loop {
            match self.input.read(&mut byte) {
                Ok(count) => return Ok((count > 0).then_some(byte[0])),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn letter(&mut self) -> io::Result<Option<char>> {
        let Some(first) = self.unit()? else { return Ok(None) };
        if !(0xd800..0xdc00).contains(&first) {
            return Ok(Some(char::from_u32(first.into()).unwrap_or(char::REPLACEMENT_CHARACTER)));
        }
        let second = self.unit()?.unwrap_or(0);
        let letter = char::decode_utf16([first, second]).next().and_then(Result::ok);
        if letter.is_none() && second != 0 {
            self.ahead = Some(second);
        }
        Ok(Some(letter.unwrap_or(char::REPLACEMENT_CHARACTER)))
    }
}

impl<R: Read> Read for Wide<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let mut count: usize = 0;
        for slot in buffer.iter_mut() {
            let (_, given, length) = self.letter;
            if given >= length {
                match self.letter() {
                    Ok(Some(letter)) => {
                        let mut bytes = [0; 4];
                        let length = letter.encode_utf8(&mut bytes).len();
                        self.letter = (bytes, 0, length);
                    }
                    Ok(None) => break,
                    Err(error) if count == 0 => return Err(error),
                    Err(error) => {
                        // What was read before it goes out first.
                        self.failed = Some(error);
                        break;
                    }
                }
            }
            *slot = self.letter.0.get(self.letter.1).copied().unwrap_or(0);
            self.letter.1 = self.letter.1.saturating_add(1);
            count = count.saturating_add(1);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_become_utf8() {
        let bytes: Vec<u8> =
            "Grüße 😀".encode_utf16().flat_map(u16::to_le_bytes).chain([0, 0xd8, b'a', 0, 7]).collect();
        let mut text = String::new();
        Wide::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
        assert_eq!(text, "Grüße 😀\u{fffd}a");
    }
}
