//! UDF, alone or beside ISO 9660.
//!
//! Specification: ECMA-167, <https://ecma-international.org/publications-and-standards/standards/ecma-167/>, and OSTA's
//! UDF 2.60, <http://www.osta.org/specs/pdf/udf260.pdf>.
//!
//! Deleted files are handed over as far as their entries are still there. Virtual partitions (discs written in packets)
//! are a gap.

use std::io;

use candor_object::{Content, FileType, Flow, Reason, Sink, Stop};

use super::pieces::Pieces;
use super::usize_of;
use super::walk::{Folder, Walk};
use crate::fields::{u16_be, u16_le, u32_le, u64_le};
use crate::{Format, Glimpse};

/// Descriptors of a volume that are read.
const MOST_DESCRIPTORS: u64 = 256;
/// Largest folder that is read.
const LARGEST_FOLDER: u64 = 64 << 20;
/// Blocks of allocations of one file.
const MOST_ALLOCATIONS: u32 = 4096;

const DIRECTORY: u8 = 2;
const DELETED: u8 = 4;
const PARENT: u8 = 8;

/// The UDF format.
pub(crate) struct Udf;

impl Format for Udf {
    fn file_type(&self) -> FileType {
        FileType::new("udf")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        [1_usize, 2]
            .iter()
            .flat_map(|step| {
                (16..20_usize).map(move |sector| sector.saturating_mul(2048).saturating_mul(*step))
            })
            .any(|start| glimpse.deep.get(start..).is_some_and(is_nsr))
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut walk = Walk::new(content, sink);
        open_volume(content, &mut walk)?;
        walk.finish(content.size())
    }
}

fn is_nsr(sector: &[u8]) -> bool {
    matches!(sector.get(1..6), Some(b"NSR02" | b"NSR03"))
}

/// Whether the descriptors of ISO 9660 are followed by one that says that UDF is there.
pub(super) fn is_there(content: &Content) -> io::Result<bool> {
    for sector in 16..64_u64 {
        let window = content.window(sector.saturating_mul(2048), 8)?;
        if is_nsr(&window) {
            return Ok(true);
        }
        if window.get(1..6).is_none_or(|sign| sign == [0; 5]) {
            return Ok(false);
        }
    }
    Ok(false)
}

/// How blocks of a partition are found.
#[derive(Debug)]
enum Map {
    /// One after the other, from a block of the disk on.
    Plain(u64),
    /// In a file that holds all folders and entries.
    Metadata(Content),
    /// In a way that is not read.
    Unknown,
}

#[derive(Clone, Copy, Debug)]
struct Address {
    block: u64,
    partition: usize,
}

impl Address {
    /// The `long_ad` at an offset.
    fn long(bytes: &[u8], offset: usize) -> Option<Self> {
        let bytes = bytes.get(offset..)?;
        Some(Self { block: u64::from(u32_le(bytes, 4)?), partition: usize::from(u16_le(bytes, 8)?) })
    }
}

struct Volume<'a> {
    content: &'a Content,
    block: u64,
    maps: Vec<Map>,
}

fn tag(bytes: &[u8]) -> Option<u16> {
    u16_le(bytes, 0)
}

/// Walks the volume.
pub(super) fn open_volume(content: &Content, walk: &mut Walk<'_>) -> Flow {
    let Some((block, anchor)) = anchor(content)? else {
        walk.gap(Reason::Damaged, "no anchor of a udf volume");
        return Ok(());
    };
    // The second sequence is a copy for when the first is damaged.
    for place in [16_usize, 24] {
        let (Some(size), Some(start)) = (u32_le(&anchor, place), u32_le(&anchor, place.saturating_add(4)))
        else {
            continue;
        };
        let found = volume(content, block, (u64::from(start), u64::from(size)), walk)?;
        let Some((volume, set)) = found else { continue };
        let window = volume.read(set, 512)?;
        let root = (tag(&window) == Some(256)).then(|| Address::long(&window, 400)).flatten();
        let Some(root) = root else {
            walk.gap(Reason::Damaged, "no set of files in the udf volume");
            continue;
        };
        return volume.walk(root, walk);
    }
    walk.gap(Reason::Damaged, "no udf volume that can be read");
    Ok(())
}

