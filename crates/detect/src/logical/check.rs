//! Subsignatures that are no patterns, as bytes of the image, and bytes that are compared as a number.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, little_endian as le};

use super::expression::Comparison;
use crate::Error;
use crate::pattern::PlaceRecord;

/// Bytes near a match, read as a number and compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteComparison {
    /// Bytes from the start of the match to the number; negative for places before it.
    pub offset: i64,
    /// How the bytes are written.
    pub number: Number,
    /// With what the number is compared; all must hold.
    pub comparisons: Vec<(Comparison, i64)>,
}

/// How bytes write a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// The numeral system.
    pub numeral: Numeral,
    /// Which byte, or pair of hexadecimal digits, comes first.
    pub order: Order,
    /// Whether digits that are no digits make it no number; otherwise it ends before them.
    pub exact: bool,
    /// Number of bytes.
    pub length: u8,
}

/// A numeral system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numeral {
    /// Bytes as they are: 1, 2, 4 or 8.
    Raw,
    /// Digits of base 10.
    Decimal,
    /// Digits of base 16, with or without `0x`.
    Hexadecimal,
    /// Hexadecimal with `0x`, else decimal.
    Automatic,
}

/// Which end of a number comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The largest part first.
    Big,
    /// The smallest part first.
    Little,
}

impl Number {
    /// The number that `bytes` write, if they write one.
    pub fn read(self, bytes: &[u8]) -> Option<i64> {
        match self.numeral {
            Numeral::Raw => self.raw(bytes),
            Numeral::Decimal => self.digits(bytes, 10),
            Numeral::Hexadecimal => self.digits(bytes, 16),
            Numeral::Automatic => {
                let hexadecimal = matches!(bytes.trim_ascii_start(), [b'0', b'x' | b'X', ..]);
                self.digits(bytes, if hexadecimal { 16 } else { 10 })
            }
        }
    }

    fn raw(self, bytes: &[u8]) -> Option<i64> {
        let shift = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        let number = match self.order {
            Order::Big => bytes.iter().fold(0, shift),
            Order::Little => bytes.iter().rev().fold(0, shift),
        };
        // Eight bytes are a signed number, fewer are not.
        (bytes.len() <= 8).then_some(number.cast_signed())
    }

    /// As C's `strtol` reads: space, a sign, digits.
    fn digits(self, bytes: &[u8], base: u32) -> Option<i64> {
        let rest = bytes.trim_ascii_start();
        let (negative, rest) = match rest {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, rest),
        };
        let rest = match rest {
            [b'0', b'x' | b'X', rest @ ..] if base == 16 => rest,
            _ => rest,
        };
        let is_digit = |byte: &u8| char::from(*byte).is_digit(base);
        let (digits, after) =
            rest.split_at(rest.iter().position(|byte| !is_digit(byte)).unwrap_or(rest.len()));
        if self.exact && (digits.is_empty() || !after.is_empty()) {
            return None;
        }
        let push = |sum: i64, byte: &u8| {
            let digit = char::from(*byte).to_digit(base).unwrap_or(0);
            sum.saturating_mul(i64::from(base)).saturating_add(i64::from(digit))
        };
        let number = match self.order {
            Order::Big => digits.iter().fold(0, push),
            Order::Little => digits.chunks(2).rev().flatten().fold(0, push),
        };
        Some(if negative { number.saturating_neg() } else { number })
    }
}

/// Appends the number of a subsignature's patterns that a check refers to.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Places {
    pub(crate) first: le::U16,
    pub(crate) end: le::U16,
}

/// A regular expression; its trigger and its text follow.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct RegexRecord {
    pub(crate) place: PlaceRecord,
    pub(crate) flags: le::U16,
    pub(crate) trigger: le::U32,
    pub(crate) text: le::U32,
}

