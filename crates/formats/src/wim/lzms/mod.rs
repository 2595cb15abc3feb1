//! LZMS: matches, matches of differences, adaptive codes, and a filter for code.
//!
//! Specification: none by Microsoft; what is known is told at <https://wimlib.net/compression.html> and found out by trying.

mod codes;
mod filter;

use std::io;

use self::codes::{Backwards, Code, Decision, Range};
use crate::fields::usize_of;
use crate::unpack::{copy, damaged};

/// Unpacks a chunk of `size` bytes.
///
/// # Errors
/// Damage in the chunk; what came out before counts.
pub(super) fn chunk(packed: &[u8], size: usize, output: &mut Vec<u8>) -> io::Result<()> {
    // Both ends are read by words.
    let packed = packed.get(..packed.len() & !1).unwrap_or_default();
    let result = Decoder::new(packed, size).and_then(|mut decoder| decoder.run(size, output));
    filter::undo(output);
    result
}

/// What the last places of matches were; the last one counts only once something else came.
struct Recent<T>([T; 4]);

impl<T: Copy> Recent<T> {
    fn push(&mut self, place: T) {
        self.0.rotate_right(1);
        self.0[0] = place;
    }

    /// The place with that number, which becomes the last one.
    fn again(&mut self, number: usize, is_last_pending: bool) -> T {
        let number = number.saturating_add(usize::from(is_last_pending));
        if let Some(places) = self.0.get_mut(..=number) {
            places.rotate_right(1);
        }
        self.0[0]
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Item {
    Literal,
    Match,
    Difference,
}

struct Decoder<'a> {
    range: Range<'a>,
    bits: Backwards<'a>,
    slots: Vec<(u32, u8)>,
    is_match: Decision<16>,
    is_difference: Decision<32>,
    is_known: Decision<64>,
    is_known_difference: Decision<64>,
    which: [Decision<64>; 2],
    which_difference: [Decision<64>; 2],
    literals: Code,
    places: Code,
    lengths: Code,
    powers: Code,
    difference_places: Code,
    recent: Recent<u32>,
    recent_differences: Recent<(u32, u32)>,
    last: Item,
}

impl<'a> Decoder<'a> {
    fn new(packed: &'a [u8], size: usize) -> io::Result<Self> {
        let slots = place_slots();
        let farthest = u32::try_from(size).unwrap_or(u32::MAX).saturating_sub(1);
        let count = slots.partition_point(|(base, _)| *base <= farthest);
        Ok(Self {
            range: Range::new(packed)?,
            bits: Backwards::new(packed),
            slots,
            is_match: Decision::START,
            is_difference: Decision::START,
            is_known: Decision::START,
            is_known_difference: Decision::START,
            which: [Decision::START; 2],
            which_difference: [Decision::START; 2],
            literals: Code::new(256, 1024),
            places: Code::new(count, 1024),
            lengths: Code::new(LENGTHS.len(), 512),
            powers: Code::new(8, 512),
            difference_places: Code::new(count, 1024),
            recent: Recent([1, 2, 3, 4]),
            recent_differences: Recent([(0, 1), (0, 2), (0, 3), (0, 4)]),
            last: Item::Literal,
        })
    }

    fn run(&mut self, size: usize, output: &mut Vec<u8>) -> io::Result<()> {
        while output.len() < size {
            let item = self.item()?;
            match item {
                Item::Literal => output.push(u8::try_from(self.literals.next(&mut self.bits)?).unwrap_or(0)),
                Item::Match => {
                    let place = self.place()?;
                    let length = self.length()?.min(size.saturating_sub(output.len()));
                    copy(output, usize_of(place), length)?;
                }
                Item::Difference => {
                    let (power, place) = self.difference()?;
                    let length = self.length()?.min(size.saturating_sub(output.len()));
                    copy_difference(output, power, place, length)?;
                }
            }
            self.last = item;
        }
        Ok(())
    }

    fn item(&mut self) -> io::Result<Item> {
        Ok(if !self.is_match.next(&mut self.range)? {
            Item::Literal
        } else if self.is_difference.next(&mut self.range)? {
            Item::Difference
        } else {
            Item::Match
        })
    }

