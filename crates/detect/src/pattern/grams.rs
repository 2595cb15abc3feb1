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

/// The bits of the grams at the even places of a block, the first lowest; nothing if this processor has none of the
/// instructions for it. `bits` is the number of bits of a place in the bitmap.
#[inline]
pub(super) fn passing<const N: usize>(
    bitmap: &[le::U32; N],
    bits: u32,
    block: &[u8; BLOCK_AND_TAIL],
) -> Option<u32> {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return Some(unsafe { with_avx2(bitmap, bits, block) });
    }
    let _ = (bitmap, bits, block);
    None
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn with_avx2<const N: usize>(bitmap: &[le::U32; N], bits: u32, block: &[u8; BLOCK_AND_TAIL]) -> u32 {
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
            bytes in prop::collection::vec(any::<u8>(), BLOCK_AND_TAIL),
            words in prop::collection::vec(any::<u32>(), 64),
        ) {
            let bitmap: [le::U32; 64] = std::array::from_fn(|at| words[at].into());
            let block: [u8; BLOCK_AND_TAIL] = bytes.try_into().unwrap();
            let bits = 64_u32.ilog2() + 5;
            if let Some(passing) = passing(&bitmap, bits, &block) {
                for number in 0..BLOCK / 2 {
                    let gram = u32::from_le_bytes(*block[number * 2..].first_chunk().unwrap()) | FOLD;
                    let place = hash(gram, bits);
                    let bit = words[place as usize / 32] >> (place % 32) & 1;
                    prop_assert_eq!(passing >> number & 1, bit);
                }
            }
        }
    }
}
