//! The methods that zip had before deflate: shrink, reduce and implode; and PPMd, which came late.
//!
//! Specification: APPNOTE.TXT 6.3.10, sections 5.1 to 5.3 and 5.10. None of the old ones has an end of its own.

use std::io::{self, Read};

use ppmd_rust::{Ppmd8Decoder, RestoreMethod};

use super::methods::Packed;
use crate::bits::{Bits, Huffman, LowFirst};
use crate::fields::u16_le;
use crate::unpack::{Steps, Unpacked, damaged, unsupported};

/// How far back anything is copied.
const HISTORY: usize = 16 << 10;
/// A flag of implode that is put on top of the method's number: the window has 8 KiB.
pub(super) const WIDE: u16 = 0x100;

/// A decoder of a method, which gives up to `size` bytes.
///
/// # Errors
/// Those of the input, and headers that make no sense.
pub(super) fn open(method: u16, input: Packed, size: u64) -> io::Result<Box<dyn Read>> {
    Ok(match method {
        1 => Box::new(Unpacked::new(Shrink::new(input), Vec::new(), 0, size)),
        2..=5 => Box::new(Unpacked::new(Reduce::new(input, method)?, Vec::new(), HISTORY, size)),
        98 => ppmd(input, size)?,
        _ => Box::new(Unpacked::new(Implode::new(input, method & WIDE != 0)?, Vec::new(), HISTORY, size)),
    })
}

/// Appends bytes that stand further back; before the start there are zeros.
fn copy(output: &mut Vec<u8>, distance: usize, length: usize) {
    for _ in 0..length {
        let byte = output.len().checked_sub(distance).and_then(|place| output.get(place)).copied();
        output.push(byte.unwrap_or(0));
    }
}

const CODES: usize = 1 << 13;
const FREE: u16 = u16::MAX;

struct Shrink<R> {
    bits: LowFirst<R>,
    width: u32,
    parents: Vec<u16>,
    suffixes: Vec<u8>,
    next: usize,
    previous: Option<u16>,
    first: u8,
}

impl<R: Read> Shrink<R> {
    fn new(input: R) -> Self {
        let (parents, suffixes) = (vec![FREE; CODES], vec![0; CODES]);
        Self { bits: LowFirst::new(input), width: 9, parents, suffixes, next: 257, previous: None, first: 0 }
    }

    fn clear(&mut self) {
        let mut is_parent = vec![false; CODES];
        for parent in self.parents.iter().skip(257).filter(|parent| **parent != FREE) {
            if let Some(mark) = is_parent.get_mut(usize::from(*parent)) {
                *mark = true;
            }
        }
        for (parent, is_parent) in self.parents.iter_mut().zip(is_parent).skip(257) {
            if !is_parent {
                *parent = FREE;
            }
        }
        self.next = 257;
    }
}

impl<R: Read> Steps for Shrink<R> {
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        let code = self.bits.bits(self.width)?;
        if code == 256 {
            match self.bits.bits(self.width)? {
                1 if self.width < 13 => self.width = self.width.saturating_add(1),
                2 => self.clear(),
                _ => return Err(damaged("unknown command of shrink")),
            }
            return Ok(true);
        }
        let code = u16::try_from(code).unwrap_or(0);
        let Some(previous) = self.previous else {
            self.first = u8::try_from(code).map_err(|_| damaged("the first code is no byte"))?;
            output.push(self.first);
            self.previous = Some(code);
            return Ok(true);
        };
        let start = output.len();
        let mut at = code;
        let is_known =
            code < 256 || self.parents.get(usize::from(code)).is_some_and(|parent| *parent != FREE);
        if !is_known {
            output.push(self.first);
            at = previous;
        }
        for _ in 0..CODES {
            if at < 256 {
                break;
            }
            let place = usize::from(at);
            output.push(self.suffixes.get(place).copied().unwrap_or(0));
            at = self.parents.get(place).copied().unwrap_or(FREE);
        }
        self.first = u8::try_from(at).map_err(|_| damaged("a code leads to none"))?;
        output.push(self.first);
        if let Some(appended) = output.get_mut(start..) {
            appended.reverse();
        }
        while self.parents.get(self.next).is_some_and(|parent| *parent != FREE) {
            self.next = self.next.saturating_add(1);
        }
        if let (Some(parent), Some(suffix)) =
            (self.parents.get_mut(self.next), self.suffixes.get_mut(self.next))
        {
            (*parent, *suffix) = (previous, self.first);
            self.next = self.next.saturating_add(1);
        }
        self.previous = Some(code);
        Ok(true)
    }
}

/// The byte that begins a match.
const ESCAPE: u8 = 144;

struct Reduce<R> {
    bits: LowFirst<R>,
    followers: Vec<Vec<u8>>,
    last: u8,
    factor: u32,
}

impl<R: Read> Reduce<R> {
    fn new(input: R, method: u16) -> io::Result<Self> {
        let mut bits = LowFirst::new(input);
        let mut followers = vec![Vec::new(); 256];
        for set in followers.iter_mut().rev() {
            let count = bits.bits(6)?;
            for _ in 0..count {
                set.push(u8::try_from(bits.bits(8)?).unwrap_or(0));
            }
        }
        Ok(Self { bits, followers, last: 0, factor: u32::from(method).saturating_sub(1) })
    }

