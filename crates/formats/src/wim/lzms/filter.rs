//! The places that calls and jumps of x86 name, which LZMS makes relative to the start before it packs: often named places
//! mark code, and what follows them shortly is changed.

use crate::fields::{u16_le, u32_le};

/// Bytes between two codes that name the same place, so that it counts as code.
const WINDOW: usize = 65535;
/// Bytes behind such code in which places are changed.
const REACH: usize = 1023;

/// Makes the places relative to themselves again.
pub(super) fn undo(data: &mut [u8]) {
    let Some(end) = data.len().checked_sub(16).filter(|end| *end > 1) else { return };
    let mut named: Vec<Option<usize>> = vec![None; 1 << 16];
    let mut last_code: Option<usize> = None;
    // The first byte is never looked at.
    let mut at = 1;
    while at < end {
        let found = code(data.get(at..).unwrap_or_default());
        let Some((size, reach)) = found else {
            // Jumps are passed over with the place that they name.
            at = at.saturating_add(if data.get(at) == Some(&0xe9) { 5 } else { 1 });
            continue;
        };
        let operand = at.saturating_add(size);
        if last_code.is_some_and(|last| at.saturating_sub(last) <= reach) {
            let place = u32_le(data, operand).unwrap_or(0);
            let start = u32::try_from(at).unwrap_or(0);
            if let Some(bytes) = data.get_mut(operand..).and_then(<[u8]>::first_chunk_mut) {
                *bytes = place.wrapping_sub(start).to_le_bytes();
            }
        }
        let low = usize::from(u16_le(data, operand).unwrap_or(0));
        let target = at.wrapping_add(low) & 0xffff;
        at = operand.saturating_add(3);
        if let Some(before) = named.get_mut(target) {
            if before.is_some_and(|before| at.saturating_sub(before) <= WINDOW) {
                last_code = Some(at);
            }
            *before = Some(at);
        }
        at = at.saturating_add(1);
    }
}

/// The bytes before the place that a code names, and how far from other code it is changed.
fn code(bytes: &[u8]) -> Option<(usize, usize)> {
    let (first, second, third) = (*bytes.first()?, *bytes.get(1)?, *bytes.get(2)?);
    match (first, second) {
        (0x48, 0x8b) if matches!(third, 0x05 | 0x0d) => Some((3, REACH)),
        (0x48 | 0x4c, 0x8d) if third & 7 == 5 => Some((3, REACH)),
        (0xe8, _) => Some((1, REACH / 2)),
        (0xf0, 0x83) if third == 0x05 => Some((3, REACH)),
        (0xff, 0x15) => Some((2, REACH)),
        _ => None,
    }
}
