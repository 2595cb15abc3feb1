//! Functions of numbers, in whole numbers with a factor.

use super::{Arguments, Context, FAILED, Failure, signed};

/// What stands for one where the result would be too small as a whole number.
const UNIT: f64 = 67_108_864.0;

/// What stands for a result that does not exist.
const LARGEST: u64 = 0x7fff_ffff;

/// Rounds; what is out of range is the nearest that is in it.
#[expect(clippy::cast_possible_truncation, reason = "a cast from a float saturates")]
fn rounded(value: f64) -> u64 {
    signed(value.round() as i32)
}

fn fraction(arguments: &Arguments) -> Option<f64> {
    let (a, b) = (arguments.signed(0), arguments.signed(1));
    (b != 0).then(|| f64::from(a) / f64::from(b))
}

fn factor(arguments: &Arguments) -> f64 {
    f64::from(arguments.signed(2))
}

/// 2^26 * log2(a / b)
pub(super) fn logarithm(_: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let (a, b) = (arguments.unsigned(0), arguments.unsigned(1));
    if b == 0 {
        return Ok(LARGEST);
    }
    Ok(rounded(UNIT * (f64::from(a) / f64::from(b)).log2()))
}

/// c * a^b
pub(super) fn power(_: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let (a, b) = (arguments.signed(0), arguments.signed(1));
    if a == 0 && b < 0 {
        return Ok(LARGEST);
    }
    Ok(rounded(factor(arguments) * f64::from(a).powi(b)))
}

/// c * e^(a / b)
pub(super) fn exponential(_: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    Ok(fraction(arguments).map_or(LARGEST, |x| rounded(factor(arguments) * x.exp())))
}

/// c * sin(a / b)
pub(super) fn sine(_: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    Ok(fraction(arguments).map_or(LARGEST, |x| rounded(factor(arguments) * x.sin())))
}

/// c * cos(a / b)
pub(super) fn cosine(_: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    Ok(fraction(arguments).map_or(LARGEST, |x| rounded(factor(arguments) * x.cos())))
}

/// The entropy of bytes, in bits for each, times 2^26.
pub(super) fn entropy(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let Some(size) = arguments.size(1).filter(|size| *size > 0) else { return Ok(FAILED) };
    context.spend((size as u64 / 8).saturating_add(256))?;
    let mut counts = [0_u32; 256];
    for byte in context.memory.bytes(arguments.pointer(0), size)? {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count = count.saturating_add(1);
        }
    }
    let share = |count: &u32| f64::from(*count) / f64::from(arguments.signed(1));
    let bits: f64 =
        counts.iter().filter(|count| **count > 0).map(share).map(|share| -share * share.log2()).sum();
    Ok(rounded(bits * UNIT))
}
