//! One look at every position of the content: does an anchor begin here?
//!
//! Each group of file types has its own set of anchors, and those of all types are in every set; so the many
//! signatures for one type cost nothing on content of another. At every second place the filter hashes four
//! folded bytes and tests one bit. Where the bit is set, the few anchors of the bucket are compared in full.

use std::collections::{BTreeMap, BTreeSet};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, little_endian as le};

use super::anchor::{Anchor, FOLD, Length, hash};
use crate::Error;
use crate::image::{Image, Kind, Writer};
use crate::strings::{Strings, Text};

/// The set of content whose type no signature names.
const GENERIC: u32 = 0;

/// An anchor of a set.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct AnchorRecord {
    gram: le::U32,
    tail: le::U32,
    tail_mask: le::U32,
    pub(crate) group: le::U32,
    pub(crate) distance: le::U32,
    pub(crate) spread: le::U32,
}

/// A file type and its set.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
struct SetRecord {
    name: Text,
    set: le::U32,
}

/// Collects the anchors and the groups of file types, and writes the sets.
#[derive(Default)]
pub(crate) struct FilterWriter {
    types: Vec<Vec<String>>,
    anchors: BTreeMap<u32, Vec<(Length, AnchorRecord)>>,
    always: BTreeMap<u32, Vec<u32>>,
    known: BTreeSet<(u32, u32)>,
}

impl FilterWriter {
    /// The number of a group of file types; no types mean all.
    pub(crate) fn types(&mut self, names: &[String]) -> u32 {
        let mut names = names.to_vec();
        names.sort();
        names.dedup();
        if self.types.is_empty() {
            self.types.push(Vec::new());
        }
        let known = self.types.iter().position(|types| *types == names);
        known.unwrap_or_else(|| {
            self.types.push(names);
            self.types.len() - 1
        }) as u32
    }

    /// Adds the anchor of a group for a group of file types, once.
    pub(crate) fn add(&mut self, types: u32, group: u32, anchor: &Anchor) {
        if !self.known.insert((types, group)) {
            return;
        }
        for gram in std::iter::once(anchor.first).chain(anchor.second) {
            let record = AnchorRecord {
                gram: gram.bytes.into(),
                tail: gram.tail.into(),
                tail_mask: gram.tail_mask.into(),
                group: group.into(),
                distance: gram.distance.into(),
                spread: anchor.spread.into(),
            };
            self.anchors.entry(types).or_default().push((gram.length, record));
        }
    }

    /// A signature that is evaluated on every object of a group of file types.
    pub(crate) fn always(&mut self, types: u32, signature: u32) {
        self.always.entry(types).or_default().push(signature);
    }

    /// Writes the sets.
    pub(crate) fn finish(self, strings: &mut Strings, writer: &mut Writer) {
        // File types that are members of the same groups share a set; set 0 holds what is for all types.
        let mut memberships: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for (number, names) in self.types.iter().enumerate() {
            for name in names {
                memberships.entry(name).or_default().push(number as u32);
            }
        }
        let mut sets: Vec<Vec<u32>> = vec![Vec::new()];
        let mut records = Vec::new();
        for (name, groups) in &memberships {
            let set = sets.iter().position(|set| set == groups).unwrap_or_else(|| {
                sets.push(groups.clone());
                sets.len() - 1
            });
            records.push(SetRecord { name: strings.add(name), set: (set as u32).into() });
        }
        writer.section(Kind::Sets, 0, &records);
        for (number, groups) in sets.iter().enumerate() {
            let members = || std::iter::once(&GENERIC).chain(groups);
            let of_length = |wanted: Length| {
                let anchors = members().filter_map(|group| self.anchors.get(group)).flatten();
                anchors.filter(move |(length, _)| *length == wanted).map(|(_, record)| *record).collect()
            };
            write_set(
                of_length(Length::Four),
                of_length(Length::Three),
                of_length(Length::Two),
                number as u32,
                writer,
            );
            let always = members().filter_map(|group| self.always.get(group)).flatten();
            let always: Vec<le::U32> = always.map(|signature| le::U32::new(*signature)).collect();
            writer.section(Kind::Always, number as u32, &always);
        }
    }
}

/// Where a table of anchors lies in the image.
struct Kinds {
    buckets: Kind,
    anchors: Kind,
}

