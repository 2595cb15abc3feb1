//! MD5, as RFC 1321 defines it.
//!
//! Every object is hashed as long as the database holds one MD5 of any size, and this is then half of the work.
//! Each step waits for the one before it, so what counts is the length of that chain; what is known early is
//! added early. While it waits, the processor has room for as much work again, if that lies between the steps:
//! it does not look far enough ahead to find it behind a block. So other work can be done
//! [beside](Md5::update_beside) a block.

#![cfg_attr(
    not(test),
    expect(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "places in blocks of 64 bytes and tables of 64 words, all taken modulo their length"
    )
)]

/// MD5 of content that comes in pieces.
#[derive(Clone, Debug)]
pub(crate) struct Md5 {
    state: [u32; 4],
    /// Bytes so far.
    length: u64,
    /// The beginning of a block; as long as the length says.
    rest: [u8; 64],
    /// [`SINES`], from where the compiler does not know their values: constants it would add last, which makes
    /// every step longer by an addition.
    sines: &'static [u32; 64],
}

/// `floor(2^32 * abs(sin(i + 1)))`.
#[rustfmt::skip]
pub(super) static SINES: [u32; 64] = [
    0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee, 0xf57c_0faf, 0x4787_c62a, 0xa830_4613, 0xfd46_9501,
    0x6980_98d8, 0x8b44_f7af, 0xffff_5bb1, 0x895c_d7be, 0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821,
    0xf61e_2562, 0xc040_b340, 0x265e_5a51, 0xe9b6_c7aa, 0xd62f_105d, 0x0244_1453, 0xd8a1_e681, 0xe7d3_fbc8,
    0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed, 0xa9e3_e905, 0xfcef_a3f8, 0x676f_02d9, 0x8d2a_4c8a,
    0xfffa_3942, 0x8771_f681, 0x6d9d_6122, 0xfde5_380c, 0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70,
    0x289b_7ec6, 0xeaa1_27fa, 0xd4ef_3085, 0x0488_1d05, 0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665,
    0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039, 0x655b_59c3, 0x8f0c_cc92, 0xffef_f47d, 0x8584_5dd1,
    0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1, 0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391,
];

/// The state before the first block.
pub(super) const START: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

impl Md5 {
    /// MD5 of content of which so many blocks made this state.
    pub(super) fn resume(state: [u32; 4], blocks: usize) -> Self {
        Self { state, length: blocks as u64 * 64, ..Self::new() }
    }

    /// Bytes so far.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn new() -> Self {
        Self { state: START, length: 0, rest: [0; 64], sines: std::hint::black_box(&SINES) }
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
            self.state = compress(self.state, &self.rest, self.sines, |_| {});
            bytes = tail;
        }
        let (blocks, tail) = bytes.as_chunks::<64>();
        self.state =
            blocks.iter().fold(self.state, |state, block| compress(state, block, self.sines, |_| {}));
        self.rest[..tail.len()].copy_from_slice(tail);
    }

    /// Adds a block, and calls `beside` with the numbers 0 to 31, if possible between its steps.
    #[inline(always)]
    pub(super) fn update_beside(&mut self, block: &[u8; 64], mut beside: impl FnMut(u32)) {
        if self.length.is_multiple_of(64) {
            self.length = self.length.wrapping_add(64);
            self.state = compress(self.state, block, self.sines, beside);
        } else {
            (0..32).for_each(&mut beside);
            self.update(block);
        }
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

/// Four steps, written out since the compiler does not unroll a loop with other work in it.
macro_rules! four_steps {
    ($state:ident, $message:ident, $sines:ident, $beside:ident, $first:expr, $shifts:expr, $word:expr, $mix:expr) => {
        let [mut a, mut b, mut c, mut d] = $state;
        let sum =
            |step: usize, word: u32| word.wrapping_add($message[$word(step) % 16]).wrapping_add($sines[step]);
        a = $mix(sum($first, a), b, c, d).rotate_left($shifts[0]).wrapping_add(b);
        $beside($first as u32 / 2);
        d = $mix(sum($first + 1, d), a, b, c).rotate_left($shifts[1]).wrapping_add(a);
        c = $mix(sum($first + 2, c), d, a, b).rotate_left($shifts[2]).wrapping_add(d);
        $beside($first as u32 / 2 + 1);
        b = $mix(sum($first + 3, b), c, d, a).rotate_left($shifts[3]).wrapping_add(c);
        $state = [a, b, c, d];
    };
}

/// One round of 16 steps from the step `$first` on: `$word` is the word of the message that a step takes.
macro_rules! round {
    ($state:ident, $message:ident, $sines:ident, $beside:ident, $first:literal, $shifts:expr, $word:expr, $mix:expr) => {
        four_steps!($state, $message, $sines, $beside, $first, $shifts, $word, $mix);
        four_steps!($state, $message, $sines, $beside, $first + 4, $shifts, $word, $mix);
        four_steps!($state, $message, $sines, $beside, $first + 8, $shifts, $word, $mix);
        four_steps!($state, $message, $sines, $beside, $first + 12, $shifts, $word, $mix);
    };
}

#[inline(always)]
fn compress(before: [u32; 4], block: &[u8; 64], sines: &[u32; 64], mut beside: impl FnMut(u32)) -> [u32; 4] {
    let mut message = [0_u32; 16];
    for (word, bytes) in message.iter_mut().zip(block.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    let f = |sum: u32, b: u32, c: u32, d: u32| sum.wrapping_add(d ^ (b & (c ^ d)));
    // The two halves have no bit in common; the first is known a step earlier.
    let g = |sum: u32, b: u32, c: u32, d: u32| sum.wrapping_add(c & !d).wrapping_add(b & d);
    let h = |sum: u32, b: u32, c: u32, d: u32| sum.wrapping_add(b ^ (c ^ d));
    let i = |sum: u32, b: u32, c: u32, d: u32| sum.wrapping_add(c ^ (b | !d));
    let mut state = before;
    round!(state, message, sines, beside, 0, [7, 12, 17, 22], |step| step, f);
    round!(state, message, sines, beside, 16, [5, 9, 14, 20], |step| step * 5 + 1, g);
    round!(state, message, sines, beside, 32, [4, 11, 16, 23], |step| step * 3 + 5, h);
    round!(state, message, sines, beside, 48, [6, 10, 15, 21], |step| step * 7, i);
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
    fn work_beside_a_block_is_done_once_and_changes_nothing() {
        let content: Vec<u8> = (0..=u8::MAX).cycle().take(1000).collect();
        // After 10 bytes no block begins where one of the content's does.
        for first in [0, 10, 64] {
            let mut ours = Md5::new();
            ours.update(&content[..first]);
            let (blocks, rest) = content[first..].as_chunks::<64>();
            for block in blocks {
                let mut seen = 0_u32;
                ours.update_beside(block, |number| seen ^= 1 << number);
                assert_eq!(seen, u32::MAX);
            }
            ours.update(rest);
            let theirs: [u8; 16] = md5::Md5::digest(&content).into();
            assert_eq!(ours.finalize(), theirs, "{first}");
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
