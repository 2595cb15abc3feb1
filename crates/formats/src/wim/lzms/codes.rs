//! What LZMS reads from the two ends of a chunk: adaptive bits from the start, and adaptive Huffman codes from the end.

use std::io::{self, ErrorKind};

use crate::fields::array;

/// Words behind the end of the data that count as zeros: the range decoder reads ahead.
const BEYOND: u32 = 8;
/// Longest code, and how many of its bits are looked up at once.
const LONGEST: usize = 15;
const LOOKED_UP: usize = 9;

fn eof() -> io::Error {
    ErrorKind::UnexpectedEof.into()
}

/// A bit's probability of being 0, from the last 64 of its kind.
#[derive(Clone, Copy)]
pub(super) struct Odds {
    recent: u64,
    zeros: u32,
}

impl Odds {
    const START: Self = Self { recent: 0x5555_5555, zeros: 48 };
}

/// The odds of one decision, of which there are as many as states: what was decided the last times.
pub(super) struct Decision<const STATES: usize> {
    odds: [Odds; STATES],
    state: usize,
}

impl<const STATES: usize> Decision<STATES> {
    pub(super) const START: Self = Self { odds: [Odds::START; STATES], state: 0 };

    /// Decides.
    pub(super) fn next(&mut self, range: &mut Range<'_>) -> io::Result<bool> {
        let odds = self.odds.get_mut(self.state).ok_or_else(eof)?;
        let bit = range.bit(odds)?;
        self.state = (self.state << 1 | usize::from(bit)) & STATES.saturating_sub(1);
        Ok(bit)
    }
}

/// A range decoder over words of 16 bits.
pub(super) struct Range<'a> {
    data: &'a [u8],
    range: u32,
    code: u32,
    beyond: u32,
}

impl<'a> Range<'a> {
    pub(super) fn new(data: &'a [u8]) -> io::Result<Self> {
        let mut range = Self { data, range: u32::MAX, code: 0, beyond: 0 };
        range.code = range.word()? << 16;
        range.code |= range.word()?;
        Ok(range)
    }

    fn word(&mut self) -> io::Result<u32> {
        if let Some(word) = array::<2>(self.data, 0) {
            self.data = self.data.get(2..).unwrap_or_default();
            return Ok(u16::from_le_bytes(word).into());
        }
        self.beyond = self.beyond.saturating_add(1);
        if self.beyond > BEYOND { Err(eof()) } else { Ok(0) }
    }

    fn bit(&mut self, odds: &mut Odds) -> io::Result<bool> {
        if self.range >> 16 == 0 {
            self.range <<= 16;
            self.code = self.code << 16 | self.word()?;
        }
        let bound = (self.range >> 6).saturating_mul(odds.zeros.clamp(1, 63));
        let bit = self.code >= bound;
        if bit {
            self.range = self.range.saturating_sub(bound);
            self.code = self.code.saturating_sub(bound);
        } else {
            self.range = bound;
        }
        let leaves_one = odds.recent >> 63 == 1;
        odds.zeros = odds.zeros.saturating_add(u32::from(leaves_one)).saturating_sub(u32::from(bit));
        odds.recent = odds.recent << 1 | u64::from(bit);
        Ok(bit)
    }
}

/// Bits of words of 16 bits from the last to the first, the highest bit of each first.
pub(super) struct Backwards<'a> {
    data: &'a [u8],
    /// Those that are next, from the highest bit on.
    held: u64,
    count: u32,
    beyond: u32,
}

impl<'a> Backwards<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, held: 0, count: 0, beyond: 0 }
    }

    fn fill(&mut self) {
        while self.count <= 48 {
            let word = match self.data.split_last_chunk::<2>() {
                Some((rest, word)) => {
                    self.data = rest;
                    u16::from_le_bytes(*word)
                }
                None => {
                    self.beyond = self.beyond.saturating_add(1);
                    0
                }
            };
            self.held |= u64::from(word).checked_shl(48_u32.saturating_sub(self.count)).unwrap_or(0);
            self.count = self.count.saturating_add(16);
        }
    }

    /// The next bits without taking them; they have to be there.
    fn peek(&self, count: usize) -> usize {
        let shift = 64_u32.saturating_sub(u32::try_from(count).unwrap_or(64));
        usize::try_from(self.held.checked_shr(shift).unwrap_or(0)).unwrap_or(0)
    }

    fn take(&mut self, count: usize) -> io::Result<()> {
        let count = u32::try_from(count).unwrap_or(64);
        self.held = self.held.checked_shl(count).unwrap_or(0);
        self.count = self.count.checked_sub(count).ok_or_else(eof)?;
        // Made up bits are the last ones of those that are held.
        if self.beyond.saturating_mul(16) > self.count { Err(eof()) } else { Ok(()) }
    }

    /// The next `count` bits as a number, at most 32.
    pub(super) fn bits(&mut self, count: u8) -> io::Result<u32> {
        self.fill();
        let value = self.peek(count.into());
        self.take(count.into())?;
        Ok(u32::try_from(value).unwrap_or(0))
    }
}

/// A Huffman code that is made anew from how often its symbols came.
pub(super) struct Code {
    frequencies: Vec<u32>,
    /// Symbols until that happens, and how many that are each time.
    left: u32,
    period: u32,
    /// The symbol and length of codes that are short, by their bits.
    short: Vec<(u16, u8)>,
    /// Of each length: the first code, how many there are, and where their symbols begin.
    lengths: [(usize, usize, usize); LONGEST + 1],
    symbols: Vec<u16>,
}

