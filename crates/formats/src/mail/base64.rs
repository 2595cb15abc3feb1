//! base64 as mail has it: a reader that decodes what is there.
//!
//! Specification: RFC 2045 section 6.8: characters outside the alphabet are skipped. What it leaves open is
//! where scanners are evaded: padding in the middle (some readers stop there, others go on), missing padding,
//! lines of any length. Here decoding goes on after padding with a fresh group; [`early_padding`] tells where
//! readers that stop would stop, so that both contents can be handed over.

use std::io::{self, Read};

use candor_object::Content;

use super::bytes::Bytes;

/// Bytes that are looked at together.
const WINDOW: usize = 64 << 10;

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

impl Base64 {
    /// Decodes whole groups that stand side by side, as most of a text does; how many bytes came out.
    fn groups(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if self.sextets > 0 || self.pending_from < 3 || self.done {
            return Ok(0);
        }
        let mut count = 0_usize;
        for (group, out) in self.input.ahead()?.as_chunks::<4>().0.iter().zip(space.as_chunks_mut::<3>().0) {
            let [first, second, third, fourth] =
                group.map(|byte| SEXTETS.get(usize::from(byte)).copied().unwrap_or(NO));
            if (first | second | third | fourth) & NO != 0 {
                break;
            }
            *out = [first << 2 | second >> 4, second << 4 | third >> 2, third << 6 | fourth];
            count = count.saturating_add(1);
        }
        if count > 0 {
            self.equals = None;
        }
        self.input.skip(count.saturating_mul(4));
        Ok(count.saturating_mul(3))
    }
}

impl Read for Base64 {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0_usize;
        while filled < buffer.len() {
            let space = buffer.get_mut(filled..).unwrap_or_default();
            let whole = self.groups(space)?;
            filled = filled.saturating_add(whole);
            let Some(slot) = space.get_mut(whole) else { break };
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

/// What no sextet has.
const NO: u8 = 0x80;

/// The value of each byte of the alphabet.
const SEXTETS: [u8; 256] = {
    let mut values = [NO; 256];
    let mut rest: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut value = 0;
    while let [byte, others @ ..] = rest {
        let (_, from) = values.split_at_mut(*byte as usize);
        if let Some(place) = from.first_mut() {
            *place = value;
        }
        value = u8::wrapping_add(value, 1);
        rest = others;
    }
    values
};

/// Whether the byte is in the alphabet.
pub(crate) fn is_sextet(byte: u8) -> bool {
    sextet(byte).is_some()
}

fn sextet(byte: u8) -> Option<u8> {
    SEXTETS.get(usize::from(byte)).copied().filter(|value| *value != NO)
}

/// Offset after the first padding, if characters of the alphabet follow it.
pub(crate) fn early_padding(content: &Content) -> io::Result<Option<u64>> {
    let mut offset = 0_u64;
    let mut sextets = 0_usize;
    let mut padded = None;
    loop {
        let window = content.window(offset, WINDOW)?;
        if window.is_empty() {
            return Ok(None);
        }
        let mut rest = window.as_ref();
        while !rest.is_empty() {
            let end = memchr::memchr(b'=', rest).unwrap_or(rest.len());
            let (before, from) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            let count = before.iter().filter(|byte| is_sextet(**byte)).count();
            if count > 0 && padded.is_some() {
                return Ok(padded);
            }
            sextets = sextets.wrapping_add(count) & 3;
            rest = from.get(1..).unwrap_or_default();
            if !from.is_empty() && (sextets >= 2 || padded.is_some()) {
                let place = window.len().saturating_sub(rest.len());
                padded = Some(offset.saturating_add(place as u64));
            }
        }
        offset = offset.saturating_add(window.len() as u64);
    }
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
