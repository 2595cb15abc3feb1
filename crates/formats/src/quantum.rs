//! Quantum, a compression of old cabinets: an arithmetic coder over models that adapt.
//!
//! The method is David Stafford's. Matthew Russotto described it:
//! <https://www.speakeasy.org/~russotto/quantumcomp.html>.

use std::io::{self, ErrorKind};

use crate::bits::{Bits, HighFirst};
use crate::unpack::{copy, damaged};

/// What a symbol adds to its frequency.
const STEP: u16 = 8;
/// The sum of frequencies above which they are halved.
const MOST: u16 = 3800;
/// Halvings until the symbols are sorted, at the start and later.
const FIRST_SORT: u8 = 4;
const LATER_SORTS: u8 = 50;

/// Symbols and, of each, the sum of the frequencies from it to the last.
struct Model {
    entries: Vec<(u16, u16)>,
    halvings: u8,
}

impl Model {
    fn new(first: u16, count: u16) -> Self {
        let entries = (0..count).map(|place| (first.saturating_add(place), count.saturating_sub(place)));
        Self { entries: entries.collect(), halvings: FIRST_SORT }
    }

    fn total(&self) -> u16 {
        self.entries.first().map_or(1, |entry| entry.1)
    }

    /// The sum behind a place.
    fn below(&self, place: usize) -> u16 {
        self.entries.get(place.saturating_add(1)).map_or(0, |entry| entry.1)
    }

    fn add(&mut self, place: usize) {
        for (_, sum) in self.entries.iter_mut().take(place.saturating_add(1)) {
            *sum = sum.saturating_add(STEP);
        }
        if self.total() <= MOST {
            return;
        }
        self.halvings = self.halvings.saturating_sub(1);
        if self.halvings > 0 {
            let mut behind = 0;
            for (_, sum) in self.entries.iter_mut().rev() {
                *sum = (*sum >> 1).max(u16::saturating_add(behind, 1));
                behind = *sum;
            }
            return;
        }
        self.halvings = LATER_SORTS;
        let mut behind = 0;
        for (_, sum) in self.entries.iter_mut().rev() {
            let frequency = sum.saturating_sub(behind);
            behind = *sum;
            *sum = frequency.saturating_add(1) >> 1;
        }
        // The order of equal ones is what this exchange gives.
        let count = self.entries.len();
        for first in 0..count {
            for second in first.saturating_add(1)..count {
                let frequency = |place: usize| self.entries.get(place).map_or(0, |entry| entry.1);
                if frequency(first) < frequency(second) {
                    self.entries.swap(first, second);
                }
            }
        }
        let mut behind: u16 = 0;
        for (_, sum) in self.entries.iter_mut().rev() {
            *sum = sum.saturating_add(behind);
            behind = *sum;
        }
    }
}

/// The state of the arithmetic coder.
struct Coder<'a> {
    bits: HighFirst<&'a [u8]>,
    low: u16,
    high: u16,
    code: u16,
    /// Bits behind the end that were made up.
    beyond: u8,
}

impl<'a> Coder<'a> {
    fn new(data: &'a [u8]) -> io::Result<Self> {
        let mut bits = HighFirst::new(data);
        let code = u16::try_from(bits.bits(16)?).unwrap_or(0);
        Ok(Self { bits, low: 0, high: u16::MAX, code, beyond: 0 })
    }

    /// The coder reads ahead, so that the last bits may lie behind the end.
    fn bit(&mut self) -> io::Result<u16> {
        match self.bits.bit() {
            Ok(bit) => Ok(u16::try_from(bit).unwrap_or(0)),
            Err(_) if self.beyond < 16 => {
                self.beyond = self.beyond.saturating_add(1);
                Ok(0)
            }
            Err(error) => Err(error),
        }
    }

    fn plain(&mut self, count: u32) -> io::Result<usize> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | usize::from(self.bit()?);
        }
        Ok(value)
    }

    fn symbol(&mut self, model: &mut Model) -> io::Result<usize> {
        let range = u32::from(self.high.wrapping_sub(self.low)).saturating_add(1);
        let total = u32::from(model.total());
        let ahead = u32::from(self.code.wrapping_sub(self.low)).saturating_add(1);
        let wanted = ahead.saturating_mul(total).saturating_sub(1).checked_div(range).unwrap_or(0);
        let place = (0..model.entries.len())
            .find(|place| u32::from(model.below(*place)) <= wanted)
            .ok_or_else(|| damaged("a model is empty"))?;
        let (symbol, above) = model.entries.get(place).copied().unwrap_or_default();
        let part = |sum: u16| {
            let part = u32::from(sum).saturating_mul(range).checked_div(total).unwrap_or(0);
            u16::try_from(part & 0xffff).unwrap_or(0)
        };
        self.high = self.low.wrapping_add(part(above)).wrapping_sub(1);
        self.low = self.low.wrapping_add(part(model.below(place)));
        model.add(place);
        loop {
            if (self.low ^ self.high) & 0x8000 != 0 {
                if self.low & 0x4000 == 0 || self.high & 0x4000 != 0 {
                    break;
                }
                self.code ^= 0x4000;
                self.low &= 0x3fff;
                self.high |= 0x4000;
            }
            self.low <<= 1;
            self.high = self.high << 1 | 1;
            self.code = self.code << 1 | self.bit()?;
        }
        Ok(usize::from(symbol))
    }
}

