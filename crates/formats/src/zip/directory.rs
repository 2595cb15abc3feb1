//! Where the central directories of a zip are, and which local header each of their entries means.
//!
//! Specification: APPNOTE.TXT 6.3.10, sections 4.3.12 to 4.3.16. Readers differ in which end record they take
//! (the last, the one whose comment fits), in whether zip64 values override, and in whether offsets count from
//! the start of the file or of the archive. Everything that any of them could mean is taken.

use std::io;

use candor_object::{Content, Limit, Reason, Stop};
use memchr::memmem;

use super::header::{CENTRAL, Claims, LOCAL};
use super::notes::Notes;
use super::scan;
use crate::fields::{u16_le, u32_le, u64_le};

/// Signature of the end record.
pub(super) const END: &[u8; 4] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const END_64_LOCATOR: &[u8] = b"PK\x06\x07";
/// Where end records are looked for. A comment is at most 64 KiB long, but junk may follow it.
const END_WINDOW: usize = 1 << 20;
const MAX_ENDS: usize = 64;
/// Directories that are walked; real archives have one.
const MAX_WALKS: usize = 8;
/// Entries that are kept, at 16 bytes each. Further members are still found by their local headers.
const MAX_ENTRIES: usize = 4 << 20;

/// An entry of a central directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// Offset of the local header.
    pub(super) header: u64,
    /// Offset of the central header.
    pub(super) central: u64,
}

/// All central directories.
#[derive(Debug, Default)]
pub(super) struct Directory {
    /// Entries whose local header is where they say, in the order of the local headers.
    pub(super) entries: Vec<Entry>,
    /// Entries without a local header where they say it is.
    pub(super) lost: Vec<Entry>,
    /// Where the directories lie: start and end, in order.
    pub(super) ranges: Vec<(u64, u64)>,
}

/// Where one end record says that a directory is.
struct Pointer {
    /// Offset of the end record.
    record: u64,
    size: u64,
    offset: u64,
    count: u64,
    disk: u32,
    directory_disk: u32,
    /// Whether the content ends where the record says; the others are believed less.
    last: bool,
}

/// How the offsets in a directory are to be understood.
enum Base {
    /// They count from this offset, which is negative if the start of the archive is missing.
    At(i64),
    /// Nobody knows; entries are believed only where the names agree, here or from the first local header on.
    Unknown(u64),
}

impl Directory {
    /// Finds and walks the directories.
    pub(super) fn find(content: &Content, notes: &mut Notes<'_>) -> Result<Self, Stop> {
        let mut directory = Self::default();
        let mut empty = false;
        for pointer in pointers(content)? {
            notes.sink.pulse()?;
            empty |= pointer.record == 0 && pointer.size == 0;
            if pointer.last && (pointer.disk != 0 || pointer.directory_disk != 0) {
                let detail = format!(
                    "part {} of an archive whose directory is on part {}: the other parts are other files",
                    pointer.disk, pointer.directory_disk
                );
                notes.gap(Reason::Truncated, &detail);
            }
            directory.follow(content, &pointer, notes)?;
        }
        if directory.ranges.is_empty() && !empty {
            directory.search(content, notes)?;
        }
        for entries in [&mut directory.entries, &mut directory.lost] {
            entries.sort_unstable();
            entries.dedup();
        }
        directory.ranges.sort_unstable();
        Ok(directory)
    }

    /// Walks the directory that an end record points to, wherever it really is.
    fn follow(&mut self, content: &Content, pointer: &Pointer, notes: &mut Notes<'_>) -> Result<(), Stop> {
        let before = pointer.record.checked_sub(pointer.size);
        for start in before.into_iter().chain([pointer.offset]) {
            if self.ranges.iter().any(|(known, _)| *known == start) {
                return Ok(());
            }
            if self.ranges.len() >= MAX_WALKS || content.window(start, 4)?.as_ref() != CENTRAL {
                continue;
            }
            let (start_signed, offset) = (i64::try_from(start), i64::try_from(pointer.offset));
            let (Ok(start_signed), Ok(offset)) = (start_signed, offset) else {
                continue;
            };
            let base = start_signed.saturating_sub(offset);
            let (count, end) = self.walk(content, start, &Base::At(base), notes)?;
            if count & 0xffff != pointer.count & 0xffff {
                let detail = format!("end record counts {} entries, there are {count}", pointer.count);
                notes.anomaly("zip-entry-count", &detail);
            }
            if end > pointer.record {
                let detail = format!("directory at offset {start} reaches over its end record");
                notes.anomaly("zip-directory-place", &detail);
            } else if base != 0 && before != Some(start) {
                notes.anomaly("zip-directory-place", &format!("directory at offset {start}"));
            }
            return Ok(());
        }
        Ok(())
    }

