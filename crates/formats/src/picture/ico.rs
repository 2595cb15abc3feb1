//! ICO and CUR: a directory of pictures. Those that are PNG come out, and what no picture covers.
//!
//! Specification: <https://learn.microsoft.com/previous-versions/ms997538(v=msdn.10)>.

use candor_object::{Content, FileType, Flow, Sink};

use super::bmp::Image;
use super::parts::{Parts, Ranges};
use crate::fields::{u16_le, u32_be, u32_le};
use crate::{Format, Glimpse};

/// The ICO format.
pub(crate) struct Ico;

const ENTRY: usize = 16;

impl Format for Ico {
    fn file_type(&self) -> FileType {
        FileType::new("ico")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        // Fewer than 256 icons, and the reserved byte of the first.
        let count = u32_be(glimpse.head, 4).is_some_and(|number| number >= 0x0100_0000);
        let magic =
            glimpse.has(0, b"\0\0\x01\0") || glimpse.has(0, b"\0\0\x02\0") && glimpse.has(18, &[22, 0]);
        magic && count && glimpse.has(5, b"\0") && glimpse.has(9, b"\0")
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut parts = Parts::new(content, sink);
        let count = u16_le(&content.window(4, 2)?, 0).unwrap_or(0);
        let table = content.window(6, ENTRY.saturating_mul(usize::from(count)))?.into_owned();
        let mut ranges = Ranges::default();
        ranges.add(0, 6_u64.saturating_add(table.len() as u64));
        for (number, entry) in table.chunks_exact(ENTRY).enumerate() {
            let (Some(size), Some(offset)) = (u32_le(entry, 8), u32_le(entry, 12)) else { break };
            let (size, offset) = (u64::from(size), u64::from(offset));
            if offset.saturating_add(size) > content.size() {
                parts.odd("cut-icon", &format!("icon {number}: {size} bytes at offset {offset}"));
            }
            let head = content.window(offset, 64)?;
            let picture = Image::parse(&head);
            if head.starts_with(b"\x89PNG") || u32_le(&head, 0) != Some(40) {
                parts.part(&format!("icon {number}"), offset, size)?;
                ranges.add(offset, size);
                continue;
            }
            // Pixels and mask are both in the height. Behind them something may be hidden that the entry covers.
            let whole = picture.before_pixels.saturating_add(picture.pixels);
            ranges.add(offset, size.min(whole));
        }
        parts.uncovered(ranges)
    }
}
