//! One look at every position of the content: does an anchor begin here?
//!
//! Each group of file types has its own set of anchors, and those of all types are in every set; so the many
//! signatures for one type cost nothing on content of another. At every second place the filter hashes four
//! folded bytes and tests one bit. Where the bit is set, the few anchors of the bucket are compared in full.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, little_endian as le};

use super::anchor::{FOLD, hash};
pub(crate) use super::grams::BLOCK;
use super::grams::{self, BLOCK_AND_TAIL};
use super::pairs::{self, Halves};
use crate::Error;
use crate::image::{Image, Kind};
use crate::strings::Text;

/// The set of content whose type no signature names.
pub(super) const GENERIC: u32 = 0;

/// An anchor of a set.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct AnchorRecord {
    pub(super) gram: le::U32,
    pub(super) tail: le::U32,
    pub(super) tail_mask: le::U32,
    pub(crate) group: le::U32,
    pub(crate) distance: le::U32,
    pub(crate) spread: le::U32,
}

/// A file type and its set.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
pub(super) struct SetRecord {
    pub(super) name: Text,
    pub(super) set: le::U32,
}

/// Where a table of anchors lies in the image.
pub(super) struct Kinds {
    pub(super) buckets: Kind,
    pub(super) anchors: Kind,
}

pub(super) const FOUR: Kinds = Kinds { buckets: Kind::Buckets, anchors: Kind::Anchors };
pub(super) const THREE: Kinds = Kinds { buckets: Kind::ThreeBuckets, anchors: Kind::ThreeAnchors };
pub(super) const TWO: Kinds = Kinds { buckets: Kind::ShortBuckets, anchors: Kind::ShortAnchors };

/// Sizes of bitmaps in words of 4 bytes, each known to the compiler so that no test of a bit needs a check of its place.
/// One anchor to 64 bits lets 1.5 % of random positions pass, as long as the bitmap stays in the first-level
/// cache; beyond that a denser one is cheaper, and beyond 1 MB no pass saved is worth the misses.
pub(super) const SMALL: usize = 2 << 10;
pub(super) const MEDIUM: usize = 4 << 10;
pub(super) const LARGE: usize = 64 << 10;
pub(super) const HUGE: usize = 256 << 10;

/// Bits of a bucket that say where its anchors begin. Those above it tell, by three bits of the hash that the
/// bitmap does not see, which grams are not in it: most that pass the bitmap wrongly end there, before the anchors
/// are touched, which lie in no near cache.
pub(super) const START_BITS: u32 = 24;

/// The bit of a bucket for a gram.
pub(super) fn mark(gram: u32) -> u32 {
    1 << START_BITS << (hash(gram, 24) & 7)
}

/// A table of anchors in the image.
#[derive(Clone, Copy)]
struct Table<'d> {
    buckets: &'d [le::U32],
    bucket_bits: u32,
    anchors: &'d [AnchorRecord],
}

impl<'d> Table<'d> {
    fn new(image: &Image, bytes: &'d [u8], kinds: &Kinds, set: u32) -> Result<Option<Self>, Error> {
        let buckets: &[le::U32] = image.records(bytes, kinds.buckets, set)?;
        let anchors = image.records(bytes, kinds.anchors, set)?;
        if buckets.is_empty() {
            return Ok(None);
        }
        let count = buckets.len().checked_sub(1).filter(|count| count.is_power_of_two());
        let count = count.ok_or(Error::Damaged("a set of anchors has an odd size"))?;
        Ok(Some(Self { buckets, bucket_bits: count.ilog2(), anchors }))
    }

    fn bucket(&self, gram: u32) -> &'d [AnchorRecord] {
        let bucket = hash(gram, self.bucket_bits) as usize;
        let word = |bucket: usize| self.buckets.get(bucket).map_or(0, |word| word.get());
        let start = word(bucket);
        if start & mark(gram) == 0 {
            return &[];
        }
        let place = |word: u32| (word & ((1 << START_BITS) - 1)) as usize;
        self.anchors.get(place(start)..place(word(bucket.wrapping_add(1)))).unwrap_or_default()
    }

    /// Calls `found` for each anchor at `place`; `tail` is where the bytes after its gram begin.
    #[inline(never)]
    fn candidates<E>(
        &self,
        bytes: &[u8],
        gram: u32,
        tail: usize,
        found: &mut impl FnMut(&'d AnchorRecord) -> Result<(), E>,
    ) -> Result<(), E> {
        let following = bytes.get(tail..).unwrap_or_default();
        let next = following.first_chunk::<4>().copied().unwrap_or_else(|| {
            // At the end of the window fewer bytes follow; what is missing is left to the full comparison.
            let mut next = [0; 4];
            for (to, from) in next.iter_mut().zip(following) {
                *to = *from;
            }
            next
        });
        let known = match following.len() {
            0 => 0,
            1 => 0xff,
            2 => 0xffff,
            3 => 0x00ff_ffff,
            _ => u32::MAX,
        };
        let next = u32::from_le_bytes(next) | FOLD;
        for anchor in self.bucket(gram) {
            let mask = anchor.tail_mask.get() & known;
            if anchor.gram.get() == gram && (next ^ anchor.tail.get()) & mask == 0 {
                found(anchor)?;
            }
        }
        Ok(())
    }
}

