//! base64 as mail has it: a reader that decodes what is there.
//!
//! Specification: RFC 2045 section 6.8: characters outside the alphabet are skipped. What it leaves open is
//! where scanners are evaded: padding in the middle (some readers stop there, others go on), missing padding,
//! lines of any length. Here decoding goes on after padding with a fresh group; [`early_padding`] tells where
//! readers that stop would stop, so that both contents can be handed over.

use std::io::{self, Read};

use candor_object::Content;

use super::bytes::Bytes;

/// What ends the encoded text before the content ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Nothing.
    Content,
    /// A line of four equals signs, as after `begin-base64`.
    Equals,
}

/// A reader of the decoded bytes.
#[derive(Debug)]
pub(crate) struct Base64 {
    input: Bytes,
    end: End,
    group: u32,
    sextets: u32,
    /// Equals signs since the last line end, or none if something else was on the line.
    equals: Option<u32>,
    done: bool,
    cut: bool,
    pending: [u8; 3],
    pending_from: usize,
}

impl Base64 {
    /// Decodes `content`.
    pub(crate) fn new(content: Content, end: End) -> Self {
        Self {
            input: Bytes::new(content),
            end,
            group: 0,
            sextets: 0,
            equals: Some(0),
            done: false,
            cut: false,
            pending: [0; 3],
            pending_from: 3,
        }
    }

    fn flush(&mut self) {
        let [_, first, second, third] =
            self.group.wrapping_shl(4_u32.saturating_sub(self.sextets).wrapping_mul(6)).to_be_bytes();
        let (bytes, from) = match self.sextets {
            2 => ([0, 0, first], 2),
            3 => ([0, first, second], 1),
            4 => ([first, second, third], 0),
            _ => ([0; 3], 3),
        };
        self.pending = bytes;
        self.pending_from = from;
        self.group = 0;
        self.sextets = 0;
    }

    fn step(&mut self) -> io::Result<()> {
        let Some(byte) = self.input.next()? else {
            self.done = true;
            // A lone character is less than a byte, so something was cut off.
            self.cut = self.end == End::Equals || self.sextets == 1;
            self.flush();
            return Ok(());
        };
        if let Some(value) = sextet(byte) {
            self.equals = None;
            self.group = (self.group << 6) | u32::from(value);
            self.sextets = self.sextets.saturating_add(1);
            if self.sextets == 4 {
                self.flush();
            }
        } else if byte == b'=' {
            self.equals = self.equals.map(|count| count.saturating_add(1));
            if self.end == End::Equals && self.equals == Some(4) {
                self.done = true;
            }
            self.flush();
        } else if matches!(byte, b'\n' | b'\r') {
            self.equals = Some(0);
        }
        Ok(())
    }
}

impl Read for Base64 {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0_usize;
        for slot in buffer.iter_mut() {
            while self.pending_from >= 3 {
                if self.done && self.cut && filled == 0 {
                    self.cut = false;
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "base64 text ends too early"));
                }
                if self.done {
                    return Ok(filled);
                }
                self.step()?;
            }
            *slot = self.pending.get(self.pending_from).copied().unwrap_or_default();
            self.pending_from = self.pending_from.saturating_add(1);
            filled = filled.saturating_add(1);
        }
        Ok(filled)
    }
}

/// Whether the byte is in the alphabet.
pub(crate) fn is_sextet(byte: u8) -> bool {
    sextet(byte).is_some()
}

fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte.wrapping_sub(b'A')),
        b'a'..=b'z' => Some(byte.wrapping_sub(b'a').wrapping_add(26)),
        b'0'..=b'9' => Some(byte.wrapping_sub(b'0').wrapping_add(52)),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// Offset after the first padding, if characters of the alphabet follow it.
pub(crate) fn early_padding(content: &Content) -> io::Result<Option<u64>> {
    let mut input = Bytes::new(content.clone());
    let mut sextets = 0_u8;
    let mut padded = None;
    while let Some(byte) = input.next()? {
        if is_sextet(byte) {
            if padded.is_some() {
                return Ok(padded);
            }
            sextets = sextets.wrapping_add(1) & 3;
        } else if byte == b'=' && (sextets >= 2 || padded.is_some()) {
            padded = Some(input.position());
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str, end: End) -> (String, Option<io::ErrorKind>) {
        let mut bytes = Vec::new();
        let result = Base64::new(Content::from_vec(text.into()), end).read_to_end(&mut bytes);
        (String::from_utf8_lossy(&bytes).into_owned(), result.err().map(|error| error.kind()))
    }

    #[test]
    fn decodes_what_is_there() {
        for text in ["YWJjZA==", "YWJjZA", "YW!Jj\r\n  ZA=", "Y\nW\nJ\nj\nZ\nA", "Y*W-J_jZA==\n\n"] {
            assert_eq!(decode(text, End::Content), ("abcd".into(), None), "{text}");
        }
        assert_eq!(decode("YWJj\nZGU=", End::Content).0, "abcde");
        assert_eq!(decode("YQ==YmM=\n===ZGVm", End::Content).0, "abcdef");
        assert_eq!(decode("YWJjZ", End::Content), ("abc".into(), Some(io::ErrorKind::UnexpectedEof)));
        assert_eq!(decode("Y", End::Content), (String::new(), Some(io::ErrorKind::UnexpectedEof)));
        assert_eq!(decode("", End::Content), (String::new(), None));
    }

    #[test]
    fn a_block_ends_with_four_equals() {
        assert_eq!(decode("YWJj\n====\nYWJj", End::Equals), ("abc".into(), None));
        assert_eq!(decode("YQ==\n====\nYWJj", End::Equals), ("a".into(), None));
        let (text, error) = decode("YWJj\nYQ", End::Equals);
        assert_eq!((text.as_str(), error), ("abca", Some(io::ErrorKind::UnexpectedEof)));
    }

    #[test]
    fn early_padding_is_found() {
        let at = |text: &str| early_padding(&Content::from_vec(text.into())).unwrap();
        assert_eq!(at("YQ==\n"), None);
        assert_eq!(at("YQ==\nYWJj"), Some(4));
        assert_eq!(at("YWJj=YWJj"), None);
    }
}
