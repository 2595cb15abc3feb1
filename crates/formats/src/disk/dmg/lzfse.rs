//! LZFSE, with the blocks of LZVN in it.
//!
//! Specification: Apple's reference, <https://github.com/lzfse/lzfse>. A stream is blocks: stored, LZVN for short ones, and
//! matches and literals coded by finite state entropy, whose payload is read from its end.

use std::io;

use super::lzvn;
use crate::fields::{array, u16_le, u32_le, u64_le, usize_of};
use crate::unpack::{copy, damaged};

/// Literals and matches of one block.
const MOST_LITERALS: usize = 40_000;
const MOST_MATCHES: usize = 10_000;
/// Bytes of the header with tables that are not packed.
const WIDE_HEADER: usize = 772;

/// Unpacks a stream of at most `most` bytes; what came out before an error counts.
///
/// # Errors
/// Damage in the stream.
pub(crate) fn unpack(packed: &[u8], output: &mut Vec<u8>, most: usize) -> io::Result<()> {
    let cut = || damaged("a block of lzfse is cut");
    let mut at = 0_usize;
    loop {
        let block = packed.get(at..).unwrap_or_default();
        let magic = array::<4>(block, 0).ok_or_else(cut)?;
        if &magic == b"bvx$" || output.len() >= most {
            return Ok(());
        }
        let size = usize_of(u32_le(block, 4).ok_or_else(cut)?);
        let left = most.saturating_sub(output.len());
        let (start, length) = match &magic {
            b"bvx-" => {
                let body = block.get(8..).unwrap_or_default();
                let there = body.get(..size).unwrap_or(body);
                output.extend_from_slice(there.get(..left).unwrap_or(there));
                if there.len() < size {
                    return Err(cut());
                }
                (8, size)
            }
            b"bvxn" => {
                let length = usize_of(u32_le(block, 8).ok_or_else(cut)?);
                let body = block.get(12..).unwrap_or_default();
                lzvn::unpack(body.get(..length).unwrap_or(body), output, size.min(left))?;
                (12, length)
            }
            b"bvx1" | b"bvx2" => {
                let header = if &magic == b"bvx1" { Header::wide(block) } else { Header::packed(block) };
                let header = header.ok_or_else(|| damaged("the header of a block of lzfse is damaged"))?;
                let body = block.get(header.size..).unwrap_or_default();
                header.matches(body, output, size.min(left))?;
                (header.size, header.literals.bytes.saturating_add(header.codes.bytes))
            }
            _ => return Err(damaged("no block of lzfse")),
        };
        at = at.saturating_add(start).saturating_add(length);
    }
}

/// How many there are, the bytes they take, and how many bits of the last byte are not used.
struct Part {
    count: usize,
    bytes: usize,
    unused: usize,
}

struct Header {
    size: usize,
    literals: Part,
    codes: Part,
    literal_states: [usize; 4],
    states: [usize; 3],
    frequencies: Vec<u16>,
}

/// A field of `count` bits.
fn bits(number: u64, at: u32, count: u32) -> usize {
    usize::try_from(number.checked_shr(at).unwrap_or(0) & !u64::MAX.checked_shl(count).unwrap_or(0))
        .unwrap_or(0)
}

impl Header {
    /// The header whose frequencies are numbers of variable length.
    fn packed(block: &[u8]) -> Option<Self> {
        let (first, second, third) = (u64_le(block, 8)?, u64_le(block, 16)?, u64_le(block, 24)?);
        let size = bits(third, 0, 32);
        let unused = |number| 7_usize.saturating_sub(bits(number, 60, 3));
        Some(Self {
            size,
            literals: Part { count: bits(first, 0, 20), bytes: bits(first, 20, 20), unused: unused(first) },
            codes: Part { count: bits(first, 40, 20), bytes: bits(second, 40, 20), unused: unused(second) },
            literal_states: [0, 10, 20, 30].map(|at| bits(second, at, 10)),
            states: [32, 42, 52].map(|at| bits(third, at, 10)),
            frequencies: frequencies(block.get(32..size)?)?,
        })
    }