const FOUR: Kinds = Kinds { buckets: Kind::Buckets, anchors: Kind::Anchors };
const THREE: Kinds = Kinds { buckets: Kind::ThreeBuckets, anchors: Kind::ThreeAnchors };
const TWO: Kinds = Kinds { buckets: Kind::ShortBuckets, anchors: Kind::ShortAnchors };

/// Sizes of bitmaps in words of 8 bytes, each known to the compiler so that no test of a bit needs a check of its place.
/// One anchor to 64 bits lets 1.5 % of random positions pass, as long as the bitmap stays in the first-level
/// cache; beyond that a denser one is cheaper, and beyond 1 MB no pass saved is worth the misses.
const SMALL: usize = 1 << 10;
const MEDIUM: usize = 2 << 10;
const LARGE: usize = 32 << 10;
const HUGE: usize = 128 << 10;

/// Words of the bitmap for a number of bits.
fn bitmap_size(bits: usize) -> usize {
    match bits {
        0..=1024 => SMALL,
        1025..=8192 => MEDIUM,
        8193..=131_072 => LARGE,
        _ => HUGE,
    }
}

fn write_set(
    four: Vec<AnchorRecord>,
    three: Vec<AnchorRecord>,
    two: Vec<AnchorRecord>,
    set: u32,
    writer: &mut Writer,
) {
    // The byte after three known ones may be any; folded there are 128 of them.
    let any_last = (0..=u8::MAX).filter(|byte| byte & 0x20 != 0).map(|byte| u32::from(byte) << 24);
    let mut grams: Vec<u32> = four.iter().map(|anchor| anchor.gram.get()).collect();
    grams.extend(three.iter().flat_map(|anchor| any_last.clone().map(|last| anchor.gram.get() | last)));
    grams.sort_unstable();
    grams.dedup();
    if !grams.is_empty() {
        let mut bitmap = vec![0_u64; bitmap_size(grams.len())];
        let bits = bitmap.len().ilog2() + 6;
        grams.iter().for_each(|gram| set_bit(&mut bitmap, hash(*gram, bits)));
        write_bitmap(bitmap, Kind::Bitmap, set, writer);
    }
    if !two.is_empty() {
        let mut bitmap = vec![0_u64; SMALL];
        two.iter().for_each(|anchor| set_bit(&mut bitmap, anchor.gram.get()));
        write_bitmap(bitmap, Kind::ShortBitmap, set, writer);
    }
    for (anchors, kinds) in [(four, FOUR), (three, THREE), (two, TWO)] {
        write_table(anchors, &kinds, set, writer);
    }
}

fn set_bit(bitmap: &mut [u64], bit: u32) {
    bitmap[(bit >> 6) as usize] |= 1 << (bit & 63);
}

fn write_bitmap(bitmap: Vec<u64>, kind: Kind, set: u32, writer: &mut Writer) {
    let words: Vec<le::U64> = bitmap.into_iter().map(le::U64::new).collect();
    writer.section(kind, set, &words);
}