/// The filters for one object.
#[derive(Clone, Copy)]
pub(crate) struct Filters<'d> {
    bitmap: &'d [le::U32],
    short_bitmap: &'d [le::U32],
    short_halves: Option<&'d Halves>,
    four: Option<Table<'d>>,
    three: Option<Table<'d>>,
    two: Option<Table<'d>>,
    /// Signatures that are evaluated whether or not anything matched.
    pub(crate) always: &'d [le::U32],
}

impl<'d> Filters<'d> {
    /// The filters for content of a type.
    pub(crate) fn new(image: &Image, bytes: &'d [u8], file_type: &str) -> Result<Self, Error> {
        let strings: &[u8] = image.records(bytes, Kind::Strings, 0)?;
        let sets: &[SetRecord] = image.records(bytes, Kind::Sets, 0)?;
        // The compiler writes them in the order of their names.
        let place = sets.binary_search_by(|set| set.name.read(strings).cmp(&Some(file_type))).ok();
        let set = place.and_then(|place| sets.get(place)).map_or(GENERIC, |set| set.set.get());
        Ok(Self {
            bitmap: image.records(bytes, Kind::Bitmap, set)?,
            short_bitmap: image.records(bytes, Kind::ShortBitmap, set)?,
            short_halves: image.records(bytes, Kind::ShortHalves, set)?.first_chunk(),
            four: Table::new(image, bytes, &FOUR, set)?,
            three: Table::new(image, bytes, &THREE, set)?,
            two: Table::new(image, bytes, &TWO, set)?,
            always: image.records(bytes, Kind::Always, set)?,
        })
    }

    /// Whether no signature can be started by content, or starts without any.
    pub(crate) fn is_empty(&self) -> bool {
        self.bitmap.is_empty() && self.two.is_none() && self.always.is_empty()
    }