impl Code {
    pub(super) fn new(symbols: usize, period: u32) -> Self {
        let mut code = Self {
            frequencies: vec![1; symbols],
            left: period,
            period,
            short: Vec::new(),
            lengths: [(0, 0, 0); LONGEST + 1],
            symbols: Vec::new(),
        };
        code.build();
        code
    }

    pub(super) fn next(&mut self, bits: &mut Backwards<'_>) -> io::Result<usize> {
        bits.fill();
        let (symbol, length) = match self.short.get(bits.peek(LOOKED_UP)) {
            Some((symbol, length)) if *length > 0 => (*symbol, usize::from(*length)),
            _ => self.long(bits).ok_or_else(|| crate::unpack::damaged("a code is not used"))?,
        };
        bits.take(length)?;
        let symbol = usize::from(symbol);
        if let Some(frequency) = self.frequencies.get_mut(symbol) {
            *frequency = frequency.saturating_add(1);
        }
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            self.build();
            self.left = self.period;
            for frequency in &mut self.frequencies {
                *frequency = (*frequency >> 1).saturating_add(1);
            }
        }
        Ok(symbol)
    }

    fn long(&self, bits: &Backwards<'_>) -> Option<(u16, usize)> {
        (1..=LONGEST).find_map(|length| {
            let (first, count, start) = *self.lengths.get(length)?;
            let place = bits.peek(length).checked_sub(first).filter(|place| *place < count)?;
            Some((*self.symbols.get(start.saturating_add(place))?, length))
        })
    }

    fn build(&mut self) {
        let lengths = lengths(&self.frequencies);
        self.symbols.clear();
        self.short.clear();
        self.short.resize(1 << LOOKED_UP, (0, 0));
        let mut code = 0_usize;
        for length in 1..=LONGEST {
            code <<= 1;
            let start = self.symbols.len();
            let of_length = lengths.iter().enumerate().filter(|(_, found)| usize::from(**found) == length);
            self.symbols.extend(of_length.filter_map(|(symbol, _)| u16::try_from(symbol).ok()));
            let count = self.symbols.len().saturating_sub(start);
            if let Some(entry) = self.lengths.get_mut(length) {
                *entry = (code, count, start);
            }
            if let Some(spare) = LOOKED_UP.checked_sub(length) {
                for (place, symbol) in self.symbols.iter().skip(start).enumerate() {
                    let from = code.saturating_add(place) << spare;
                    let to = code.saturating_add(place).saturating_add(1) << spare;
                    if let Some(entries) = self.short.get_mut(from..to) {
                        entries.fill((*symbol, u8::try_from(length).unwrap_or(0)));
                    }
                }
            }
            code = code.saturating_add(count);
        }
    }
}

/// The lengths of the codes. Which of several best codes it is matters: of equals, symbols go before what was joined, and
/// lower ones before higher ones.
fn lengths(frequencies: &[u32]) -> Vec<u8> {
    let count = frequencies.len();
    let mut result = vec![0; count];
    if count < 2 {
        result.fill(1);
        return result;
    }
    let mut order: Vec<(u32, usize)> = frequencies.iter().copied().zip(0..).collect();
    order.sort_unstable();
    // What two joined ones came to, and with what it was joined.
    let mut sums: Vec<u32> = Vec::with_capacity(count);
    let mut parents = vec![0_usize; count];
    let (mut leaf, mut joined) = (0_usize, 0_usize);
    while sums.len() < count.saturating_sub(1) {
        let mut sum = 0_u32;
        for _ in 0..2 {
            let (symbol, other) =
                (order.get(leaf).map(|(frequency, _)| *frequency), sums.get(joined).copied());
            let takes_leaf = match (symbol, other) {
                (Some(symbol), Some(other)) => symbol <= other,
                (symbol, _) => symbol.is_some(),
            };
            if takes_leaf {
                leaf = leaf.saturating_add(1);
                sum = sum.saturating_add(symbol.unwrap_or(0));
            } else {
                if let Some(parent) = parents.get_mut(joined) {
                    *parent = sums.len();
                }
                joined = joined.saturating_add(1);
                sum = sum.saturating_add(other.unwrap_or(0));
            }
        }
        sums.push(sum);
    }
    // How many codes of each length there are: each inner node makes one code two longer ones.
    let mut counts = [0_usize; LONGEST + 2];
    counts[1] = 2;
    let mut depths = vec![0_usize; sums.len()];
    for node in (0..sums.len().saturating_sub(1)).rev() {
        let parent = parents.get(node).copied().unwrap_or(0);
        let depth = depths.get(parent).map_or(1, |depth| depth.saturating_add(1));
        if let Some(place) = depths.get_mut(node) {
            *place = depth;
        }
        let mut length = depth;
        if length >= LONGEST {
            length = (1..LONGEST)
                .rev()
                .find(|length| counts.get(*length).is_some_and(|count| *count > 0))
                .unwrap_or(1);
        }
        if let Some(count) = counts.get_mut(length) {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = counts.get_mut(length.saturating_add(1)) {
            *count = count.saturating_add(2);
        }
    }
    let mut symbols = order.iter().map(|(_, symbol)| *symbol);
    for length in (1..=LONGEST).rev() {
        for symbol in symbols.by_ref().take(counts.get(length).copied().unwrap_or(0)) {
            if let Some(place) = result.get_mut(symbol) {
                *place = u8::try_from(length).unwrap_or(0);
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_fill_the_code() {
        for frequencies in
            [vec![1; 54], vec![1, 1, 2, 3, 5, 8, 13, 21], (0..30).map(|n| 1 << n).collect(), vec![9]]
        {
            let lengths = lengths(&frequencies);
            let room: u32 = lengths.iter().map(|length| 1 << (15 - length)).sum();
            assert!(room == 1 << 15 || frequencies.len() == 1, "{lengths:?}");
        }
    }
}
