//! One look at every position of the content: does an anchor begin here?
//!
//! Each group of file types has its own set of anchors, and those of all types are in every set; so the many
//! signatures for one type cost nothing on content of another. Per position the filter hashes four folded
//! bytes and tests one bit. Where the bit is set, the few anchors of the bucket are compared in full.

use std::collections::{BTreeMap, BTreeSet};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, little_endian as le};

use super::anchor::{Anchor, FOLD, hash};
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
    anchors: BTreeMap<u32, Vec<(bool, AnchorRecord)>>,
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
        let record = AnchorRecord {
            gram: anchor.gram.into(),
            tail: anchor.tail.into(),
            tail_mask: anchor.tail_mask.into(),
            group: group.into(),
            distance: anchor.distance.into(),
            spread: anchor.spread.into(),
        };
        self.anchors.entry(types).or_default().push((anchor.length < 4, record));
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
            let anchors = members().filter_map(|group| self.anchors.get(group)).flatten();
            let (short, long): (Vec<_>, Vec<_>) = anchors.copied().partition(|(short, _)| *short);
            let long = long.into_iter().map(|(_, record)| record).collect();
            let short = short.into_iter().map(|(_, record)| record).collect();
            write_table(long, LONG, number as u32, writer);
            write_table(short, SHORT, number as u32, writer);
            let always = members().filter_map(|group| self.always.get(group)).flatten();
            let always: Vec<le::U32> = always.map(|signature| le::U32::new(*signature)).collect();
            writer.section(Kind::Always, number as u32, &always);
        }
    }
}

/// Where a table of anchors lies in the image.
struct Kinds {
    bitmap: Kind,
    buckets: Kind,
    anchors: Kind,
}

const LONG: Kinds = Kinds { bitmap: Kind::Bitmap, buckets: Kind::Buckets, anchors: Kind::Anchors };
const SHORT: Kinds =
    Kinds { bitmap: Kind::ShortBitmap, buckets: Kind::ShortBuckets, anchors: Kind::ShortAnchors };

/// Sizes of bitmaps in words of 8 bytes, each known to the compiler so that no test of a bit needs a check of its place.
/// One anchor to 64 bits lets 1.5 % of random positions pass, as long as the bitmap stays in the first-level
/// cache; beyond that a denser one is cheaper, and beyond 1 MB no pass saved is worth the misses.
const SMALL: usize = 1 << 10;
const MEDIUM: usize = 2 << 10;
const LARGE: usize = 32 << 10;
const HUGE: usize = 128 << 10;
/// A bitmap that lets nothing pass.
static NOTHING: [le::U64; SMALL] = [le::U64::ZERO; SMALL];

/// Words of the bitmap for a number of anchors.
fn bitmap_size(anchors: usize) -> usize {
    match anchors {
        0..=1024 => SMALL,
        1025..=4096 => MEDIUM,
        4097..=65_536 => LARGE,
        _ => HUGE,
    }
}

fn write_table(mut anchors: Vec<AnchorRecord>, kinds: Kinds, set: u32, writer: &mut Writer) {
    if anchors.is_empty() {
        return;
    }
    let bucket_bits = (anchors.len().next_power_of_two().ilog2() + 1).clamp(4, 22);
    anchors.sort_by_key(|anchor| {
        (hash(anchor.gram.get(), bucket_bits), anchor.gram.get(), anchor.tail.get(), anchor.group.get())
    });
    let short = kinds.bitmap == Kind::ShortBitmap;
    let mut bitmap = vec![0_u64; if short { SMALL } else { bitmap_size(anchors.len()) }];
    let bits = bitmap.len().ilog2() + 6;
    let mut starts = vec![0_u32; (1 << bucket_bits) + 1];
    for anchor in &anchors {
        let bit = if short { anchor.gram.get() } else { hash(anchor.gram.get(), bits) };
        bitmap[(bit >> 6) as usize] |= 1 << (bit & 63);
        starts[hash(anchor.gram.get(), bucket_bits) as usize + 1] += 1;
    }
    for place in 1..starts.len() {
        starts[place] += starts[place - 1];
    }
    let bitmap: Vec<le::U64> = bitmap.into_iter().map(le::U64::new).collect();
    let starts: Vec<le::U32> = starts.into_iter().map(le::U32::new).collect();
    writer.section(kinds.bitmap, set, &bitmap);
    writer.section(kinds.buckets, set, &starts);
    writer.section(kinds.anchors, set, &anchors);
}

/// A table of anchors in the image.
#[derive(Clone, Copy)]
struct Table<'d> {
    bitmap: &'d [le::U64],
    buckets: &'d [le::U32],
    bucket_bits: u32,
    anchors: &'d [AnchorRecord],
}

