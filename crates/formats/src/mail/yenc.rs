//! yEnc: a reader that decodes the lines of one part.
//!
//! Specification: <http://www.yenc.org/yenc-draft.1.3.txt>. The size and checksum of the last line are not
//! believed: what is encoded is decoded, and a wrong checksum is told once it was.

use std::io::{self, Read};

use candor_object::Content;
use flate2::Crc;

use super::bytes::Bytes;

/// Bytes of a last line that are looked at.
const MAX_LINE: usize = 512;

/// What a first line announces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Begin {
    /// The file's name.
    pub(crate) name: String,
    /// Whether it says that this is one of several parts.
    pub(crate) part: Option<String>,
    /// Size of the file.
    pub(crate) size: Option<u64>,
}

impl Begin {
    /// Which part this is, if it is not the whole file; `data` begins behind the first line. Either line may say so.
    pub(crate) fn of_several(&self, data: &[u8]) -> Option<String> {
        let line = data.strip_prefix(b"=ypart ").map(|rest| {
            let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
            String::from_utf8_lossy(rest.get(..end).unwrap_or_default()).into_owned()
        });
        let number = |name: &str| -> Option<u64> {
            let mut fields = line.as_deref()?.split_ascii_whitespace();
            fields.find_map(|field| field.strip_prefix(name))?.parse().ok()
        };
        let (begin, end) = (number("begin="), number("end="));
        let is_first = self.part.as_deref().is_none_or(|part| part == "1");
        if line.is_none() && self.part.is_none()
            || is_first && begin == Some(1) && end.is_some() && end == self.size
        {
            return None;
        }
        let part = self.part.as_deref().map_or_else(
            || "a part".to_owned(),
            |part| format!("part {}", part.chars().take(20).collect::<String>()),
        );
        Some(match (begin, end, self.size) {
            (Some(begin), Some(end), Some(size)) => format!("{part}, bytes {begin} to {end} of {size}"),
            _ => part,
        })
    }
}

/// Reads a first line.
pub(crate) fn begin(line: &[u8]) -> Option<Begin> {
    let rest = line.strip_prefix(b"=ybegin ")?;
    let text = String::from_utf8_lossy(rest);
    let (fields, name) = text.split_once("name=").unwrap_or((&text, ""));
    if !fields.contains("line=") && !fields.contains("size=") {
        return None;
    }
    let field = |name: &str| fields.split_ascii_whitespace().find_map(|field| field.strip_prefix(name));
    let size = field("size=").and_then(|size| size.parse().ok());
    Some(Begin { name: name.trim().to_owned(), part: field("part=").map(str::to_owned), size })
}

/// A reader of the decoded bytes.
#[derive(Debug)]
pub(crate) struct Yenc {
    input: Bytes,
    at_start: bool,
    done: bool,
    /// Whether this is one of several parts.
    is_part: bool,
    checksum: Crc,
    /// What the last line says of it.
    expected: Option<u32>,
}

impl Yenc {
    /// Decodes `content`, which begins with the line after `=ybegin`.
    pub(crate) fn new(content: Content) -> Self {
        let (input, checksum) = (Bytes::new(content), Crc::new());
        Self { input, at_start: true, done: false, is_part: false, checksum, expected: None }
    }

    fn step(&mut self) -> io::Result<Option<u8>> {
        loop {
            if self.at_start && self.keyword()? {
                return Ok(None);
            }
            self.at_start = false;
            match self.input.next()? {
                None => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "yEnc file without an end line",
                    ));
                }
                Some(b'\r' | b'\n') => self.at_start = true,
                Some(b'=') => match self.input.next()? {
                    None | Some(b'\r' | b'\n') => self.at_start = true,
                    Some(byte) => return Ok(Some(byte.wrapping_sub(106))),
                },
                Some(byte) => return Ok(Some(byte.wrapping_sub(42))),
            }
        }
    }

    /// Goes over a line `=ypart`; true at `=yend` and at the next `=ybegin`.
    fn keyword(&mut self) -> io::Result<bool> {
        let mut word = [0_u8; 7];
        loop {
            for (place, slot) in word.iter_mut().enumerate() {
                *slot = self.input.peek(place)?.unwrap_or(0);
            }
            if !word.starts_with(b"=ypart ") {
                break;
            }
            self.is_part = true;
            self.input.line(&mut Vec::new(), 0)?;
        }
        if word.starts_with(b"..") {
            // A dot at the start of a line is doubled on its way through NNTP and SMTP.
            self.input.skip(1);
        }
        self.done = word.starts_with(b"=yend") || word == *b"=ybegin";
        if word.starts_with(b"=yend") {
            let mut line = Vec::new();
            self.input.line(&mut line, MAX_LINE)?;
            self.expected = checksum(&String::from_utf8_lossy(&line), self.is_part);
        }
        Ok(self.done)
    }
}

