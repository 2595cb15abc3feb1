//! BMP: header, colours, pixels. What lies between and behind them comes out.
//!
//! Specification: <https://learn.microsoft.com/windows/win32/gdi/bitmap-storage>.

use std::time::Instant;

use candor_object::{Content, FileType, Flow, Sink, Undecoded};

use super::parts::{Parts, Ranges};
use crate::fields::{u16_le, u32_le};
use crate::{Format, Glimpse};

/// The BMP format.
pub(crate) struct Bmp;

const FILE_HEADER: u64 = 14;

impl Format for Bmp {
    fn file_type(&self) -> FileType {
        FileType::new("bmp")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        // Four bytes are reserved and 0; the header that follows is smaller than 64 KiB.
        glimpse.has(0, b"BM") && glimpse.has(6, &[0; 4]) && glimpse.has(16, &[0; 2])
    }

    fn perceptual_hash(&self, content: &Content, deadline: Instant) -> Result<Option<u64>, Undecoded> {
        super::perceptual_hash(content, "bmp", deadline)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(0, 160)?.into_owned();
        let mut parts = Parts::new(content, sink);
        let number = |at: usize| u32_le(&head, at).map_or(0, u64::from);
        let (size, pixels) = (number(2), number(10));
        let image = Image::parse(head.get(14..).unwrap_or_default());
        if size != content.size() {
            parts.odd("wrong-size", &format!("the header says {size} bytes, there are {}", content.size()));
        }
        let mut ranges = Ranges::default();
        ranges.add(0, FILE_HEADER.saturating_add(image.before_pixels));
        ranges.add(pixels.max(FILE_HEADER), image.pixels);
        if pixels.saturating_add(image.pixels) > content.size() {
            parts.odd("cut-pixels", &format!("{} bytes from offset {pixels} on", image.pixels));
        }
        // A profile: version 5 of the header.
        if image.header >= 124 {
            let (offset, size) = (number(14 + 112).saturating_add(FILE_HEADER), number(14 + 116));
            if size > 0 && offset > FILE_HEADER {
                parts.part("profile", offset, size)?;
                ranges.add(offset, size);
            }
        }
        parts.uncovered(ranges)
    }
}

/// What the header of a bitmap says, which also stands in icons.
pub(super) struct Image {
    header: u64,
    /// Bytes of the header, of masks and of colours.
    pub(super) before_pixels: u64,
    /// Bytes of the pixels.
    pub(super) pixels: u64,
}

impl Image {
    pub(super) fn parse(head: &[u8]) -> Self {
        let header = u32_le(head, 0).map_or(0, u64::from);
        let number = |at: usize| u32_le(head, at).map_or(0, u64::from);
        let short = |at: usize| u16_le(head, at).map_or(0, u64::from);
        let old = header == 12;
        let (width, height, bits) =
            if old { (short(4), short(6), short(10)) } else { (number(4), number(8), short(14)) };
        // A negative height is upside down.
        let height = if old { height } else { height.min((1_u64 << 32).saturating_sub(height)) };
        let (method, stored, used) = if old { (0, 0, 0) } else { (number(16), number(20), number(32)) };
        let row = width.saturating_mul(bits).saturating_add(31) / 32;
        let raw = row.saturating_mul(4).saturating_mul(height);
        let packed = !matches!(method, 0 | 3 | 6 | 11);
        let colours = if bits <= 8 && used == 0 { 1_u64 << bits } else { used.min(1 << 16) };
        let masks = match method {
            3 if header == 40 => 12,
            6 if header == 40 => 16,
            _ => 0,
        };
        let colours = colours.saturating_mul(if old { 3 } else { 4 });
        Self {
            header,
            before_pixels: header.saturating_add(masks).saturating_add(colours),
            pixels: if packed { stored } else { raw },
        }
    }
}
