//! The layout of the compiled database: one file, a header, a table of sections, the sections.
//!
//! ```text
//! 0   magic "CANDORDB"      8   version, number of sections (u32 each)
//! 16  length of the file (u64)
//! 24  SHA-256 of everything after the table: the identity of the database
//! 56  XXH3-64 of the same, which shows damage ten times faster
//! 64  SHA-256 of the header up to here and of the table, first 8 bytes
//! 72  the table: kind, index (u32 each), offset, length (u64 each)
//! ```
//!
//! All numbers are little-endian and need no alignment. Opening reads the header and the table and nothing
//! else, so it does not depend on the size. [`Image::undamaged`] and [`Image::verify`] read everything. Readers of sections check
//! every number that they use: damage that opening cannot see makes an [`Error::Damaged`] later, never a panic.

use std::hash::Hasher;
use std::io;
use std::ops::Range;

use sha2::{Digest, Sha256};
use twox_hash::XxHash3_64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, little_endian as le};

use crate::Error;

/// What every compiled database begins with, of any version.
pub const MAGIC: [u8; 8] = *b"CANDORDB";
/// Version of the layout; a file of another version is refused.
pub const VERSION: u32 = 4;
/// Most sections of an image: eight for each of 512 groups of file types. Stops a table that is all there is.
const MAX_SECTIONS: usize = 4096;

/// What a section holds. A new technique adds a kind; readers ignore kinds they do not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    /// Text of names, sources and signatures.
    Strings = 1,
    /// Signature files: places in `Strings`.
    Sources = 2,
    /// Numbers of signatures by kind, for people.
    Counts = 3,
    /// For each signature file a byte: 1 if it came out of a container that its publisher signed.
    Official = 4,
    /// Sizes that a hash table knows; the index names the table.
    HashSizes = 16,
    /// Digests of a hash table.
    HashDigests = 17,
    /// Names of a hash table's signatures.
    HashNames = 18,
    /// Logical signatures.
    Signatures = 32,
    /// Their expressions and conditions.
    Expressions = 33,
    /// Patterns that their subsignatures refer to.
    PatternRefs = 34,
    /// Texts of the signatures: places in `Strings`.
    Texts = 35,
    /// Subsignatures that are no patterns.
    Checks = 36,
    /// Signatures of what archives say of a member.
    Members = 40,
    /// Patterns.
    Patterns = 48,
    /// Pieces of patterns that are matched as one.
    Groups = 49,
    /// Programs of the groups.
    Programs = 50,
    /// Signatures that a pattern starts.
    Triggers = 51,
    /// Names of file types with the number of their set.
    Sets = 64,
    /// Bitmap of a set's anchors.
    Bitmap = 65,
    /// First anchor of each bucket of a set.
    Buckets = 66,
    /// Anchors of a set.
    Anchors = 67,
    /// Signatures of a set that are evaluated whether or not anything matched.
    Always = 68,
    /// Bitmap of a set's short anchors.
    ShortBitmap = 69,
    /// First short anchor of each bucket of a set.
    ShortBuckets = 70,
    /// Short anchors of a set.
    ShortAnchors = 71,
    /// First anchor of three bytes of each bucket of a set; their bits are in `Bitmap`.
    ThreeBuckets = 72,
    /// Anchors of three bytes of a set.
    ThreeAnchors = 73,
    /// What the halves of a set's short anchors are, if these are few.
    ShortHalves = 75,
    /// Programs.
    Bytecodes = 80,
    /// Their compact forms.
    BytecodeCode = 81,
    /// Sets of YARA rules.
    RuleSets = 88,
    /// Their units: rules of one namespace.
    RuleUnits = 89,
    /// The texts of the units.
    RuleTexts = 90,
    /// What is said of each rule when it is found.
    Rules = 91,
    /// Icons.
    Icons = 96,
    /// Hashes of pictures with the signatures that they start.
    PictureHashes = 100,
    /// Publishers that are trusted or blocked.
    Signers = 104,
    /// Their keys.
    SignerKeys = 105,
    /// There if certificates in programs are told of.
    CertificateTelling = 106,
    /// Hosts that links are examined for.
    ProtectedHosts = 112,
    /// Expressions for the same.
    ProtectedExpressions = 113,
    /// Pairs of hosts in links that are in order.
    AllowedHosts = 114,
    /// Expressions for the same.
    AllowedExpressions = 115,
    /// Expressions for addresses that links may lead to.
    AllowedTargets = 116,
    /// Digests of addresses.
    BlockedAddresses = 117,
    /// Magic: bytes at fixed offsets.
    Magic = 120,
    /// Passwords of archives.
    Passwords = 124,
    /// What is switched off.
    Switches = 125,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
