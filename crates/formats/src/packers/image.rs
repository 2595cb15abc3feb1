//! The memory of a program, addressed as the program does.

use crate::fields::array;

/// Bytes from an address on. What lies outside reads as nothing and is not written.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) bytes: Vec<u8>,
    /// Address of the first byte.
    pub(super) base: u32,
}

impl Image {
    /// Where `address` lies in the bytes.
    fn place(&self, address: u32) -> Option<usize> {
        usize::try_from(address.checked_sub(self.base)?).ok()
    }

    /// The number at `address`.
    pub(super) fn u32(&self, address: u32) -> Option<u32> {
        Some(u32::from_le_bytes(array(&self.bytes, self.place(address)?)?))
    }

    /// The number of 64 bits at `address`.
    pub(super) fn u64(&self, address: u32) -> Option<u64> {
        Some(u64::from_le_bytes(array(&self.bytes, self.place(address)?)?))
    }

    /// Puts bytes to `address`, as far as there is room.
    pub(super) fn put(&mut self, address: u32, bytes: &[u8]) {
        let Some(place) = self.place(address) else { return };
        let Some(room) = self.bytes.get_mut(place..) else { return };
        for (to, from) in room.iter_mut().zip(bytes) {
            *to = *from;
        }
    }

    /// Up to `size` bytes from `address` on.
    pub(super) fn get(&self, address: u32, size: usize) -> &[u8] {
        let rest = self.place(address).and_then(|place| self.bytes.get(place..)).unwrap_or_default();
        rest.get(..size).unwrap_or(rest)
    }

    /// The bytes from `address` on, up to `size`, to be changed.
    pub(super) fn part_mut(&mut self, address: u32, size: u32) -> &mut [u8] {
        let Some(place) = self.place(address) else { return &mut [] };
        let end = place.saturating_add(size as usize).min(self.bytes.len());
        self.bytes.get_mut(place..end).unwrap_or_default()
    }
}
