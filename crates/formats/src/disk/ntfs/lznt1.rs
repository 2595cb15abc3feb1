//! LZNT1, in which NTFS compresses files.

use std::io;

use candor_object::Content;

use crate::disk::pieces::Pieces;
use crate::disk::usize_of;
use crate::fields::u16_le;
use crate::unpack::Steps;

const CHUNK: usize = 4096;

/// Reads a file that is compressed in units of clusters. A unit without holes is stored, one that is a hole is zeros, and
/// one that ends in a hole is compressed.
pub(super) struct Units {
    content: Content,
    /// Whether there is a hole in each unit.
    holes: Vec<(u64, u64)>,
    unit: u64,
    size: u64,
    position: u64,
}

impl Units {
    pub(super) fn new(disk: &Content, pieces: &Pieces, (unit, size): (u64, u64)) -> Self {
        let holes = pieces.holes();
        let content = pieces.clone().content(disk);
        Self { content, holes, unit: unit.max(1), size, position: 0 }
    }
}

impl Steps for Units {
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        if self.position >= self.size {
            return Ok(false);
        }
        let left = self.size.saturating_sub(self.position);
        let end = self.position.saturating_add(self.unit);
        let index = self.holes.partition_point(|(_, hole_end)| *hole_end <= self.position);
        let hole = self.holes.get(index).map_or(u64::MAX, |(start, _)| (*start).max(self.position));
        let want = usize_of(left.min(self.unit));
        let whole = output.len().saturating_add(want);
        if hole >= end {
            output.extend_from_slice(&self.content.window(self.position, want)?);
        } else if hole > self.position {
            let stored = usize_of(hole.saturating_sub(self.position));
            let mut bytes = Vec::new();
            decompress(&self.content.window(self.position, stored)?, &mut bytes, usize_of(self.unit));
            output.append(&mut bytes);
        }
        output.resize(whole, 0);
        self.position = end;
        Ok(true)
    }
}

/// Decodes chunks of up to 4 KiB each until the end, damage or the limit.
pub(super) fn decompress(mut packed: &[u8], output: &mut Vec<u8>, limit: usize) {
    while let Some(header) = u16_le(packed, 0).filter(|header| *header != 0) {
        let size = usize::from(header & 0xfff).saturating_add(1);
        let rest = packed.get(2..).unwrap_or_default();
        let (chunk, behind) = rest.split_at(size.min(rest.len()));
        packed = behind;
        let start = output.len();
        if start >= limit {
            break;
        }
        if header & 0x8000 == 0 {
            output.extend_from_slice(chunk);
        } else if decompress_chunk(chunk, output, start).is_none() {
            break;
        }
        // A chunk that came out shorter is followed by zeros, if another follows.
        if packed.len() > 2 && u16_le(packed, 0).is_some_and(|header| header != 0) {
            output.resize(start.saturating_add(CHUNK), 0);
        }
    }
    output.truncate(limit);
}

fn decompress_chunk(chunk: &[u8], output: &mut Vec<u8>, start: usize) -> Option<()> {
    let mut bytes = chunk.iter().copied();
    while let Some(flags) = bytes.next() {
        for bit in 0..8 {
            if output.len().saturating_sub(start) >= CHUNK {
                return Some(());
            }
            let Some(byte) = bytes.next() else { return Some(()) };
            if flags >> bit & 1 == 0 {
                output.push(byte);
                continue;
            }
            let token = usize::from(u16::from_le_bytes([byte, bytes.next()?]));
            let done = output.len().saturating_sub(start);
            // The farther in the chunk, the more bits the distance has.
            let mut shift = 12_u32;
            while shift > 4 && done > 1_usize << (16_u32.saturating_sub(shift)) {
                shift = shift.saturating_sub(1);
            }
            let length = (token & !(usize::MAX << shift)).saturating_add(3);
            let distance = (token >> shift).saturating_add(1);
            let mut from = output.len().checked_sub(distance).filter(|from| *from >= start)?;
            for _ in 0..length.min(CHUNK.saturating_sub(done)) {
                output.push(*output.get(from)?);
                from = from.saturating_add(1);
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification() {
        // MS-XCA, section 3.3.
        let packed = b"\x38\xb0\x88\x46\x23\x20\x00\x20\x47\x20\x41\x00\x10\xa2\x47\x01\xa0\x45\x20\x44\x00\x08\x45\
            \x01\x50\x79\x00\xc0\x45\x20\x05\x24\x13\x88\x05\xb4\x02\x4a\x44\xef\x03\x58\x02\x8c\x09\x16\x01\x48\x45\
            \x00\xbe\x00\x9e\x00\x04\x01\x18\x90\x00";
        let mut output = Vec::new();
        decompress(packed, &mut output, 4096);
        let text = "F# F# G A A G F# E D D E F# F# E E F# F# G A A G F# E D D E F# E D D E E F# D E F# G F# D E F# \
            G F# E D E A F# F# G A A G F# E D D E F# E D D\0";
        assert_eq!(String::from_utf8_lossy(&output), text);
    }
}
