//! Streams of compound files (OLE2) by their names: what a reader needs that looks at several of them together.
//!
//! Specification: [MS-CFB](https://learn.microsoft.com/openspecs/windows_protocols/ms-cfb). A chain of sectors that
//! leads in a circle ends where it would be longer than the file.

use candor_object::Content;

use crate::fields::{u16_le, u32_le};
use crate::{Error, Subject};

const MAGIC: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// Sectors of the table of sectors that the header names.
const IN_HEADER: usize = 109;
/// Most sectors of the table of sectors: 2 GB of file.
const MOST_TABLES: usize = 32 << 10;
/// Most bytes of the directory.
const MOST_DIRECTORY: usize = 2 << 20;
/// The last sector names that are sectors.
const LAST: u32 = 0xffff_fffa;

/// A compound file.
pub(super) struct Compound<'s> {
    content: &'s Content,
    /// Sizes of a sector and of a small one, in bytes.
    sectors: (usize, usize),
    /// From a sector to the next.
    table: Vec<u32>,
    small_table: Vec<u32>,
    /// Where small streams lie.
    small: Vec<u8>,
    threshold: u64,
    entries: Vec<Entry>,
}

struct Entry {
    name: Vec<u16>,
    start: u32,
    size: u64,
}

/// Whether content begins like a compound file.
pub(super) fn is_compound(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

impl<'s> Compound<'s> {
    /// Opens a compound file of which no stream is longer than wanted.
    pub(super) fn open(subject: &'s Subject<'_>, most_small: usize) -> Result<Self, Error> {
        let header = subject.head;
        let field = |at| u32_le(header, at).ok_or_else(|| broken("its header"));
        let shifts = (u16_le(header, 30).unwrap_or(0), u16_le(header, 32).unwrap_or(0));
        if !matches!(shifts, (9 | 12, 6)) {
            return Err(broken("sizes of sectors"));
        }
        let mut compound = Self {
            content: subject.content(),
            sectors: (1 << shifts.0, 1 << shifts.1),
            table: Vec::new(),
            small_table: Vec::new(),
            small: Vec::new(),
            threshold: field(56)?.into(),
            entries: Vec::new(),
        };
        compound.read_table(subject, header, field(68)?)?;
        let directory = compound.chain(field(48)?, MOST_DIRECTORY)?;
        subject.time_left()?;
        compound.entries = directory.as_chunks::<128>().0.iter().filter_map(entry).collect();
        let small = compound.chain(field(60)?, compound.table.len().saturating_mul(4).min(MOST_DIRECTORY))?;
        compound.small_table = numbers(&small);
        let root = directory.as_chunks::<128>().0.first().and_then(entry);
        if let Some(root) = root {
            compound.small = compound.chain(root.start, most_small)?;
        }
        Ok(compound)
    }

    /// The content of a stream, at most so many bytes.
    pub(super) fn stream(
        &self,
        wanted: impl Fn(&[u16]) -> bool,
        most: usize,
    ) -> Result<Option<Vec<u8>>, Error> {
        let Some(entry) = self.entries.iter().find(|entry| wanted(&entry.name)) else { return Ok(None) };
        let size = usize::try_from(entry.size).unwrap_or(usize::MAX).min(most);
        let mut bytes = if entry.size < self.threshold {
            self.small_chain(entry.start, size)
        } else {
            self.chain(entry.start, size)?
        };
        bytes.truncate(size);
        Ok(Some(bytes))
    }

    /// Reads the table of sectors: its first sectors are named in the header, the others in a chain.
    fn read_table(&mut self, subject: &Subject<'_>, header: &[u8], mut more: u32) -> Result<(), Error> {
        let named = header.get(76..76 + IN_HEADER * 4).ok_or_else(|| broken("its header"))?;
        let mut sectors = numbers(named);
        while more < LAST && sectors.len() < MOST_TABLES {
            subject.time_left()?;
            let mut list = numbers(&self.sector(more)?);
            more = list.pop().unwrap_or(LAST);
            if list.is_empty() {
                break;
            }
            sectors.append(&mut list);
        }
        sectors.truncate(MOST_TABLES);
        // The same sector may be named again and again.
        let size = self.sectors.0 as u64;
        let most =
            usize::try_from(self.content.size() / size).unwrap_or(usize::MAX).saturating_add(self.sectors.0);
        for sector in sectors.into_iter().filter(|sector| *sector < LAST) {
            // A file of which the end is missing names sectors that are not there.
            let list = numbers(&self.sector(sector)?);
            if list.is_empty() || self.table.len() > most {
                break;
            }
            self.table.extend(list);
        }
        Ok(())
    }

    fn sector(&self, number: u32) -> Result<Vec<u8>, Error> {
        let at = u64::from(number).saturating_add(1).saturating_mul(self.sectors.0 as u64);
        Ok(self.content.window(at, self.sectors.0)?.into_owned())
    }

    /// The bytes of the sectors of a chain.
    fn chain(&self, start: u32, most: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let mut sector = start;
        while sector < LAST && bytes.len() < most {
            let part = self.sector(sector)?;
            if part.is_empty() {
                break;
            }
            bytes.extend(part);
            sector = self.table.get(sector as usize).copied().unwrap_or(LAST);
        }
        Ok(bytes)
    }

    fn small_chain(&self, start: u32, most: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut sector = start;
        while sector < LAST && bytes.len() < most {
            let at = (sector as usize).saturating_mul(self.sectors.1);
            let Some(part) = self.small.get(at..at.saturating_add(self.sectors.1)) else { break };
            bytes.extend_from_slice(part);
            sector = self.small_table.get(sector as usize).copied().unwrap_or(LAST);
        }
        bytes
    }
}

fn entry(bytes: &[u8; 128]) -> Option<Entry> {
    let units = usize::from(u16_le(bytes, 64)?).saturating_sub(2).min(62) / 2;
    let name = bytes.as_chunks::<2>().0.iter().take(units).map(|unit| u16::from_le_bytes(*unit)).collect();
    // Older programs leave nonsense in the upper half of the size; no stream of interest needs it.
    Some(Entry { name, start: u32_le(bytes, 116)?, size: u32_le(bytes, 120)?.into() })
}

fn numbers(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks::<4>().0.iter().map(|number| u32::from_le_bytes(*number)).collect()
}

fn broken(what: &str) -> Error {
    Error::Damaged(format!("the compound file is damaged: {what}"))
}
