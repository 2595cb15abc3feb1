//! JPEG: segments and scans up to the end marker. Application segments and comments come out.
//!
//! Specification: <https://www.w3.org/Graphics/JPEG/itu-t81.pdf>; Exif: CIPA DC-008.

use std::time::Instant;

use candor_object::{Content, FileType, Flow, Sink, Stop, Undecoded};
use memchr::memchr;

use super::parts::Parts;
use crate::fields::u16_be;
use crate::{Format, Glimpse};

/// The JPEG format.
pub(crate) struct Jpeg;

/// Bytes of a scan that are looked at between two looks at the clock.
const STEP: usize = 64 << 10;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;
const COMMENT: u8 = 0xfe;

impl Format for Jpeg {
    fn file_type(&self) -> FileType {
        FileType::new("jpeg")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, b"\xff\xd8\xff")
    }

    fn perceptual_hash(&self, content: &Content, deadline: Instant) -> Result<Option<u64>, Undecoded> {
        super::perceptual_hash(content, "jpeg", deadline)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut parts = Parts::new(content, sink);
        let mut offset = 2_u64;
        while offset < content.size() {
            parts.sink.pulse()?;
            let head = content.window(offset, 4)?;
            let (Some(0xff), Some(marker)) = (head.first().copied(), head.get(1).copied()) else {
                parts.odd("no-marker", &format!("no marker at offset {offset}"));
                return parts.overlay(offset);
            };
            match marker {
                // Fill bytes.
                0xff => {
                    offset = offset.saturating_add(1);
                    continue;
                }
                END => return parts.overlay(offset.saturating_add(2)),
                0x01 | 0xd0..=0xd8 => {
                    offset = offset.saturating_add(2);
                    continue;
                }
                _ => {}
            }
            let size = u16_be(&head, 2).map_or(0, u64::from);
            let end = offset.saturating_add(2).saturating_add(size);
            if size < 2 || end > content.size() {
                parts.odd("cut-segment", &format!("segment {marker:02x} at offset {offset}"));
                if size < 2 {
                    return parts.overlay(offset);
                }
            }
            segment(&mut parts, marker, offset.saturating_add(4), size.saturating_sub(2))?;
            offset = if marker == SCAN { behind_scan(content, end, parts.sink)? } else { end };
        }
        parts.odd("no-end", "the end marker is missing");
        Ok(())
    }
}

/// Hands over what a segment holds.
fn segment(parts: &mut Parts<'_>, marker: u8, start: u64, size: u64) -> Flow {
    let name = match marker {
        COMMENT => "comment".to_owned(),
        0xe0..=0xef => format!("application {}", marker & 15),
        0xf0..=0xfd | 0x02..=0xbf => format!("segment {marker:02x}"),
        _ => return Ok(()),
    };
    let head = parts.content.window(start, 32)?.into_owned();
    // What stands before Exif and XMP hides what they are.
    let before = [b"Exif\0\0".as_slice(), b"http://ns.adobe.com/xap/1.0/\0"];
    let skip = before.iter().find(|mark| head.starts_with(mark)).map_or(0, |mark| mark.len() as u64);
    parts.part(&name, start.saturating_add(skip), size.saturating_sub(skip))
}

/// Where the next marker stands behind a scan.
fn behind_scan(content: &Content, from: u64, sink: &mut dyn Sink) -> Result<u64, Stop> {
    let mut offset = from;
    while offset < content.size() {
        sink.pulse()?;
        let window = content.window(offset, STEP)?;
        let mut at = 0_usize;
        while let Some(place) = memchr(0xff, window.get(at..).unwrap_or_default()) {
            at = at.saturating_add(place);
            match window.get(at.saturating_add(1)) {
                Some(0 | 0xd0..=0xd7) => at = at.saturating_add(2),
                Some(0xff) => at = at.saturating_add(1),
                Some(_) => return Ok(offset.saturating_add(at as u64)),
                None => break,
            }
        }
        // A marker may stand across the end of the window.
        let all = if window.len() < STEP { window.len() } else { window.len().saturating_sub(1) };
        offset = offset.saturating_add(all.max(1) as u64);
    }
    Ok(content.size())
}
