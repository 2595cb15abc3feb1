//! GIF: blocks up to the trailer. Comments, texts and application extensions come out.
//!
//! Specification: <https://www.w3.org/Graphics/GIF/spec-gif89a.txt>.

use std::io::{self, Read};
use std::time::Instant;

use candor_object::{Content, FileType, Flow, Sink, Stop, Undecoded};

use super::parts::Parts;
use crate::{Format, Glimpse};

/// The GIF format.
pub(crate) struct Gif;

/// Smallest content of an extension that comes out.
const SMALLEST: u64 = 24;

impl Format for Gif {
    fn file_type(&self) -> FileType {
        FileType::new("gif")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        let magic = glimpse.has(0, b"GIF87a") || glimpse.has(0, b"GIF89a");
        magic && glimpse.head.iter().take(32).any(|byte| *byte < 8)
    }

    fn perceptual_hash(&self, content: &Content, deadline: Instant) -> Result<Option<u64>, Undecoded> {
        super::perceptual_hash(content, "gif", deadline)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut parts = Parts::new(content, sink);
        let flags = byte_at(content, 10)?.unwrap_or(0);
        let mut offset = 13_u64.saturating_add(colours(flags));
        while let Some(kind) = byte_at(content, offset)? {
            parts.sink.pulse()?;
            offset = match kind {
                0x2c => {
                    let flags = byte_at(content, offset.saturating_add(9))?.unwrap_or(0);
                    let data = offset.saturating_add(11).saturating_add(colours(flags));
                    behind_blocks(content, data, parts.sink)?.0
                }
                0x21 => extension(&mut parts, offset)?,
                0x3b => return parts.overlay(offset.saturating_add(1)),
                _ => {
                    parts.odd("no-block", &format!("no block at offset {offset}"));
                    return parts.overlay(offset);
                }
            };
        }
        parts.odd("no-end", "the trailer is missing");
        Ok(())
    }
}

/// Bytes of the colour table that the flags tell of.
fn colours(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 3_u64 << (u32::from(flags & 7).saturating_add(1)) }
}

fn byte_at(content: &Content, offset: u64) -> io::Result<Option<u8>> {
    Ok(content.window(offset, 1)?.first().copied())
}

/// Where the blocks end that begin here, and how many bytes they hold.
fn behind_blocks(content: &Content, from: u64, sink: &mut dyn Sink) -> Result<(u64, u64), Stop> {
    let (mut offset, mut held) = (from, 0_u64);
    while let Some(size) = byte_at(content, offset)? {
        sink.pulse()?;
        offset = offset.saturating_add(1).saturating_add(u64::from(size));
        held = held.saturating_add(u64::from(size));
        if size == 0 {
            break;
        }
    }
    Ok((offset, held))
}

/// Hands over what an extension holds; where it ends.
fn extension(parts: &mut Parts<'_>, offset: u64) -> Result<u64, Stop> {
    let start = offset.saturating_add(2);
    let (end, held) = behind_blocks(parts.content, start, parts.sink)?;
    let kind = byte_at(parts.content, offset.saturating_add(1))?.unwrap_or(0);
    let name = match kind {
        0xfe => "comment".to_owned(),
        0x01 => "text".to_owned(),
        0xff => {
            let name = parts.content.window(start.saturating_add(1), 11)?;
            format!("application {}", String::from_utf8_lossy(&name))
        }
        _ => format!("extension {kind:02x}"),
    };
    if held < SMALLEST {
        return Ok(end);
    }
    if name.starts_with("application XMP Data") {
        // It stands there as it is, and what looks like blocks ends it.
        let from = start.saturating_add(12);
        parts.part(&name, from, end.saturating_sub(from))?;
        return Ok(end);
    }
    let blocks = parts.content.range(start, end.saturating_sub(start));
    parts.decoded(&name, &mut Blocks { content: blocks, offset: 0, left: 0 })?;
    Ok(end)
}

/// Reads what blocks hold.
struct Blocks {
    content: Content,
    offset: u64,
    left: u64,
}

impl Read for Blocks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            self.left = u64::from(byte_at(&self.content, self.offset)?.unwrap_or(0));
            self.offset = self.offset.saturating_add(1);
        }
        let size = buffer.len().min(usize::try_from(self.left).unwrap_or(0));
        let count = self.content.read_at(self.offset, buffer.get_mut(..size).unwrap_or_default())?;
        self.offset = self.offset.saturating_add(count as u64);
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}
