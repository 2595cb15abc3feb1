//! Sectors and chains of a compound file.
//!
//! Specification: [MS-CFB] 2.2 to 2.5.

use std::io::{self, ErrorKind, Read};

use candor_object::{Content, Reason, Sink, Stop};

use super::entries::Entry;
use crate::fields::{u16_le, u32_le};

/// The end of a chain.
const END: u32 = 0xffff_fffe;
/// No sector: it is not used.
const FREE: u32 = 0xffff_ffff;
/// Numbers from here on are no sectors.
const FIRST_SPECIAL: u32 = 0xffff_fffa;
/// Sectors of the table of chains that the header itself names, and where it does.
const IN_HEADER: usize = 109;
const IN_HEADER_AT: usize = 76;
const MINI_SHIFT: u32 = 6;
/// Streams shorter than this lie in small sectors, whatever the header says.
const MINI_CUTOFF: u64 = 4096;
/// Most sectors of the table of chains: those of a file of 4 GiB.
const MOST_TABLE_SECTORS: usize = 1 << 16;

/// A compound file.
pub(super) struct Compound<'c> {
    content: &'c Content,
    /// Bytes of a sector as a power of two.
    shift: u32,
    /// The sector behind each sector.
    chains: Vec<u32>,
    mini_chains: Vec<u32>,
    /// Where the sectors of the stream of small sectors lie.
    mini: Vec<u32>,
    /// The first sector of the directory.
    directory: u32,
}

impl<'c> Compound<'c> {
    /// Reads header and tables; nothing, with a gap, if they are too broken.
    pub(super) fn open(content: &'c Content, sink: &mut dyn Sink) -> Result<Option<Self>, Stop> {
        let header = content.window(0, 512)?;
        let shift = u16_le(&header, 30).map(u32::from).filter(|shift| matches!(shift, 9 | 12));
        let number = |at: usize| u32_le(&header, at).unwrap_or(END);
        let (Some(shift), true) = (shift, header.len() == 512) else {
            sink.gap(Reason::Damaged, "the header of the compound file");
            return Ok(None);
        };
        let mut compound = Self {
            content,
            shift,
            chains: Vec::new(),
            mini_chains: Vec::new(),
            mini: Vec::new(),
            directory: number(48),
        };
        let mut tables: Vec<u32> = (0..IN_HEADER)
            .map(|place| number(IN_HEADER_AT.saturating_add(place.saturating_mul(4))))
            .collect();
        compound.more_tables(number(68), &mut tables, sink)?;
        let most = compound.most_tables().min(usize::try_from(number(44)).unwrap_or(usize::MAX));
        for table in tables.into_iter().filter(|table| *table < FIRST_SPECIAL).take(most) {
            sink.pulse()?;
            let sector = compound.sector(table)?;
            if sector.is_empty() {
                sink.gap(Reason::Truncated, &format!("sector {table} of the table of chains is not there"));
                break;
            }
            compound.chains.extend(words(&sector));
        }
        // A table in which sectors come twice is longer than what it could speak of.
        let most = usize::try_from(content.size() >> MINI_SHIFT).unwrap_or(usize::MAX);
        for sector in compound.chain(number(60)) {
            sink.pulse()?;
            if compound.mini_chains.len() > most {
                break;
            }
            let sector = compound.sector(sector)?;
            compound.mini_chains.extend(words(&sector));
        }
        Ok(Some(compound))
    }

    /// How many sectors the table of chains of a file of this size can have.
    fn most_tables(&self) -> usize {
        let sectors = self.content.size().checked_shr(self.shift).unwrap_or(0);
        let in_table = 1_u64.checked_shl(self.shift.saturating_sub(2)).unwrap_or(1);
        let tables = sectors.checked_div(in_table).unwrap_or(0).saturating_add(2);
        usize::try_from(tables).unwrap_or(usize::MAX).min(MOST_TABLE_SECTORS)
    }

    /// Sectors that hold further places of the table of chains; the last number of each names the next.
    fn more_tables(&self, first: u32, tables: &mut Vec<u32>, sink: &mut dyn Sink) -> Result<(), Stop> {
        let mut next = first;
        // A chain that runs in a circle ends with the limit.
        while next < FIRST_SPECIAL && tables.len() < MOST_TABLE_SECTORS {
            sink.pulse()?;
            let sector = self.sector(next)?;
            let mut numbers: Vec<u32> = words(&sector).collect();
            next = numbers.pop().unwrap_or(END);
            if numbers.is_empty() {
                sink.gap(Reason::Truncated, "a part of the table of chains is not there");
                break;
            }
            tables.extend(numbers);
        }
        Ok(())
    }

    /// Names the stream of small sectors, which the root entry holds.
    pub(super) fn set_mini_stream(&mut self, start: u32) {
        self.mini = self.chain(start);
    }

    /// The bytes of the directory, at most so many.
    pub(super) fn directory(&self, most: u64, sink: &mut dyn Sink) -> Result<Vec<u8>, Stop> {
        let mut bytes = Vec::new();
        for sector in self.chain(self.directory) {
            sink.pulse()?;
            if bytes.len() as u64 >= most {
                break;
            }
            bytes.extend_from_slice(&self.sector(sector)?);
        }
        Ok(bytes)
    }

