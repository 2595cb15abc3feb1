//! Which of the grams of a block have their bit set in a bitmap, eight at a time.
//!
//! Hashes and bits are computed for eight places at once, and only the words of the bitmap are fetched one by one:
//! processors have an instruction for that, too, but on many it is no faster, and on some a hundred times slower.

#![expect(unsafe_code, reason = "code for processors with AVX2 is called where that was asked for")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use zerocopy::little_endian as le;

#[cfg(target_arch = "x86_64")]
use super::anchor::FOLD;

/// Bytes whose even places are looked at.
pub(crate) const BLOCK: usize = 64;
/// A block with what is read beyond it.
pub(super) const BLOCK_AND_TAIL: usize = BLOCK + 8;

/// Calls `look` for each even place of the whole blocks among the first `count` bytes whose gram has its bit set, as
/// far as the processor is good at this; how many bytes it looked at. `bits` is the number of bits of a place in the
/// bitmap.
pub(super) fn each_place<const N: usize, E>(
    bitmap: &[le::U32; N],
    bits: u32,
    bytes: &[u8],
    count: usize,
    look: &mut impl FnMut(usize) -> Result<(), E>,
) -> Result<usize, E> {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { with_avx2(bitmap, bits, bytes, count, look) };
    }
    let _ = (bitmap, bits, bytes, count, look);
    Ok(0)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<const N: usize, E>(
    bitmap: &[le::U32; N],
    bits: u32,
    bytes: &[u8],
    count: usize,
    look: &mut impl FnMut(usize) -> Result<(), E>,
) -> Result<usize, E> {
    let mut place = 0_usize;
    while place.saturating_add(BLOCK) <= count
        && let Some(block) = bytes.get(place..).and_then(|rest| rest.first_chunk())
    {
        let mut passing = passing(bitmap, bits, block);
        while passing != 0 {
            let gram = passing.trailing_zeros() as usize;
            passing &= passing.wrapping_sub(1);
            look(place.wrapping_add(gram.wrapping_mul(2)))?;
        }
        place = place.wrapping_add(BLOCK);
    }
    Ok(place)
}

/// The bits of the grams at the even places of a block, the first lowest.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn passing<const N: usize>(bitmap: &[le::U32; N], bits: u32, block: &[u8; BLOCK_AND_TAIL]) -> u32 {
    let grams_of = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7, 8, 9));
    let unused = _mm_cvtsi32_si128(32_u32.wrapping_sub(bits).cast_signed());
    let mut passing = 0;
    for eight in 0..4_usize {
        let half = |start: usize| -> __m128i {
            let bytes: Option<&[u8; 16]> = block.get(start..).and_then(|rest| rest.first_chunk());
            zerocopy::transmute!(*bytes.unwrap_or(&[0; 16]))
        };
        let start = eight.wrapping_mul(16);
        let bytes = _mm256_set_m128i(half(start.wrapping_add(8)), half(start));
        let folded =
            _mm256_or_si256(_mm256_shuffle_epi8(bytes, grams_of), _mm256_set1_epi32(FOLD.cast_signed()));
        // As `anchor::hash`.
        let product = _mm256_mullo_epi32(folded, _mm256_set1_epi32(0x9E37_79B1_u32.cast_signed()));
        let places = _mm256_srl_epi32(product, unused);
        let words: [u32; 8] = zerocopy::transmute!(_mm256_srli_epi32::<5>(places));
        // The mask changes nothing and shows the compiler that the place is inside.
        let words =
            words.map(|word| bitmap.get(word as usize & N.wrapping_sub(1)).map_or(0, |word| word.get()));
        // The wanted bit of each word becomes its highest.
        let up = _mm256_andnot_si256(places, _mm256_set1_epi32(31));
        let highest = _mm256_sllv_epi32(zerocopy::transmute!(words), up);
        let eight_bits = _mm256_movemask_ps(_mm256_castsi256_ps(highest)).cast_unsigned();
        passing |= eight_bits << eight.wrapping_mul(8);
    }
    passing
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::anchor::hash;
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_bits_are_those_of_the_grams(
            bytes in prop::collection::vec(any::<u8>(), 0..5 * BLOCK),
            words in prop::collection::vec(any::<u32>(), 64),
        ) {
            let bitmap: [le::U32; 64] = std::array::from_fn(|at| words[at].into());
            let bits = 64_u32.ilog2() + 5;
            let mut seen = Vec::new();
            let looked: Result<usize, ()> = each_place(&bitmap, bits, &bytes, bytes.len(), &mut |place| {
                seen.push(place);
                Ok(())
            });
            let is_set = |place: &usize| {
                let gram = u32::from_le_bytes(*bytes[*place..].first_chunk().unwrap()) | FOLD;
                let place = hash(gram, bits);
                words[place as usize / 32] >> (place % 32) & 1 == 1
            };
            let expected: Vec<usize> = (0..looked.unwrap()).step_by(2).filter(is_set).collect();
            prop_assert_eq!(seen, expected);
        }
    }
}
