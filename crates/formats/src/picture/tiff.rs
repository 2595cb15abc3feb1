//! TIFF and BigTIFF: directories of fields. Texts, profiles, embedded files and what nothing refers to come out.
//!
//! Specification: <https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf>, BigTIFF:
//! <https://www.awaresystems.be/imaging/tiff/bigtiff.html>. Exif is a TIFF without pixels.

use std::collections::HashSet;
use std::io;
use std::time::Instant;

use candor_object::{Content, FileType, Flow, Sink, Undecoded};

use super::parts::{Parts, Ranges};
use crate::fields;
use crate::{Format, Glimpse};

/// The TIFF format.
pub(crate) struct Tiff;

/// Most directories that are followed.
const MOST_DIRECTORIES: usize = 4096;
/// Most fields of a directory that are read; the rest comes out as what nothing refers to.
const MOST_FIELDS: u64 = 4096;
/// Most numbers of a field that are read: offsets and sizes of strips and tiles.
const MOST_NUMBERS: u64 = 1 << 16;

const STRIPS: (u16, u16) = (273, 279);
const TILES: (u16, u16) = (324, 325);
const THUMBNAIL: (u16, u16) = (513, 514);
/// Fields that lead to further directories: sub-pictures, Exif, GPS, interoperability.
const DIRECTORIES: &[u16] = &[330, 34665, 34853, 40965];

impl Format for Tiff {
    fn file_type(&self) -> FileType {
        FileType::new("tiff")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        let magics: [&[u8]; 4] = [b"II\x2a\0", b"MM\0\x2a", b"II\x2b\0\x08\0\0\0", b"MM\0\x2b\0\x08\0\0"];
        magics.iter().any(|magic| glimpse.has(0, magic))
    }

    fn perceptual_hash(&self, content: &Content, deadline: Instant) -> Result<Option<u64>, Undecoded> {
        super::perceptual_hash(content, "tiff", deadline)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(0, 16)?;
        let layout = Layout { big: head.contains(&0x2b), swapped: head.starts_with(b"MM") };
        let first = if layout.big { layout.u64(&head, 8) } else { layout.u32(&head, 4) };
        drop(head);
        let mut parts = Parts::new(content, sink);
        let mut ranges = Ranges::default();
        ranges.add(0, if layout.big { 16 } else { 8 });
        let mut waiting: Vec<u64> = first.into_iter().collect();
        let mut seen = HashSet::new();
        while let Some(offset) = waiting.pop() {
            if offset == 0 || offset >= content.size() || seen.len() >= MOST_DIRECTORIES {
                if offset >= content.size() {
                    parts.odd("cut-directory", &format!("a directory at offset {offset}"));
                }
                continue;
            }
            if seen.insert(offset) {
                directory(&layout, offset, &mut parts, &mut ranges, &mut waiting)?;
            }
        }
        parts.uncovered(ranges)
    }
}

/// How numbers are written.
struct Layout {
    big: bool,
    swapped: bool,
}

impl Layout {
    fn u16(&self, bytes: &[u8], at: usize) -> Option<u16> {
        if self.swapped { fields::u16_be(bytes, at) } else { fields::u16_le(bytes, at) }
    }

    fn u32(&self, bytes: &[u8], at: usize) -> Option<u64> {
        let number = if self.swapped { fields::u32_be(bytes, at) } else { fields::u32_le(bytes, at) };
        number.map(u64::from)
    }

    fn u64(&self, bytes: &[u8], at: usize) -> Option<u64> {
        if self.swapped { fields::u64_be(bytes, at) } else { fields::u64_le(bytes, at) }
    }

    /// A number of 4 or 8 bytes.
    fn word(&self, bytes: &[u8], at: usize) -> Option<u64> {
        if self.big { self.u64(bytes, at) } else { self.u32(bytes, at) }
    }
}

/// A field of a directory.
struct Field {
    tag: u16,
    kind: u16,
    /// Where its value stands.
    offset: u64,
    /// Bytes of its value.
    size: u64,
}