    fn byte(&mut self) -> io::Result<u8> {
        let set = self.followers.get(usize::from(self.last)).map(Vec::as_slice).unwrap_or_default();
        let byte = if set.is_empty() || self.bits.bit()? == 1 {
            u8::try_from(self.bits.bits(8)?).unwrap_or(0)
        } else {
            let most = u32::try_from(set.len()).unwrap_or(1).saturating_sub(1).max(1);
            let place = self.bits.bits(32_u32.saturating_sub(most.leading_zeros()))?;
            let found = usize::try_from(place).ok().and_then(|place| set.get(place));
            *found.ok_or_else(|| damaged("a follower is not there"))?
        };
        self.last = byte;
        Ok(byte)
    }
}

impl<R: Read> Steps for Reduce<R> {
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        let byte = self.byte()?;
        if byte != ESCAPE {
            output.push(byte);
            return Ok(true);
        }
        let value = self.byte()?;
        if value == 0 {
            output.push(ESCAPE);
            return Ok(true);
        }
        let width = 8_u32.saturating_sub(self.factor);
        let mask = 0xff_u8.checked_shr(self.factor).unwrap_or(0);
        let mut length = usize::from(value & mask);
        if value & mask == mask {
            length = length.saturating_add(self.byte()?.into());
        }
        let low = usize::from(self.byte()?);
        let high = usize::from(value.checked_shr(width).unwrap_or(0));
        copy(output, (high << 8 | low).saturating_add(1), length.saturating_add(3));
        Ok(true)
    }
}

struct Inverted<'a, R>(&'a mut LowFirst<R>);

impl<R: Read> Bits for Inverted<'_, R> {
    fn bit(&mut self) -> io::Result<u32> {
        Ok(self.0.bit()? ^ 1)
    }

    fn bits(&mut self, count: u32) -> io::Result<u32> {
        self.0.bits(count)
    }
}

struct Implode<R> {
    bits: LowFirst<R>,
    literals: Option<Huffman>,
    lengths: Huffman,
    distances: Huffman,
    low: u32,
}

fn lengths<R: Read>(bits: &mut LowFirst<R>) -> io::Result<Vec<u8>> {
    let count = bits.bits(8)?;
    let mut lengths = Vec::new();
    for _ in 0..=count {
        let byte = bits.bits(8)?;
        let run = usize::try_from(byte >> 4).unwrap_or(0).saturating_add(1);
        let length = u8::try_from(byte & 15).unwrap_or(0).saturating_add(1);
        lengths.resize(lengths.len().saturating_add(run), length);
    }
    Ok(lengths)
}

impl<R: Read> Implode<R> {
    fn new(input: R, is_wide: bool) -> io::Result<Self> {
        let mut bits = LowFirst::new(input);
        let mut first = lengths(&mut bits)?;
        let mut literals = None;
        // Whether literals have codes is a flag, too, but their number tells it in any case.
        if first.len() == 256 {
            literals = Some(Huffman::new(&first)?);
            first = lengths(&mut bits)?;
        }
        let second = lengths(&mut bits)?;
        if first.len() != 64 || second.len() != 64 {
            return Err(damaged("codes are not as many as there must be"));
        }
        let (lengths, distances) = (Huffman::new(&first)?, Huffman::new(&second)?);
        Ok(Self { bits, literals, lengths, distances, low: if is_wide { 7 } else { 6 } })
    }
}

impl<R: Read> Steps for Implode<R> {
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        if self.bits.bit()? == 1 {
            let byte = match &self.literals {
                Some(literals) => literals.decode(&mut Inverted(&mut self.bits))?,
                None => u16::try_from(self.bits.bits(8)?).unwrap_or(0),
            };
            output.push(u8::try_from(byte).unwrap_or(0));
            return Ok(true);
        }
        let low = self.bits.bits(self.low)?;
        let high = u32::from(self.distances.decode(&mut Inverted(&mut self.bits))?);
        let distance = high.checked_shl(self.low).unwrap_or(0) | low;
        let mut length = usize::from(self.lengths.decode(&mut Inverted(&mut self.bits))?);
        if length == 63 {
            length = length.saturating_add(usize::try_from(self.bits.bits(8)?).unwrap_or(0));
        }
        let least = if self.literals.is_some() { 3 } else { 2 };
        let distance = usize::try_from(distance).unwrap_or(0).saturating_add(1);
        copy(output, distance, length.saturating_add(least));
        Ok(true)
    }
}

/// Bytes of the model of PPMd with this header.
pub(super) fn ppmd_memory(head: &[u8]) -> u32 {
    (u32::from(u16_le(head, 0).unwrap_or(0)) >> 4 & 0xff).saturating_add(1) << 20
}

fn ppmd(mut input: Packed, size: u64) -> io::Result<Box<dyn Read>> {
    let mut head = [0; 2];
    input.read_exact(&mut head)?;
    let memory = ppmd_memory(&head);
    let head = u32::from(u16::from_le_bytes(head));
    let order = (head & 15).saturating_add(1);
    let restore = head >> 12;
    if restore > 1 || order < 2 {
        return Err(unsupported("these parameters of ppmd are not supported"));
    }
    let decoder = Ppmd8Decoder::new(input, order, memory, RestoreMethod::from(restore))
        .map_err(|error| damaged(&error.to_string()))?;
    Ok(Box::new(Unpacked::new(Bytes(decoder), Vec::new(), 0, size)))
}

/// Asks for a byte at a time: what is in a buffer before an error is not counted.
struct Bytes<R>(R);

impl<R: Read> Steps for Bytes<R> {
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        let mut byte = [0];
        let count = self.0.read(&mut byte)?;
        output.extend_from_slice(byte.get(..count).unwrap_or_default());
        Ok(count > 0)
    }
}
