//! Which bytes of a group are looked for in the content: the rarest four, at every second place.
//!
//! Only even places of the content are tested, so an anchor is two grams one byte apart: wherever the group
//! lies, one of them begins at an even place. Groups without five known bytes in a row take three for the
//! second; those without four are looked for by two bytes at every place, which is dear and seldom.

use super::model::{Element, Group};

/// How often hashed four-byte grams occur in ordinary files: 8 times the logarithm to the base 2 of their
/// number in 2^32 positions. Written by `cargo run --release -p candor-detect --example rank_grams`.
static FREQUENCIES: &[u8; 1 << 16] = include_bytes!("grams.bin");

/// Bytes are compared with this bit set, so that letters of either case are the same.
pub(super) const CASE: u8 = 0x20;
/// The same for four bytes.
pub(crate) const FOLD: u32 = u32::from_le_bytes([CASE; 4]);

/// Anchors that occur oftener than once in 4,096 bytes: a pattern with a better member beside it in its
/// signature is better looked for when that one was found.
pub(crate) const COMMON: u8 = 8 * 20;
/// Anchors that occur less often than once in 64 KB, as far as the table of frequencies tells them apart. What is
/// started by such a pattern, and by all of it, is started so seldom that looking for the rest of it then is cheaper
/// than anchors for it: with those for all, the bitmap for programs of Windows is five times as large.
pub(crate) const RARE: u8 = 8 * 16;
/// The quality of a pattern that has no anchor at all.
pub(crate) const NO_ANCHOR: u8 = u8::MAX;
/// Quality of anchors of three and two bytes.
const SHORT: [u8; 2] = [240, 250];
/// How much dearer three bytes are than four: they are as common as 128 grams of four, and take as many bits.
const THREE: u8 = 8 * 7;
/// Most distances at which a group may begin before its anchor; what varies more is anchored elsewhere.
const MAX_SPREAD: u32 = 256;

/// Spreads a folded gram over `bits` bits; 0 where a damaged table has none.
#[inline]
pub(crate) fn hash(folded: u32, bits: u32) -> u32 {
    folded.wrapping_mul(0x9E37_79B1).checked_shr(32_u32.wrapping_sub(bits)).unwrap_or(0)
}

/// How many bytes of a gram are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Length {
    Two,
    Three,
    Four,
}

/// A gram that begins at a fixed distance, or at a few, from the start of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gram {
    /// How many bytes are known.
    pub(crate) length: Length,
    /// The folded bytes, lowest first; those beyond the length are 0.
    pub(crate) bytes: u32,
    /// The folded four bytes after the known ones, where they are known too.
    pub(crate) tail: u32,
    /// Which bits of the tail are known.
    pub(crate) tail_mask: u32,
    /// Fewest bytes between the start of the group and the gram.
    pub(crate) distance: u32,
}

/// Where to look for a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Anchor {
    /// The gram.
    pub(crate) first: Gram,
    /// The gram one byte later; nothing for grams of two bytes, which are looked for at every place.
    pub(crate) second: Option<Gram>,
    /// How many bytes more than its distance there may be before a gram.
    pub(crate) spread: u32,
    /// How common the grams are; less is better.
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
    let known = |gram: &Gram| gram.tail_mask.count_ones() / 8;
    let unknown = 4_u32.saturating_sub(known(&anchor.first));
    let all = u32::from(anchor.quality).saturating_mul(4);
    all.saturating_add(unknown.saturating_mul(8)).saturating_add(anchor.spread.saturating_mul(2))
}

