//! `Packages.db`: slots at the beginning say where blobs lie, in blocks of 16 bytes.

use super::LONGEST;
use crate::{Error, Subject};

const PAGE: u64 = 4096;
const SLOT: usize = 16;
const BLOCK: u64 = 16;

pub(super) fn begins(head: &[u8]) -> bool {
    head.starts_with(b"RpmP")
}

/// Calls `each` with every header.
pub(super) fn headers(
    subject: &Subject<'_>,
    mut each: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let content = subject.content();
    let pages = u64::from(number(subject.head, 12)).min(content.size() / PAGE + 1);
    let mut damage = None;
    for page in 0..pages {
        subject.time_left()?;
        let slots = content.window(page * PAGE, PAGE as usize)?;
        // Two places at the beginning are the header of the file.
        for slot in slots.chunks_exact(SLOT).skip(if page == 0 { 2 } else { 0 }) {
            let (index, offset) = (number(slot, 4), u64::from(number(slot, 8)) * BLOCK);
            if !slot.starts_with(b"Slot") || index == 0 || offset == 0 {
                continue;
            }
            let blob = content.window(offset, 16)?;
            let length = number(&blob, 12);
            if !blob.starts_with(b"BlbS") || number(&blob, 4) != index || length > LONGEST {
                damage.get_or_insert_with(|| format!("package {index}: no header at offset {offset}"));
                continue;
            }
            each(&content.window(offset + 16, length as usize)?)?;
        }
    }
    damage.map_or(Ok(()), |what| Err(Error::Damaged(what)))
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn database(header: &[u8]) -> Vec<u8> {
        let mut bytes = b"RpmP\0\0\0\0\x01\0\0\0\x01\0\0\0\x02\0\0\0".to_vec();
        bytes.resize(32, 0);
        for (word, numbers) in [(b"Slot", [1, 256, 8]), (b"Slot", [0, 0, 0])] {
            bytes.extend_from_slice(word);
            bytes.extend(numbers.iter().flat_map(|number: &u32| number.to_le_bytes()));
        }
        bytes.resize(PAGE as usize, 0);
        bytes.extend_from_slice(b"BlbS");
        bytes.extend([1, 0, header.len() as u32].iter().flat_map(|number| number.to_le_bytes()));
        bytes.extend_from_slice(header);
        bytes
    }
}