    /// Walks every directory that can be found by its signature.
    fn search(&mut self, content: &Content, notes: &mut Notes<'_>) -> Result<(), Stop> {
        let first = scan::find(content, 0, u64::MAX, LOCAL, notes.sink)?.unwrap_or(0);
        let mut from = 0;
        while let Some(start) = scan::find(content, from, u64::MAX, CENTRAL, notes.sink)? {
            let (_, end) = self.walk(content, start, &Base::Unknown(first), notes)?;
            from = end.max(start.saturating_add(4));
        }
        if !self.entries.is_empty() {
            notes.anomaly("zip-directory-place", "no end record points to the central directory");
        }
        Ok(())
    }

    /// Takes entries from `start` on until there is no further one; returns their number and the end.
    fn walk(
        &mut self,
        content: &Content,
        start: u64,
        base: &Base,
        notes: &mut Notes<'_>,
    ) -> Result<(u64, u64), Stop> {
        let (mut at, mut count) = (start, 0_u64);
        while let Some(claims) = Claims::central(content, at)? {
            notes.sink.pulse()?;
            if self.entries.len().saturating_add(self.lost.len()) >= MAX_ENTRIES {
                let detail = format!("central directory: entries from offset {at} on were not followed");
                notes.gap(Reason::Limit(Limit::Objects), &detail);
                break;
            }
            let (header, found) = resolve(content, &claims, base)?;
            let entry = Entry { header, central: at };
            match base {
                _ if found => self.entries.push(entry),
                Base::At(_) => self.lost.push(entry),
                Base::Unknown(_) => {}
            }
            count = count.saturating_add(1);
            at = at.saturating_add(claims.length);
        }
        let at = at.min(content.size());
        // Directories that were found by search may be as many as there are signatures; only the first are kept.
        if matches!(base, Base::At(_)) || self.ranges.len() < 1 << 16 {
            self.ranges.push((start, at));
        }
        Ok((count, at))
    }
}

/// Where the local header of a central entry is, and whether there is one.
fn resolve(content: &Content, claims: &Claims, base: &Base) -> io::Result<(u64, bool)> {
    let (bases, by_name) = match base {
        Base::At(base) => ([*base, 0], false),
        Base::Unknown(first) => ([0, i64::try_from(*first).unwrap_or(0)], true),
    };
    let mut best = None;
    let start_missing = bases.first().is_some_and(|base| *base < 0);
    for base in bases {
        let Some(header) = claims.offset.checked_add_signed(base) else {
            continue;
        };
        if content.window(header, 4)?.as_ref() != LOCAL {
            continue;
        }
        let Some(local) = Claims::local(content, header)? else {
            continue;
        };
        if local.name == claims.name {
            return Ok((header, true));
        }
        if !by_name && !start_missing {
            best = best.or(Some(header));
        }
    }
    let guess = match base {
        Base::At(base) => claims.offset.checked_add_signed(*base).unwrap_or(claims.offset),
        Base::Unknown(_) => claims.offset,
    };
    Ok((best.unwrap_or(guess), best.is_some()))
}

/// What the end records point to, the last record first.
fn pointers(content: &Content) -> io::Result<Vec<Pointer>> {
    let from = content.size().saturating_sub(END_WINDOW as u64);
    let window = content.window(from, END_WINDOW)?;
    let mut pointers = Vec::new();
    for place in memmem::rfind_iter(&window, END).take(MAX_ENDS) {
        let record = from.saturating_add(place as u64);
        pointers.extend(pointers_64(content, record)?);
        pointers.extend(pointer(window.get(place..).unwrap_or_default(), record));
    }
    Ok(pointers)
}

fn pointer(bytes: &[u8], record: u64) -> Option<Pointer> {
    // Disk numbers are not meant where zip64 says them, nor where the whole record is wiped with 0xff.
    let disk =
        |offset| Some(u32::from(u16_le(bytes, offset)?)).map(|disk| if disk == 0xffff { 0 } else { disk });
    Some(Pointer {
        record,
        disk: disk(4)?,
        directory_disk: disk(6)?,
        count: u16_le(bytes, 10)?.into(),
        size: u32_le(bytes, 12)?.into(),
        offset: u32_le(bytes, 16)?.into(),
        last: bytes.len() == usize::from(u16_le(bytes, 20)?).checked_add(22)?,
    })
}

/// The zip64 end records that belong to the end record at `record`.
fn pointers_64(content: &Content, record: u64) -> io::Result<Vec<Pointer>> {
    let Some(place) = record.checked_sub(20) else {
        return Ok(Vec::new());
    };
    let locator = content.window(place, 20)?;
    if !locator.starts_with(END_64_LOCATOR) {
        return Ok(Vec::new());
    }
    let mut pointers = Vec::new();
    let mut places: Vec<u64> = place.checked_sub(56).into_iter().chain(u64_le(&locator, 8)).collect();
    places.dedup();
    for record in places {
        let bytes = content.window(record, 56)?;
        if bytes.starts_with(END_64) {
            pointers.extend((|| {
                Some(Pointer {
                    record,
                    disk: u32_le(&bytes, 16)?,
                    directory_disk: u32_le(&bytes, 20)?,
                    count: u64_le(&bytes, 32)?,
                    size: u64_le(&bytes, 40)?,
                    offset: u64_le(&bytes, 48)?,
                    last: false,
                })
            })());
        }
    }
    Ok(pointers)
}
