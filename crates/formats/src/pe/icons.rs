//! The icons of a portable executable, drawn on white.
//!
//! Specification: Microsoft, "Icons" (`GRPICONDIR`) and `BITMAPINFOHEADER`. An icon is a bitmap without file header, with
//! twice its height: behind the colours follows a mask of one bit per pixel, where 1 is transparent.

use std::io;
use std::time::Instant;

use candor_object::{Content, IconStatistics, Limit, Reason, Undecoded};

use super::header;
use super::icon_statistics::{self, Picture};
use super::resources::{self, Leaf};
use crate::fields::{u16_le, u32_le};

/// `RT_ICON` and `RT_GROUP_ICON`.
const ICON: u32 = 3;
const GROUP: u32 = 14;
/// Icons that are looked at, as in ClamAV.
const MAX_ICONS: usize = 100;
/// Bytes of a group that are read, and of its head and each entry.
const MAX_GROUP: usize = 64 << 10;
const HEAD: usize = 6;
const ENTRY: usize = 14;
/// Bytes of a `BITMAPINFOHEADER`.
const BITMAP: usize = 40;
/// Sides of icons that are looked at, in pixels.
const SIDES: std::ops::RangeInclusive<usize> = 16..=256;
/// Most bytes of an icon: the largest with four bytes per pixel and its mask.
const MAX_SIZE: usize = 256 * 256 * 4 + 256 * 32 + 2048;

/// Adds the statistics of the icons, up to the first reason not to look at more.
///
/// # Errors
/// [`Undecoded`] if the content cannot be read, there are too many icons, or the time was up.
pub(super) fn read(
    content: &Content,
    deadline: Instant,
    statistics: &mut Vec<IconStatistics>,
) -> Result<(), Undecoded> {
    let unreadable = |error: io::Error| Undecoded { reason: Reason::Unreadable, detail: error.to_string() };
    let Some(headers) = header::read(content).map_err(unreadable)? else { return Ok(()) };
    let mut looked_at = 0_usize;
    let icons = resources::numbered(content, &headers, ICON).map_err(unreadable)?;
    for group in resources::of_type(content, &headers, GROUP).map_err(unreadable)? {
        let bytes = window(content, group, MAX_GROUP).map_err(unreadable)?;
        let count = usize::from(u16_le(&bytes, 4).unwrap_or(0));
        let entries = bytes.get(HEAD..).unwrap_or_default().chunks_exact(ENTRY).take(count);
        for number in entries.filter_map(|entry| u16_le(entry, 12)) {
            let icon = icons.iter().find(|(known, _)| *known == u32::from(number));
            let Some((_, icon)) = icon else { continue };
            if looked_at == MAX_ICONS {
                let detail = format!("only the first {MAX_ICONS} icons were looked at");
                return Err(Undecoded { reason: Reason::Limit(Limit::Objects), detail });
            }
            looked_at = looked_at.saturating_add(1);
            if Instant::now() > deadline {
                let detail = "the time was up while icons were looked at".to_owned();
                return Err(Undecoded { reason: Reason::Limit(Limit::Time), detail });
            }
            let bytes = window(content, *icon, MAX_SIZE).map_err(unreadable)?;
            statistics.extend(decode(&bytes).and_then(|picture| icon_statistics::of(&picture)));
        }
    }
    Ok(())
}

fn window(content: &Content, leaf: Leaf, most: usize) -> io::Result<std::borrow::Cow<'_, [u8]>> {
    content.window(leaf.offset, usize::try_from(leaf.size).unwrap_or(most).min(most))
}

/// The picture of an icon; nothing if it is none that is looked at, or ends too early.
fn decode(bytes: &[u8]) -> Option<Picture> {
    let header = usize::try_from(u32_le(bytes, 0)?).ok()?;
    let width = usize::try_from(u32_le(bytes, 4)?).ok()?;
    let height = usize::try_from(u32_le(bytes, 8)?).ok()? / 2;
    let depth = usize::from(u16_le(bytes, 14)?);
    let compressed = u32_le(bytes, 16)? != 0;
    if header < BITMAP || compressed || width != height || !SIDES.contains(&width) {
        return None;
    }
    let colors = match depth {
        1 | 4 | 8 => match usize::try_from(u32_le(bytes, 32)?).ok()? {
            0 => 1 << depth,
            used => used.min(1 << depth),
        },
        16 | 24 | 32 => 0,
        _ => return None,
    };
    let (palette, rest) = bytes.get(header..)?.split_at_checked(colors.checked_mul(4)?)?;
    let row = width.checked_mul(depth)?.checked_next_multiple_of(32)? / 8;
    let mask_row = width.checked_next_multiple_of(32)? / 8;
    let (pixels, masks) = rest.split_at_checked(row.checked_mul(height)?)?;
    // Some icons have no mask.
    let masks = masks.get(..mask_row.checked_mul(height)?);
    // Alpha of nothing but 0 is that of programs which knew none.
    let is_translucent =
        depth == 32 && pixels.chunks_exact(4).any(|pixel| pixel.last().is_some_and(|alpha| *alpha > 0));
    let mut drawn = Vec::with_capacity(width.checked_mul(height)?);
    for y in (0..height).rev() {
        let row_bytes = pixels.get(y.checked_mul(row)?..)?.get(..row)?;
        let mask = masks.and_then(|masks| masks.get(y.checked_mul(mask_row)?..));
        for x in 0..width {
            let (color, alpha) = pixel(row_bytes, x, depth, palette)?;
            let masked = mask.is_some_and(|mask| bit(mask, x));
            drawn.push(match (is_translucent, masked) {
                (true, _) => color.map(|part| on_white(part, alpha)),
                (false, true) => [u8::MAX; 3],
                (false, false) => color,
            });
        }
    }
    Some(Picture { side: width, pixels: drawn })
}

