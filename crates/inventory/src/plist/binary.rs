//! Binary property lists: objects that name each other by number
//! ([format](https://opensource.apple.com/source/CF/CF-1153.18/CFBinaryPList.c)).
//!
//! An object may be named many times, so that a small list could stand for a huge one: all that is read is counted.

use super::{DEEPEST, MOST_VALUES, Value};
use crate::fields::{hexadecimal, latin1, number_be, u64_be, utf16_be};

/// Most bytes of text of a list.
const MOST_TEXT: usize = 32 << 20;

struct List<'a> {
    bytes: &'a [u8],
    /// Where the objects are.
    table: &'a [u8],
    /// Bytes of a place, and of a number of an object.
    sizes: (usize, usize),
    values: usize,
    text: usize,
}

/// Reads a list; what is damaged in it is left out.
pub(super) fn read(bytes: &[u8]) -> Option<Value> {
    let trailer = bytes.get(bytes.len().checked_sub(32)?..)?;
    let sizes = (usize::from(*trailer.get(6)?), usize::from(*trailer.get(7)?));
    let count = usize::try_from(u64_be(trailer, 8)?).ok()?;
    let top = usize::try_from(u64_be(trailer, 16)?).ok()?;
    let start = usize::try_from(u64_be(trailer, 24)?).ok()?;
    let table = bytes.get(start..)?.get(..count.checked_mul(sizes.0)?)?;
    List { bytes, table, sizes, values: 0, text: 0 }.object(top, 0)
}

impl<'a> List<'a> {
    fn object(&mut self, number: usize, depth: usize) -> Option<Value> {
        self.values = self.values.saturating_add(1);
        if depth > DEEPEST || self.values > MOST_VALUES {
            return None;
        }
        let place = number.checked_mul(self.sizes.0)?;
        let place = number_be(self.table.get(place..)?.get(..self.sizes.0)?)?;
        let rest = self.bytes.get(usize::try_from(place).ok()?..)?;
        let (&marker, rest) = rest.split_first()?;
        let (kind, low) = (marker >> 4, usize::from(marker & 15));
        match kind {
            0 => (marker & 0xfe == 8).then_some(Value::Flag(marker == 9)),
            1 => {
                let number = number_be(rest.get(..1 << low.min(3))?)?;
                Some(Value::Text(number.to_string()))
            }
            // Numbers with a point and dates are of no interest here; they keep their place.
            2 | 3 => Some(Value::Text(String::new())),
            4..=6 => {
                let (length, rest) = length(low, rest)?;
                let width = if kind == 6 { 2 } else { 1 };
                let bytes = rest.get(..length.checked_mul(width)?)?;
                self.text = self.text.checked_add(bytes.len()).filter(|text| *text <= MOST_TEXT)?;
                Some(Value::Text(match kind {
                    4 => hexadecimal(bytes.get(..64).unwrap_or(bytes)),
                    5 => latin1(bytes),
                    _ => utf16_be(bytes),
                }))
            }
            0xa | 0xc => {
                let (length, rest) = length(low, rest)?;
                let mut values = Vec::new();
                for number in self.numbers(rest, length)? {
                    values.extend(self.object(number?, depth + 1));
                    self.left()?;
                }
                Some(Value::List(values))
            }
            0xd => {
                let (length, rest) = length(low, rest)?;
                let keys = self.numbers(rest, length)?;
                let values = self.numbers(rest.get(length.checked_mul(self.sizes.1)?..)?, length)?;
                let mut pairs = Vec::new();
                for (key, value) in keys.zip(values) {
                    if let Some(Value::Text(key)) = self.object(key?, depth + 1)
                        && let Some(value) = self.object(value?, depth + 1)
                    {
                        pairs.push((key, value));
                    }
                    self.left()?;
                }
                Some(Value::Map(pairs))
            }
            _ => None,
        }
    }

    /// Nothing if all was read that may be: what goes on from there would take for ever.
    fn left(&self) -> Option<()> {
        (self.values <= MOST_VALUES).then_some(())
    }

    /// Numbers of objects, one behind the other.
    fn numbers(
        &self,
        bytes: &'a [u8],
        count: usize,
    ) -> Option<impl Iterator<Item = Option<usize>> + use<'a>> {
        let size = self.sizes.1;
        let all = bytes.get(..count.checked_mul(size)?)?;
        let each = all.chunks_exact(size.max(1));
        Some(each.map(|one| usize::try_from(number_be(one)?).ok()))
    }
}

/// A length, and what is behind it.
fn length(low: usize, rest: &[u8]) -> Option<(usize, &[u8])> {
    if low < 15 {
        return Some((low, rest));
    }
    let (&marker, rest) = rest.split_first()?;
    let size = 1_usize << (marker & 15).min(3);
    let length = number_be(rest.get(..size)?)?;
    Some((usize::try_from(length).ok()?, rest.get(size..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{"a": ["b", true]}`.
    fn sample() -> Vec<u8> {
        let mut bytes = b"bplist00\xd1\x01\x02\x51a\xa2\x03\x04\x51b\x09".to_vec();
        let table = bytes.len() as u8;
        bytes.extend([8, 11, 13, 16, 18]);
        bytes.extend([0, 0, 0, 0, 0, 0, 1, 1]);
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 5]);
        bytes.extend([0; 8]);
        bytes.extend([0, 0, 0, 0, 0, 0, 0, table]);
        bytes
    }

    #[test]
    fn objects_are_followed() {
        let value = read(&sample()).unwrap();
        assert_eq!(value.get("a").unwrap().list(), [Value::Text("b".to_owned()), Value::Flag(true)]);
    }

    #[test]
    fn circles_and_bombs_end() {
        let mut circle = sample();
        circle[14] = 0;
        let _ = read(&circle);
        for cut in 0..circle.len() {
            let _ = read(&circle[..cut]);
        }
        // Each list names the next one 14 times.
        let mut bytes = b"bplist00".to_vec();
        let mut table = Vec::new();
        for number in 1..=20_u8 {
            table.push(bytes.len() as u8);
            bytes.push(0xa4);
            bytes.extend([number; 4]);
        }
        let start = bytes.len() as u8;
        bytes.extend(&table);
        bytes.extend([0, 0, 0, 0, 0, 0, 1, 1]);
        bytes.extend([0, 0, 0, 0, 0, 0, 0, table.len() as u8]);
        bytes.extend([0; 8]);
        bytes.extend([0, 0, 0, 0, 0, 0, 0, start]);
        let _ = read(&bytes);
    }
}
