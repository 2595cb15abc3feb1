//! Magic of signature files: bytes at fixed offsets that say what content is.

use std::collections::BTreeMap;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, little_endian as le};

use crate::image::{Kind, Writer};
use crate::strings::{Strings, Text};
use crate::{Database, Error};

/// Bytes at the start of content that magic may look at, as in ClamAV.
pub const MAGIC_HEAD: usize = 1024;
/// Most lines of magic in a database: in the worst case all of them are compared with each object.
pub const MAX_MAGIC: usize = 4096;

/// A line of magic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MagicSignature<'a> {
    /// Where the bytes are.
    pub offset: u32,
    /// The bytes; at least one, and none beyond [`MAGIC_HEAD`].
    pub bytes: Vec<u8>,
    /// The type that content with them has. Others, which are as good, follow behind commas.
    pub file_type: &'a str,
}

/// The same as a record of the image; records are sorted by offset and first byte.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct MagicRecord {
    offset: le::U32,
    first: u8,
    bytes: Text,
    file_type: Text,
    /// The place among the lines: of several that fit, the last counts.
    turn: le::U32,
}

impl MagicRecord {
    fn key(&self) -> (u32, u8) {
        (self.offset.get(), self.first)
    }
}

/// Collects magic.
#[derive(Default)]
pub(crate) struct Compiler {
    records: Vec<MagicRecord>,
    types: BTreeMap<String, Text>,
}

impl Compiler {
    /// Adds a line; whether it can be used and there was room for it.
    pub(crate) fn add(&mut self, signature: &MagicSignature<'_>, strings: &mut Strings) -> bool {
        let MagicSignature { offset, bytes, file_type } = signature;
        let end = usize::try_from(*offset).ok().and_then(|offset| offset.checked_add(bytes.len()));
        let Some(first) = bytes.first().filter(|_| end.is_some_and(|end| end <= MAGIC_HEAD)) else {
            return false;
        };
        let Ok(turn) = u32::try_from(self.records.len()) else { return false };
        if self.records.len() >= MAX_MAGIC {
            return false;
        }
        let known = self.types.entry((*file_type).to_owned());
        let file_type = *known.or_insert_with(|| strings.add(file_type));
        self.records.push(MagicRecord {
            offset: (*offset).into(),
            first: *first,
            bytes: strings.add_bytes(bytes),
            file_type,
            turn: turn.into(),
        });
        true
    }

    /// Writes the section.
    pub(crate) fn finish(mut self, writer: &mut Writer) {
        self.records.sort_by_key(MagicRecord::key);
        writer.section(Kind::Magic, 0, &self.records);
    }
}

/// The types of what begins so: the last line that fits says them.
///
/// # Errors
/// [`Error::Damaged`].
pub(crate) fn types<'d>(
    database: &'d Database,
    records: &[MagicRecord],
    head: &[u8],
) -> Result<Option<&'d str>, Error> {
    let head = head.get(..MAGIC_HEAD).unwrap_or(head);
    let mut best: Option<&MagicRecord> = None;
    let mut rest = records;
    while let Some(record) = rest.first() {
        let offset = record.offset.get();
        let (here, after) = rest.split_at(rest.partition_point(|record| record.offset.get() <= offset));
        rest = after;
        let at = usize::try_from(offset).ok().and_then(|offset| head.get(offset..)).unwrap_or_default();
        let Some(first) = at.first() else { break };
        let from = here.partition_point(|record| record.first < *first);
        for record in here.get(from..).unwrap_or_default() {
            if record.first != *first {
                break;
            }
            let bytes = database.bytes(record.bytes).filter(|bytes| !bytes.is_empty());
            let bytes = bytes.ok_or(Error::Damaged("magic lies outside the file"))?;
            if at.starts_with(bytes) && best.is_none_or(|best| best.turn.get() < record.turn.get()) {
                best = Some(record);
            }
        }
    }
    Ok(best.map(|record| database.text(record.file_type)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn database(lines: &[(u32, &[u8], &str)]) -> Database {
        let mut compiler = crate::Compiler::default();
        for (offset, bytes, file_type) in lines {
            let signature = MagicSignature { offset: *offset, bytes: bytes.to_vec(), file_type };
            assert!(compiler.magic(&signature));
        }
        Database::from_vec(compiler.finish()).unwrap()
    }

    #[test]
    fn the_last_line_counts() {
        let lines: &[(u32, &[u8], &str)] =
            &[(0, b"PK\x03\x04", "pdf"), (0, b"PK", "pe,dos-exe"), (4, b"abc", "tar"), (4, b"abd", "gzip")];
        let database = database(lines);
        let of = |head: &[u8]| database.magic(head).unwrap();
        assert_eq!(of(b"PK\x03\x04"), Some("pe,dos-exe"));
        assert_eq!(of(b"PK\x03\x04abc"), Some("tar"));
        assert_eq!(of(b"xxxxabd"), Some("gzip"));
        assert_eq!(of(b"xxxxabe"), None);
        assert_eq!(of(b"P"), None);
        assert_eq!(of(b""), None);
    }

    #[test]
    fn what_reaches_beyond_the_head_is_refused() {
        let mut compiler = crate::Compiler::default();
        let mut add = |offset, bytes: &[u8]| {
            compiler.magic(&MagicSignature { offset, bytes: bytes.to_vec(), file_type: "zip" })
        };
        assert!(add(1020, b"ABCD"));
        assert!(!add(1021, b"ABCD") && !add(0, b"") && !add(u32::MAX, b"A"));
        assert_eq!((0..=MAX_MAGIC).filter(|_| add(0, b"A")).count(), MAX_MAGIC - 1);
    }

    proptest! {
        /// The index finds what comparing every line finds.
        #[test]
        fn the_index_misses_nothing(
            lines in proptest::collection::vec((0_u32..6, proptest::collection::vec(0_u8..3, 1..4)), 0..40),
            head in proptest::collection::vec(0_u8..3, 0..10),
        ) {
            let names: Vec<String> = (0..lines.len()).map(|number| number.to_string()).collect();
            let all: Vec<(u32, &[u8], &str)> =
                lines.iter().zip(&names).map(|((offset, bytes), name)| (*offset, &bytes[..], &name[..])).collect();
            let fits = |(offset, bytes, _): &&(u32, &[u8], &str)| {
                head.get(*offset as usize..).is_some_and(|rest| rest.starts_with(bytes))
            };
            let expected = all.iter().rfind(fits).map(|(_, _, name)| *name);
            let database = database(&all);
            prop_assert_eq!(database.magic(&head).unwrap(), expected);
        }
    }
}