    /// Calls `found` for each anchor that begins in the first `count` bytes, with its place. `bytes` begin at
    /// an even place of the content. The searched bytes are shown to `reader`, block by block.
    pub(crate) fn search<E: From<Error>>(
        &self,
        bytes: &[u8],
        count: usize,
        reader: &mut impl Reader,
        found: &mut impl FnMut(usize, &'d AnchorRecord) -> Result<(), E>,
    ) -> Result<(), E> {
        let look = |place: usize| self.look(bytes, place, found);
        match self.bitmap.len() {
            0 => reader.read(bytes.get(..count).unwrap_or(bytes)),
            SMALL => Bitmap::<SMALL>::new(self.bitmap)?.each_passing(bytes, count, reader, look)?,
            MEDIUM => Bitmap::<MEDIUM>::new(self.bitmap)?.each_passing(bytes, count, reader, look)?,
            LARGE => Bitmap::<LARGE>::new(self.bitmap)?.each_passing(bytes, count, reader, look)?,
            HUGE => Bitmap::<HUGE>::new(self.bitmap)?.each_passing(bytes, count, reader, look)?,
            _ => return Err(Error::Damaged("a set of anchors has an odd size").into()),
        }
        self.search_pairs(bytes, count, found)
    }

    /// Calls `found` for each anchor of two bytes.
    fn search_pairs<E: From<Error>>(
        &self,
        bytes: &[u8],
        count: usize,
        found: &mut impl FnMut(usize, &'d AnchorRecord) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(two) = &self.two else { return Ok(()) };
        let short = Bitmap::<SMALL>::new(self.short_bitmap)?;
        let count = count.min(bytes.len().saturating_sub(1));
        let mut look = |place: usize| {
            let Some(pair) = bytes.get(place..).and_then(|rest| rest.first_chunk::<2>()) else {
                return Ok(());
            };
            let gram = u32::from_le_bytes([pair[0] | 0x20, pair[1] | 0x20, 0, 0]);
            if short.bit(gram) == 0 {
                return Ok(());
            }
            two.candidates(bytes, gram, place.wrapping_add(2), &mut |anchor| found(place, anchor))
        };
        let searched = match self.short_halves {
            Some(halves) => pairs::each_place(halves, bytes, count, &mut look)?,
            None => 0,
        };
        (searched..count).try_for_each(look)
    }

    /// Calls `found` for each anchor of three or four bytes at `place`.
    fn look<E>(
        &self,
        bytes: &[u8],
        place: usize,
        found: &mut impl FnMut(usize, &'d AnchorRecord) -> Result<(), E>,
    ) -> Result<(), E> {
        let rest = bytes.get(place..).unwrap_or_default();
        if let (Some(four), Some(gram)) = (&self.four, rest.first_chunk::<4>()) {
            let gram = u32::from_le_bytes(*gram) | FOLD;
            four.candidates(bytes, gram, place.wrapping_add(4), &mut |anchor| found(place, anchor))?;
        }
        if let (Some(three), Some([a, b, c])) = (&self.three, rest.first_chunk::<3>()) {
            let gram = u32::from_le_bytes([a | 0x20, b | 0x20, c | 0x20, 0]);
            three.candidates(bytes, gram, place.wrapping_add(3), &mut |anchor| found(place, anchor))?;
        }
        Ok(())
    }
}

/// Somebody else who has to see every byte that is searched, once and in order.
pub(crate) trait Reader {
    /// Takes the next bytes.
    fn read(&mut self, bytes: &[u8]);

    /// For how many of the next bytes it has hardly any work. For those behind them it waits for itself, so that there
    /// is time for something else beside it.
    fn idle(&self) -> usize;

    /// Takes the next block, and calls `beside` with the numbers 0 to 31: for each even place of the block,
    /// spread over the reader's own work.
    fn read_beside(&mut self, block: &[u8; BLOCK], beside: impl FnMut(u32));
}

/// A bitmap of `N` words.
#[derive(Clone, Copy)]
struct Bitmap<'d, const N: usize>(&'d [le::U32; N]);

impl<'d, const N: usize> Bitmap<'d, N> {
    /// Bits of a place in the bitmap.
    const BITS: u32 = N.ilog2() + 5;

    fn new(words: &'d [le::U32]) -> Result<Self, Error> {
        words.try_into().map(Self).map_err(|_| Error::Damaged("a set of anchors has an odd size"))
    }

    /// The bit of four bytes, as 1 or 0.
    #[inline(always)]
    fn gram_bit(&self, bytes: [u8; 4]) -> u32 {
        self.bit(hash(u32::from_le_bytes(bytes) | FOLD, Self::BITS))
    }

    /// The bit at a place, as 1 or 0.
    #[inline(always)]
    fn bit(&self, place: u32) -> u32 {
        // The mask changes nothing and shows the compiler that the place is inside.
        let word = self.0.get((place >> 5) as usize & N.wrapping_sub(1)).map_or(0, |word| word.get());
        word >> (place & 31) & 1
    }

    /// The bits of the grams at the even places of a block, tested while the reader takes it.
    #[inline(always)]
    fn passing_beside(
        &self,
        block: &[u8; BLOCK_AND_TAIL],
        read: &[u8; BLOCK],
        reader: &mut impl Reader,
    ) -> u32 {
        let mut passing = 0_u32;
        reader.read_beside(read, |number| {
            let start = (number as usize).wrapping_mul(2);
            let gram = block.get(start..).and_then(|rest| rest.first_chunk::<4>());
            passing |= self.gram_bit(*gram.unwrap_or(&[0; 4])) << (number & 31);
        });
        passing
    }

    /// Calls `look` for every even place whose folded gram has its bit set, and for the last few. The places
    /// of a block are tested at once, since a branch for every place costs more than the test, and while the
    /// reader waits for its own steps.
    #[inline]
    fn each_passing<E>(
        &self,
        bytes: &[u8],
        count: usize,
        reader: &mut impl Reader,
        mut look: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<(), E> {
        let count = count.min(bytes.len());
        let mut place = 0_usize;
        let idle = count.min(reader.idle());
        if idle >= BLOCK {
            place = grams::each_place(self.0, Self::BITS, bytes, idle, &mut look)?;
            reader.read(bytes.get(..place).unwrap_or_default());
        }
        while place.saturating_add(BLOCK) <= count
            && let Some(block) = bytes.get(place..).and_then(|rest| rest.first_chunk::<BLOCK_AND_TAIL>())
            && let Some(read) = block.first_chunk::<BLOCK>()
        {
            let mut passing = self.passing_beside(block, read, reader);
            while passing != 0 {
                let gram = passing.trailing_zeros() as usize;
                passing &= passing.wrapping_sub(1);
                look(place.wrapping_add(gram.wrapping_mul(2)))?;
            }
            place = place.wrapping_add(BLOCK);
        }
        let rest = bytes.get(place..count).unwrap_or_default();
        reader.read(rest);
        for place in (place..count).step_by(2) {
            let gram = bytes.get(place..).and_then(|rest| rest.first_chunk::<4>());
            if gram.is_none_or(|gram| self.gram_bit(*gram) != 0) {
                look(place)?;
            }
        }
        Ok(())
    }
}
