//! uuencode: a reader that decodes the lines of one file.
//!
//! Specification: POSIX.1-2024, uuencode. Transports strip trailing spaces, so a line that is too short is
//! filled up with zeros as if the spaces were there. Lines that are no data are gone over, as lenient readers
//! do, and reported as damage once the end line shows that they were in the middle.

use std::io::{self, Read};

use candor_object::Content;

use super::bytes::Bytes;

/// Bytes kept of a line; a data line has at most 61 characters after the first, so a longer one is no data.
const MAX_LINE: usize = 256;

/// What a first line announces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    /// `begin 644 name`.
    Uu(String),
    /// `begin-base64 644 name`.
    Base64(String),
}

/// Reads a first line.
pub(crate) fn begin(line: &[u8]) -> Option<Begin> {
    let rest = line.strip_prefix(b"begin")?;
    let is_base64 = rest.starts_with(b"-base64");
    let rest = rest.strip_prefix(b"-base64").unwrap_or(rest);
    let text = rest.trim_ascii_start();
    if text.len() == rest.len() {
        return None;
    }
    let digits = text.iter().take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    let after = text.get(digits..).unwrap_or_default();
    if !(3..=6).contains(&digits) || !after.first().is_none_or(u8::is_ascii_whitespace) {
        return None;
    }
    let name = crate::fields::name(after.trim_ascii());
    Some(if is_base64 { Begin::Base64(name) } else { Begin::Uu(name) })
}

/// The number of bytes on a data line, or none if it is no data line.
pub(crate) fn data_length(line: &[u8]) -> Option<usize> {
    let (first, data) = line.split_first()?;
    if !(b' '..=b'`').contains(first) {
        return None;
    }
    let length = usize::from(first.wrapping_sub(b' ') & 63);
    let characters = length.div_ceil(3).saturating_mul(4);
    let data = data.trim_ascii_end();
    // Some encoders add a check character, and some fill the last group up in their own way.
    let fits =
        data.len() <= characters.saturating_add(2) && (length == 0 || !data.is_empty() || line.len() > 1);
    (fits && data.iter().all(|byte| (b' '..=b'`').contains(byte))).then_some(length)
}

/// A reader of the decoded bytes.
#[derive(Debug)]
pub(crate) struct Uu {
    input: Bytes,
    line: Vec<u8>,
    out: Vec<u8>,
    given: usize,
    garbage: Option<u64>,
    has_data: bool,
    done: bool,
}

impl Uu {
    /// Decodes `content`, which begins with the line after `begin`, or before it if that is damaged.
    pub(crate) fn new(content: Content) -> Self {
        Self {
            input: Bytes::new(content),
            line: Vec::new(),
            out: Vec::new(),
            given: 0,
            garbage: None,
            has_data: false,
            done: false,
        }
    }

    /// Decodes the next data line into `out`; false at the end.
    fn step(&mut self) -> io::Result<bool> {
        self.out.clear();
        self.given = 0;
        if self.done {
            return Ok(false);
        }
        let offset = self.input.position();
        let truncated = || io::Error::new(io::ErrorKind::UnexpectedEof, "uuencoded file without an end line");
        if !self.input.line(&mut self.line, MAX_LINE)? {
            self.done = true;
            return Err(truncated());
        }
        if self.line.trim_ascii_end().eq_ignore_ascii_case(b"end") {
            self.done = true;
            return match self.garbage {
                None => Ok(false),
                Some(at) => {
                    let detail = format!("uuencoded file: the line at offset {at} is no data");
                    Err(io::Error::new(io::ErrorKind::InvalidData, detail))
                }
            };
        }
        // Another file begins: going on would decode it twice, and a thousand of them a thousand times.
        if self.has_data && begin(&self.line).is_some() {
            self.done = true;
            return Err(truncated());
        }
        match data_length(&self.line) {
            Some(length) => {
                self.has_data = true;
                self.decode(length);
            }
            None if self.line.trim_ascii().is_empty() => {}
            None => {
                self.garbage.get_or_insert(offset);
            }
        }
        Ok(true)
    }

    fn decode(&mut self, length: usize) {
        let value = |byte: Option<&u8>| u32::from(byte.map_or(0, |byte| byte.wrapping_sub(b' ') & 63));
        let mut at = 1_usize;
        while self.out.len() < length {
            let group = (0..4_usize)
                .fold(0, |group, index| (group << 6) | value(self.line.get(at.saturating_add(index))));
            let [_, bytes @ ..] = group.to_be_bytes();
            self.out.extend_from_slice(&bytes);
            at = at.saturating_add(4);
        }
        self.out.truncate(length);
    }
}

impl Read for Uu {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let rest = self.out.get(self.given..).unwrap_or_default();
            if !rest.is_empty() || buffer.is_empty() {
                let count = rest.len().min(buffer.len());
                buffer.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                self.given = self.given.saturating_add(count);
                return Ok(count);
            }
            if !self.step()? {
                return Ok(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> (String, Option<io::ErrorKind>) {
        let mut bytes = Vec::new();
        let result = Uu::new(Content::from_vec(text.into())).read_to_end(&mut bytes);
        (String::from_utf8_lossy(&bytes).into_owned(), result.err().map(|error| error.kind()))
    }

    #[test]
    fn decodes_what_is_there() {
        assert_eq!(decode("#0V%T\n`\nend\n"), ("Cat".into(), None));
        assert_eq!(decode("#0V%T\r\n \r\nend\r\nafter"), ("Cat".into(), None));
        assert_eq!(decode("#0V%T\n"), ("Cat".into(), Some(io::ErrorKind::UnexpectedEof)));
        assert_eq!(decode("#0V%T\nbegin 644 x\n#0V%T\n"), ("Cat".into(), Some(io::ErrorKind::UnexpectedEof)));
        let garbage = decode("#0V%T\n-- some words --\n#0V%T\nend\n");
        assert_eq!(garbage, ("CatCat".into(), Some(io::ErrorKind::InvalidData)));
        assert_eq!(decode("$0V%T\nend\n").0, "Cat\0");
    }

    #[test]
    fn first_lines() {
        assert_eq!(begin(b"begin 644 a b.txt "), Some(Begin::Uu("a b.txt".into())));
        assert_eq!(begin(b"begin-base64 0755 x"), Some(Begin::Base64("x".into())));
        for line in [&b"begin the day"[..], b"begin 99 x", b"beginning", b"begin 644x", b"begin644 x"] {
            assert_eq!(begin(line), None, "{}", String::from_utf8_lossy(line));
        }
    }
}