impl<'d> Table<'d> {
    fn new(image: &Image, bytes: &'d [u8], kinds: &Kinds, set: u32) -> Result<Option<Self>, Error> {
        let bitmap: &[le::U64] = image.records(bytes, kinds.bitmap, set)?;
        let buckets: &[le::U32] = image.records(bytes, kinds.buckets, set)?;
        let anchors = image.records(bytes, kinds.anchors, set)?;
        if bitmap.is_empty() {
            return Ok(None);
        }
        let count = buckets.len().checked_sub(1).filter(|count| count.is_power_of_two());
        let count = count.ok_or(Error::Damaged("a set of anchors has an odd size"))?;
        Ok(Some(Self { bitmap, buckets, bucket_bits: count.ilog2(), anchors }))
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
    long: Option<Table<'d>>,
    short: Option<Table<'d>>,
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
            long: Table::new(image, bytes, &LONG, set)?,
            short: Table::new(image, bytes, &SHORT, set)?,
            always: image.records(bytes, Kind::Always, set)?,
        })
    }

    /// Whether there is nothing to look for.
    pub(crate) fn is_empty(&self) -> bool {
        self.long.is_none() && self.short.is_none()
    }

    /// Calls `found` for each anchor that begins in the first `count` bytes, with its place.
    pub(crate) fn search<E: From<Error>>(
        &self,
        bytes: &[u8],
        count: usize,
        found: &mut impl FnMut(usize, &'d AnchorRecord) -> Result<(), E>,
    ) -> Result<(), E> {
        // Without long anchors the bitmap is one that lets nothing pass.
        let bitmap = self.long.as_ref().map_or(&NOTHING[..], |long| long.bitmap);
        match bitmap.len() {
            SMALL => self.search_with(Bitmap::<SMALL>::new(bitmap)?, bytes, count, found),
            MEDIUM => self.search_with(Bitmap::<MEDIUM>::new(bitmap)?, bytes, count, found),
            LARGE => self.search_with(Bitmap::<LARGE>::new(bitmap)?, bytes, count, found),
            HUGE => self.search_with(Bitmap::<HUGE>::new(bitmap)?, bytes, count, found),
            _ => Err(Error::Damaged("a set of anchors has an odd size").into()),
        }
    }

    fn search_with<const N: usize, E: From<Error>>(
        &self,
        long: Bitmap<'_, N>,
        bytes: &[u8],
        count: usize,
        found: &mut impl FnMut(usize, &'d AnchorRecord) -> Result<(), E>,
    ) -> Result<(), E> {
        let look = |place: usize| self.look(bytes, place, found);
        match &self.short {
            None => each_passing(bytes, count, |gram| long.hashed_bit(gram), look),
            Some(short) => {
                let short = Bitmap::<SMALL>::new(short.bitmap)?;
                each_passing(bytes, count, |gram| long.hashed_bit(gram) | short.bit(gram & 0xffff), look)
            }
        }
    }

    /// Calls `found` for each anchor at `place`.
    fn look<E>(
        &self,
        bytes: &[u8],
        place: usize,
        found: &mut impl FnMut(usize, &'d AnchorRecord) -> Result<(), E>,
    ) -> Result<(), E> {
        let rest = bytes.get(place..).unwrap_or_default();
        if let (Some(long), Some(gram)) = (&self.long, rest.first_chunk::<4>()) {
            let gram = u32::from_le_bytes(*gram) | FOLD;
            long.candidates(bytes, gram, place.wrapping_add(4), &mut |anchor| found(place, anchor))?;
        }
        if let (Some(short), Some([first, second])) = (&self.short, rest.first_chunk::<2>()) {
            let gram = u32::from_le_bytes([first | 0x20, second | 0x20, 0, 0]);
            short.candidates(bytes, gram, place.wrapping_add(2), &mut |anchor| found(place, anchor))?;
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

    #[inline(always)]
    fn hashed_bit(&self, gram: u32) -> u64 {
        self.bit(hash(gram, Self::BITS))
    }
}

/// Places that are tested at once, and the bytes that this takes.
const ROW: usize = 8;
const ROW_AND_TAIL: usize = 16;

/// Calls `look` for every place whose folded gram passes, and for the last few. A row of places is tested at
/// once, since a branch for every place costs more than the test.
#[inline(always)]
fn each_passing<E>(
    bytes: &[u8],
    count: usize,
    passes: impl Fn(u32) -> u64,
    mut look: impl FnMut(usize) -> Result<(), E>,
) -> Result<(), E> {
    let count = count.min(bytes.len());
    let mut place = 0_usize;
    while place < count {
        let Some(row) = bytes.get(place..).and_then(|rest| rest.first_chunk::<ROW_AND_TAIL>()) else { break };
        let folded = u128::from_le_bytes(*row) | u128::from_le_bytes([0x20; ROW_AND_TAIL]);
        let bits: [u64; ROW] = std::array::from_fn(|at| passes((folded >> (8 * at)) as u32));
        if bits.into_iter().fold(0, |any, bit| any | bit) & 1 != 0 {
            for (at, bit) in bits.into_iter().enumerate() {
                let place = place.wrapping_add(at);
                if bit & 1 != 0 && place < count {
                    look(place)?;
                }
            }
        }
        place = place.wrapping_add(ROW);
    }
    (place..count).try_for_each(look)
}
