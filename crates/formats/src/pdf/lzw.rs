//! LZWDecode: ISO 32000-1, 7.4.4.

use std::io::{self, ErrorKind};

use super::input::Input;
use super::text_filters::Step;

const CLEAR: u16 = 256;
const END: u16 = 257;
const LARGEST: usize = 4096;

/// The decoder. Each code is the code before it and one byte.
pub(super) struct Lzw {
    entries: Vec<(u16, u8)>,
    /// Codes become wider one code earlier than they must.
    early: usize,
    previous: Option<u16>,
    bits: u32,
    count: u32,
    reversed: Vec<u8>,
}

impl Lzw {
    pub(super) fn new(early: bool) -> Self {
        let mut lzw = Self {
            entries: Vec::with_capacity(LARGEST),
            early: usize::from(early),
            previous: None,
            bits: 0,
            count: 0,
            reversed: Vec::new(),
        };
        lzw.clear();
        lzw
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.entries.extend((0..=255).map(|byte| (u16::MAX, byte)));
        self.entries.extend([(u16::MAX, 0); 2]);
        self.previous = None;
    }

    fn code(&mut self, input: &mut Input) -> io::Result<Option<u16>> {
        // The first code behind a clear code adds no entry.
        let width = match self.entries.len().saturating_add(self.early) {
            ..512 => 9,
            512..1024 => 10,
            1024..2048 => 11,
            _ => 12,
        };
        while self.count < width {
            let Some(byte) = input.next()? else { return Ok(None) };
            self.bits = self.bits << 8 | u32::from(byte);
            self.count = self.count.saturating_add(8);
        }
        self.count = self.count.saturating_sub(width);
        let code = self.bits.wrapping_shr(self.count);
        self.bits &= 1_u32.wrapping_shl(self.count).saturating_sub(1);
        Ok(u16::try_from(code).ok())
    }

    /// The bytes of a code, in reverse.
    fn expand(&mut self, code: u16) -> bool {
        self.reversed.clear();
        let mut next = code;
        while next != u16::MAX {
            // Each code refers to an earlier one.
            let Some((before, byte)) = self.entries.get(usize::from(next)).copied() else { return false };
            self.reversed.push(byte);
            next = before;
        }
        true
    }
}

impl Step for Lzw {
    fn step(&mut self, input: &mut Input, output: &mut Vec<u8>) -> io::Result<bool> {
        let code = match self.code(input)? {
            // Many writers forget the mark at the end.
            None | Some(END) => return Ok(false),
            Some(CLEAR) => {
                self.clear();
                return Ok(true);
            }
            Some(code) => code,
        };
        let damaged = || io::Error::new(ErrorKind::InvalidData, "an LZW code that cannot be there");
        let known = usize::from(code) < self.entries.len();
        let source = if known { code } else { self.previous.ok_or_else(damaged)? };
        if usize::from(code) > self.entries.len() || !self.expand(source) {
            return Err(damaged());
        }
        let first = self.reversed.last().copied().unwrap_or(0);
        output.extend(self.reversed.iter().rev());
        if !known {
            output.push(first);
        }
        if let Some(previous) = self.previous
            && self.entries.len() < LARGEST
        {
            self.entries.push((previous, first));
        }
        self.previous = Some(code).filter(|code| usize::from(*code) < self.entries.len());
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::super::text_filters::Stepped;
    use super::*;

    /// An encoder as simple as can be, which is not the decoder in reverse.
    fn encode(bytes: &[u8], early: usize) -> Vec<u8> {
        let mut table: std::collections::HashMap<Vec<u8>, u32> =
            (0..=255_u8).map(|b| (vec![b], u32::from(b))).collect();
        let (mut bits, mut count, mut out) = (0_u64, 0_u32, Vec::new());
        let mut put = |code: u32, width: u32, out: &mut Vec<u8>| {
            bits = bits << width | u64::from(code);
            count += width;
            while count >= 8 {
                count -= 8;
                out.push((bits >> count) as u8);
            }
            bits &= (1 << count) - 1;
        };
        // The decoder knows one entry less than the encoder when it reads a code.
        let width = |next: usize| match next + early - 1 {
            ..512 => 9,
            512..1024 => 10,
            1024..2048 => 11,
            _ => 12,
        };
        let mut next = 258;
        put(256, 9, &mut out);
        let mut word: Vec<u8> = Vec::new();
        for byte in bytes {
            let longer = [&word[..], &[*byte]].concat();
            if table.contains_key(&longer) {
                word = longer;
                continue;
            }
            put(table[&word], width(next.max(259)), &mut out);
            if next < 4096 {
                table.insert(longer, next as u32);
            }
            next += 1;
            if next == 4094 {
                word = vec![*byte];
                put(table[&word], width(next), &mut out);
                put(256, width(next + 1), &mut out);
                table.retain(|_, code| *code < 256);
                next = 258;
                word = Vec::new();
                continue;
            }
            word = vec![*byte];
        }
        if !word.is_empty() {
            put(table[&word], width(next.max(259)), &mut out);
            next += 1;
        }
        put(257, width(next.max(259)), &mut out);
        put(0, 7, &mut out);
        out
    }

    #[test]
    fn the_example_of_the_specification() {
        let bytes: &[u8] = &[0x80, 0x0b, 0x60, 0x50, 0x22, 0x0c, 0x0c, 0x85, 0x01];
        let mut out = Vec::new();
        Stepped::new(Box::new(bytes), Lzw::new(true)).read_to_end(&mut out).unwrap();
        assert_eq!(out, [45, 45, 45, 45, 45, 65, 45, 45, 45, 66]);
    }

    #[test]
    fn what_an_encoder_made() {
        let bytes: Vec<u8> = (0..60_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8 & 0x3f).collect();
        for early in [true, false] {
            let packed = encode(&bytes, usize::from(early));
            let mut out = Vec::new();
            Stepped::new(Box::new(io::Cursor::new(packed)), Lzw::new(early)).read_to_end(&mut out).unwrap();
            assert!(out == bytes, "early {early}");
        }
    }
}