/// A comparison of bytes.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct CompareRecord {
    pub(crate) reference: Places,
    pub(crate) offset: le::I64,
    numeral: u8,
    order: u8,
    exact: u8,
    length: u8,
    pub(crate) count: u8,
    comparisons: [ComparisonRecord; MAX_COMPARISONS],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct ComparisonRecord {
    kind: u8,
    with: le::I64,
}

/// Patterns near others.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct NearRecord {
    pub(crate) before: Places,
    pub(crate) these: Places,
    pub(crate) low: le::U32,
    pub(crate) high: le::U32,
}

/// Most comparisons of one number, as in ClamAV's language.
const MAX_COMPARISONS: usize = 2;

/// A check as it lies in the image.
pub(crate) enum Check<'d> {
    /// A regular expression: its record, the code of its trigger, its text.
    Regex(&'d RegexRecord, &'d [u8], &'d str),
    Compare(&'d CompareRecord),
    Near(&'d NearRecord),
    Fixed(FixedRows<'d>),
    /// The hash.
    Picture(u64),
}

/// Rows of bytes with their offsets: offset (4 bytes), length (1 byte), the bytes.
#[derive(Clone, Copy)]
pub(crate) struct FixedRows<'d> {
    left: u8,
    rest: &'d [u8],
}

impl<'d> Iterator for FixedRows<'d> {
    type Item = (u32, &'d [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let (offset, rest) = self.rest.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first()?;
        let (row, rest) = rest.split_at_checked(usize::from(*length))?;
        self.rest = rest;
        Some((u32::from_le_bytes(*offset), row))
    }
}

const REGEX: u8 = 1;
const COMPARE: u8 = 2;
const NEAR: u8 = 3;
const FIXED: u8 = 4;
const PICTURE: u8 = 5;

/// Appends a regular expression.
pub(crate) fn encode_regex(record: RegexRecord, trigger: &[u8], text: &str, out: &mut Vec<u8>) {
    out.push(REGEX);
    out.extend_from_slice(record.as_bytes());
    out.extend_from_slice(trigger);
    out.extend_from_slice(text.as_bytes());
}

/// Appends a comparison.
pub(crate) fn encode_compare(reference: Places, comparison: &ByteComparison, out: &mut Vec<u8>) {
    let mut comparisons = [ComparisonRecord { kind: 0, with: 0.into() }; MAX_COMPARISONS];
    let mut count = 0;
    for (slot, (kind, with)) in comparisons.iter_mut().zip(&comparison.comparisons) {
        *slot = ComparisonRecord { kind: *kind as u8, with: (*with).into() };
        count = u8::saturating_add(count, 1);
    }
    let Number { numeral, order, exact, length } = comparison.number;
    let record = CompareRecord {
        reference,
        offset: comparison.offset.into(),
        numeral: numeral as u8,
        order: order as u8,
        exact: u8::from(exact),
        length,
        count,
        comparisons,
    };
    out.push(COMPARE);
    out.extend_from_slice(record.as_bytes());
}

/// Appends patterns near others.
pub(crate) fn encode_near(record: NearRecord, out: &mut Vec<u8>) {
    out.push(NEAR);
    out.extend_from_slice(record.as_bytes());
}

/// Appends the hash of a picture.
pub(crate) fn encode_picture(hash: u64, out: &mut Vec<u8>) {
    out.push(PICTURE);
    out.extend_from_slice(&hash.to_le_bytes());
}

/// Appends rows of bytes at fixed offsets.
pub(crate) fn encode_fixed(rows: &[(u32, Vec<u8>)], out: &mut Vec<u8>) {
    let count = u8::try_from(rows.len()).unwrap_or(u8::MAX);
    out.extend_from_slice(&[FIXED, count]);
    for (offset, row) in rows.iter().take(usize::from(count)) {
        let length = u8::try_from(row.len()).unwrap_or(u8::MAX);
        out.extend_from_slice(&offset.to_le_bytes());
        out.push(length);
        out.extend(row.iter().take(usize::from(length)));
    }
}

impl<'d> Check<'d> {
    /// The check at a place in the section.
    pub(crate) fn read(section: &'d [u8], at: u32) -> Result<Self, Error> {
        Self::decode(section, at).ok_or(Error::Damaged("a check is missing"))
    }

    fn decode(section: &'d [u8], at: u32) -> Option<Self> {
        let (tag, rest) = section.get(usize::try_from(at).ok()?..)?.split_first()?;
        Some(match *tag {
            REGEX => {
                let (record, rest) = RegexRecord::ref_from_prefix(rest).ok()?;
                let (trigger, rest) = rest.split_at_checked(record.trigger.get() as usize)?;
                let text = rest.get(..record.text.get() as usize)?;
                Self::Regex(record, trigger, std::str::from_utf8(text).ok()?)
            }
            COMPARE => Self::Compare(CompareRecord::ref_from_prefix(rest).ok()?.0),
            NEAR => Self::Near(NearRecord::ref_from_prefix(rest).ok()?.0),
            FIXED => {
                let (left, rest) = rest.split_first()?;
                Self::Fixed(FixedRows { left: *left, rest })
            }
            PICTURE => Self::Picture(u64::from_le_bytes(*rest.first_chunk()?)),
            _ => return None,
        })
    }
}

impl CompareRecord {
    /// How the bytes are read.
    pub(crate) fn number(&self) -> Number {
        let numeral = match self.numeral {
            0 => Numeral::Raw,
            1 => Numeral::Decimal,
            2 => Numeral::Hexadecimal,
            _ => Numeral::Automatic,
        };
        let order = if self.order == 0 { Order::Big } else { Order::Little };
        Number { numeral, order, exact: self.exact != 0, length: self.length }
    }

    /// Whether the number compares as asked.
    pub(crate) fn holds(&self, number: i64) -> bool {
        self.comparisons.iter().take(usize::from(self.count)).all(|comparison| {
            let with = comparison.with.get();
            match comparison.kind {
                0 => number == with,
                1 => number > with,
                _ => number < with,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(numeral: Numeral, order: Order, exact: bool, bytes: &[u8]) -> Option<i64> {
        Number { numeral, order, exact, length: bytes.len() as u8 }.read(bytes)
    }

    #[test]
    fn digits_end_where_they_end() {
        let decimal = |exact, bytes: &[u8]| read(Numeral::Decimal, Order::Big, exact, bytes);
        assert_eq!(decimal(false, b"12x"), Some(12));
        assert_eq!(decimal(true, b"12x"), None);
        assert_eq!(decimal(false, b" 12"), Some(12));
        assert_eq!(decimal(false, b"-5 "), Some(-5));
        assert_eq!(decimal(false, b"xyz"), Some(0));
        assert_eq!(decimal(false, b"99999999999999999999"), Some(i64::MAX));
        let hexadecimal = |order, bytes: &[u8]| read(Numeral::Hexadecimal, order, false, bytes);
        assert_eq!(hexadecimal(Order::Big, b"12ab"), Some(0x12ab));
        assert_eq!(hexadecimal(Order::Little, b"12ab"), Some(0xab12));
        assert_eq!(hexadecimal(Order::Little, b"12zz"), Some(0x12));
        assert_eq!(hexadecimal(Order::Big, b"0x1"), Some(1));
        assert_eq!(read(Numeral::Automatic, Order::Big, false, b"12zz"), Some(12));
        assert_eq!(read(Numeral::Automatic, Order::Big, false, b"0x12"), Some(0x12));
    }

    #[test]
    fn raw_bytes_have_an_order_and_eight_a_sign() {
        assert_eq!(read(Numeral::Raw, Order::Big, false, b"\x01\x02"), Some(0x0102));
        assert_eq!(read(Numeral::Raw, Order::Little, false, b"\x01\x02"), Some(0x0201));
        assert_eq!(read(Numeral::Raw, Order::Big, false, &[0xff; 4]), Some(0xffff_ffff));
        assert_eq!(read(Numeral::Raw, Order::Little, false, &[0xff; 8]), Some(-1));
    }
}
