//! Bits of a stream, and canonical Huffman codes.

use std::io::{self, ErrorKind, Read};

use crate::unpack::damaged;

/// A stream of bits.
pub(crate) trait Bits {
    /// The next bit.
    ///
    /// # Errors
    /// Those of the input, and `UnexpectedEof` at its end.
    fn bit(&mut self) -> io::Result<u32>;

    /// The next `count` bits as a number; at most 32.
    ///
    /// # Errors
    /// As for [`bit`](Self::bit).
    fn bits(&mut self, count: u32) -> io::Result<u32>;
}

/// Input that comes piece by piece, for decoders that hold what they read from.
#[derive(Default)]
pub(crate) struct Lent {
    bytes: Vec<u8>,
    used: usize,
}

impl Lent {
    /// Appends a piece.
    pub(crate) fn lend(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.used);
        self.used = 0;
        self.bytes.extend_from_slice(bytes);
    }
}

impl Read for Lent {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.bytes.get(self.used..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(from), Some(to)) = (rest.get(..count), buffer.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.used = self.used.saturating_add(count);
        Ok(count)
    }
}

fn next_byte(input: &mut impl Read) -> io::Result<u8> {
    let mut byte = [0];
    loop {
        match input.read(&mut byte) {
            Ok(0) => return Err(io::Error::new(ErrorKind::UnexpectedEof, "the stream ends too early")),
            Ok(_) => return Ok(byte[0]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The most significant bit of each byte first.
pub(crate) struct HighFirst<R> {
    input: R,
    byte: u8,
    left: u8,
}

impl<R: Read> HighFirst<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, byte: 0, left: 0 }
    }
}

impl<R: Read> Bits for HighFirst<R> {
    fn bit(&mut self) -> io::Result<u32> {
        if self.left == 0 {
            self.byte = next_byte(&mut self.input)?;
            self.left = 8;
        }
        self.left = self.left.saturating_sub(1);
        Ok(u32::from(self.byte >> self.left & 1))
    }

    fn bits(&mut self, count: u32) -> io::Result<u32> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | self.bit()?;
        }
        Ok(value)
    }
}

/// The least significant bit of each byte first; numbers begin with their lowest bit.
pub(crate) struct LowFirst<R> {
    input: R,
    byte: u8,
    left: u8,
}

impl<R: Read> LowFirst<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, byte: 0, left: 0 }
    }
}

impl<R: Read> Bits for LowFirst<R> {
    fn bit(&mut self) -> io::Result<u32> {
        if self.left == 0 {
            self.byte = next_byte(&mut self.input)?;
            self.left = 8;
        }
        let bit = u32::from(self.byte & 1);
        self.byte >>= 1;
        self.left = self.left.saturating_sub(1);
        Ok(bit)
    }

    fn bits(&mut self, count: u32) -> io::Result<u32> {
        let mut value = 0;
        for place in 0..count {
            value |= self.bit()?.checked_shl(place).unwrap_or(0);
        }
        Ok(value)
    }
}

/// Longest code.
const LONGEST: usize = 24;

/// A canonical Huffman code: shorter codes first, and codes of one length in the order of their symbols.
#[derive(Clone, Debug)]
pub(crate) struct Huffman {
    counts: [u32; LONGEST + 1],
    symbols: Vec<u16>,
}

impl Huffman {
    /// The code in which symbol `n` has a code of `lengths[n]` bits, or none for 0.
    ///
    /// # Errors
    /// When there are more codes than fit, or one is too long. Codes that are not used are no error until one is met.
    pub(crate) fn new(lengths: &[u8]) -> io::Result<Self> {
        let mut counts = [0_u32; LONGEST + 1];
        for length in lengths.iter().filter(|length| **length > 0) {
            let count = counts.get_mut(usize::from(*length)).ok_or_else(|| damaged("a code is too long"))?;
            *count = count.saturating_add(1);
        }
        let mut free = 1_u64;
        for count in counts.iter().skip(1) {
            let left = free.saturating_mul(2).checked_sub(u64::from(*count));
            free = left.ok_or_else(|| damaged("there are too many codes"))?;
        }
        let mut symbols = Vec::with_capacity(lengths.len());
        for wanted in 1..=LONGEST {
            let of_length = lengths.iter().enumerate().filter(|(_, length)| usize::from(**length) == wanted);
            symbols.extend(of_length.filter_map(|(symbol, _)| u16::try_from(symbol).ok()));
        }
        Ok(Self { counts, symbols })
    }

    /// The symbol of the next code.
    ///
    /// # Errors
    /// Those of the bits, and a code that is not used.
    pub(crate) fn decode(&self, bits: &mut impl Bits) -> io::Result<u16> {
        let (mut code, mut first, mut index) = (0_u32, 0_u32, 0_u32);
        for count in self.counts.iter().skip(1) {
            code |= bits.bit()?;
            let place = code.saturating_sub(first);
            if place < *count {
                let place = usize::try_from(index.saturating_add(place)).unwrap_or(usize::MAX);
                return self.symbols.get(place).copied().ok_or_else(|| damaged("a code is not used"));
            }
            index = index.saturating_add(*count);
            first = first.saturating_add(*count) << 1;
            code <<= 1;
        }
        Err(damaged("a code is not used"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_canonical() {
        let code = Huffman::new(&[2, 1, 3, 3]).unwrap();
        let mut bits = HighFirst::new(&[0b0101_1011, 0b1000_0000][..]);
        let symbols: Vec<u16> = (0..4).map(|_| code.decode(&mut bits).unwrap()).collect();
        assert_eq!(symbols, [1, 0, 2, 3]);
        assert!(Huffman::new(&[1, 1, 1]).is_err());
    }

    #[test]
    fn bits_are_counted_from_the_highest() {
        assert_eq!(HighFirst::new(&[0xa5, 0x0f][..]).bits(12).unwrap(), 0xa50);
        assert_eq!(HighFirst::new(&[][..]).bit().unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }
}