impl Field {
    /// Its numbers.
    fn numbers(&self, layout: &Layout, content: &Content) -> io::Result<Vec<u64>> {
        let width = unit(self.kind);
        let size = self.size.min(MOST_NUMBERS.saturating_mul(width));
        let bytes = content.window(self.offset, usize::try_from(size).unwrap_or(0))?;
        let width = usize::try_from(width).unwrap_or(1);
        let number = |bytes: &[u8]| match width {
            2 => layout.u16(bytes, 0).map(u64::from),
            4 => layout.u32(bytes, 0),
            8 => layout.u64(bytes, 0),
            _ => None,
        };
        Ok(bytes.chunks_exact(width).filter_map(number).collect())
    }
}

/// Bytes of one value of a kind.
fn unit(kind: u16) -> u64 {
    match kind {
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16 | 17 | 18 => 8,
        _ => 1,
    }
}

/// Walks a directory.
fn directory(
    layout: &Layout,
    offset: u64,
    parts: &mut Parts<'_>,
    ranges: &mut Ranges,
    waiting: &mut Vec<u64>,
) -> Flow {
    parts.sink.pulse()?;
    let content = parts.content;
    let head = content.window(offset, 8)?;
    let (count, before, width) = if layout.big {
        (layout.u64(&head, 0).unwrap_or(0), 8_u64, 20_u64)
    } else {
        (layout.u16(&head, 0).map_or(0, u64::from), 2, 12)
    };
    drop(head);
    let count = count.min(MOST_FIELDS);
    let start = offset.saturating_add(before);
    let size = count.saturating_mul(width);
    let next = if layout.big { 8 } else { 4 };
    ranges.add(offset, before.saturating_add(size).saturating_add(next));
    let table = content.window(start, usize::try_from(size).unwrap_or(0))?.into_owned();
    let next_at = content.window(start.saturating_add(size), 8)?;
    waiting.extend(layout.word(&next_at, 0));
    let mut fields = Vec::new();
    let chunk = usize::try_from(width).unwrap_or(12);
    for (number, entry) in table.chunks_exact(chunk).enumerate() {
        let (Some(tag), Some(kind)) = (layout.u16(entry, 0), layout.u16(entry, 2)) else { break };
        let value = if layout.big { 12 } else { 8 };
        let Some(count) = layout.word(entry, 4) else { break };
        let size = count.saturating_mul(unit(kind));
        let inline = start.saturating_add((number as u64).saturating_mul(width)).saturating_add(value);
        let within = size <= if layout.big { 8 } else { 4 };
        let at = usize::try_from(value).unwrap_or(8);
        let offset = if within { inline } else { layout.word(entry, at).unwrap_or(0) };
        if !within {
            ranges.add(offset, size);
            if offset.saturating_add(size) > content.size() {
                parts.odd("cut-field", &format!("field {tag}: {size} bytes at offset {offset}"));
            }
        }
        fields.push(Field { tag, kind, offset, size });
    }
    for field in &fields {
        if DIRECTORIES.contains(&field.tag) {
            waiting.extend(field.numbers(layout, content)?.into_iter().take(64));
        } else if matches!(field.kind, 1 | 2 | 6 | 7) {
            // Texts, and bytes that some program understands.
            parts.part(&format!("field {}", field.tag), field.offset, field.size)?;
        }
    }
    for (offsets, sizes) in [STRIPS, TILES, THUMBNAIL] {
        let find = |tag: u16| fields.iter().find(|field| field.tag == tag);
        let (Some(offsets), Some(sizes)) = (find(offsets), find(sizes)) else { continue };
        let is_thumbnail = offsets.tag == THUMBNAIL.0;
        let pairs = offsets.numbers(layout, content)?.into_iter().zip(sizes.numbers(layout, content)?);
        for (offset, size) in pairs {
            ranges.add(offset, size);
            if is_thumbnail {
                parts.part("thumbnail", offset, size)?;
            }
        }
    }
    Ok(())
}