/// The decoder of a folder.
pub(crate) struct Quantum {
    window: usize,
    history: Vec<u8>,
    selector: Model,
    letters: [Model; 4],
    /// Of matches of three bytes, of four, and of more.
    positions: [Model; 3],
    lengths: Model,
}

impl Quantum {
    /// A decoder with a window of `2^window_bits` bytes; nothing for a window that there is not.
    pub(crate) fn new(window_bits: u32) -> Option<Self> {
        let bits = u16::try_from(window_bits).ok().filter(|bits| (10..=21).contains(bits))?;
        let slots = bits.saturating_mul(2);
        Some(Self {
            window: 1 << bits,
            history: Vec::new(),
            selector: Model::new(0, 7),
            letters: [0, 64, 128, 192].map(|first| Model::new(first, 64)),
            positions: [24, 36, 42].map(|most| Model::new(0, slots.min(most))),
            lengths: Model::new(0, 27),
        })
    }

    /// Appends a frame of `size` bytes, for which the coder starts anew; what came before an error counts.
    ///
    /// # Errors
    /// Those of the stream, after which it must not be read again.
    pub(crate) fn frame(&mut self, data: &[u8], size: usize, output: &mut Vec<u8>) -> io::Result<()> {
        let old = self.history.len().saturating_sub(self.window);
        if old > self.window {
            self.history.drain(..old);
        }
        let start = self.history.len();
        let end = start.saturating_add(size);
        let result = self.decode(data, end);
        self.history.truncate(end);
        output.extend_from_slice(self.history.get(start..).unwrap_or_default());
        result
    }

    fn decode(&mut self, data: &[u8], end: usize) -> io::Result<()> {
        let mut coder = Coder::new(data)?;
        while self.history.len() < end {
            let selector = coder.symbol(&mut self.selector)?;
            if let Some(letters) = self.letters.get_mut(selector) {
                let letter = coder.symbol(letters)?;
                self.history.push(u8::try_from(letter).unwrap_or_default());
                continue;
            }
            let length = if selector == 6 {
                let (base, extra) = length_range(coder.symbol(&mut self.lengths)?);
                base.saturating_add(coder.plain(extra)?).saturating_add(5)
            } else {
                selector.saturating_sub(1)
            };
            let Some(positions) = self.positions.get_mut(selector.saturating_sub(4)) else {
                return Err(ErrorKind::InvalidData.into());
            };
            let slot = coder.symbol(positions)?;
            let extra = u32::try_from(slot / 2).unwrap_or(0).saturating_sub(1);
            let base = if slot < 2 { slot } else { (2 | slot & 1) << extra };
            let distance = base.saturating_add(coder.plain(extra)?).saturating_add(1);
            copy(&mut self.history, distance, length)?;
        }
        if self.history.len() > end {
            return Err(damaged("a match reaches beyond its frame"));
        }
        Ok(())
    }
}

/// The first length of a symbol, and the bits that follow.
fn length_range(symbol: usize) -> (usize, u32) {
    match symbol {
        0..=5 => (symbol, 0),
        6..=25 => {
            let group = symbol.saturating_sub(2) / 4;
            let inside = symbol.saturating_sub(2) % 4;
            let base = (1_usize << group.saturating_add(2)).saturating_sub(2);
            (base.saturating_add(inside << group), u32::try_from(group).unwrap_or(0))
        }
        _ => (254, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_symbols() {
        let ranges = [5, 6, 7, 9, 10, 13, 14, 21, 22, 25, 26].map(length_range);
        let known = [
            (5, 0),
            (6, 1),
            (8, 1),
            (12, 1),
            (14, 2),
            (26, 2),
            (30, 3),
            (110, 4),
            (126, 5),
            (222, 5),
            (254, 0),
        ];
        assert_eq!(ranges, known);
    }

    #[test]
    fn frequencies_are_halved_and_sorted() {
        let mut model = Model::new(0, 7);
        for _ in 0..20_000 {
            model.add(3);
        }
        assert!(model.total() <= MOST + STEP);
        assert!(model.entries.windows(2).all(|pair| pair[0].1 > pair[1].1));
    }

    #[test]
    fn nonsense_ends() {
        let mut output = Vec::new();
        let mut quantum = Quantum::new(15).unwrap();
        assert!(quantum.frame(&[0xa5; 40], 1 << 15, &mut output).is_err());
        assert!(Quantum::new(9).is_none());
    }
}
