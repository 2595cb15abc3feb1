//! Data in hexadecimal digits, with all that may stand between them.
//!
//! Word ignores whatever is no digit, groups of destinations that it does not know, and forgets the first digit of a byte when
//! `\'` comes behind it (seen by the authors of oletools, and in many exploits). Other readers take every digit. So there
//! are two readings, and the first says whether the second would differ.

use std::io::{self, Read};

use candor_object::Content;

use super::tokens::{Token, Tokens, digit};

/// Most bytes that are read without one that comes out.
const MOST_IN_VAIN: u64 = 64 << 20;

/// How the digits are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// As Word does.
    Word,
    /// Every digit that is text counts, and no byte of `\bin`.
    Plain,
}

/// Reads the bytes of a group, from a place in it to its end.
pub(super) struct Hex<'c> {
    content: &'c Content,
    tokens: Tokens<'c>,
    reading: Reading,
    /// Groups that were opened since, and the one that is left out.
    depth: u32,
    skipped: Option<u32>,
    /// Whether `\*` stood just before.
    star: bool,
    high: Option<u8>,
    /// Where bytes of `\bin` lie that are to come out.
    binary: (u64, u64),
    over: bool,
    /// Whether the other reading gives something else.
    pub(super) differs: bool,
    /// Whether the group was closed.
    pub(super) closed: bool,
}

impl<'c> Hex<'c> {
    pub(super) fn new(content: &'c Content, at: u64, reading: Reading) -> Self {
        Self {
            content,
            tokens: Tokens::new(content, at),
            reading,
            depth: 0,
            skipped: None,
            star: false,
            high: None,
            binary: (0, 0),
            over: false,
            differs: false,
            closed: false,
        }
    }

    /// Bytes that were read for it.
    pub(super) fn passed(&self) -> u64 {
        self.tokens.passed
    }

    /// The next byte, or nothing at the end or at bytes of `\bin`.
    fn byte(&mut self) -> io::Result<Option<u8>> {
        let from = self.tokens.passed;
        while let Some(token) = self.tokens.next()? {
            let star = std::mem::replace(&mut self.star, token == Token::Symbol(b'*'));
            match token {
                Token::Open => self.depth = self.depth.saturating_add(1),
                Token::Close => {
                    if self.depth == 0 {
                        self.closed = true;
                        self.over = true;
                        return Ok(None);
                    }
                    self.depth = self.depth.saturating_sub(1);
                    self.skipped = self.skipped.filter(|skipped| self.depth >= *skipped);
                }
                Token::Word
                    if self.depth > 0
                        && self.skipped.is_none()
                        && (star || super::words::is_destination(&self.tokens.word)) =>
                {
                    self.skipped = Some(self.depth);
                }
                Token::Escape(_) if self.skipped.is_none() => {
                    self.differs |= self.high.is_some();
                    if self.reading == Reading::Word {
                        self.high = None;
                    }
                }
                Token::Binary(start, size) if size > 0 && self.skipped.is_none() => {
                    self.differs = true;
                    if self.reading == Reading::Word {
                        self.high = None;
                        self.binary = (start, size);
                        return Ok(None);
                    }
                }
                Token::Text(text) => {
                    if let Some(byte) = digit(text).and_then(|value| self.nibble(value)) {
                        return Ok(Some(byte));
                    }
                }
                _ => {}
            }
            if self.tokens.passed.saturating_sub(from) > MOST_IN_VAIN {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "64 MiB without a digit"));
            }
        }
        self.over = true;
        Ok(None)
    }

    fn nibble(&mut self, value: u8) -> Option<u8> {
        if self.skipped.is_some() {
            self.differs = true;
            if self.reading == Reading::Word {
                return None;
            }
        }
        match self.high.take() {
            Some(high) => Some(high << 4 | value),
            None => {
                self.high = Some(value);
                None
            }
        }
    }
}

impl Read for Hex<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (start, left) = self.binary;
        if left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let count = self.content.read_at(start, buffer.get_mut(..most).unwrap_or_default())?;
            let left = if count == 0 { 0 } else { left.saturating_sub(count as u64) };
            self.binary = (start.saturating_add(count as u64), left);
            return Ok(count);
        }
        let mut count: usize = 0;
        for place in buffer.iter_mut() {
            if self.over {
                break;
            }
            match self.byte()? {
                Some(byte) => *place = byte,
                None if self.over || count > 0 => break,
                // Bytes of `\bin` come first.
                None => return self.read(buffer),
            }
            count = count.saturating_add(1);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8], reading: Reading) -> (Vec<u8>, bool) {
        let content = Content::from_vec(text.to_vec());
        let mut hex = Hex::new(&content, 0, reading);
        let mut out = Vec::new();
        hex.read_to_end(&mut out).unwrap();
        (out, hex.differs)
    }

    #[test]
    fn what_is_no_digit_is_ignored() {
        for text in [&b"41 4\r\n2}43"[..], b"4\\b 1{\\rtlch 4}zz2}", b"41{\\*}42", b"4{}1\\'zz42", b"41424}"]
        {
            assert_eq!(read(text, Reading::Word), (b"AB".to_vec(), false), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn both_readings_come_out() {
        for (text, word, plain) in [
            (&b"41{\\*\\foo 4545}42"[..], &b"AB"[..], &b"AEEB"[..]),
            (b"41{\\author 4545}42", b"AB", b"AEEB"),
            (b"414\\'1142", b"AB", b"AD"),
            (b"41\\bin2 zz42", b"AzzB", b"AB"),
        ] {
            assert_eq!(read(text, Reading::Word), (word.to_vec(), true));
            assert_eq!(read(text, Reading::Plain).0, plain);
        }
    }
}
