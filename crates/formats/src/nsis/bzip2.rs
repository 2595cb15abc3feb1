//! bzip2 as NSIS has it: blocks of up to 900,000 bytes, each behind the byte 0x31, and 0x17 at the end; without header,
//! without checksums and without the bit for randomised blocks.
//!
//! Everything else: <https://github.com/dsnet/compress/blob/master/doc/bzip2-format.pdf>.

use std::io::{self, Read};

use crate::bits::{Bits, HighFirst, Huffman};
use crate::unpack::{Steps, damaged};

const BLOCK: usize = 900_000;
/// Symbols for which one table is used.
const GROUP: usize = 50;
/// Bytes of a block that one step gives.
const STEP: usize = 16 << 10;
/// Longest code.
const LONGEST: u8 = 20;

/// The decoder.
pub(super) struct Bzip2<R> {
    bits: HighFirst<R>,
    /// For each byte of the block in the order of the transform: the byte, and above it where the next one stands.
    block: Vec<u32>,
    left: usize,
    next: u32,
    /// The last byte, and how often it stood there in a row.
    run: (u8, u32),
}

impl<R: Read> Bzip2<R> {
    pub(super) fn new(input: R) -> Self {
        Self { bits: HighFirst::new(input), block: Vec::new(), left: 0, next: 0, run: (0, 0) }
    }

    /// Reads a block; false if there is no further one.
    fn begin(&mut self) -> io::Result<bool> {
        match self.bits.bits(8)? {
            0x31 => {}
            0x17 => return Ok(false),
            _ => return Err(damaged("no bzip2 block")),
        }
        let origin = self.bits.bits(24)? as usize;
        let used = self.used()?;
        let tables = self.bits.bits(3)?;
        if used.is_empty() || !(2..=6).contains(&tables) {
            return Err(damaged("a bzip2 block without symbols or tables"));
        }
        let selectors = self.selectors(tables)?;
        let symbols = used.len().saturating_add(2);
        let mut codes = Vec::new();
        for _ in 0..tables {
            codes.push(self.lengths(symbols).and_then(|lengths| Huffman::new(&lengths))?);
        }
        self.symbols(used, &selectors, &codes)?;
        self.order(origin)
    }

    /// The bytes that the block has.
    fn used(&mut self) -> io::Result<Vec<u8>> {
        let ranges = self.bits.bits(16)?;
        let mut used = Vec::new();
        for range in 0..16_u8 {
            if ranges & 0x8000_u32.wrapping_shr(range.into()) == 0 {
                continue;
            }
            let map = self.bits.bits(16)?;
            let present = (0..16_u8).filter(|place| map & 0x8000_u32.wrapping_shr((*place).into()) != 0);
            used.extend(present.map(|place| range.saturating_mul(16).saturating_add(place)));
        }
        Ok(used)
    }

    fn selectors(&mut self, tables: u32) -> io::Result<Vec<u8>> {
        let count = self.bits.bits(15)?;
        let mut recent: Vec<u8> = (0..6).collect();
        let mut selectors = Vec::new();
        for _ in 0..count {
            let mut place = 0_u32;
            while self.bits.bit()? == 1 {
                place = place.saturating_add(1);
                if place >= tables {
                    return Err(damaged("a bzip2 table that does not exist"));
                }
            }
            let place = place as usize;
            let selector = recent.get(place).copied().unwrap_or(0);
            recent.get_mut(..=place).unwrap_or_default().rotate_right(1);
            selectors.push(selector);
        }
        Ok(selectors)
    }

    fn lengths(&mut self, symbols: usize) -> io::Result<Vec<u8>> {
        let mut length = u8::try_from(self.bits.bits(5)?).unwrap_or(0);
        let mut lengths = Vec::with_capacity(symbols);
        for _ in 0..symbols {
            while self.bits.bit()? == 1 {
                let down = self.bits.bit()? == 1;
                length = if down { length.saturating_sub(1) } else { length.saturating_add(1) };
                if length > LONGEST {
                    return Err(damaged("a bzip2 code is too long"));
                }
            }
            if length == 0 {
                return Err(damaged("a bzip2 code without bits"));
            }
            lengths.push(length);
        }
        Ok(lengths)
    }

    fn symbols(&mut self, mut recent: Vec<u8>, selectors: &[u8], codes: &[Huffman]) -> io::Result<()> {
        let end = recent.len().saturating_add(1);
        self.block.clear();
        let (mut run, mut weight) = (0_usize, 1_usize);
        for selector in selectors {
            let code = codes.get(usize::from(*selector)).ok_or_else(|| damaged("no such bzip2 table"))?;
            for _ in 0..GROUP {
                let symbol = usize::from(code.decode(&mut self.bits)?);
                if symbol < 2 {
                    run = run.saturating_add(weight.saturating_mul(symbol.saturating_add(1)));
                    weight = weight.saturating_mul(2);
                    if run > BLOCK {
                        return Err(damaged("a bzip2 block is too long"));
                    }
                    continue;
                }
                let first = recent.first().copied().unwrap_or(0);
                self.block.extend(std::iter::repeat_n(u32::from(first), run));
                (run, weight) = (0, 1);
                if symbol >= end {
                    return if self.block.len() > BLOCK {
                        Err(damaged("a bzip2 block is too long"))
                    } else {
                        Ok(())
                    };
                }
                let place = symbol.saturating_sub(1);
                recent.get_mut(..=place).unwrap_or_default().rotate_right(1);
                self.block.push(u32::from(recent.first().copied().unwrap_or(0)));
                if self.block.len() > BLOCK {
                    return Err(damaged("a bzip2 block is too long"));
                }
            }
        }
        Err(damaged("a bzip2 block does not end"))
    }

    /// Undoes the transform up to the order in which bytes follow each other.
    fn order(&mut self, origin: usize) -> io::Result<bool> {
        let mut starts = [0_u32; 256];
        for entry in &self.block {
            if let Some(count) = starts.get_mut((*entry & 0xff) as usize) {
                *count = count.saturating_add(1);
            }
        }
        let mut sum = 0_u32;
        for start in &mut starts {
            sum = sum.saturating_add(std::mem::replace(start, sum));
        }
        for place in 0..self.block.len() {
            let byte = self.block.get(place).copied().unwrap_or(0) & 0xff;
            let Some(start) = starts.get_mut(byte as usize) else { continue };
            if let Some(entry) = self.block.get_mut(*start as usize) {
                *entry |= u32::try_from(place).unwrap_or(0).wrapping_shl(8);
            }
            *start = start.saturating_add(1);
        }
        let first = self.block.get(origin).ok_or_else(|| damaged("a bzip2 block begins outside"))?;
        self.next = first >> 8;
        self.left = self.block.len();
        self.run = (0, 0);
        Ok(true)
    }
}

impl<R: Read> Steps for Bzip2<R> {
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        if self.left == 0 {
            return self.begin();
        }
        let full = output.len().saturating_add(STEP);
        while self.left > 0 && output.len() < full {
            let entry = self.block.get(self.next as usize).copied().unwrap_or(0);
            self.next = entry >> 8;
            self.left = self.left.saturating_sub(1);
            let byte = u8::try_from(entry & 0xff).unwrap_or(0);
            let (last, count) = self.run;
            if count == 4 {
                output.extend(std::iter::repeat_n(last, byte.into()));
                self.run = (0, 0);
                continue;
            }
            self.run = if count > 0 && byte == last { (last, count.saturating_add(1)) } else { (byte, 1) };
            output.push(byte);
        }
        Ok(true)
    }
}
