//! Which four bytes of a group are looked for in the content: the rarest.

use super::model::{Element, Group};

/// How often hashed four-byte grams occur in ordinary files: 8 times the logarithm to the base 2 of their
/// number in 2^32 positions. Written by `cargo run --release -p candor-detect --example rank_grams`.
static FREQUENCIES: &[u8; 1 << 16] = include_bytes!("grams.bin");

/// Bytes are compared with this bit set, so that letters of either case are the same.
pub(crate) const FOLD: u32 = 0x2020_2020;

/// Anchors that occur oftener than once in 4,096 bytes: a pattern with a better member beside it in its
/// signature is better looked for when that one was found.
pub(crate) const COMMON: u8 = 8 * 20;
/// The quality of a pattern that has no anchor at all.
pub(crate) const NO_ANCHOR: u8 = u8::MAX;
/// Quality of anchors of three and two bytes.
const SHORT: [u8; 2] = [240, 250];
/// Most distances at which a group may begin before its anchor; what varies more is anchored elsewhere.
const MAX_SPREAD: u32 = 256;

/// Spreads a folded gram over `bits` bits.
#[inline]
pub(crate) fn hash(folded: u32, bits: u32) -> u32 {
    folded.wrapping_mul(0x9E37_79B1) >> (32_u32.wrapping_sub(bits))
}

/// Where to look for a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Anchor {
    /// Number of bytes of the gram: 4, or 3 or 2 where there are no more.
    pub(crate) length: u8,
    /// The folded gram, lowest byte first; bytes beyond the length are 0.
    pub(crate) gram: u32,
    /// The folded four bytes after the gram (for short grams, from the third byte on), where known.
    pub(crate) tail: u32,
    /// Which bits of the tail are known.
    pub(crate) tail_mask: u32,
    /// Fewest bytes between the start of the group and the gram.
    pub(crate) distance: u32,
    /// How many bytes more there may be.
    pub(crate) spread: u32,
    /// How common the gram is; less is better.
    pub(crate) quality: u8,
}

/// The best anchor of a group.
pub(crate) fn choose(group: &Group) -> Option<Anchor> {
    let folded: Vec<Option<u8>> = group.elements.iter().map(fold).collect();
    let mut best: Option<Anchor> = None;
    let (mut low, mut high) = (0_u32, 0_u32);
    for (place, element) in group.elements.iter().enumerate() {
        let spread = high.saturating_sub(low);
        if spread <= MAX_SPREAD
            && let Some(anchor) = anchor_at(&folded, place, low, spread)
            && best.is_none_or(|best| cost(&anchor) < cost(&best))
        {
            best = Some(anchor);
        }
        let (min, max) = element.width();
        low = low.saturating_add(min);
        high = high.saturating_add(max);
    }
    best
}

/// What a wrong pass costs: the commoner the gram, the fewer bytes checked and the more starts, the dearer.
fn cost(anchor: &Anchor) -> u32 {
    let unknown_tail = 4_u32.saturating_sub(anchor.tail_mask.count_ones() / 8);
    u32::from(anchor.quality)
        .saturating_mul(4)
        .saturating_add(unknown_tail * 8)
        .saturating_add(anchor.spread * 2)
}

fn anchor_at(folded: &[Option<u8>], place: usize, distance: u32, spread: u32) -> Option<Anchor> {
    let known = |at: usize| folded.get(place.saturating_add(at)).copied().flatten();
    let length = (0..4).take_while(|at| known(*at).is_some()).count();
    let gram_bytes: [u8; 4] = std::array::from_fn(|at| if at < length { known(at).unwrap_or(0) } else { 0 });
    // A short gram is two bytes in the table; a third is checked as its tail.
    let tail_from = if length == 4 { 4 } else { 2 };
    let mut tail_bytes = [None; 4];
    for (at, byte) in tail_bytes.iter_mut().enumerate() {
        *byte = known(tail_from + at);
        if byte.is_none() {
            // What follows an element of unknown length has no fixed distance from the gram.
            break;
        }
    }
    let quality = match length {
        4 => frequency(u32::from_le_bytes(gram_bytes)),
        3 => SHORT[0],
        2 => SHORT[1],
        _ => return None,
    };
    let short = [gram_bytes[0], gram_bytes[1], 0, 0];
    Some(Anchor {
        length: length as u8,
        gram: u32::from_le_bytes(if length == 4 { gram_bytes } else { short }),
        tail: u32::from_le_bytes(tail_bytes.map(|byte| byte.unwrap_or(0))),
        tail_mask: u32::from_le_bytes(tail_bytes.map(|byte| if byte.is_some() { 0xff } else { 0 })),
        distance,
        spread,
        quality,
    })
}

/// The byte with the case bit set, if all other bits are known.
fn fold(element: &Element) -> Option<u8> {
    match element {
        Element::Byte { value, mask } if mask | 0x20 == 0xff => Some(value | 0x20),
        _ => None,
    }
}

fn frequency(gram: u32) -> u8 {
    FREQUENCIES.get(hash(gram, 16) as usize).copied().unwrap_or(NO_ANCHOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(text: &str) -> Group {
        Group { gap: 0, elements: text.bytes().map(Element::either_case).collect() }
    }

    #[test]
    fn the_rare_part_is_chosen() {
        let anchor = choose(&group("\0\0\0\0\0\0\0\0qzKJxw#9\0\0\0\0\0\0\0\0")).unwrap();
        assert!((6..=14).contains(&anchor.distance), "{anchor:?}");
        assert!(anchor.quality < COMMON);
        assert!(choose(&group("\0\0\0\0\0\0")).unwrap().quality > COMMON);
    }

    #[test]
    fn the_tail_ends_at_the_first_unknown_byte() {
        let mut gapped = group("qzKJx");
        gapped.elements.push(Element::Skip { min: 9, max: 9 });
        gapped.elements.extend(group("aa").elements);
        assert_eq!(choose(&gapped).unwrap().tail_mask & 0xff00, 0);
    }

    #[test]
    fn short_and_missing_anchors_are_told() {
        assert_eq!(choose(&group("abc")).unwrap().length, 3);
        assert_eq!(choose(&group("ab")).unwrap().length, 2);
        assert_eq!(choose(&group("a")), None);
        let mut gapped = group("xy");
        gapped.elements.insert(0, Element::Skip { min: 0, max: 100 });
        assert_eq!(choose(&gapped).map(|anchor| (anchor.distance, anchor.spread)), Some((0, 100)));
        gapped.elements.insert(0, Element::Skip { min: 0, max: 200 });
        assert_eq!(choose(&gapped), None);
    }
}
