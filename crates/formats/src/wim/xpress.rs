//! XPRESS with Huffman codes.
//!
//! Specification: [MS-XCA] 2.2, <https://learn.microsoft.com/openspecs/windows_protocols/ms-xca>.

use std::io::{self, ErrorKind};

use crate::bits::{Bits, Huffman};
use crate::fields::array;
use crate::unpack::copy;

/// Bytes of the table of code lengths.
const TABLE: usize = 256;

/// Words of 16 bits, of which some are loaded ahead; single bytes stand behind those.
struct Words<'a> {
    data: &'a [u8],
    at: usize,
    loaded: u32,
    left: u32,
    /// Words behind the end that were made up.
    beyond: u8,
}

impl Words<'_> {
    fn load(&mut self) -> io::Result<()> {
        while self.left <= 16 {
            let word = match array(self.data, self.at) {
                Some(bytes) => u16::from_le_bytes(bytes),
                None if self.beyond < 2 => {
                    self.beyond = self.beyond.saturating_add(1);
                    self.data.get(self.at).copied().map_or(0, u16::from)
                }
                None => return Err(ErrorKind::UnexpectedEof.into()),
            };
            self.at = self.at.saturating_add(2);
            self.loaded = self.loaded << 16 | u32::from(word);
            self.left = self.left.saturating_add(16);
            if self.left > 16 {
                break;
            }
        }
        Ok(())
    }

    /// Sees to it that 16 bits are there, as the encoder expects it before a single byte.
    fn ensure(&mut self) -> io::Result<()> {
        if self.left < 16 { self.load() } else { Ok(()) }
    }

    fn byte(&mut self) -> io::Result<u8> {
        let byte = self.data.get(self.at).copied().ok_or(ErrorKind::UnexpectedEof)?;
        self.at = self.at.saturating_add(1);
        Ok(byte)
    }
}

impl Bits for Words<'_> {
    fn bit(&mut self) -> io::Result<u32> {
        if self.left == 0 {
            self.load()?;
        }
        self.left = self.left.saturating_sub(1);
        Ok(self.loaded >> self.left & 1)
    }

    fn bits(&mut self, count: u32) -> io::Result<u32> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | self.bit()?;
        }
        Ok(value)
    }
}

/// Appends what comes out of a chunk, `size` bytes; what came before an error counts.
///
/// # Errors
/// Those of the stream.
pub(super) fn chunk(data: &[u8], size: usize, output: &mut Vec<u8>) -> io::Result<()> {
    let (table, data) = data.split_at_checked(TABLE).ok_or(ErrorKind::UnexpectedEof)?;
    let lengths: Vec<u8> = table.iter().flat_map(|byte| [byte & 15, byte >> 4]).collect();
    let code = Huffman::new(&lengths)?;
    let mut words = Words { data, at: 0, loaded: 0, left: 0, beyond: 0 };
    let mut chunk = Vec::with_capacity(size);
    let result = decode(&code, &mut words, size, &mut chunk);
    chunk.truncate(size);
    output.append(&mut chunk);
    result
}

fn decode(code: &Huffman, words: &mut Words<'_>, size: usize, chunk: &mut Vec<u8>) -> io::Result<()> {
    while chunk.len() < size {
        words.ensure()?;
        let symbol = code.decode(words)?;
        let Some(matched) = symbol.checked_sub(256) else {
            chunk.push(u8::try_from(symbol).unwrap_or_default());
            continue;
        };
        words.ensure()?;
        let mut length = usize::from(matched & 15);
        let extra = u32::from(matched >> 4);
        if length == 15 {
            length = match words.byte()? {
                255 => usize::from(u16::from_le_bytes([words.byte()?, words.byte()?])),
                more => usize::from(more).saturating_add(15),
            };
        }
        let distance = 1_usize << extra | usize::try_from(words.bits(extra)?).unwrap_or(0);
        let left = size.saturating_sub(chunk.len());
        copy(chunk, distance, length.saturating_add(3).min(left))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_without_data_is_cut() {
        assert_eq!(chunk(&[0; 10], 1, &mut Vec::new()).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }
}