    fn place(&mut self) -> io::Result<u32> {
        if !self.is_known.next(&mut self.range)? {
            let symbol = self.places.next(&mut self.bits)?;
            let place = value(&self.slots, symbol, &mut self.bits)?;
            self.recent.push(place);
            return Ok(place);
        }
        let number = number(&mut self.which, &mut self.range)?;
        Ok(self.recent.again(number, self.last == Item::Match))
    }

    fn difference(&mut self) -> io::Result<(u32, u32)> {
        if !self.is_known_difference.next(&mut self.range)? {
            let power = u32::try_from(self.powers.next(&mut self.bits)?).unwrap_or(0);
            let symbol = self.difference_places.next(&mut self.bits)?;
            let place = value(&self.slots, symbol, &mut self.bits)?;
            self.recent_differences.push((power, place));
            return Ok((power, place));
        }
        let number = number(&mut self.which_difference, &mut self.range)?;
        Ok(self.recent_differences.again(number, self.last == Item::Difference))
    }

    fn length(&mut self) -> io::Result<usize> {
        let symbol = self.lengths.next(&mut self.bits)?;
        Ok(usize_of(value(&LENGTHS, symbol, &mut self.bits)?))
    }
}

/// Which of the known places it is.
fn number(which: &mut [Decision<64>; 2], range: &mut Range<'_>) -> io::Result<usize> {
    let [first, second] = which;
    Ok(if !first.next(range)? {
        0
    } else if !second.next(range)? {
        1
    } else {
        2
    })
}

fn value(slots: &[(u32, u8)], symbol: usize, bits: &mut Backwards<'_>) -> io::Result<u32> {
    let (base, extra) = slots.get(symbol).copied().ok_or_else(|| damaged("a symbol is not used"))?;
    Ok(base.saturating_add(bits.bits(extra)?))
}

/// Appends bytes that differ from those `1 << power` before as those `place << power` before do.
fn copy_difference(output: &mut Vec<u8>, power: u32, place: u32, length: usize) -> io::Result<()> {
    let span = 1_usize.checked_shl(power).unwrap_or(usize::MAX);
    let distance = usize_of(place).saturating_mul(span);
    let both = distance.saturating_add(span);
    if both > output.len() {
        return Err(damaged("a match reaches back before the start"));
    }
    for _ in 0..length {
        let at = |back: usize| output.get(output.len().wrapping_sub(back)).copied().unwrap_or(0);
        let byte = at(distance).wrapping_add(at(span)).wrapping_sub(at(both));
        output.push(byte);
    }
    Ok(())
}

/// The first length of each symbol, and how many bits are added.
const LENGTHS: [(u32, u8); 54] = {
    const EXTRA: [u8; 54] = [
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2,
        2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 5, 5, 6, 7, 8, 9, 10, 16, 30,
    ];
    let mut lengths = [(1, 0); 54];
    let (mut base, mut index) = (1_u32, 0);
    #[expect(clippy::indexing_slicing, reason = "it is a constant")]
    while index < EXTRA.len() {
        lengths[index] = (base, EXTRA[index]);
        base += 1 << EXTRA[index];
        index += 1;
    }
    lengths
};

/// The first place of each symbol, and how many bits are added.
fn place_slots() -> Vec<(u32, u8)> {
    /// How many symbols have their successor so many bits away.
    const RUNS: [u16; 21] = [8, 0, 9, 7, 10, 15, 15, 20, 20, 30, 33, 40, 42, 45, 60, 73, 80, 85, 95, 105, 6];
    let mut slots = Vec::with_capacity(799);
    let mut base = 1_u32;
    for (bits, count) in (0_u8..).zip(RUNS) {
        for _ in 0..count {
            slots.push((base, bits));
            base = base.saturating_add(1_u32.checked_shl(bits.into()).unwrap_or(0));
        }
    }
    slots.push((base, 30));
    slots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_whole() {
        assert_eq!(LENGTHS[53], (0x108ab, 30));
        let slots = place_slots();
        assert_eq!((slots.len(), slots[8], slots[17]), (799, (9, 2), (45, 3)));
    }
}