/// The colour of a pixel and its alpha.
fn pixel(row: &[u8], x: usize, depth: usize, palette: &[u8]) -> Option<([u8; 3], u8)> {
    let indexed = |index: u8| {
        // Colours beyond the palette are black.
        let start = usize::from(index).saturating_mul(4);
        palette.get(start..).and_then(<[u8]>::first_chunk).map_or([0; 3], |[b, g, r]| [*r, *g, *b])
    };
    let color = match depth {
        1 => indexed(u8::from(bit(row, x))),
        4 => {
            let pair = row.get(x / 2)?;
            indexed(if x.is_multiple_of(2) { pair >> 4 } else { pair & 15 })
        }
        8 => indexed(*row.get(x)?),
        16 => {
            let packed = u16_le(row, x.checked_mul(2)?)?;
            [packed >> 10, packed >> 5, packed].map(|part| {
                let part = part.to_le_bytes()[0] & 31;
                part << 3 | part >> 2
            })
        }
        24 => {
            let [b, g, r] = *row.get(x.checked_mul(3)?..)?.first_chunk()?;
            [r, g, b]
        }
        _ => {
            let [b, g, r, alpha] = *row.get(x.checked_mul(4)?..)?.first_chunk()?;
            return Some(([r, g, b], alpha));
        }
    };
    Some((color, u8::MAX))
}

/// The bit of a pixel, the highest of a byte first.
fn bit(row: &[u8], x: usize) -> bool {
    row.get(x / 8).is_some_and(|byte| byte & (0x80 >> (x % 8)) != 0)
}

fn on_white(part: u8, alpha: u8) -> u8 {
    let (part, alpha, white) = (u32::from(part), u32::from(alpha), u32::from(u8::MAX));
    let both = part.saturating_mul(alpha).saturating_add(white.saturating_mul(white.saturating_sub(alpha)));
    // A weighted mean of two bytes is one.
    u8::try_from(both.checked_div(white).unwrap_or_default()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A bitmap of one colour, masked where `masked` says.
    fn bitmap(side: usize, depth: u16, pixel: &[u8], mask: u8) -> Vec<u8> {
        let mut bytes = vec![0; BITMAP];
        bytes[0] = BITMAP as u8;
        bytes[4..6].copy_from_slice(&(side as u16).to_le_bytes());
        bytes[8..10].copy_from_slice(&(2 * side as u16).to_le_bytes());
        bytes[14..16].copy_from_slice(&depth.to_le_bytes());
        for _ in 0..side {
            let start = bytes.len();
            bytes.extend(pixel.repeat(side));
            bytes.resize(start + (side * usize::from(depth)).next_multiple_of(32) / 8, 0);
        }
        bytes.extend(vec![mask; side.next_multiple_of(32) / 8 * side]);
        bytes
    }

    #[test]
    fn transparent_pixels_are_white() {
        let first = |bytes: &[u8]| decode(bytes).unwrap().pixels[0];
        assert_eq!(first(&bitmap(16, 24, &[50, 100, 200], 0)), [200, 100, 50]);
        assert_eq!(first(&bitmap(16, 24, &[50, 100, 200], 0xff)), [255; 3]);
        assert_eq!(first(&bitmap(16, 32, &[50, 100, 200, 128], 0)), [227, 177, 152]);
        assert_eq!(first(&bitmap(16, 32, &[50, 100, 200, 0], 0)), [200, 100, 50]);
        assert_eq!(first(&bitmap(16, 16, &[0x1f, 0x7c], 0)), [255, 0, 255]);
    }

    #[test]
    fn damaged_bitmaps_are_no_icons() {
        let bytes = bitmap(16, 24, &[1, 2, 3], 0);
        for end in 0..BITMAP + 16 * 48 {
            assert!(decode(&bytes[..end]).is_none());
        }
        for place in 0..BITMAP {
            let mut damaged = bytes.clone();
            damaged[place] = 0xff;
            let _ = decode(&damaged);
        }
    }

    proptest! {
        /// Whatever an icon says of itself, it is a whole square of a side that is looked at, or none.
        #[test]
        fn hostile_bitmaps_are_squares_or_none(
            header in 0_u32..60, width in 0_u32..300, height in 0_u32..600, colors in 0_u32..300,
            depth in proptest::sample::select(vec![0_u16, 1, 2, 4, 8, 16, 24, 32, 33]),
            rest in proptest::collection::vec(any::<u8>(), 0..4096),
        ) {
            let mut bytes = vec![0; BITMAP];
            for (place, number) in [(0, header), (4, width), (8, height), (32, colors)] {
                bytes[place..place + 4].copy_from_slice(&number.to_le_bytes());
            }
            bytes[14..16].copy_from_slice(&depth.to_le_bytes());
            bytes.extend(rest);
            if let Some(picture) = decode(&bytes) {
                prop_assert!(SIDES.contains(&picture.side));
                prop_assert_eq!(picture.pixels.len(), picture.side * picture.side);
                let statistics = icon_statistics::of(&picture).unwrap();
                prop_assert!(matches!(statistics.side, 16 | 24 | 32));
                prop_assert!(statistics.colored <= 100 && statistics.spread.iter().all(|part| *part <= 100));
            }
        }

        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
            let _ = decode(&bytes);
        }
    }
}
