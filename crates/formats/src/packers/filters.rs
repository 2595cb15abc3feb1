//! The filters of UPX: what it does to code before it packs it, undone here.
//!
//! Calls to one function from many places differ, since they say how far it is; a filter makes the distance a place in
//! the program, so that they are the same. In the later filters a mark, a byte that occurs nowhere at that place, tells
//! the calls that were changed from bytes that only look like one. Specification: none but what packed programs have.

#![cfg_attr(
    not(test),
    expect(
        clippy::cast_possible_truncation,
        reason = "places are numbers of 32 bits, as the filters have them"
    )
)]

use crate::fields::array;

/// Undoes filter `id` over `code`, whose first byte is at `origin` as the filter counts. False if the filter is unknown.
pub(super) fn undo(code: &mut [u8], id: u8, mark: u8, origin: u32) -> bool {
    match id {
        0 => {}
        0x11..=0x13 => calls(code, origin, opcodes(id, 0x10), |field| Some(u32::from_le_bytes(field))),
        0x14..=0x16 => calls(code, origin, opcodes(id, 0x13), |field| Some(u32::from_be_bytes(field))),
        0x24..=0x26 => calls(code, origin, opcodes(id, 0x23), marked(mark)),
        0x36 | 0x46 => jumps(code, origin, mark, false),
        0x49 => jumps(code, origin, mark, true),
        0x50 => branches(code, origin, |word| word >> 24 & 0x0f == 0x0b, 0x00ff_ffff),
        0x52 => branches(code, origin, |word| word >> 26 & 0x1f == 0x05, 0x03ff_ffff),
        _ => return false,
    }
    true
}

/// The mark that calls in filtered code most likely have: the byte that follows a call most often.
pub(super) fn likely_mark(code: &[u8]) -> u8 {
    let mut counts = [0_u32; 256];
    for pair in code.windows(2) {
        if let [0xe8, mark] = pair
            && let Some(count) = counts.get_mut(usize::from(*mark))
        {
            *count = count.saturating_add(1);
        }
    }
    (0..=u8::MAX).max_by_key(|mark| counts.get(usize::from(*mark)).copied()).unwrap_or(0)
}

/// Calls (1), jumps (2) or both (3).
fn opcodes(id: u8, below: u8) -> (bool, bool) {
    let which = id.wrapping_sub(below);
    (which & 1 != 0, which & 2 != 0)
}

/// Reads the field of a call that has the mark.
fn marked(mark: u8) -> impl Fn([u8; 4]) -> Option<u32> {
    move |[first, high, middle, low]| (first == mark).then_some(u32::from_be_bytes([0, high, middle, low]))
}

/// Puts back calls and jumps whose field `place` reads.
fn calls(code: &mut [u8], origin: u32, (call, jump): (bool, bool), place: impl Fn([u8; 4]) -> Option<u32>) {
    let mut at: usize = 0;
    while let Some(byte) = code.get(at).copied() {
        at = at.saturating_add(1);
        if (byte == 0xe8 && call) || (byte == 0xe9 && jump) {
            let Some(field) = array(code, at) else { return };
            if let Some(place) = place(field) {
                put(code, at, place.wrapping_sub(at as u32).wrapping_sub(origin));
                at = at.saturating_add(4);
            }
        }
    }
}

/// Puts back calls, jumps, and jumps on a condition; `swapped` is whether the two bytes of the latter were exchanged.
fn jumps(code: &mut [u8], origin: u32, mark: u8, swapped: bool) {
    let place = marked(mark);
    let mut at: usize = 0;
    // Where the last call ended: its last byte does not begin a jump.
    let mut last = 0;
    while let Some(byte) = code.get(at).copied() {
        let before =
            if at > last { at.checked_sub(1).and_then(|before| code.get(before)).copied() } else { None };
        let conditional = before.is_some_and(|before| {
            let (first, second) = if swapped { (byte, before) } else { (before, byte) };
            first == 0x0f && second & 0xf0 == 0x80
        });
        let field_at = at.saturating_add(1);
        if conditional || matches!(byte, 0xe8 | 0xe9) {
            let Some(field) = array(code, field_at) else { return };
            if let Some(place) = place(field) {
                if let (true, true, Some(before)) = (conditional, swapped, at.checked_sub(1)) {
                    code.swap(before, at);
                }
                put(code, field_at, place.wrapping_sub(field_at as u32).wrapping_sub(origin));
                at = at.saturating_add(5);
                last = at;
                continue;
            }
        }
        at = field_at;
    }
}

/// Puts back branches of ARM: instructions of four bytes that say in their low bits how many instructions away.
fn branches(code: &mut [u8], origin: u32, is_branch: impl Fn(u32) -> bool, field: u32) {
    for (index, word) in code.chunks_exact_mut(4).enumerate() {
        let Some(bytes) = array(word, 0) else { return };
        let instruction = u32::from_le_bytes(bytes);
        if is_branch(instruction) {
            let back = (index as u32).wrapping_add(origin >> 2);
            let restored = instruction & !field | instruction.wrapping_sub(back) & field;
            word.copy_from_slice(&restored.to_le_bytes());
        }
    }
}

fn put(code: &mut [u8], at: usize, number: u32) {
    if let Some(field) = code.get_mut(at..at.saturating_add(4)) {
        field.copy_from_slice(&number.to_le_bytes());
    }
}
