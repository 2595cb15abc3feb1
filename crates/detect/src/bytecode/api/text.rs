//! Text in the program's memory.

use std::cmp::Ordering;

use memchr::memmem;

use super::{Arguments, Context, FAILED, Failure, place, signed};

/// The place of a sequence of bytes in another.
pub(super) fn find(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let (Some(size), Some(needle_size)) = (arguments.size(1), arguments.size(3)) else {
        return Ok(FAILED);
    };
    context.spend((size as u64 / 16).saturating_add(needle_size as u64 / 16))?;
    let haystack = context.memory.bytes(arguments.pointer(0), size)?;
    let needle = context.memory.bytes(arguments.pointer(2), needle_size)?;
    Ok(place(memmem::find(haystack, needle).map(|found| found as u64)))
}

/// The byte that two hexadecimal digits mean.
pub(super) fn hexadecimal(_: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let digit = |place| char::from_u32(arguments.unsigned(place)).and_then(|digit| digit.to_digit(16));
    Ok(digit(0).zip(digit(1)).map_or(FAILED, |(high, low)| u64::from(high) << 4 | u64::from(low)))
}

/// The positive number that a text begins with, after spaces.
pub(super) fn number(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let Some(size) = arguments.size(1) else { return Ok(FAILED) };
    context.spend(size as u64 / 16)?;
    let text = context.memory.bytes(arguments.pointer(0), size)?.trim_ascii_start();
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let mut number: Option<i32> = None;
    for byte in text {
        let Some(digit) = char::from(*byte).to_digit(10).and_then(|digit| i32::try_from(digit).ok()) else {
            break;
        };
        number = number.unwrap_or(0).checked_mul(10).and_then(|number| number.checked_add(digit));
        if number.is_none() {
            break;
        }
    }
    Ok(number.map_or(FAILED, signed))
}

/// Compares two versions: runs of digits as numbers, all else as characters.
pub(super) fn compare_versions(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let (Some(left), Some(right)) = (arguments.size(1), arguments.size(3)) else { return Ok(FAILED) };
    context.spend((left as u64 / 8).saturating_add(right as u64 / 8))?;
    let left = context.memory.bytes(arguments.pointer(0), left)?;
    let right = context.memory.bytes(arguments.pointer(2), right)?;
    Ok(signed(ordered(left, right) as i32))
}

fn ordered(mut left: &[u8], mut right: &[u8]) -> Ordering {
    loop {
        let (Some((a, left_rest)), Some((b, right_rest))) = (left.split_first(), right.split_first()) else {
            return left.len().cmp(&right.len());
        };
        if a.is_ascii_digit() && b.is_ascii_digit() {
            let (a, left_rest) = digits(left);
            let (b, right_rest) = digits(right);
            let order = a.len().cmp(&b.len()).then(a.cmp(b));
            if order != Ordering::Equal {
                return order;
            }
            (left, right) = (left_rest, right_rest);
            continue;
        }
        if a != b {
            return a.cmp(b);
        }
        (left, right) = (left_rest, right_rest);
    }
}

/// The digits that a text begins with, without zeros before them, and what follows.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let zeros = number.iter().take_while(|byte| **byte == b'0').count();
    (number.get(zeros..).unwrap_or_default(), rest)
}