    /// The sectors of a chain; one that runs in a circle is cut.
    fn chain(&self, start: u32) -> Vec<u32> {
        let mut sectors = Vec::new();
        let mut next = start;
        // The first is there, even if the table is not.
        while next < FIRST_SPECIAL && sectors.len() < self.chains.len().max(1) {
            sectors.push(next);
            next = self.chains.get(next as usize).copied().unwrap_or(END);
        }
        sectors
    }

    fn sector(&self, number: u32) -> io::Result<std::borrow::Cow<'c, [u8]>> {
        let size = 1_usize.checked_shl(self.shift).unwrap_or(512);
        self.content.window(self.offset(number), size)
    }

    /// Where a sector begins: the first is behind the header, which takes a sector.
    fn offset(&self, number: u32) -> u64 {
        u64::from(number).saturating_add(1).checked_shl(self.shift).unwrap_or(u64::MAX)
    }

    /// Where a stream would lie if its sectors were in a row; nothing for small ones.
    pub(super) fn in_a_row(&self, entry: &Entry) -> Option<Content> {
        let whole = entry.size >= MINI_CUTOFF && entry.start < FIRST_SPECIAL;
        whole.then(|| self.content.range(self.offset(entry.start), entry.size))
    }

    /// Reads the directory from another sector on.
    pub(super) fn set_directory(&mut self, sector: u32) {
        self.directory = sector;
    }

    /// The content of the file, and for each sector where it begins and whether it is used.
    pub(super) fn sectors(&self) -> (&'c Content, impl Iterator<Item = (u64, bool)>) {
        let used = self.chains.iter().map(|next| *next != FREE);
        (self.content, (0..=u32::MAX).zip(used).map(|(number, used)| (self.offset(number), used)))
    }

    /// Bytes of a sector.
    pub(super) fn sector_size(&self) -> u64 {
        1_u64.checked_shl(self.shift).unwrap_or(512)
    }

    /// Whether sectors hold 4096 bytes, which they do from version 4 on.
    pub(super) fn is_version_4(&self) -> bool {
        self.shift == 12
    }

    /// The bytes of a stream.
    pub(super) fn stream(&self, entry: &Entry) -> Stream<'_> {
        let small = entry.size < MINI_CUTOFF;
        let chains = if small { &self.mini_chains } else { &self.chains };
        Stream {
            compound: self,
            small,
            next: entry.start,
            left: entry.size,
            in_sector: 0,
            steps: chains.len(),
            broken: false,
        }
    }

    /// Where a sector of a stream lies, and its size.
    fn place(&self, small: bool, number: u32) -> Option<(u64, u64)> {
        if !small {
            return Some((self.offset(number), 1_u64.checked_shl(self.shift)?));
        }
        let at = u64::from(number).checked_shl(MINI_SHIFT)?;
        let sector = self.mini.get(usize::try_from(at.checked_shr(self.shift)?).ok()?)?;
        let within = at & 1_u64.checked_shl(self.shift)?.saturating_sub(1);
        Some((self.offset(*sector).saturating_add(within), 1 << MINI_SHIFT))
    }
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word))
}

/// Reads a stream, sector after sector.
pub(super) struct Stream<'c> {
    compound: &'c Compound<'c>,
    small: bool,
    next: u32,
    left: u64,
    /// Bytes of the sector that were read.
    in_sector: u64,
    /// Sectors that a chain may still have: one with more runs in a circle.
    steps: usize,
    /// Whether it ended too early, by the fault of its chain.
    pub(super) broken: bool,
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_sector(buffer).inspect_err(|_| self.broken = true)
    }
}

impl Stream<'_> {
    /// Reads within a sector.
    fn read_sector(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let broken = |kind, what: &str| io::Error::new(kind, what.to_owned());
        if self.next >= FIRST_SPECIAL {
            return Err(broken(ErrorKind::UnexpectedEof, "the chain of sectors ends before the stream"));
        }
        let Some((offset, size)) = self.compound.place(self.small, self.next) else {
            return Err(broken(ErrorKind::InvalidData, "a sector of the stream is not there"));
        };
        let most = size.saturating_sub(self.in_sector).min(self.left);
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(buffer.len());
        let target = buffer.get_mut(..most).unwrap_or_default();
        let count = self.compound.content.read_at(offset.saturating_add(self.in_sector), target)?;
        if count == 0 {
            return Err(broken(ErrorKind::UnexpectedEof, "a sector of the stream is behind the end"));
        }
        self.in_sector = self.in_sector.saturating_add(count as u64);
        self.left = self.left.saturating_sub(count as u64);
        if self.in_sector >= size {
            self.in_sector = 0;
            self.steps = self.steps.saturating_sub(1);
            if self.steps == 0 && self.left > 0 {
                self.left = 0;
                return Err(broken(ErrorKind::InvalidData, "the chain of sectors runs in a circle"));
            }
            let chains = if self.small { &self.compound.mini_chains } else { &self.compound.chains };
            self.next = chains.get(self.next as usize).copied().unwrap_or(END);
        }
        Ok(count)
    }
}
