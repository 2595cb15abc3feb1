//! Deflate as NSIS has it: a stored block may have no complement of its length. Makers that were built with the zlib of the
//! system write it.
//!
//! Specification of everything else: <https://www.rfc-editor.org/rfc/rfc1951>.

use std::io::{self, ErrorKind, Read};

use crate::bits::{Bits, Huffman};
use crate::unpack::{Steps, copy, damaged};

/// How far back a match reaches.
pub(super) const HISTORY: usize = 32 << 10;
/// Bytes of a stored block, and symbols of another, that one step gives.
const STEP: u32 = 4096;
/// The order in which the lengths of the code for lengths stand.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/// Symbol of a block's end.
const END: u16 = 256;

/// The least significant bit of each byte first.
struct LowFirst<R> {
    input: R,
    /// Bytes that were read too early.
    ahead: Vec<u8>,
    byte: u8,
    left: u8,
}

impl<R: Read> LowFirst<R> {
    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        if self.ahead.is_empty() {
            self.input.read_exact(&mut byte)?;
            return Ok(byte[0]);
        }
        Ok(self.ahead.remove(0))
    }

    /// Passes over the complement of a length, if it follows.
    fn skip_complement(&mut self, length: u16) -> io::Result<()> {
        (&mut self.input).take(2).read_to_end(&mut self.ahead)?;
        if self.ahead == (!length).to_le_bytes() {
            self.ahead.clear();
        }
        Ok(())
    }

    /// A byte behind the rest of the one that was begun.
    fn whole_byte(&mut self) -> io::Result<u8> {
        self.left = 0;
        self.byte()
    }
}

impl<R: Read> Bits for LowFirst<R> {
    fn bit(&mut self) -> io::Result<u32> {
        if self.left == 0 {
            self.byte = self.byte()?;
            self.left = 8;
        }
        let bit = self.byte & 1;
        self.byte >>= 1;
        self.left = self.left.saturating_sub(1);
        Ok(bit.into())
    }

    fn bits(&mut self, count: u32) -> io::Result<u32> {
        let mut value = 0;
        for place in 0..count {
            value |= self.bit()?.wrapping_shl(place);
        }
        Ok(value)
    }
}

enum Block {
    /// The next one begins.
    None,
    Stored(u32),
    Packed(Box<(Huffman, Huffman)>),
}

/// The decoder.
pub(super) struct Inflate<R> {
    bits: LowFirst<R>,
    block: Block,
    last: bool,
}

