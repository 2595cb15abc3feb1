//! A literal by which a group can be looked for without an anchor.
//!
//! Where letters of either case are meant, the rarest four bytes are looked for with the case bit set: thirty-two
//! places at a time if the processor can.

#![expect(unsafe_code, reason = "code for processors with AVX2 is called where that was asked for")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use memchr::memmem;

use super::anchor::{CASE, fold, frequency};
use super::model::{Element, width};

/// Bytes of a literal that is worth being looked for.
pub(super) const SHORTEST: usize = 3;
/// Bytes of a folded literal.
const FOLDED: usize = 4;
/// Places that are looked at together.
#[cfg(target_arch = "x86_64")]
const AT_ONCE: usize = 32;

/// What to look for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Needle {
    /// The literal; empty if there is none.
    pub(super) bytes: Vec<u8>,
    /// Whether the case bit of each byte is set and counts for nothing in the content.
    pub(super) folded: bool,
    /// Bytes between the start of the group and the literal.
    pub(super) distance: u32,
}

/// The best literal at a fixed distance from the start: the longest, or the rarest folded one if that is too short.
pub(super) fn choose(elements: &[Element]) -> Needle {
    let exact = longest(elements, |element| match element {
        Element::Byte { value, mask: 0xff } => Some(*value),
        _ => None,
    });
    if exact.bytes.len() >= SHORTEST {
        return exact;
    }
    let folded = longest(elements, fold);
    if folded.bytes.len() < SHORTEST {
        return exact;
    }
    let windows = folded.bytes.windows(FOLDED).enumerate();
    let rarest = windows
        .min_by_key(|(_, gram)| frequency(gram.first_chunk().map_or(0, |gram| u32::from_le_bytes(*gram))));
    let (place, bytes) = rarest.unwrap_or((0, &folded.bytes));
    let distance = folded.distance.saturating_add(u32::try_from(place).unwrap_or(u32::MAX));
    Needle { bytes: bytes.to_vec(), folded: true, distance }
}

/// The longest row of known bytes.
fn longest(elements: &[Element], known: impl Fn(&Element) -> Option<u8>) -> Needle {
    let mut best = Needle::default();
    let mut run = Vec::new();
    let mut distance = 0_u32;
    for element in elements {
        match known(element) {
            Some(byte) => run.push(byte),
            None => run.clear(),
        }
        let (min, max) = width(std::slice::from_ref(element));
        if min != max {
            break;
        }
        distance = distance.saturating_add(min);
        if run.len() > best.bytes.len() {
            let length = u32::try_from(run.len()).unwrap_or(u32::MAX);
            best = Needle { bytes: run.clone(), folded: false, distance: distance.saturating_sub(length) };
        }
    }
    best
}

/// The first place of a literal, folded or not.
pub(super) fn find(bytes: &[u8], needle: &[u8], folded: bool) -> Option<usize> {
    if !folded {
        return memmem::find(bytes, needle);
    }
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { with_avx2(bytes, needle) };
    }
    find_slowly(bytes, needle)
}

fn find_slowly(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let mut windows = bytes.windows(needle.len().max(1));
    windows.position(|window| window.iter().zip(needle).all(|(byte, wanted)| byte | CASE == *wanted))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let case = _mm256_set1_epi8(CASE.cast_signed());
    // A shorter literal has its last byte compared twice.
    let places: [usize; FOLDED] = std::array::from_fn(|at| at.min(needle.len().saturating_sub(1)));
    let wanted =
        places.map(|place| _mm256_set1_epi8(needle.get(place).copied().unwrap_or_default().cast_signed()));
    let mut start = 0_usize;
    while let Some(block) = bytes.get(start..).and_then(|rest| rest.first_chunk::<{ AT_ONCE + FOLDED - 1 }>())
    {
        let mut same = _mm256_set1_epi8(-1);
        for (place, wanted) in places.into_iter().zip(wanted) {
            let part: Option<&[u8; AT_ONCE]> = block.get(place..).and_then(|rest| rest.first_chunk());
            let part = zerocopy::transmute!(*part.unwrap_or(&[0; AT_ONCE]));
            same = _mm256_and_si256(same, _mm256_cmpeq_epi8(_mm256_or_si256(part, case), wanted));
        }
        let same = _mm256_movemask_epi8(same).cast_unsigned();
        if same != 0 {
            return Some(start.saturating_add(same.trailing_zeros() as usize));
        }
        start = start.saturating_add(AT_ONCE);
    }
    let rest = bytes.get(start..).unwrap_or_default();
    find_slowly(rest, needle).map(|place| place.saturating_add(start))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_literal_is_found_behind_fixed_parts_only() {
        let mut elements: Vec<Element> = vec![Element::literal(1), Element::Skip { min: 3, max: 3 }];
        elements.extend([Element::literal(2), Element::literal(3)]);
        assert_eq!(choose(&elements), Needle { bytes: vec![2, 3], folded: false, distance: 4 });
        elements.insert(0, Element::Skip { min: 0, max: 1 });
        assert_eq!(choose(&elements), Needle::default());
    }

    #[test]
    fn letters_of_either_case_are_folded() {
        let mut elements = vec![Element::literal(b'<')];
        elements.extend(b"Script".iter().copied().map(Element::either_case));
        let needle = choose(&elements);
        assert!(needle.folded && needle.bytes.len() == FOLDED, "{needle:?}");
        assert_eq!(needle.bytes, b"<script"[needle.distance as usize..][..FOLDED]);
        let few: Vec<Element> = b"abc".iter().copied().map(Element::either_case).collect();
        assert_eq!(choose(&few), Needle { bytes: b"abc".to_vec(), folded: true, distance: 0 });
        assert!(choose(&few[..2]).bytes.is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_first_place_is_found(
            needle in "[a-c#]{3,4}",
            bytes in prop::collection::vec(prop::sample::select(b"aAbBcC#\x03".to_vec()), 0..200),
        ) {
            let needle: Vec<u8> = needle.bytes().map(|byte| byte | CASE).collect();
            let expected = bytes.windows(needle.len()).position(|window| window.iter().map(|byte| byte | CASE).eq(needle.iter().copied()));
            prop_assert_eq!(find(&bytes, &needle, true), expected);
            prop_assert_eq!(find_slowly(&bytes, &needle), expected);
        }
    }
}
