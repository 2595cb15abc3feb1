//! MD5 of several contents at once, one in each lane of the processor's vectors.
//!
//! One MD5 cannot be made faster: each step waits for the one before. Sixteen side by side, in two vectors whose steps
//! take turns, take hardly longer than one, as long as there are sixteen contents of about the same length; so they
//! are taken longest first, and a lane that is through takes the next.

#![expect(unsafe_code, reason = "code for processors with AVX2 is called where that was asked for")]
#![cfg_attr(
    not(test),
    expect(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "places in blocks and lanes that were counted before"
    )
)]

use super::md5::{Md5, SINES, START};

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// Lanes of a vector.
const WIDTH: usize = 8;
/// Contents that are digested side by side.
const LANES: usize = 2 * WIDTH;
/// With fewer contents, one after the other is as fast.
const FEWEST: usize = 4;

const BLOCK: usize = 64;

type Block = [u8; BLOCK];

/// MD5 of each content, as far as it went, if the processor can compute several at once. The few that are left when
/// the others are through are digested no further: there may be something to do beside that.
pub(super) fn of_all(contents: &[&[u8]]) -> Option<Vec<Md5>> {
    #[cfg(target_arch = "x86_64")]
    if contents.len() >= FEWEST && is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return Some(unsafe { with_avx2(contents) });
    }
    let _ = contents;
    None
}

/// A content on its way through a lane.
#[derive(Clone, Copy)]
struct Lane<'c> {
    /// Its number, or nothing if the lane is idle.
    content: Option<usize>,
    /// Its whole blocks that are left.
    blocks: &'c [Block],
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2(contents: &[&[u8]]) -> Vec<Md5> {
    let mut digests: Vec<Md5> = contents.iter().map(|_| Md5::new()).collect();
    let mut waiting: Vec<usize> = (0..contents.len()).collect();
    waiting.sort_by_key(|number| contents[*number].len());
    let idle = Lane { content: None, blocks: &[] };
    let mut lanes = [idle; LANES];
    let mut state = START.map(|word| [_mm256_set1_epi32(word.cast_signed()); 2]);
    loop {
        let mut words: [[u32; LANES]; 4] = state.map(|both| zerocopy::transmute!(both));
        for (place, lane) in lanes.iter_mut().enumerate() {
            while lane.blocks.is_empty() {
                if let Some(number) = lane.content.take() {
                    let (blocks, rest) = contents[number].as_chunks::<64>();
                    digests[number] = Md5::resume(words.map(|word| word[place]), blocks.len());
                    digests[number].update(rest);
                }
                let Some(number) = waiting.pop() else { break };
                for (word, start) in words.iter_mut().zip(START) {
                    word[place] = start;
                }
                *lane = Lane { content: Some(number), blocks: contents[number].as_chunks().0 };
            }
        }
        state = words.map(|word| zerocopy::transmute!(word));
        let busy = lanes.iter().enumerate().filter(|(_, lane)| lane.content.is_some());
        if busy.clone().count() < FEWEST {
            for (place, Lane { content, blocks }) in busy {
                let Some(number) = *content else { continue };
                let done = contents[number].len() / BLOCK - blocks.len();
                digests[number] = Md5::resume(words.map(|word| word[place]), done);
            }
            return digests;
        }
        let run = busy.map(|(_, lane)| lane.blocks.len()).min().unwrap_or_default();
        for step in 0..run {
            // Idle lanes compute something that nobody looks at.
            let blocks = lanes.map(|lane| lane.blocks.get(step).unwrap_or(&[0; 64]));
            state = compress(state, blocks);
        }
        for lane in &mut lanes {
            lane.blocks = lane.blocks.get(run..).unwrap_or_default();
        }
    }
}

/// A word of every lane.
#[cfg(target_arch = "x86_64")]
type Words = [__m256i; 2];

