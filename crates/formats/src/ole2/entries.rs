//! The directory of a compound file.
//!
//! Specification: [MS-CFB] 2.6. Entries that no storage leads to are handed over as well: programs that recover
//! documents read them, and nothing may hide there.

use candor_object::{Limit, Reason, Sink, Stop};

use super::compound::Compound;
use super::unused;
use crate::fields::{array, u16_le, u32_le, u64_le};

/// Bytes of an entry.
const SIZE: usize = 128;
/// Most entries that are read.
const MOST: usize = 64 << 10;
/// Longest path of an entry in bytes.
const LONGEST_PATH: usize = 1024;

const STORAGE: u8 = 1;
const STREAM: u8 = 2;
const ROOT: u8 = 5;

/// A stream or a storage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its name and those of the storages around it, with slashes between them.
    pub(super) path: String,
    kind: u8,
    /// Its first sector.
    pub(super) start: u32,
    /// Its size in bytes.
    pub(super) size: u64,
    left: u32,
    right: u32,
    child: u32,
}

impl Entry {
    pub(super) fn is_stream(&self) -> bool {
        self.kind == STREAM
    }

    /// Its name without those of storages.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// Reads all entries, in their order, with their paths; notes gaps for what is broken.
pub(super) fn read(compound: &mut Compound<'_>, sink: &mut dyn Sink) -> Result<Vec<Entry>, Stop> {
    let most = (MOST.saturating_mul(SIZE)) as u64;
    let mut bytes = compound.directory(most.saturating_add(1), sink)?;
    if !is_root(&bytes)
        && let Some(sector) = unused::find_directory(compound, sink)?
    {
        sink.gap(
            Reason::Damaged,
            &format!("the directory is not where the header says, but at sector {sector}"),
        );
        compound.set_directory(sector);
        bytes = compound.directory(most.saturating_add(1), sink)?;
    }
    if bytes.len() as u64 > most {
        sink.gap(Reason::Limit(Limit::Objects), "the compound file has too many entries");
    }
    let mut entries: Vec<Entry> =
        bytes.as_chunks::<SIZE>().0.iter().take(MOST).map(|entry| parse(entry, compound)).collect();
    if entries.first().is_none_or(|root| root.kind != ROOT) {
        sink.gap(Reason::Damaged, "the compound file has no root entry");
    }
    name_by_storages(&mut entries, sink)?;
    Ok(entries)
}

/// Whether a directory begins here.
pub(super) fn is_root(bytes: &[u8]) -> bool {
    bytes.get(66) == Some(&ROOT) && u16_le(bytes, 64).is_some_and(|size| size <= 64)
}

fn parse(bytes: &[u8; SIZE], compound: &Compound<'_>) -> Entry {
    let units = u16_le(bytes, 64).map_or(0, usize::from).saturating_sub(2).min(62) / 2;
    let name = bytes.as_chunks::<2>().0.iter().take(units).map(|unit| u16::from_le_bytes(*unit));
    let name: String =
        char::decode_utf16(name).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    let number = |at: usize| u32_le(bytes, at).unwrap_or(u32::MAX);
    // Older programs leave nonsense in the upper half.
    let size = if compound.is_version_4() { u64_le(bytes, 120).unwrap_or(0) } else { number(120).into() };
    Entry {
        path: name,
        kind: array::<1>(bytes, 66).map_or(0, |[kind]| kind),
        start: number(116),
        size,
        left: number(68),
        right: number(72),
        child: number(76),
    }
}

/// Puts the names of storages before those of what is in them. Each entry is met once, so that no circle goes on.
fn name_by_storages(entries: &mut [Entry], sink: &mut dyn Sink) -> Result<(), Stop> {
    let mut met = vec![false; entries.len()];
    let first = entries.first().map_or(u32::MAX, |root| root.child);
    let mut open = vec![(first, String::new())];
    while let Some((number, around)) = open.pop() {
        sink.pulse()?;
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        let Some(entry) = entries.get_mut(place).filter(|entry| matches!(entry.kind, STORAGE | STREAM))
        else {
            continue;
        };
        if met.get_mut(place).is_none_or(|met| std::mem::replace(met, true)) {
            continue;
        }
        if !around.is_empty() && around.len().saturating_add(entry.path.len()) < LONGEST_PATH {
            entry.path = format!("{around}/{}", entry.path);
        }
        if entry.kind == STORAGE {
            open.push((entry.child, entry.path.clone()));
        }
        open.push((entry.left, around.clone()));
        open.push((entry.right, around));
    }
    Ok(())
}