    fn wide(block: &[u8]) -> Option<Self> {
        let number = |at| u32_le(block, at).map(usize_of);
        let short = |at| u16_le(block, at).map(usize::from);
        let unused = |at| Some(usize::try_from(u32_le(block, at)?.wrapping_neg()).unwrap_or(8));
        let frequencies = block.get(50..770)?.chunks_exact(2).filter_map(|pair| u16_le(pair, 0)).collect();
        Some(Self {
            size: WIDE_HEADER,
            literals: Part { count: number(12)?, bytes: number(20)?, unused: unused(28)? },
            codes: Part { count: number(16)?, bytes: number(24)?, unused: unused(40)? },
            literal_states: [short(32)?, short(34)?, short(36)?, short(38)?],
            states: [short(44)?, short(46)?, short(48)?],
            frequencies,
        })
    }

    /// Unpacks a block of `size` bytes.
    fn matches(&self, body: &[u8], output: &mut Vec<u8>, size: usize) -> io::Result<()> {
        let cut = || damaged("a block of lzfse is cut");
        let literals = self.literals(body.get(..self.literals.bytes).ok_or_else(cut)?)?;
        let end = self.literals.bytes.saturating_add(self.codes.bytes);
        let mut input =
            Backwards::new(body.get(self.literals.bytes..end).ok_or_else(cut)?, self.codes.unused)?;
        if self.codes.count > MOST_MATCHES {
            return Err(damaged("a block of lzfse has too many matches"));
        }
        let code = |from: usize, states, extra: &[u8]| {
            let to = from.saturating_add(extra.len());
            Code::new(self.frequencies.get(from..to).unwrap_or_default(), states, extra)
        };
        let (lengths, repeats) = (code(0, 64, &LENGTH_BITS)?, code(20, 64, &MATCH_BITS)?);
        let distances = code(40, 256, &DISTANCE_BITS)?;
        let [mut l, mut m, mut d] = self.states;
        let (mut literals, mut distance) = (literals.as_slice(), 0);
        let most = output.len().saturating_add(size);
        for _ in 0..self.codes.count {
            let fresh = lengths.next(&mut l, &mut input)?;
            let length = repeats.next(&mut m, &mut input)?;
            let new = distances.next(&mut d, &mut input)?;
            distance = if new == 0 { distance } else { new };
            let left = most.saturating_sub(output.len());
            let (given, rest) =
                literals.split_at_checked(fresh).ok_or_else(|| damaged("literals are missing"))?;
            output.extend_from_slice(given.get(..left).unwrap_or(given));
            literals = rest;
            let left = most.saturating_sub(output.len());
            if length > 0 && left > 0 {
                copy(output, distance, length.min(left))?;
            }
        }
        if output.len() < most { Err(damaged("a block of lzfse is too short")) } else { Ok(()) }
    }

    fn literals(&self, body: &[u8]) -> io::Result<Vec<u8>> {
        if self.literals.count > MOST_LITERALS {
            return Err(damaged("a block of lzfse has too many literals"));
        }
        let code = Code::new(self.frequencies.get(104..).unwrap_or_default(), 1024, &[])?;
        let mut input = Backwards::new(body, self.literals.unused)?;
        let mut states = self.literal_states;
        let mut literals = Vec::with_capacity(self.literals.count.saturating_add(3));
        while literals.len() < self.literals.count {
            for state in &mut states {
                literals.push(u8::try_from(code.next(state, &mut input)?).unwrap_or(0));
            }
        }
        Ok(literals)
    }
}

/// The frequencies of 360 symbols, each in 2 to 14 bits; without any bytes all are 0.
fn frequencies(packed: &[u8]) -> Option<Vec<u16>> {
    const SHORT: [(u32, u16); 8] = [(2, 0), (3, 2), (2, 1), (5, 4), (2, 0), (3, 3), (2, 1), (8, 0)];
    if packed.is_empty() {
        return Some(vec![0; 360]);
    }
    let (mut held, mut count) = (0_u32, 0_u32);
    let mut bytes = packed.iter();
    let mut frequencies = Vec::with_capacity(360);
    while frequencies.len() < 360 {
        while count <= 24 {
            let Some(byte) = bytes.next() else { break };
            held |= u32::from(*byte).checked_shl(count)?;
            count = count.saturating_add(8);
        }
        let low = held & 31;
        let (length, value) = match low {
            7 | 23 => (8, u16::try_from(8_u32.saturating_add(held >> 4 & 15)).ok()?),
            15 | 31 => (14, u16::try_from(24_u32.saturating_add(held >> 4 & 0x3ff)).ok()?),
            3 | 11 | 19 | 27 => (5, u16::try_from(4_u32.saturating_add(low >> 3)).ok()?),
            _ => *SHORT.get(usize::try_from(low & 7).ok()?)?,
        };
        count = count.checked_sub(length)?;
        held = held.checked_shr(length).unwrap_or(0);
        frequencies.push(value);
    }
    Some(frequencies)
}