/// The size of a block, and the anchor.
fn anchor(content: &Content) -> io::Result<Option<(u64, Vec<u8>)>> {
    for block in [2048_u64, 512, 4096, 1024] {
        let blocks = content.size().checked_div(block).unwrap_or(0);
        for place in [256, blocks.saturating_sub(1), blocks.saturating_sub(257), 512] {
            let window = content.window(place.saturating_mul(block), 512)?;
            if tag(&window) == Some(2) && u32_le(&window, 12).is_some_and(|at| u64::from(at) == place) {
                return Ok(Some((block, window.into_owned())));
            }
        }
    }
    Ok(None)
}

type Found<'a> = Option<(Volume<'a>, Address)>;

fn volume<'a>(
    content: &'a Content,
    block: u64,
    (start, size): (u64, u64),
    walk: &mut Walk<'_>,
) -> io::Result<Found<'a>> {
    let mut partitions: Vec<(u16, u64)> = Vec::new();
    let mut logical = None;
    for index in 0..size.checked_div(block).unwrap_or(0).min(MOST_DESCRIPTORS) {
        let offset = start.saturating_add(index).saturating_mul(block);
        let window = content.window(offset, usize_of(block))?;
        walk.cover(offset, block);
        match tag(&window) {
            Some(5) => partitions.extend(u16_le(&window, 22).zip(u32_le(&window, 188).map(u64::from))),
            Some(6) => logical = Some(window.into_owned()),
            Some(8) | None => break,
            _ => {}
        }
    }
    let Some(logical) = logical else { return Ok(None) };
    let Some(set) = Address::long(&logical, 248) else { return Ok(None) };
    let block =
        u32_le(&logical, 212).map(u64::from).filter(|size| matches!(size, 512..=32768)).unwrap_or(block);
    let mut volume = Volume { content, block, maps: Vec::new() };
    let mut rest = logical.get(440..).unwrap_or_default();
    let count = u32_le(&logical, 268).unwrap_or(0).min(16);
    for _ in 0..count {
        let size = rest.get(1).copied().map_or(0, usize::from);
        let Some((map, behind)) = rest.split_at_checked(size).filter(|_| size >= 6) else { break };
        rest = behind;
        let kind = map.get(5..28).unwrap_or_default();
        let number = u16_le(map, if size == 6 { 4 } else { 38 });
        let partition =
            partitions.iter().find(|(one, _)| Some(*one) == number).or_else(|| partitions.first());
        let first = partition.map_or(0, |(_, first)| *first);
        let map = if map.first() == Some(&1) || kind.starts_with(b"*UDF Sparable") {
            Map::Plain(first)
        } else if kind.starts_with(b"*UDF Metadata") {
            volume.metadata(first, map)?
        } else {
            walk.gap(Reason::Unsupported, "a udf partition that is not plain");
            Map::Unknown
        };
        volume.maps.push(map);
    }
    Ok(Some((volume, set)))
}

/// What an entry says of a file.
struct Entry {
    pieces: Pieces,
    /// Content that stands in the entry itself.
    inline: Option<(u64, u64)>,
    is_folder: bool,
}