fn anchor_at(folded: &[Option<u8>], place: usize, distance: u32, spread: u32) -> Option<Anchor> {
    let rest = folded.get(place..).unwrap_or_default();
    let known: Vec<u8> = rest.iter().take(9).map_while(|byte| *byte).collect();
    let gram = |length: Length, from: usize| {
        let count = match length {
            Length::Two => 2,
            Length::Three => 3,
            Length::Four => 4,
        };
        let known = known.get(from..).unwrap_or_default();
        let (bytes, tail) = known.split_at_checked(count).unwrap_or((known, &[]));
        Gram {
            length,
            bytes: word(bytes),
            tail: word(tail),
            tail_mask: word(&tail.iter().map(|_| 0xff).collect::<Vec<u8>>()),
            distance: distance.saturating_add(u32::try_from(from).unwrap_or(u32::MAX)),
        }
    };
    let (first, second, quality) = match known.len() {
        0 | 1 => return None,
        2 => (gram(Length::Two, 0), None, SHORT[1]),
        3 => (gram(Length::Two, 0), None, SHORT[0]),
        4 => {
            let first = gram(Length::Four, 0);
            let quality = frequency(first.bytes).saturating_add(THREE).min(SHORT[0].saturating_sub(1));
            (first, Some(gram(Length::Three, 1)), quality)
        }
        _ => {
            let (first, second) = (gram(Length::Four, 0), gram(Length::Four, 1));
            (first, Some(second), frequency(first.bytes).max(frequency(second.bytes)))
        }
    };
    Some(Anchor { first, second, spread, quality })
}

/// Up to four bytes as a number, lowest first.
fn word(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|at| bytes.get(at).copied().unwrap_or(0)))
}

/// The byte with the case bit set, if all other bits are known.
pub(super) fn fold(element: &Element) -> Option<u8> {
    match element {
        Element::Byte { value, mask } if mask | CASE == 0xff => Some(value | CASE),
        _ => None,
    }
}

/// How common four folded bytes are; less is better.
pub(super) fn frequency(gram: u32) -> u8 {
    FREQUENCIES.get(hash(gram, 16) as usize).copied().unwrap_or(NO_ANCHOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(text: &str) -> Group {
        Group { gap: 0, elements: text.bytes().map(Element::either_case).collect() }
    }

    #[test]
    fn a_table_without_bits_is_no_panic() {
        assert_eq!([hash(7, 0), hash(7, 33)], [0, 0]);
        assert!(hash(7, 16) < 1 << 16);
    }

    #[test]
    fn the_rare_part_is_chosen() {
        let anchor = choose(&group("\0\0\0\0\0\0\0\0qzKJxw#9\0\0\0\0\0\0\0\0")).unwrap();
        assert!((6..=14).contains(&anchor.first.distance), "{anchor:?}");
        assert_eq!(anchor.second.map(|gram| gram.distance), Some(anchor.first.distance + 1));
        assert!(anchor.quality < COMMON);
        assert!(choose(&group("\0\0\0\0\0\0")).unwrap().quality > COMMON);
    }

    #[test]
    fn the_tail_ends_at_the_first_unknown_byte() {
        let mut gapped = group("qzKJx");
        gapped.elements.push(Element::Skip { min: 9, max: 9 });
        gapped.elements.extend(group("aa").elements);
        let anchor = choose(&gapped).unwrap();
        assert_eq!((anchor.first.tail_mask, anchor.second.unwrap().tail_mask), (0xff, 0));
    }

    #[test]
    fn short_and_missing_anchors_are_told() {
        let lengths = |text: &str| {
            let anchor = choose(&group(text)).unwrap();
            (anchor.first.length, anchor.second.map(|gram| gram.length))
        };
        assert_eq!(lengths("abcde"), (Length::Four, Some(Length::Four)));
        assert_eq!(lengths("abcd"), (Length::Four, Some(Length::Three)));
        assert_eq!(lengths("abc"), (Length::Two, None));
        assert_eq!(lengths("ab"), (Length::Two, None));
        assert_eq!(choose(&group("a")), None);
        let mut gapped = group("xy");
        gapped.elements.insert(0, Element::Skip { min: 0, max: 100 });
        assert_eq!(choose(&gapped).map(|anchor| (anchor.first.distance, anchor.spread)), Some((0, 100)));
        gapped.elements.insert(0, Element::Skip { min: 0, max: 200 });
        assert_eq!(choose(&gapped), None);
    }
}
