//! Arithmetic on integers of 1 to 64 bits, which are kept in the lowest bits of a `u64`, all others zero.

use super::Failure;
use crate::bytecode::program::{Binary, Comparison};

/// The lowest bits of a number.
pub(crate) fn masked(value: u64, bits: u8) -> u64 {
    value & u64::MAX.checked_shr(64_u32.saturating_sub(u32::from(bits))).unwrap_or(0)
}

/// The number that the lowest bits mean with their highest as the sign.
pub(crate) fn signed(value: u64, bits: u8) -> i64 {
    let unused = 64_u32.saturating_sub(u32::from(bits));
    let bytes = value.checked_shl(unused).unwrap_or(0).to_le_bytes();
    i64::from_le_bytes(bytes).checked_shr(unused).unwrap_or(0)
}

fn unsigned(value: i64) -> u64 {
    u64::from_le_bytes(value.to_le_bytes())
}

/// One operation. Results are cut to the width. A shift by the width or more moves everything out.
///
/// # Errors
/// Division by zero, and of the lowest signed number by minus one.
pub(crate) fn binary(operation: Binary, bits: u8, left: u64, right: u64) -> Result<u64, Failure> {
    let by = u32::try_from(right).unwrap_or(u32::MAX);
    let width = u32::from(bits);
    let signs = (signed(left, bits), signed(right, bits));
    let value = match operation {
        Binary::Add => left.wrapping_add(right),
        Binary::Sub => left.wrapping_sub(right),
        Binary::Mul => left.wrapping_mul(right),
        Binary::UnsignedDiv => left.checked_div(right).ok_or(Failure::Division)?,
        Binary::UnsignedRem => left.checked_rem(right).ok_or(Failure::Division)?,
        Binary::SignedDiv => {
            let quotient = signs.0.checked_div(signs.1).ok_or(Failure::Division)?;
            let value = masked(unsigned(quotient), bits);
            if signed(value, bits) != quotient {
                return Err(Failure::Division);
            }
            value
        }
        Binary::SignedRem => unsigned(signs.0.checked_rem(signs.1).ok_or(Failure::Division)?),
        Binary::ShiftLeft if by >= width => 0,
        Binary::ShiftLeft => left.checked_shl(by).unwrap_or(0),
        Binary::ShiftRight if by >= width => 0,
        Binary::ShiftRight => left.checked_shr(by).unwrap_or(0),
        Binary::SignedShiftRight => unsigned(signs.0.checked_shr(by.min(63)).unwrap_or(0)),
        Binary::And => left & right,
        Binary::Or => left | right,
        Binary::Xor => left ^ right,
    };
    Ok(masked(value, bits))
}

/// One comparison.
pub(crate) fn compare(comparison: Comparison, bits: u8, left: u64, right: u64) -> bool {
    let signs = (signed(left, bits), signed(right, bits));
    match comparison {
        Comparison::Equal => left == right,
        Comparison::NotEqual => left != right,
        Comparison::Above => left > right,
        Comparison::AboveOrEqual => left >= right,
        Comparison::Below => left < right,
        Comparison::BelowOrEqual => left <= right,
        Comparison::Greater => signs.0 > signs.1,
        Comparison::GreaterOrEqual => signs.0 >= signs.1,
        Comparison::Less => signs.0 < signs.1,
        Comparison::LessOrEqual => signs.0 <= signs.1,
    }
}