impl<R: Read> Inflate<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            bits: LowFirst { input, ahead: Vec::new(), byte: 0, left: 0 },
            block: Block::None,
            last: false,
        }
    }

    fn begin(&mut self) -> io::Result<Block> {
        self.last = self.bits.bit()? == 1;
        match self.bits.bits(2)? {
            0 => {
                let low = self.bits.whole_byte()?;
                let high = self.bits.whole_byte()?;
                let length = u16::from_le_bytes([low, high]);
                self.bits.skip_complement(length)?;
                Ok(Block::Stored(length.into()))
            }
            1 => {
                let mut lengths = [8_u8; 288];
                lengths.get_mut(144..256).unwrap_or_default().fill(9);
                lengths.get_mut(256..280).unwrap_or_default().fill(7);
                Ok(Block::Packed(Box::new((Huffman::new(&lengths)?, Huffman::new(&[5; 32])?))))
            }
            2 => self.codes().map(|codes| Block::Packed(Box::new(codes))),
            _ => Err(damaged("a block of an unknown kind")),
        }
    }

    fn codes(&mut self) -> io::Result<(Huffman, Huffman)> {
        let literals = self.bits.bits(5)?.saturating_add(257) as usize;
        let distances = self.bits.bits(5)?.saturating_add(1) as usize;
        let count = self.bits.bits(4)?.saturating_add(4) as usize;
        let mut lengths = [0_u8; 19];
        for place in ORDER.iter().take(count) {
            let length = u8::try_from(self.bits.bits(3)?).unwrap_or(0);
            if let Some(slot) = lengths.get_mut(*place) {
                *slot = length;
            }
        }
        let code = Huffman::new(&lengths)?;
        let mut lengths: Vec<u8> = Vec::with_capacity(320);
        let all = literals.saturating_add(distances);
        while lengths.len() < all {
            let (length, times) = match code.decode(&mut self.bits)? {
                16 => {
                    let last = lengths.last().copied().ok_or_else(|| damaged("no length to repeat"))?;
                    (last, self.bits.bits(2)?.saturating_add(3))
                }
                17 => (0, self.bits.bits(3)?.saturating_add(3)),
                18 => (0, self.bits.bits(7)?.saturating_add(11)),
                length => (u8::try_from(length).unwrap_or(0), 1),
            };
            lengths.extend((0..times).map(|_| length));
        }
        lengths.truncate(all);
        let (literals, distances) = lengths.split_at_checked(literals).unwrap_or_default();
        Ok((Huffman::new(literals)?, Huffman::new(distances)?))
    }

    /// Appends what one symbol stands for; false at the end of the block.
    fn symbol(bits: &mut LowFirst<R>, codes: &(Huffman, Huffman), output: &mut Vec<u8>) -> io::Result<bool> {
        let symbol = codes.0.decode(bits)?;
        if let Ok(literal) = u8::try_from(symbol) {
            output.push(literal);
            return Ok(true);
        }
        if symbol == END {
            return Ok(false);
        }
        let length = match u32::from(symbol.saturating_sub(257)) {
            place @ 0..8 => place.saturating_add(3),
            28 => 258,
            place @ 8..28 => {
                let extra = (place / 4).saturating_sub(1);
                let base = (place % 4).saturating_add(4).wrapping_shl(extra).saturating_add(3);
                base.saturating_add(bits.bits(extra)?)
            }
            _ => return Err(damaged("a length that does not exist")),
        };
        let distance = match u32::from(codes.1.decode(bits)?) {
            place @ 0..4 => place.saturating_add(1),
            place @ 4..30 => {
                let extra = (place / 2).saturating_sub(1);
                let base = (place % 2).saturating_add(2).wrapping_shl(extra).saturating_add(1);
                base.saturating_add(bits.bits(extra)?)
            }
            _ => return Err(damaged("a distance that does not exist")),
        };
        copy(output, distance as usize, length as usize)?;
        Ok(true)
    }
}

impl<R: Read> Steps for Inflate<R> {
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        match &mut self.block {
            Block::None if self.last => return Ok(false),
            Block::None => self.block = self.begin()?,
            Block::Stored(left) => {
                let count = (*left).min(STEP);
                let early = self.bits.ahead.len().min(count as usize);
                output.extend(self.bits.ahead.drain(..early));
                let count_of_input = u64::from(count).saturating_sub(early as u64);
                let read = (&mut self.bits.input).take(count_of_input).read_to_end(output)?;
                *left = left.saturating_sub(count);
                let over = *left == 0;
                if (read as u64) < count_of_input {
                    return Err(ErrorKind::UnexpectedEof.into());
                }
                if over {
                    self.block = Block::None;
                }
            }
            Block::Packed(codes) => {
                for _ in 0..STEP {
                    if !Self::symbol(&mut self.bits, codes, output)? {
                        self.block = Block::None;
                        break;
                    }
                }
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::DeflateEncoder};

    use super::*;
    use crate::unpack::Unpacked;

    fn inflated(packed: &[u8]) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        Unpacked::new(Inflate::new(packed), Vec::new(), HISTORY, u64::MAX).read_to_end(&mut all)?;
        Ok(all)
    }

    #[test]
    fn what_others_pack_comes_out() {
        for (text, repeats) in [("a", 1), ("a text of some words ", 5), ("0123456789abcdef-", 20_000)] {
            let text = text.repeat(repeats);
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(text.as_bytes()).unwrap();
            assert_eq!(inflated(&encoder.finish().unwrap()).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn stored_blocks_may_have_no_complement() {
        assert_eq!(inflated(b"\x01\x03\0abc").unwrap(), b"abc");
        assert_eq!(inflated(b"\x01\x03\0\xfc\xffabc").unwrap(), b"abc");
        assert_eq!(inflated(b"\0\x01\0a\x01\x01\0\xfe\xffb").unwrap(), b"ab");
        assert_eq!(inflated(b"\0\0\0\0\0\0\x01\x01\0a").unwrap(), b"a");
        assert!(inflated(b"\x01\x04\0abc").is_err());
        assert!(inflated(b"\x07").is_err());
    }
}