struct Header {
    magic: [u8; 8],
    version: le::U32,
    sections: le::U32,
    length: le::U64,
    identity: [u8; 32],
    checksum: le::U64,
    check: [u8; 8],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
struct Entry {
    kind: le::U32,
    index: le::U32,
    offset: le::U64,
    length: le::U64,
}

/// Where the sections of an image are.
#[derive(Debug)]
pub(crate) struct Image {
    identity: [u8; 32],
    checksum: u64,
    content: Range<usize>,
    /// By kind and index, in this order.
    sections: Vec<((u32, u32), Range<usize>)>,
}

impl Image {
    /// Reads header and table of `bytes`.
    pub(crate) fn open(bytes: &[u8]) -> Result<Self, Error> {
        let (header, rest) = Header::ref_from_prefix(bytes).map_err(|_| Error::NotADatabase)?;
        if header.magic != MAGIC {
            return Err(Error::NotADatabase);
        }
        if header.version.get() != VERSION {
            return Err(Error::Version { found: header.version.get(), known: VERSION });
        }
        if header.length.get() != bytes.len() as u64 {
            return Err(Error::Truncated { expected: header.length.get(), found: bytes.len() as u64 });
        }
        let count = usize::try_from(header.sections.get()).unwrap_or(usize::MAX);
        if count > MAX_SECTIONS {
            return Err(Error::Damaged("too many sections"));
        }
        let (entries, _) = <[Entry]>::ref_from_prefix_with_elems(rest, count)
            .map_err(|_| Error::Damaged("the section table is cut"))?;
        if header.check != check(header, entries) {
            return Err(Error::Damaged("the header's checksum is wrong"));
        }
        let content_start = size_of::<Header>().saturating_add(size_of_val(entries));
        let mut sections = Vec::with_capacity(count);
        for entry in entries {
            let range = usize::try_from(entry.offset.get())
                .ok()
                .zip(usize::try_from(entry.length.get()).ok())
                .and_then(|(start, length)| Some(start..start.checked_add(length)?))
                .filter(|range| range.start >= content_start && range.end <= bytes.len())
                .ok_or(Error::Damaged("a section lies outside the file"))?;
            sections.push(((entry.kind.get(), entry.index.get()), range));
        }
        // Of two sections with one key, which only a damaged table has, the first counts.
        sections.sort_by_key(|(key, _)| *key);
        sections.dedup_by_key(|(key, _)| *key);
        let content = content_start..bytes.len();
        Ok(Self { identity: header.identity, checksum: header.checksum.get(), content, sections })
    }

    /// SHA-256 of the content: the same signatures in the same order always give the same identity.
    pub(crate) fn identity(&self) -> [u8; 32] {
        self.identity
    }

    /// Reads everything and compares it with the checksum: shows damage, and no forgery.
    pub(crate) fn undamaged(&self, bytes: &[u8]) -> Result<(), Error> {
        let content = bytes.get(self.content.clone()).unwrap_or_default();
        let found = XxHash3_64::oneshot(content);
        if found == self.checksum {
            Ok(())
        } else {
            Err(Error::Damaged("the content does not match its checksum"))
        }
    }

    /// Reads everything and compares it with the identity.
    pub(crate) fn verify(&self, bytes: &[u8]) -> Result<(), Error> {
        let content = bytes.get(self.content.clone()).unwrap_or_default();
        let found: [u8; 32] = Sha256::digest(content).into();
        if found == self.identity {
            Ok(())
        } else {
            Err(Error::Damaged("the content does not match its checksum"))
        }
    }

    /// Whether there is a section of this kind and index.
    pub(crate) fn has(&self, kind: Kind, index: u32) -> bool {
        self.place(kind, index).is_some()
    }

    /// Where the section of this kind and index is.
    fn place(&self, kind: Kind, index: u32) -> Option<Range<usize>> {
        let place = self.sections.binary_search_by_key(&(kind as u32, index), |(key, _)| *key).ok()?;
        self.sections.get(place).map(|(_, range)| range.clone())
    }

    /// A section as records; empty if the image has none of this kind and index.
    pub(crate) fn records<'a, T>(&self, bytes: &'a [u8], kind: Kind, index: u32) -> Result<&'a [T], Error>
    where
        T: FromBytes + Immutable + KnownLayout + Unaligned,
    {
        let Some(range) = self.place(kind, index) else { return Ok(&[]) };
        let section = bytes.get(range).unwrap_or_default();
        <[T]>::ref_from_bytes(section).map_err(|_| Error::Damaged("a section has an odd length"))
    }
}

