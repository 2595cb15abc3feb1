//! NRV2B, NRV2D and NRV2E: the three Lempel-Ziv codes of UCL, which UPX packs with.
//!
//! Specification: none beside the library, <http://www.oberhumer.com/opensource/ucl/>. Bits and whole bytes stand in one
//! stream: bits come from words of 8, 16 or 32 bits, each read when the one before is used up, highest bit first;
//! literals and the low bytes of offsets come from between the words. Numbers are in an Elias code.

use std::io::{self, ErrorKind};

/// Which of the codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    B,
    D,
    E,
}

/// An offset that ends the stream.
const END: u32 = u32::MAX;

/// Takes `packed` apart until its end mark, up to `limit` bytes. Gives what came out, and what stopped it before the end
/// mark.
pub(super) fn unpack(packed: &[u8], code: Code, word_size: usize, limit: usize) -> (Vec<u8>, io::Result<()>) {
    let mut bits = Bits { packed, next: 0, word_size, word: 0, left: 0 };
    let mut out = Vec::with_capacity(limit.min(packed.len().saturating_mul(4)));
    let result = run(&mut bits, code, limit, &mut out);
    (out, result)
}

fn run(bits: &mut Bits<'_>, code: Code, limit: usize, out: &mut Vec<u8>) -> io::Result<()> {
    let far = if code == Code::B { 0xd00 } else { 0x500 };
    let mut last_offset: u32 = 1;
    loop {
        while bits.bit()? == 1 {
            if out.len() >= limit {
                return Err(ErrorKind::InvalidData.into());
            }
            let byte = bits.byte()?;
            out.push(byte);
        }
        let prefix = bits.offset_prefix(code)?;
        let mut short = 0;
        let offset = if prefix == 2 {
            if code != Code::B {
                short = bits.bit()?;
            }
            last_offset
        } else {
            let raw = prefix.wrapping_sub(3).wrapping_shl(8).wrapping_add(u32::from(bits.byte()?));
            if raw == END {
                return Ok(());
            }
            last_offset = if code == Code::B {
                raw.wrapping_add(1)
            } else {
                short = !raw & 1;
                (raw >> 1).wrapping_add(1)
            };
            last_offset
        };
        let length = bits.length(code, short)?.saturating_add(1).saturating_add(u32::from(offset > far));
        repeat(out, offset, length, limit)?;
    }
}

/// Appends `length` bytes from `offset` bytes back.
fn repeat(out: &mut Vec<u8>, offset: u32, length: u32, limit: usize) -> io::Result<()> {
    let (Ok(offset), Ok(length)) = (usize::try_from(offset), usize::try_from(length)) else {
        return Err(ErrorKind::InvalidData.into());
    };
    let from = match out.len().checked_sub(offset) {
        Some(from) if offset > 0 && length <= limit.saturating_sub(out.len()) => from,
        _ => return Err(ErrorKind::InvalidData.into()),
    };
    // A match may reach into itself: then what can be repeated doubles with each step.
    let mut left = length;
    while left > 0 {
        let count = left.min(out.len().saturating_sub(from));
        out.extend_from_within(from..from.saturating_add(count));
        left = left.saturating_sub(count);
    }
    Ok(())
}

/// Bits and bytes of a packed stream.
struct Bits<'a> {
    packed: &'a [u8],
    next: usize,
    word_size: usize,
    word: u32,
    left: u32,
}

impl Bits<'_> {
    fn byte(&mut self) -> io::Result<u8> {
        let byte = self.packed.get(self.next).ok_or(ErrorKind::UnexpectedEof)?;
        self.next = self.next.saturating_add(1);
        Ok(*byte)
    }

    fn bit(&mut self) -> io::Result<u32> {
        if self.left == 0 {
            let mut word = [0; 4];
            for place in word.iter_mut().take(self.word_size) {
                *place = self.byte()?;
            }
            self.left = u32::try_from(self.word_size).unwrap_or(4).saturating_mul(8);
            self.word = u32::from_le_bytes(word).wrapping_shl(32_u32.saturating_sub(self.left));
        }
        let bit = self.word >> 31;
        self.word = self.word.wrapping_shl(1);
        self.left = self.left.saturating_sub(1);
        Ok(bit)
    }

    /// `number` with one more bit behind it.
    fn append(&mut self, number: u32) -> io::Result<u32> {
        Ok(number.wrapping_shl(1).wrapping_add(self.bit()?))
    }

    /// What stands above the low byte of an offset; 2 means the offset of the match before.
    fn offset_prefix(&mut self, code: Code) -> io::Result<u32> {
        let mut prefix = 1;
        loop {
            prefix = self.append(prefix)?;
            if self.bit()? == 1 {
                return Ok(prefix);
            }
            if code != Code::B {
                prefix = self.append(prefix.wrapping_sub(1))?;
            }
        }
    }

    /// The length of a match, without what its offset adds to it.
    fn length(&mut self, code: Code, short: u32) -> io::Result<u32> {
        if code == Code::E {
            if short == 1 {
                return Ok(self.bit()?.wrapping_add(1));
            }
            if self.bit()? == 1 {
                return Ok(self.bit()?.wrapping_add(3));
            }
            return Ok(self.long()?.wrapping_add(3));
        }
        let length = match code {
            Code::B => {
                let high = self.bit()?;
                self.append(high)?
            }
            _ => self.append(short)?,
        };
        if length > 0 { Ok(length) } else { Ok(self.long()?.wrapping_add(2)) }
    }

    fn long(&mut self) -> io::Result<u32> {
        let mut length = 1;
        loop {
            length = self.append(length)?;
            if self.bit()? == 1 {
                return Ok(length);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_may_reach_into_itself() {
        let mut out = b"abc".to_vec();
        repeat(&mut out, 3, 10, 100).unwrap();
        assert_eq!(out, b"abcabcabcabca");
        repeat(&mut out, 1, 5, 100).unwrap();
        assert_eq!(out, b"abcabcabcabcaaaaaa");
        repeat(&mut out, 18, 4, 100).unwrap();
        assert_eq!(out, b"abcabcabcabcaaaaaaabca");
        assert!(repeat(&mut out, 0, 1, 100).is_err());
        assert!(repeat(&mut out, 23, 1, 100).is_err());
        assert!(repeat(&mut out, 1, 100, 100).is_err());
    }

    #[test]
    fn literals_and_the_end() {
        // Bits 11, then the prefix of the end: 24 bits of an offset that are ones.
        let packed = [0b1100_0000, b'h', b'i'];
        let (out, result) = unpack(&packed, Code::B, 1, 10);
        assert_eq!(out, b"hi");
        assert_eq!(result.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }
}