impl Volume<'_> {
    fn metadata(&self, first: u64, map: &[u8]) -> io::Result<Map> {
        let plain = Volume { content: self.content, block: self.block, maps: vec![Map::Plain(first)] };
        for place in [40, 44] {
            let Some(block) = u32_le(map, place) else { continue };
            let address = Address { block: u64::from(block), partition: 0 };
            if let Some(entry) = plain.entry(address)? {
                return Ok(Map::Metadata(entry.pieces.content(self.content)));
            }
        }
        Ok(Map::Unknown)
    }

    fn read(&self, address: Address, size: usize) -> io::Result<Vec<u8>> {
        let offset = address.block.saturating_mul(self.block);
        Ok(match self.maps.get(address.partition) {
            Some(Map::Plain(first)) => {
                let offset = first.saturating_mul(self.block).saturating_add(offset);
                self.content.window(offset, size)?.into_owned()
            }
            Some(Map::Metadata(file)) => file.window(offset, size)?.into_owned(),
            _ => Vec::new(),
        })
    }

    /// Where a block is on the disk; nothing in a file of folders, whose content is read through [`read`](Self::read).
    fn place(&self, address: Address) -> Option<u64> {
        match self.maps.get(address.partition)? {
            Map::Plain(first) => Some(first.saturating_add(address.block).saturating_mul(self.block)),
            _ => None,
        }
    }

    fn entry(&self, address: Address) -> io::Result<Option<Entry>> {
        let bytes = self.read(address, usize_of(self.block))?;
        self.parse(&bytes, address)
    }

    fn parse(&self, bytes: &[u8], address: Address) -> io::Result<Option<Entry>> {
        let header = match tag(bytes) {
            Some(261) => 176_usize,
            Some(266) => 216,
            _ => return Ok(None),
        };
        let number = |back: usize| u32_le(bytes, header.saturating_sub(back)).map_or(0, usize_of);
        let start = header.saturating_add(number(8));
        let end = start.saturating_add(number(4)).min(bytes.len());
        let size = u64_le(bytes, 56).unwrap_or(0);
        let is_folder = bytes.get(27) == Some(&4);
        let flags = u16_le(bytes, 34).unwrap_or(0) & 7;
        let mut entry = Entry { pieces: Pieces::default(), inline: None, is_folder };
        if flags == 3 {
            let size = size.min(end.saturating_sub(start) as u64);
            match self.place(address) {
                Some(place) => entry.pieces.push(Some(place.saturating_add(start as u64)), size),
                None => entry.inline = Some((start as u64, size)),
            }
            return Ok(Some(entry));
        }
        let mut table = bytes.get(start..end).unwrap_or_default().to_vec();
        for _ in 0..MOST_ALLOCATIONS {
            let Some(next) = self.allocations(&table, (flags, address.partition), &mut entry.pieces) else {
                break;
            };
            let bytes = self.read(next, usize_of(self.block))?;
            let size = u32_le(&bytes, 20).map_or(0, usize_of);
            if tag(&bytes) != Some(258) {
                break;
            }
            table =
                bytes.get(24..24_usize.saturating_add(size).min(bytes.len())).unwrap_or_default().to_vec();
        }
        entry.pieces.resize(size);
        Ok(Some(entry))
    }

    /// Adds the extents of a table; gives the place of the next table, if there is one.
    fn allocations(&self, table: &[u8], (kind, own): (u16, usize), pieces: &mut Pieces) -> Option<Address> {
        let step = if kind == 0 { 8 } else { 16 };
        for extent in table.chunks_exact(step) {
            let length = u32_le(extent, 0)?;
            let size = u64::from(length & 0x3fff_ffff);
            if size == 0 {
                break;
            }
            let partition = if kind == 0 { own } else { usize::from(u16_le(extent, 8)?) };
            let address = Address { block: u64::from(u32_le(extent, 4)?), partition };
            match length >> 30 {
                0 => match (self.place(address), self.maps.get(partition)) {
                    (None, Some(Map::Metadata(_))) => pieces.push(None, size),
                    (place, _) => pieces.push(place, size),
                },
                3 => return Some(address),
                _ => pieces.push(None, size),
            }
        }
        None
    }

    /// The content of a folder, which may lie in the file of all folders.
    fn folder(&self, address: Address, size: u64) -> io::Result<Option<Vec<u8>>> {
        let bytes = self.read(address, usize_of(self.block))?;
        let Some(entry) = self.parse(&bytes, address)?.filter(|entry| entry.is_folder) else {
            return Ok(None);
        };
        if let Some((start, size)) = entry.inline {
            let start = usize_of(start);
            return Ok(Some(
                bytes.get(start..start.saturating_add(usize_of(size))).unwrap_or_default().to_vec(),
            ));
        }
        let most = usize_of(size.min(entry.pieces.size()));
        if let Some(Map::Metadata(file)) = self.maps.get(address.partition) {
            // Extents of a folder in this file count its blocks.
            let plain = Volume {
                content: file,
                block: self.block,
                maps: std::iter::repeat_with(|| Map::Plain(0)).take(self.maps.len()).collect(),
            };
            let entry = plain.parse(&bytes, address)?;
            let content = entry.map(|entry| entry.pieces.content(file));
            return content.map(|all| all.window(0, most).map(Vec::from)).transpose();
        }
        Ok(Some(entry.pieces.content(self.content).window(0, most)?.into_owned()))
    }

    fn walk(&self, root: Address, walk: &mut Walk<'_>) -> Flow {
        let mut folders = vec![Folder::root(root)];
        walk.visit(id(root));
        while let Some(folder) = folders.pop() {
            let Some(bytes) = self.folder(folder.place, LARGEST_FOLDER)? else {
                walk.gap(Reason::Damaged, &format!("folder {:?} cannot be read", folder.path));
                continue;
            };
            let mut rest: &[u8] = &bytes;
            while rest.len() >= 38 {
                if !walk.admit()? {
                    return Ok(());
                }
                if tag(rest) != Some(257) {
                    walk.gap(Reason::Damaged, &format!("folder {:?}: an entry is damaged", folder.path));
                    break;
                }
                let name_size = rest.get(19).copied().map_or(0, usize::from);
                let start = u16_le(rest, 36).map_or(38, |size| usize::from(size).saturating_add(38));
                let end = start.saturating_add(name_size);
                let name = name(rest.get(start..end).unwrap_or_default());
                let flags = rest.get(18).copied().unwrap_or(0);
                let address = Address::long(rest, 20);
                rest = rest.get(end.next_multiple_of(4)..).unwrap_or_default();
                let Some(address) = address.filter(|_| flags & PARENT == 0) else { continue };
                let inner = self.named(&folder, &name, (flags, address), walk)?;
                folders.extend(inner);
            }
        }
        Ok(())
    }

    fn named(
        &self,
        folder: &Folder<Address>,
        name: &str,
        (flags, address): (u8, Address),
        walk: &mut Walk<'_>,
    ) -> Result<Option<Folder<Address>>, Stop> {
        let path = folder.name(name);
        if flags & DIRECTORY != 0 {
            return Ok(walk.folder(folder, name, id(address), address));
        }
        if !walk.visit(id(address)) {
            return Ok(None);
        }
        let bytes = self.read(address, usize_of(self.block))?;
        let Some(entry) = self.parse(&bytes, address)? else {
            if flags & DELETED == 0 {
                walk.gap(Reason::Damaged, &format!("{path:?} cannot be found"));
            }
            return Ok(None);
        };
        match entry.inline {
            Some((start, size)) => {
                let start = usize_of(start);
                let bytes = bytes.get(start..start.saturating_add(usize_of(size))).unwrap_or_default();
                walk.sink.range(candor_object::Child::member(&path), Content::from_vec(bytes.to_vec()))?;
            }
            None if entry.pieces.size() > 0 && walk.visit(&entry.pieces) => walk.file(&path, entry.pieces)?,
            None => {}
        }
        Ok(None)
    }
}

/// Tells entries from what is visited of the trees of ISO 9660.
fn id(address: Address) -> (&'static str, u64, u64) {
    ("udf", address.block, address.partition as u64)
}

/// A name of 8-bit or 16-bit characters.
fn name(bytes: &[u8]) -> String {
    match bytes.split_first() {
        Some((16 | 255, rest)) => {
            let units = rest.chunks_exact(2).filter_map(|pair| u16_be(pair, 0));
            char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect()
        }
        Some((_, rest)) => rest.iter().map(|byte| char::from(*byte)).collect(),
        None => String::new(),
    }
}