/// One round of 16 steps from the step `$first` on: `$word` is the word of the message that a step takes.
#[cfg(target_arch = "x86_64")]
macro_rules! round {
    ($state:ident, $message:ident, $first:literal, [$one:literal, $two:literal, $three:literal, $four:literal], $word:expr, $mix:expr) => {
        for four in 0..4 {
            let first = $first + four * 4;
            let [mut a, mut b, mut c, mut d] = $state;
            let sum = |step: usize, word| {
                let sine = [_mm256_set1_epi32(SINES[step].cast_signed()); 2];
                add(add(word, sine), $message[$word(step) % 16])
            };
            a = add(rotate::<$one, { 32 - $one }>(add(sum(first, a), $mix(b, c, d))), b);
            d = add(rotate::<$two, { 32 - $two }>(add(sum(first + 1, d), $mix(a, b, c))), a);
            c = add(rotate::<$three, { 32 - $three }>(add(sum(first + 2, c), $mix(d, a, b))), d);
            b = add(rotate::<$four, { 32 - $four }>(add(sum(first + 3, b), $mix(c, d, a))), c);
            $state = [a, b, c, d];
        }
    };
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn compress(before: [Words; 4], blocks: [&Block; LANES]) -> [Words; 4] {
    let eighth = |lane: usize, start: usize| {
        let rows = std::array::from_fn(|row| {
            let half: [u8; 32] = *blocks[lane + row][start..].first_chunk().unwrap_or(&[0; 32]);
            zerocopy::transmute!(half)
        });
        transpose(rows)
    };
    let halves = [0, 32].map(|start| [eighth(0, start), eighth(WIDTH, start)]);
    let message: [Words; 16] =
        std::array::from_fn(|word| halves[word / WIDTH].map(|columns| columns[word % WIDTH]));
    let ones = [_mm256_set1_epi32(-1); 2];
    let f = |b, c, d| xor(d, and(b, xor(c, d)));
    let g = |b, c, d| xor(c, and(d, xor(b, c)));
    let h = |b, c, d| xor(b, xor(c, d));
    let i = |b, c, d| xor(c, or(b, xor(d, ones)));
    let mut state = before;
    round!(state, message, 0, [7, 12, 17, 22], |step| step, f);
    round!(state, message, 16, [5, 9, 14, 20], |step| step * 5 + 1, g);
    round!(state, message, 32, [4, 11, 16, 23], |step| step * 3 + 5, h);
    round!(state, message, 48, [6, 10, 15, 21], |step| step * 7, i);
    std::array::from_fn(|word| add(before[word], state[word]))
}

/// An operation on both vectors.
#[cfg(target_arch = "x86_64")]
macro_rules! on_both {
    ($name:ident, $operation:ident) => {
        #[target_feature(enable = "avx2")]
        #[inline]
        fn $name([a, b]: Words, [c, d]: Words) -> Words {
            [$operation(a, c), $operation(b, d)]
        }
    };
}

#[cfg(target_arch = "x86_64")]
on_both!(add, _mm256_add_epi32);
#[cfg(target_arch = "x86_64")]
on_both!(and, _mm256_and_si256);
#[cfg(target_arch = "x86_64")]
on_both!(or, _mm256_or_si256);
#[cfg(target_arch = "x86_64")]
on_both!(xor, _mm256_xor_si256);

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn rotate<const LEFT: i32, const RIGHT: i32>(words: Words) -> Words {
    words.map(|word| _mm256_or_si256(_mm256_slli_epi32::<LEFT>(word), _mm256_srli_epi32::<RIGHT>(word)))
}

/// Rows become columns: what was the first word of each row is the first vector.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn transpose(rows: [__m256i; WIDTH]) -> [__m256i; WIDTH] {
    let [a, b, c, d, e, f, g, h] = rows;
    let pairs = |x, y| (_mm256_unpacklo_epi32(x, y), _mm256_unpackhi_epi32(x, y));
    let ((ab, ab2), (cd, cd2), (ef, ef2), (gh, gh2)) = (pairs(a, b), pairs(c, d), pairs(e, f), pairs(g, h));
    let fours = |x, y| (_mm256_unpacklo_epi64(x, y), _mm256_unpackhi_epi64(x, y));
    let ((l0, l1), (l2, l3)) = (fours(ab, cd), fours(ab2, cd2));
    let ((r0, r1), (r2, r3)) = (fours(ef, gh), fours(ef2, gh2));
    [
        _mm256_permute2x128_si256::<0x20>(l0, r0),
        _mm256_permute2x128_si256::<0x20>(l1, r1),
        _mm256_permute2x128_si256::<0x20>(l2, r2),
        _mm256_permute2x128_si256::<0x20>(l3, r3),
        _mm256_permute2x128_si256::<0x31>(l0, r0),
        _mm256_permute2x128_si256::<0x31>(l1, r1),
        _mm256_permute2x128_si256::<0x31>(l2, r2),
        _mm256_permute2x128_si256::<0x31>(l3, r3),
    ]
}

#[cfg(test)]
mod tests {
    use md5::Digest;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_contents(lengths in prop::collection::vec(0..700_usize, 0..40), seed: u8) {
            let contents: Vec<Vec<u8>> =
                lengths.iter().map(|length| (0..*length).map(|byte| (byte as u8).wrapping_mul(seed)).collect()).collect();
            let slices: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
            for (mut ours, content) in of_all(&slices).into_iter().flatten().zip(&contents) {
                ours.update(&content[ours.length() as usize..]);
                let theirs: [u8; 16] = md5::Md5::digest(content).into();
                prop_assert_eq!(ours.finalize(), theirs);
            }
        }
    }
}
