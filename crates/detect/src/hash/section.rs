//! A table of digests as sections of the image: sizes in a hash table, each with its digests in order.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, little_endian as le};

use crate::Error;
use crate::image::{Image, Kind};
use crate::strings::Text;

/// The size under which digests without a size are kept.
pub(crate) const ANY_SIZE: u64 = u64::MAX;

/// The digests of one size: `count` from `first` on. Without digests the slot is free.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct SizeRecord {
    pub(crate) size: le::U64,
    pub(crate) first: le::U32,
    pub(crate) count: le::U32,
}

/// The signature of a digest.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct NameRecord {
    pub(crate) name: Text,
    pub(crate) source: le::U16,
    pub(crate) category: u8,
}

/// Spreads a size over a table of `slots`, a power of two.
pub(crate) fn slot(size: u64, slots: usize) -> usize {
    (size.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize & slots.wrapping_sub(1)
}

/// A table of digests of one length.
#[derive(Clone, Copy)]
pub(crate) struct DigestTable<'d> {
    sizes: &'d [SizeRecord],
    digests: &'d [u8],
    names: &'d [NameRecord],
    length: usize,
}

impl<'d> DigestTable<'d> {
    pub(crate) fn new(image: &Image, bytes: &'d [u8], table: u32, length: usize) -> Result<Self, Error> {
        Ok(Self {
            sizes: image.records(bytes, Kind::HashSizes, table)?,
            digests: image.records(bytes, Kind::HashDigests, table)?,
            names: image.records(bytes, Kind::HashNames, table)?,
            length,
        })
    }

    /// Whether a digest of an object of this size could be in the table.
    pub(crate) fn knows(&self, size: u64) -> bool {
        !self.sizes.is_empty() && (self.group(size).is_some() || self.group(ANY_SIZE).is_some())
    }

    fn group(&self, size: u64) -> Option<(usize, usize)> {
        let mut place = slot(size, self.sizes.len());
        // The writer leaves half of the slots free; a full table is damage, and the walk ends all the same.
        for _ in 0..self.sizes.len() {
            let record = self.sizes.get(place)?;
            if record.count.get() == 0 {
                return None;
            }
            if record.size.get() == size {
                return Some((record.first.get() as usize, record.count.get() as usize));
            }
            place = place.wrapping_add(1) & self.sizes.len().wrapping_sub(1);
        }
        None
    }

    /// The signature of a digest of this size, or of any size.
    pub(crate) fn find(&self, size: u64, digest: &[u8]) -> Result<Option<&'d NameRecord>, Error> {
        for size in [size, ANY_SIZE] {
            let Some((mut first, mut count)) = self.group(size) else {
                continue;
            };
            while count > 0 {
                let middle = first.wrapping_add(count / 2);
                let at = middle.saturating_mul(self.length);
                let found = self.digests.get(at..at.saturating_add(self.length));
                match found.ok_or(Error::Damaged("a digest is missing"))?.cmp(digest) {
                    std::cmp::Ordering::Equal => {
                        let name = self.names.get(middle);
                        return name.ok_or(Error::Damaged("a name is missing")).map(Some);
                    }
                    std::cmp::Ordering::Less => {
                        count = count.wrapping_sub(count / 2).wrapping_sub(1);
                        first = middle.wrapping_add(1);
                    }
                    std::cmp::Ordering::Greater => count /= 2,
                }
            }
        }
        Ok(None)
    }
}
