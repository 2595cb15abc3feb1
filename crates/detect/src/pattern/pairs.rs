//! Where one of a few pairs of bytes may begin, 32 places at a time.
//!
//! Each pair is in one of eight buckets, a bit each. Four tables say for a half of a byte which buckets have a pair
//! with it; where the four halves of two bytes have a bucket in common, a pair may begin. The processor looks up
//! 32 halves at once. (The idea is that of Teddy in Hyperscan, with two bytes.)

#![expect(unsafe_code, reason = "code for processors with AVX2 is called where that was asked for")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// The buckets of each low and each high half of the first byte, then of the second.
pub(super) type Halves = [[u8; 16]; 4];

/// Most pairs that are looked for so. With more, nearly every place passes.
const MOST: usize = 64;
/// Places that are looked at together.
#[cfg(target_arch = "x86_64")]
const AT_ONCE: usize = 32;

/// The tables for folded pairs, the first byte lowest; nothing if there are too many.
pub(super) fn halves(pairs: &[u32]) -> Option<Halves> {
    if pairs.len() > MOST {
        return None;
    }
    let mut halves: Halves = [[0; 16]; 4];
    for (pair, bucket) in pairs.iter().zip([1_u8, 2, 4, 8, 16, 32, 64, 128].into_iter().cycle()) {
        let [first, second, ..] = pair.to_le_bytes();
        let [first_low, first_high, second_low, second_high] = &mut halves;
        for (byte, low, high) in [(first, first_low, first_high), (second, second_low, second_high)] {
            // The case bit was set when the pair was folded; bytes without it are meant as well.
            for byte in [byte, byte & !0x20] {
                for (table, half) in [(&mut *low, byte & 15), (&mut *high, byte >> 4)] {
                    if let Some(buckets) = table.get_mut(usize::from(half)) {
                        *buckets |= bucket;
                    }
                }
            }
        }
    }
    Some(halves)
}

/// Calls `look` for each of the first `count` places at which a pair may begin, as far as the processor is good
/// at this; how many places it looked at.
pub(super) fn each_place<E>(
    halves: &Halves,
    bytes: &[u8],
    count: usize,
    look: &mut impl FnMut(usize) -> Result<(), E>,
) -> Result<usize, E> {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { with_avx2(halves, bytes, count, look) };
    }
    let _ = (halves, bytes, count, look);
    Ok(0)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<E>(
    halves: &Halves,
    bytes: &[u8],
    count: usize,
    look: &mut impl FnMut(usize) -> Result<(), E>,
) -> Result<usize, E> {
    let tables = halves.map(|table| _mm256_broadcastsi128_si256(zerocopy::transmute!(table)));
    let [first_low, first_high, second_low, second_high] = tables;
    let low_bits = _mm256_set1_epi8(15);
    let look_up = |low_table, high_table, bytes| {
        let low = _mm256_shuffle_epi8(low_table, _mm256_and_si256(bytes, low_bits));
        let high = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), low_bits);
        _mm256_and_si256(low, _mm256_shuffle_epi8(high_table, high))
    };
    let mut place = 0_usize;
    // A pair's second byte lies one place further.
    while place.saturating_add(AT_ONCE) <= count
        && let Some(rest) = bytes.get(place..)
        && let Some(first) = rest.first_chunk::<AT_ONCE>()
        && let Some(second) = rest.get(1..).and_then(|rest| rest.first_chunk::<AT_ONCE>())
    {
        let first = look_up(first_low, first_high, zerocopy::transmute!(*first));
        let second = look_up(second_low, second_high, zerocopy::transmute!(*second));
        let absent = _mm256_cmpeq_epi8(_mm256_and_si256(first, second), _mm256_setzero_si256());
        let mut passing = !_mm256_movemask_epi8(absent).cast_unsigned();
        while passing != 0 {
            look(place.wrapping_add(passing.trailing_zeros() as usize))?;
            passing &= passing.wrapping_sub(1);
        }
        place = place.wrapping_add(AT_ONCE);
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_pair_is_passed_over(
            pairs in prop::collection::vec((any::<u8>(), any::<u8>()), 1..20),
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let folded: Vec<u32> =
                pairs.iter().map(|(a, b)| u32::from_le_bytes([a | 0x20, b | 0x20, 0, 0])).collect();
            let halves = halves(&folded).unwrap();
            let mut seen = Vec::new();
            let looked: Result<usize, ()> = each_place(&halves, &bytes, bytes.len(), &mut |place| {
                seen.push(place);
                Ok(())
            });
            for (place, pair) in bytes.windows(2).enumerate().take(looked.unwrap()) {
                let gram = u32::from_le_bytes([pair[0] | 0x20, pair[1] | 0x20, 0, 0]);
                prop_assert!(!folded.contains(&gram) || seen.contains(&place));
            }
        }
    }

    #[test]
    fn few_other_places_pass() {
        let halves = halves(&[u32::from_le_bytes(*b"qz\0\0"), u32::from_le_bytes(*b"x~\0\0")]).unwrap();
        let mut seen = Vec::new();
        let text = b"the quick brown fox jumps over qz, QZ and x~ and the lazy dog and so on and on.";
        let _: Result<usize, ()> = each_place(&halves, text, text.len(), &mut |place| {
            seen.push(&text[place..place + 2]);
            Ok(())
        });
        assert!(seen.len() <= 3, "{seen:?}");
    }
}