/// The checksum in a last line: of the part where there are several, else of the file.
fn checksum(line: &str, is_part: bool) -> Option<u32> {
    let field = |name: &str| line.split_ascii_whitespace().find_map(|field| field.strip_prefix(name));
    let whole = || field("crc32=").filter(|_| !is_part);
    u32::from_str_radix(field("pcrc32=").or_else(whole)?, 16).ok()
}

impl Read for Yenc {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0_usize;
        for slot in buffer.iter_mut() {
            if self.done {
                break;
            }
            match self.step() {
                Ok(Some(byte)) => *slot = byte,
                Ok(None) => break,
                // The end is met again at the next call, and reported then.
                Err(error) if filled > 0 && error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(error),
            }
            filled = filled.saturating_add(1);
        }
        self.checksum.update(buffer.get(..filled).unwrap_or_default());
        if filled == 0
            && !buffer.is_empty()
            && self.expected.take().is_some_and(|expected| expected != self.checksum.sum())
        {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "checksum of a yEnc file"));
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_lines_and_escapes() {
        let plain: Vec<u8> = (0..=255).collect();
        let mut text = b"=ypart begin=1 end=256\r\n".to_vec();
        for (index, byte) in plain.iter().enumerate() {
            let code = byte.wrapping_add(42);
            if matches!(code, 0 | b'\r' | b'\n' | b'=') || (index % 100 == 0 && code == b'.') {
                text.extend_from_slice(&[b'=', code.wrapping_add(64)]);
            } else {
                text.push(code);
            }
            if index % 100 == 99 {
                text.extend_from_slice(b"\r\n");
            }
        }
        let mut cut = Vec::new();
        assert!(Yenc::new(Content::from_vec(text.clone())).read_to_end(&mut cut).is_err());
        assert_eq!(cut, plain);
        text.extend_from_slice(b"\r\n=yend size=256\r\nmore");
        let mut out = Vec::new();
        Yenc::new(Content::from_vec(text)).read_to_end(&mut out).unwrap();
        assert_eq!(out, plain);
    }

    #[test]
    fn checksums_are_compared() {
        for (line, is_right) in [
            ("=yend size=3 crc32=352441c2", true),
            ("=yend size=3 crc32=352441C3", false),
            ("=yend size=3 part=1 pcrc32=352441c2 crc32=00000000", true),
            ("=yend size=3 crc32=nonsense", true),
        ] {
            let mut out = Vec::new();
            let text =
                format!("\u{8b}\u{8c}\u{8d}\r\n{line}\r\n").chars().map(|letter| letter as u8).collect();
            let result = Yenc::new(Content::from_vec(text)).read_to_end(&mut out);
            assert_eq!((result.is_ok(), out.as_slice()), (is_right, &b"abc"[..]), "{line}");
        }
    }

    #[test]
    fn parts() {
        let part = |first: &[u8], second: &[u8]| begin(first).unwrap().of_several(second);
        let first = b"=ybegin part=2 line=128 size=9 name=x";
        assert!(part(first, b"=ypart begin=1 end=9\n").is_some());
        assert_eq!(part(first, b"=ypart begin=3 end=6\r\n").as_deref(), Some("part 2, bytes 3 to 6 of 9"));
        assert_eq!(part(first, b"kkk").as_deref(), Some("part 2"));
        let first = b"=ybegin line=128 size=9 name=x";
        assert_eq!(part(first, b"=ypart begin=3 end=x\n").as_deref(), Some("a part"));
        assert_eq!(part(first, b"kkk"), None);
        assert_eq!(part(first, b"=ypart begin=1 end=9\n"), None);
    }

    #[test]
    fn first_lines() {
        let found = begin(b"=ybegin part=1 line=128 size=9 name=a b.zip").unwrap();
        assert_eq!((found.name.as_str(), found.part.as_deref()), ("a b.zip", Some("1")));
        assert_eq!(begin(b"=ybegin of something"), None);
    }
}