/// Makes header and table consistent again after somebody changed them: for tests and fuzz targets that
/// want damage to be met by the readers of the sections.
pub(crate) fn mend(bytes: &mut [u8]) {
    let length = bytes.len() as u64;
    let Ok((header, rest)) = Header::mut_from_prefix(bytes) else { return };
    header.magic = MAGIC;
    header.version = VERSION.into();
    header.length = length.into();
    let count = usize::try_from(header.sections.get()).unwrap_or(usize::MAX);
    if let Ok((entries, _)) = <[Entry]>::ref_from_prefix_with_elems(rest, count) {
        header.check = check(header, entries);
    }
}

/// Collects sections and writes an image.
#[derive(Default)]
pub(crate) struct Writer {
    sections: Vec<(Kind, u32, Vec<u8>)>,
}

impl Writer {
    /// Adds a section of records; empty ones are left out.
    pub(crate) fn section<T: IntoBytes + Immutable>(&mut self, kind: Kind, index: u32, records: &[T]) {
        self.bytes(kind, index, records.as_bytes().to_vec());
    }

    /// Adds a section that is bytes already: large ones are not copied.
    pub(crate) fn bytes(&mut self, kind: Kind, index: u32, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.sections.push((kind, index, bytes));
        }
    }

    /// Writes the image; each section's memory is free when it is written.
    ///
    /// # Errors
    /// Those of writing.
    #[expect(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "the numbers are sizes of what is in memory, and there are a few thousand sections at most"
    )]
    pub(crate) fn write(self, out: &mut dyn io::Write) -> io::Result<()> {
        let mut offset = size_of::<Header>() + self.sections.len() * size_of::<Entry>();
        let mut entries = Vec::with_capacity(self.sections.len());
        let mut hash = Sha256::new();
        let mut checksum = XxHash3_64::with_seed(0);
        for (kind, index, bytes) in &self.sections {
            entries.push(Entry {
                kind: (*kind as u32).into(),
                index: (*index).into(),
                offset: (offset as u64).into(),
                length: (bytes.len() as u64).into(),
            });
            offset += bytes.len();
            hash.update(bytes);
            checksum.write(bytes);
        }
        let mut header = Header {
            magic: MAGIC,
            version: VERSION.into(),
            sections: (self.sections.len() as u32).into(),
            length: (offset as u64).into(),
            identity: hash.finalize().into(),
            checksum: checksum.finish().into(),
            check: [0; 8],
        };
        header.check = check(&header, &entries);
        out.write_all(header.as_bytes())?;
        out.write_all(entries.as_bytes())?;
        self.sections.into_iter().try_for_each(|(_, _, bytes)| out.write_all(&bytes))
    }
}

fn check(header: &Header, entries: &[Entry]) -> [u8; 8] {
    let mut plain = *header;
    plain.check = [0; 8];
    let digest = Sha256::new().chain_update(plain.as_bytes()).chain_update(entries.as_bytes()).finalize();
    digest.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let mut writer = Writer::default();
        writer.section(Kind::Strings, 0, b"hello");
        writer.section(Kind::Sources, 3, &[le::U32::new(7), le::U32::new(9)]);
        let mut bytes = Vec::new();
        writer.write(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = sample();
        let image = Image::open(&bytes).unwrap();
        image.verify(&bytes).unwrap();
        image.undamaged(&bytes).unwrap();
        assert_eq!(image.records::<u8>(&bytes, Kind::Strings, 0).unwrap(), b"hello");
        let numbers = image.records::<le::U32>(&bytes, Kind::Sources, 3).unwrap();
        assert_eq!(numbers.iter().map(|n| n.get()).collect::<Vec<_>>(), [7, 9]);
        assert!(image.records::<u8>(&bytes, Kind::Anchors, 0).unwrap().is_empty());
        assert!(image.records::<le::U64>(&bytes, Kind::Strings, 0).is_err());
    }

    #[test]
    fn damage_is_refused_with_its_reason() {
        let bytes = sample();
        assert!(matches!(Image::open(b"nonsense"), Err(Error::NotADatabase)));
        assert!(matches!(Image::open(&bytes[..bytes.len() - 1]), Err(Error::Truncated { .. })));
        for place in 0..size_of::<Header>() + 2 * size_of::<Entry>() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 0x10;
            assert!(Image::open(&damaged).is_err(), "byte {place} changed unnoticed");
        }
        let mut damaged = bytes;
        *damaged.last_mut().unwrap() ^= 1;
        let image = Image::open(&damaged).unwrap();
        assert!(image.verify(&damaged).is_err() && image.undamaged(&damaged).is_err());
    }
}
