//! The version information of a portable executable: company, product and the like, as pairs of UTF-16 text.
//!
//! Specification: Microsoft, `VS_VERSIONINFO`, `StringFileInfo`, `StringTable`, `String`. Each block begins with
//! its length, the length of its value, a type and a key; values and blocks within begin at multiples of 4.

use std::io;

use candor_object::Content;

use super::header::Headers;
use super::resources::{self, Leaf};
use crate::fields::u16_le;

/// `RT_VERSION`.
const TYPE: u32 = 16;
/// Bytes of a resource that are read; a length of a block has 16 bits.
const MAX_SIZE: usize = 64 << 10;
/// Pairs that are kept in all.
const MAX_PAIRS: usize = 1024;
/// Bytes before a key.
const HEAD: usize = 6;

/// File offsets of the keys of all pairs, in ascending order.
pub(super) fn pairs(content: &Content, headers: &Headers) -> io::Result<Vec<u64>> {
    let mut offsets = Vec::new();
    for Leaf { offset, size } in resources::of_type(content, headers, TYPE)? {
        let size = usize::try_from(size).unwrap_or(MAX_SIZE).min(MAX_SIZE);
        let bytes = content.window(offset, size)?;
        let Some(root) = Block::read(&bytes, 0) else { continue };
        for file_info in root.within(&bytes) {
            for table in file_info.within(&bytes) {
                let keys = table.within(&bytes).map(|pair| offset.saturating_add(pair.key as u64));
                offsets.extend(keys.take(MAX_PAIRS.saturating_sub(offsets.len())));
            }
        }
    }
    offsets.sort_unstable();
    offsets.dedup();
    Ok(offsets)
}

/// A block, by its places in the resource.
#[derive(Clone, Copy, Debug)]
struct Block {
    /// Where its key begins.
    key: usize,
    /// Where blocks within it begin.
    inside: usize,
    /// Where it ends.
    end: usize,
}

impl Block {
    fn read(bytes: &[u8], start: usize) -> Option<Self> {
        let length = usize::from(u16_le(bytes, start)?);
        let value = usize::from(u16_le(bytes, start.checked_add(2)?)?);
        let end = start.checked_add(length)?.min(bytes.len());
        let key = start.checked_add(HEAD)?;
        let text = bytes.get(key..end)?;
        let letters = text.chunks_exact(2).position(|letter| letter == [0, 0])?;
        let after = key.checked_add(letters.checked_add(1)?.checked_mul(2)?)?;
        // Only the outermost block has a value that is no text: its length is in bytes.
        let inside = aligned(aligned(after)?.checked_add(value)?)?;
        Some(Self { key, inside, end })
    }

    /// The blocks within.
    fn within(self, bytes: &[u8]) -> impl Iterator<Item = Self> {
        let mut next = self.inside;
        std::iter::from_fn(move || {
            if next >= self.end {
                return None;
            }
            let block = Self::read(bytes, next)?;
            // A block of no length would come again and again.
            if block.end <= block.key {
                return None;
            }
            next = aligned(block.end)?;
            Some(block)
        })
    }
}

fn aligned(place: usize) -> Option<usize> {
    place.checked_next_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
    }

    fn block(key: &str, value: &[u8], within: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![0, 0];
        bytes.extend((value.len() as u16).to_le_bytes());
        bytes.extend([1, 0]);
        bytes.extend(utf16(key));
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(value);
        for inner in within {
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes.extend(inner);
        }
        let length = bytes.len() as u16;
        bytes[..2].copy_from_slice(&length.to_le_bytes());
        bytes
    }

    #[test]
    fn keys_of_pairs_are_found_and_damage_ends_the_walk() {
        let pair = |key: &str, value: &str| block(key, &utf16(value), &[]);
        let table = block("040904b0", &[], &[pair("CompanyName", "Wu"), pair("LegalCopyright", "x")]);
        let bytes = block("VS_VERSION_INFO", &[0; 52], &[block("StringFileInfo", &[], &[table])]);
        let read = |bytes: &[u8]| -> Vec<usize> {
            let root = Block::read(bytes, 0).into_iter();
            let tables = root.flat_map(|root| root.within(bytes)).flat_map(|info| info.within(bytes));
            tables.flat_map(|table| table.within(bytes)).map(|pair| pair.key).collect()
        };
        let keys = read(&bytes);
        assert_eq!(keys.len(), 2);
        assert!(bytes[keys[0]..].starts_with(&utf16("CompanyName")));
        assert!(bytes[keys[1]..].starts_with(&utf16("LegalCopyright")));
        for cut in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[cut] = damaged[cut].wrapping_add(0x7f);
            let _ = (read(&bytes[..cut]), read(&damaged));
        }
    }
}
