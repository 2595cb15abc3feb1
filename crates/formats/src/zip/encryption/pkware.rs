//! The traditional encryption of zip: a stream cipher of three keys.
//!
//! Specification: APPNOTE.TXT 6.3.10, section 6.1. Twelve bytes go before the data. The last of them is the first byte
//! of the checksum or, where that stands behind the data, of the time: so one wrong password of 256 seems to fit.

use std::io;
use std::sync::{Mutex, PoisonError};

use candor_object::{Content, Source};

/// Bytes before the data.
pub(super) const HEADER: usize = 12;

/// Fewest bytes between two places of which the keys are remembered, and most of such places.
const LEAST_STEP: u64 = 64 << 10;
const MOST_PLACES: u64 = 1 << 16;

/// The state of the cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keys([u32; 3]);

impl Keys {
    /// The state that a password gives.
    pub(super) fn new(password: &[u8]) -> Self {
        let mut keys = Self([0x1234_5678, 0x2345_6789, 0x3456_7890]);
        for byte in password {
            keys.update(*byte);
        }
        keys
    }

    fn update(&mut self, plain: u8) {
        let [first, second, third] = self.0;
        let first = crc(first, plain);
        let second = second.wrapping_add(first & 0xff).wrapping_mul(0x0808_8405).wrapping_add(1);
        let [.., high] = second.to_le_bytes();
        self.0 = [first, second, crc(third, high)];
    }

    /// The byte that the next one is combined with.
    fn next(self) -> u8 {
        let [_, _, third] = self.0;
        let low = (third & 0xffff) | 2;
        let [_, byte, ..] = low.wrapping_mul(low ^ 1).to_le_bytes();
        byte
    }

    /// Decrypts bytes in place.
    pub(super) fn decrypt(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte ^= self.next();
            self.update(*byte);
        }
    }

    /// Encrypts bytes in place.
    #[cfg(test)]
    pub(super) fn encrypt(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            let plain = *byte;
            *byte ^= self.next();
            self.update(plain);
        }
    }
}

/// One step of the CRC-32, without its complements.
fn crc(state: u32, byte: u8) -> u32 {
    let [low, ..] = (state ^ u32::from(byte)).to_le_bytes();
    TABLE.get(usize::from(low)).copied().unwrap_or_default() ^ (state >> 8)
}

static TABLE: [u32; 256] = table();

#[expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "computed by the compiler, over 256 numbers"
)]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut number = 0;
    while number < 256 {
        let mut value = number as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0xedb8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[number] = value;
        number += 1;
    }
    table
}

/// Decrypted data that can be read at any offset: the keys are remembered at some of them.
pub(super) struct Decrypted {
    /// The data, still encrypted, without the bytes before it.
    data: Content,
    step: u64,
    state: Mutex<State>,
}

struct State {
    position: u64,
    keys: Keys,
    /// The keys at each multiple of the step that was reached.
    reached: Vec<Keys>,
}

impl Decrypted {
    /// The data behind the header, with the keys as they are then.
    pub(super) fn new(data: Content, keys: Keys) -> Self {
        let step = data.size().div_ceil(MOST_PLACES).max(LEAST_STEP);
        Self { data, step, state: Mutex::new(State { position: 0, keys, reached: vec![keys] }) }
    }
}

impl State {
    /// Goes back to the last place that is known before an offset, unless the offset is ahead and nearer.
    fn rewind(&mut self, offset: u64, step: u64) {
        let wanted = offset.checked_div(step).unwrap_or(0).min(self.reached.len().saturating_sub(1) as u64);
        let start = wanted.saturating_mul(step);
        if (start..=offset).contains(&self.position) {
            return;
        }
        if let Some(keys) = usize::try_from(wanted).ok().and_then(|wanted| self.reached.get(wanted)) {
            (self.position, self.keys) = (start, *keys);
        }
    }

    /// Reads and decrypts up to the end of the buffer, or of the step.
    fn read(&mut self, data: &Content, step: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = step.saturating_sub(self.position.checked_rem(step).unwrap_or(0));
        let size = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = buffer.get_mut(..size).unwrap_or_default();
        let count = data.read_at(self.position, buffer)?;
        self.keys.decrypt(buffer.get_mut(..count).unwrap_or_default());
        self.position = self.position.saturating_add(count as u64);
        if self.position == step.saturating_mul(self.reached.len() as u64) {
            self.reached.push(self.keys);
        }
        Ok(count)
    }
}

impl Source for Decrypted {
    fn size(&self) -> u64 {
        self.data.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if offset >= self.size() {
            return Ok(0);
        }
        state.rewind(offset, self.step);
        let mut skipped = [0; 4096];
        while state.position < offset {
            let ahead = usize::try_from(offset.saturating_sub(state.position)).unwrap_or(usize::MAX);
            let size = ahead.min(skipped.len());
            if state.read(&self.data, self.step, skipped.get_mut(..size).unwrap_or_default())? == 0 {
                return Ok(0);
            }
        }
        state.read(&self.data, self.step, buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    fn encrypted(password: &[u8], plain: &[u8]) -> Content {
        let mut bytes = plain.to_vec();
        Keys::new(password).encrypt(&mut bytes);
        Content::from_vec(bytes)
    }

    #[test]
    fn the_table_is_that_of_crc32() {
        let state = b"123456789".iter().fold(u32::MAX, |state, byte| crc(state, *byte));
        assert_eq!(!state, 0xcbf4_3926);
    }

    proptest! {
        #[test]
        fn what_was_encrypted_is_read_at_any_offset(
            password: Vec<u8>,
            size in 0_usize..300_000,
            places in proptest::collection::vec((0_u64..310_000, 0_usize..70_000), 1..12),
        ) {
            let plain: Vec<u8> = (0..size).map(|place| ((place * 7) ^ (place >> 8)) as u8).collect();
            let source = Decrypted::new(encrypted(&password, &plain), Keys::new(&password));
            let content = Content::from_source(Arc::new(source));
            for (offset, length) in places {
                let start = (offset as usize).min(size);
                let expected = &plain[start..(start + length).min(size)];
                let window = content.window(offset, length).unwrap();
                prop_assert_eq!(window.as_ref(), expected);
            }
        }
    }
}
