//! MD5, as RFC 1321 defines it.
//!
//! Every object is hashed as long as the database holds one MD5 of any size, and this is then half of the work.
//! Each step waits for the one before it, so what counts is the length of that chain: adding `c & !d` to what is
//! known early, as here, makes it shorter by a step than the usual `(b & d) | (c & !d)`, and the whole a fifth
//! faster than the crate `md-5`, which the tests compare it with.

#![cfg_attr(
    not(test),
    expect(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "places in blocks of 64 bytes and tables of 64 words, all taken modulo their length"
    )
)]

/// MD5 of content that comes in pieces.
pub(super) struct Md5 {
    state: [u32; 4],
    /// Bytes so far.
    length: u64,
    /// The beginning of a block; as long as the length says.
    rest: [u8; 64],
}

/// Shifts of the four rounds.
const SHIFTS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

/// `floor(2^32 * abs(sin(i + 1)))`.
#[rustfmt::skip]
const SINES: [u32; 64] = [
    0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee, 0xf57c_0faf, 0x4787_c62a, 0xa830_4613, 0xfd46_9501,
    0x6980_98d8, 0x8b44_f7af, 0xffff_5bb1, 0x895c_d7be, 0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821,
    0xf61e_2562, 0xc040_b340, 0x265e_5a51, 0xe9b6_c7aa, 0xd62f_105d, 0x0244_1453, 0xd8a1_e681, 0xe7d3_fbc8,
    0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed, 0xa9e3_e905, 0xfcef_a3f8, 0x676f_02d9, 0x8d2a_4c8a,
    0xfffa_3942, 0x8771_f681, 0x6d9d_6122, 0xfde5_380c, 0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70,
    0x289b_7ec6, 0xeaa1_27fa, 0xd4ef_3085, 0x0488_1d05, 0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665,
    0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039, 0x655b_59c3, 0x8f0c_cc92, 0xffef_f47d, 0x8584_5dd1,
    0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1, 0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391,
];

impl Md5 {
    pub(super) fn new() -> Self {
        Self { state: [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476], length: 0, rest: [0; 64] }
    }

    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        let filled = (self.length % 64) as usize;
        self.length = self.length.wrapping_add(bytes.len() as u64);
        if filled > 0 {
            let (head, tail) = bytes.split_at(bytes.len().min(64 - filled));
            self.rest[filled..filled + head.len()].copy_from_slice(head);
            if filled + head.len() < 64 {
                return;
            }
            self.state = compress(self.state, &self.rest);
            bytes = tail;
        }
        let (blocks, tail) = bytes.as_chunks::<64>();
        self.state = blocks.iter().fold(self.state, compress);
        self.rest[..tail.len()].copy_from_slice(tail);
    }

    pub(super) fn finalize(mut self) -> [u8; 16] {
        let bits = self.length.wrapping_mul(8);
        // A one, zeros up to the last 8 bytes of a block, the length in bits.
        let filled = (self.length % 64) as usize;
        let padding = if filled < 56 { 56 - filled } else { 120 - filled };
        let mut end = [0; 72];
        end[0] = 0x80;
        end[padding..padding + 8].copy_from_slice(&bits.to_le_bytes());
        self.update(&end[..padding + 8]);
        let mut digest = [0; 16];
        for (bytes, word) in digest.chunks_exact_mut(4).zip(self.state) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        digest
    }
}

/// One round of 16 steps: `mix` of three words, the message in the order `(step * stride + first) % 16`.
macro_rules! round {
    ($state:ident, $message:ident, $round:literal, $stride:literal, $first:literal, $mix:expr) => {
        for step in 0..16 {
            let [a, b, c, d] = $state;
            let sum = a
                .wrapping_add($message[(step * $stride + $first) % 16])
                .wrapping_add(SINES[$round * 16 + step]);
            let mixed = $mix(sum, b, c, d).rotate_left(SHIFTS[$round][step % 4]).wrapping_add(b);
            $state = [d, mixed, b, c];
        }
    };
}

fn compress(before: [u32; 4], block: &[u8; 64]) -> [u32; 4] {
    let mut message = [0_u32; 16];
    for (word, bytes) in message.iter_mut().zip(block.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    let mut state = before;
    round!(state, message, 0, 1, 0, |sum: u32, b: u32, c: u32, d: u32| sum.wrapping_add(d ^ (b & (c ^ d))));
    round!(state, message, 1, 5, 1, |sum: u32, b: u32, c: u32, d: u32| {
        sum.wrapping_add(c & !d).wrapping_add(b & d)
    });
    round!(state, message, 2, 3, 5, |sum: u32, b: u32, c: u32, d: u32| sum.wrapping_add(b ^ (c ^ d)));
    round!(state, message, 3, 7, 0, |sum: u32, b: u32, c: u32, d: u32| sum.wrapping_add(c ^ (b | !d)));
    std::array::from_fn(|word| before[word].wrapping_add(state[word]))
}

#[cfg(test)]
mod tests {
    use md5::Digest;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_content_in_any_pieces(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..6)) {
            let mut ours = Md5::new();
            pieces.iter().for_each(|piece| ours.update(piece));
            let theirs: [u8; 16] = md5::Md5::digest(pieces.concat()).into();
            prop_assert_eq!(ours.finalize(), theirs);
        }
    }

    #[test]
    fn every_length_of_the_last_block() {
        for length in 0..200 {
            let content = vec![0xa5; length];
            let mut ours = Md5::new();
            ours.update(&content);
            let theirs: [u8; 16] = md5::Md5::digest(&content).into();
            assert_eq!(ours.finalize(), theirs, "{length}");
        }
    }
}
