//! Method 3 of KWAJ: matches, literals and the lengths of both in Huffman codes.

use std::io::{self, ErrorKind, Read};

use crate::bits::{Bits, HighFirst, Huffman};
use crate::unpack::{Steps, copy, damaged};

/// The decoder.
pub(super) struct LzHuffman<R> {
    bits: HighFirst<R>,
    codes: Option<Codes>,
    /// Whether a run of literals that was not cut off was just read: no other follows it at once.
    after_run: bool,
}

struct Codes {
    match_after_run: Huffman,
    match_length: Huffman,
    run: Huffman,
    distance: Huffman,
    literal: Huffman,
}

impl<R: Read> LzHuffman<R> {
    /// A decoder at the start of the stream.
    pub(super) fn new(input: R) -> Self {
        Self { bits: HighFirst::new(input), codes: None, after_run: false }
    }

    fn read_codes(&mut self) -> io::Result<Codes> {
        let bits = &mut self.bits;
        let mut kinds = [0; 5];
        for kind in &mut kinds {
            *kind = bits.bits(4)?;
        }
        // Padding to a whole byte.
        bits.bits(4)?;
        let [first, second, third, fourth, fifth] = kinds;
        Ok(Codes {
            match_length: read_code(bits, first, 16)?,
            match_after_run: read_code(bits, second, 16)?,
            run: read_code(bits, third, 32)?,
            distance: read_code(bits, fourth, 64)?,
            literal: read_code(bits, fifth, 256)?,
        })
    }
}

/// A code of `count` symbols, the lengths of which are written in one of four ways.
fn read_code(bits: &mut impl Bits, kind: u32, count: usize) -> io::Result<Huffman> {
    let mut lengths = vec![0_u8; count];
    let mut length = match kind {
        0 => count.trailing_zeros(),
        1..=3 => bits.bits(4)?,
        _ => return Err(damaged("a code is written in an unknown way")),
    };
    for (place, slot) in lengths.iter_mut().enumerate() {
        if place > 0 {
            length = match kind {
                0 => length,
                1 if bits.bit()? == 0 => length,
                1 if bits.bit()? == 0 => length.saturating_add(1),
                2 => match bits.bits(2)? {
                    3 => bits.bits(4)?,
                    step => length.saturating_add(step).saturating_sub(1),
                },
                _ => bits.bits(4)?,
            };
        }
        *slot = u8::try_from(length).map_err(|_| damaged("a code is too long"))?;
    }
    Huffman::new(&lengths)
}

impl<R: Read> Steps for LzHuffman<R> {
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        if self.codes.is_none() {
            self.codes = Some(self.read_codes()?);
        }
        let Some(codes) = &self.codes else { return Ok(false) };
        let bits = &mut self.bits;
        let lengths = if self.after_run { &codes.match_after_run } else { &codes.match_length };
        let length = match lengths.decode(bits) {
            Ok(length) => usize::from(length),
            // The stream has no end mark.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        };
        if length > 0 {
            let distance = usize::from(codes.distance.decode(bits)?) << 6 | bits.bits(6)? as usize;
            copy(output, if distance == 0 { 4096 } else { distance }, length.saturating_add(2))?;
            self.after_run = false;
        } else {
            let run = codes.run.decode(bits)?.saturating_add(1);
            for _ in 0..run {
                output.push(u8::try_from(codes.literal.decode(bits)?).unwrap_or_default());
            }
            self.after_run = run != 32;
        }
        Ok(true)
    }
}