fn write_table(mut anchors: Vec<AnchorRecord>, kinds: &Kinds, set: u32, writer: &mut Writer) {
    if anchors.is_empty() {
        return;
    }
    let bucket_bits = (anchors.len().next_power_of_two().ilog2() + 1).clamp(4, 22);
    anchors.sort_by_key(|anchor| {
        (hash(anchor.gram.get(), bucket_bits), anchor.gram.get(), anchor.tail.get(), anchor.group.get())
    });
    let mut starts = vec![0_u32; (1 << bucket_bits) + 1];
    for anchor in &anchors {
        starts[hash(anchor.gram.get(), bucket_bits) as usize + 1] += 1;
    }
    for place in 1..starts.len() {
        starts[place] += starts[place - 1];
    }
    let starts: Vec<le::U32> = starts.into_iter().map(le::U32::new).collect();
    writer.section(kinds.buckets, set, &starts);
    writer.section(kinds.anchors, set, &anchors);
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
        let start = self.buckets.get(bucket).map_or(0, |start| start.get() as usize);
        let end = self.buckets.get(bucket.wrapping_add(1)).map_or(0, |end| end.get() as usize);
        self.anchors.get(start..end).unwrap_or_default()
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
    bitmap: &'d [le::U64],
    short_bitmap: &'d [le::U64],
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
        let set = sets.iter().find(|set| set.name.read(strings) == Some(file_type));
        let set = set.map_or(GENERIC, |set| set.set.get());
        Ok(Self {
            bitmap: image.records(bytes, Kind::Bitmap, set)?,
            short_bitmap: image.records(bytes, Kind::ShortBitmap, set)?,
            four: Table::new(image, bytes, &FOUR, set)?,
            three: Table::new(image, bytes, &THREE, set)?,
            two: Table::new(image, bytes, &TWO, set)?,
            always: image.records(bytes, Kind::Always, set)?,
        })
    }

    /// Calls `found` for each anchor that begins in the first `count` bytes, with its place. `bytes` begin at
    /// an even place of the content.
    pub(crate) fn search<E: From<Error>>(
        &self,
        bytes: &[u8],
        count: usize,
        found: &mut impl FnMut(usize, &'d AnchorRecord) -> Result<(), E>,
    ) -> Result<(), E> {
        let look = |place: usize| self.look(bytes, place, found);
        match self.bitmap.len() {
            0 => {}
            SMALL => Bitmap::<SMALL>::new(self.bitmap)?.each_passing(bytes, count, look)?,
            MEDIUM => Bitmap::<MEDIUM>::new(self.bitmap)?.each_passing(bytes, count, look)?,
            LARGE => Bitmap::<LARGE>::new(self.bitmap)?.each_passing(bytes, count, look)?,
            HUGE => Bitmap::<HUGE>::new(self.bitmap)?.each_passing(bytes, count, look)?,
            _ => return Err(Error::Damaged("a set of anchors has an odd size").into()),
        }
        let Some(two) = &self.two else { return Ok(()) };
        let short = Bitmap::<SMALL>::new(self.short_bitmap)?;
        for (place, pair) in bytes.windows(2).take(count).enumerate() {
            let &[first, second] = pair else { continue };
            let gram = u32::from_le_bytes([first | 0x20, second | 0x20, 0, 0]);
            if short.bit(gram) & 1 != 0 {
                two.candidates(bytes, gram, place.wrapping_add(2), &mut |anchor| found(place, anchor))?;
            }
        }
        Ok(())
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

/// A bitmap of `N` words.
#[derive(Clone, Copy)]
struct Bitmap<'d, const N: usize>(&'d [le::U64; N]);

impl<'d, const N: usize> Bitmap<'d, N> {
    /// Bits of a place in the bitmap.
    const BITS: u32 = N.ilog2() + 6;

    fn new(words: &'d [le::U64]) -> Result<Self, Error> {
        words.try_into().map(Self).map_err(|_| Error::Damaged("a set of anchors has an odd size"))
    }

    /// The bit at a place is the lowest of the result; the others mean nothing.
    #[inline(always)]
    fn bit(&self, place: u32) -> u64 {
        // The mask changes nothing and shows the compiler that the place is inside.
        self.0.get((place >> 6) as usize & N.wrapping_sub(1)).map_or(0, |word| word.get() >> (place & 63))
    }

    /// Calls `look` for every even place whose folded gram has its bit set, and for the last few. A row of
    /// places is tested at once, since a branch for every place costs more than the test.
    #[inline]
    fn each_passing<E>(
        &self,
        bytes: &[u8],
        count: usize,
        mut look: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<(), E> {
        let count = count.min(bytes.len());
        let mut place = 0_usize;
        while place < count {
            let Some(row) = bytes.get(place..).and_then(|rest| rest.first_chunk::<ROW_AND_TAIL>()) else {
                break;
            };
            let folded = u128::from_le_bytes(*row) | u128::from_le_bytes([0x20; ROW_AND_TAIL]);
            let bits: [u64; ROW] =
                std::array::from_fn(|at| self.bit(hash((folded >> (16 * at)) as u32, Self::BITS)));
            if bits.into_iter().fold(0, |any, bit| any | bit) & 1 != 0 {
                for (at, bit) in bits.into_iter().enumerate() {
                    let place = place.wrapping_add(2 * at);
                    if bit & 1 != 0 && place < count {
                        look(place)?;
                    }
                }
            }
            place = place.wrapping_add(2 * ROW);
        }
        (place..count).step_by(2).try_for_each(look)
    }
}

/// Even places that are tested at once, and the bytes that this takes.
const ROW: usize = 6;
const ROW_AND_TAIL: usize = 16;