/// Extra bits of literal lengths, match lengths and distances.
const LENGTH_BITS: [u8; 20] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 5, 8];
const MATCH_BITS: [u8; 20] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 5, 8, 11];
const DISTANCE_BITS: [u8; 64] = [
    0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7, 8, 8, 8,
    8, 9, 9, 9, 9, 10, 10, 10, 10, 11, 11, 11, 11, 12, 12, 12, 12, 13, 13, 13, 13, 14, 14, 14, 14, 15, 15,
    15, 15,
];

/// Bits from the end of the bytes to their start, numbers with their highest bit first.
struct Backwards<'a> {
    bytes: &'a [u8],
    left: usize,
}

impl<'a> Backwards<'a> {
    fn new(bytes: &'a [u8], unused: usize) -> io::Result<Self> {
        let all = bytes.len().saturating_mul(8);
        let left = all.checked_sub(unused).filter(|_| unused < 8);
        Ok(Self { bytes, left: left.ok_or_else(|| damaged("a payload of lzfse is damaged"))? })
    }

    /// At most 32 bits.
    fn pull(&mut self, count: u32) -> io::Result<usize> {
        let more = usize_of(count);
        self.left = self.left.checked_sub(more).ok_or_else(|| damaged("a payload of lzfse is cut"))?;
        let first = self.left >> 3;
        let window = self.bytes.get(first..).unwrap_or_default();
        let mut word = [0_u8; 8];
        for (to, from) in word.iter_mut().zip(window) {
            *to = *from;
        }
        let shift = u32::try_from(self.left & 7).unwrap_or(0);
        Ok(bits(u64::from_le_bytes(word), shift, count))
    }
}

#[derive(Clone, Copy)]
struct Step {
    /// What the symbol stands for, without the bits that are added.
    value: usize,
    extra: u32,
    bits: u32,
    /// What the bits are added to for the next state.
    base: usize,
}

/// A code by finite state entropy: what each state says.
struct Code(Vec<Step>);

impl Code {
    fn new(frequencies: &[u16], states: usize, extra: &[u8]) -> io::Result<Self> {
        let mut steps = Vec::with_capacity(states);
        let mut next = 0_usize;
        for (symbol, frequency) in frequencies.iter().enumerate() {
            let extra = extra.get(symbol).copied().map_or(0, u32::from);
            let value = next;
            next = next.saturating_add(1_usize.checked_shl(extra).unwrap_or(0));
            let frequency = usize::from(*frequency);
            if frequency == 0 {
                continue;
            }
            if steps.len().saturating_add(frequency) > states {
                return Err(damaged("frequencies of lzfse are too large"));
            }
            let bits = states.ilog2().saturating_sub(frequency.ilog2());
            let longer = (states.saturating_mul(2).checked_shr(bits).unwrap_or(0)).saturating_sub(frequency);
            for index in 0..frequency {
                let (bits, base) = if index < longer {
                    let place = frequency.saturating_add(index).checked_shl(bits).unwrap_or(0);
                    (bits, place.saturating_sub(states))
                } else {
                    let bits = bits.saturating_sub(1);
                    (bits, index.saturating_sub(longer).checked_shl(bits).unwrap_or(0))
                };
                steps.push(Step { value, extra, bits, base });
            }
        }
        Ok(Self(steps))
    }

    /// The value of the state, which becomes the next one.
    fn next(&self, state: &mut usize, input: &mut Backwards<'_>) -> io::Result<usize> {
        let step = self.0.get(*state).ok_or_else(|| damaged("a state of lzfse is not used"))?;
        *state = step.base.saturating_add(input.pull(step.bits)?);
        Ok(step.value.saturating_add(input.pull(step.extra)?))
    }
}
