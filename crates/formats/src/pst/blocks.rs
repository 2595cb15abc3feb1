//! Pages and blocks: the node database of a mailbox.
//!
//! Specification: [MS-PST] 2.2. Blocks are looked up in their tree each time, so that no table of them is in memory.

use std::io::{self, ErrorKind, Read};

use candor_object::{Content, Sink, Stop};

use super::encoding::decode;
use crate::fields::{array, u16_le, u32_le, u64_le};

/// Bytes of a page.
const PAGE: usize = 512;
/// Levels of a tree of pages.
const LEVELS: u8 = 8;
/// Blocks of one node: 2 GiB.
const MOST_BLOCKS: usize = 256 << 10;
/// Nodes that lie directly in one.
const MOST_INNER: usize = 64 << 10;
/// The bit of a block's number that says that it holds numbers of others, and the one that says nothing.
const INTERNAL: u64 = 2;
const NOTHING: u64 = 1;

/// The number of a node, of its data, and of the nodes in it.
pub(super) type Numbers = (u32, u64, u64);

/// The database of a mailbox.
pub(super) struct Database<'c> {
    content: &'c Content,
    /// Whether numbers and places take 8 bytes, or 4 as in old mailboxes.
    is_wide: bool,
    method: u8,
    nodes: u64,
    blocks: u64,
}

impl<'c> Database<'c> {
    /// Reads where the trees begin.
    pub(super) fn new(content: &'c Content, head: &[u8], is_wide: bool, method: u8) -> Option<Self> {
        let (nodes, blocks) = if is_wide {
            (u64_le(head, 224)?, u64_le(head, 240)?)
        } else {
            (u32_le(head, 188)?.into(), u32_le(head, 196)?.into())
        };
        Some(Self { content, is_wide, method, nodes, blocks })
    }

    /// How many bytes a number or a place takes.
    fn width(&self) -> usize {
        if self.is_wide { 8 } else { 4 }
    }

    /// The `index`th number in a row.
    fn number(&self, bytes: &[u8], index: usize) -> Option<u64> {
        let at = index.checked_mul(self.width())?;
        if self.is_wide { u64_le(bytes, at) } else { u32_le(bytes, at).map(u64::from) }
    }

    /// The number of a node, of its data, and of the nodes in it.
    pub(super) fn node(&self, entry: &[u8]) -> Option<Numbers> {
        Some((u32_le(entry, 0)?, self.number(entry, 1)?, self.number(entry, 2)?))
    }

    fn page(&self, place: u64) -> io::Result<Option<Page>> {
        let bytes = self.content.window(place, PAGE)?.into_owned();
        let at = if self.is_wide { 488 } else { 496 };
        let Some([count, _, size, level]) = array::<4>(&bytes, at).filter(|_| bytes.len() == PAGE) else {
            return Ok(None);
        };
        let size = usize::from(size);
        let least = self.width().saturating_mul(3);
        let fits = usize::from(count).saturating_mul(size) <= at;
        // A page of nodes and one of blocks have the type twice.
        let kind = array::<2>(&bytes, if self.is_wide { 496 } else { 500 });
        let is_tree = matches!(kind, Some([0x80, 0x80] | [0x81, 0x81]));
        Ok((fits && size >= least && is_tree && level < LEVELS).then_some(Page { bytes, count, size, level }))
    }

    /// Where a block lies, and its size.
    fn find(&self, block: u64) -> io::Result<Option<(u64, u16)>> {
        let key = block & !NOTHING;
        let mut place = self.blocks;
        let mut above = LEVELS;
        loop {
            let Some(page) = self.page(place)?.filter(|page| page.level < above) else { return Ok(None) };
            above = page.level;
            if page.level > 0 {
                let child = page
                    .entries()
                    .take_while(|entry| self.number(entry, 0).is_some_and(|first| first & !NOTHING <= key));
                let Some(next) = child.last().and_then(|entry| self.number(entry, 2)) else {
                    return Ok(None);
                };
                place = next;
                continue;
            }
            let entry =
                page.entries().find(|entry| self.number(entry, 0).is_some_and(|own| own & !NOTHING == key));
            return Ok(entry.and_then(|entry| {
                Some((self.number(entry, 1)?, u16_le(entry, self.width().checked_mul(2)?)?))
            }));
        }
    }

    /// The bytes of a block, as they are meant; nothing if it is not there.
    pub(super) fn block(&self, number: u64) -> io::Result<Option<Vec<u8>>> {
        let Some((place, size)) = self.find(number)? else { return Ok(None) };
        let mut bytes = self.content.window(place, size.into())?.into_owned();
        if bytes.len() < usize::from(size) {
            return Ok(None);
        }
        if number & INTERNAL == 0 {
            let [a, b, c, d, ..] = number.to_le_bytes();
            decode(self.method, u32::from_le_bytes([a, b, c, d]), &mut bytes);
        }
        Ok(Some(bytes))
    }

    /// The blocks of a node's data in their order. What cannot be read is left as it is, and fails when it is read.
    pub(super) fn list(&self, data: u64, sink: &mut dyn Sink) -> Result<Vec<u64>, Stop> {
        let mut list = Vec::new();
        // Twice: blocks of blocks of data.
        let mut open = vec![(data, 0_u8)];
        while let Some((number, depth)) = open.pop() {
            if number & INTERNAL == 0 || depth > 2 {
                list.push(number);
                if list.len() >= MOST_BLOCKS {
                    list.push(u64::MAX);
                    break;
                }
                continue;
            }
            sink.pulse()?;
            let bytes = self.block(number)?.unwrap_or_default();
            if bytes.first() != Some(&1) {
                list.push(number | 4 << 60);
                continue;
            }
            let count = u16_le(&bytes, 2).map_or(0, usize::from);
            let numbers = bytes.get(8..).unwrap_or_default();
            let numbers = (0..count).map_while(|index| self.number(numbers, index));
            let mut inner: Vec<(u64, u8)> = numbers.map(|number| (number, depth.saturating_add(1))).collect();
            inner.reverse();
            open.append(&mut inner);
            if open.len() > MOST_BLOCKS {
                list.push(u64::MAX);
                break;
            }
        }
        Ok(list)
    }

    /// A reader of such blocks.
    pub(super) fn reader<'d>(&'d self, list: &'d [u64]) -> Data<'d, 'c> {
        Data { database: self, list: list.iter(), bytes: Vec::new(), given: 0, failed: false }
    }

    /// The nodes in a node: the number of each, of its data, and of the nodes in it; nothing if they cannot be read.
    pub(super) fn inner(&self, block: u64, sink: &mut dyn Sink) -> Result<Option<Vec<Numbers>>, Stop> {
        let mut found = Vec::new();
        let mut open = vec![(block, true)];
        while let Some((number, may_go_on)) = open.pop() {
            sink.pulse()?;
            let Some(bytes) = self.block(number)?.filter(|bytes| bytes.first() == Some(&2)) else {
                return Ok(None);
            };
            let count = u16_le(&bytes, 2).map_or(0, usize::from);
            let start = if self.is_wide { 8 } else { 4 };
            let entries = bytes.get(start..).unwrap_or_default();
            let is_leaf = bytes.get(1) == Some(&0);
            let fields = if is_leaf { 3 } else { 2 };
            for entry in entries.chunks_exact(self.width().saturating_mul(fields)).take(count) {
                if found.len() >= MOST_INNER || open.len() >= MOST_INNER || (!is_leaf && !may_go_on) {
                    return Ok(None);
                }
                if is_leaf {
                    found.extend(self.node(entry));
                } else {
                    open.extend(self.number(entry, 1).map(|number| (number, false)));
                }
            }
        }
        Ok(Some(found))
    }
}

/// A page of a tree.
struct Page {
    bytes: Vec<u8>,
    count: u8,
    size: usize,
    level: u8,
}

impl Page {
    fn entries(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks_exact(self.size.max(1)).take(self.count.into())
    }
}

/// Goes through all entries of a tree.
pub(super) struct Tree {
    /// Pages that are still to be read, and the level that they are below.
    open: Vec<(u64, u8)>,
    entries: Vec<Vec<u8>>,
    /// Pages that may still be read: a tree that has more leads to some of them twice.
    left: u64,
}

impl Tree {
    /// The tree of nodes.
    pub(super) fn nodes(database: &Database<'_>) -> Self {
        let left = (database.content.size() >> 9).saturating_add(1);
        Self { open: vec![(database.nodes, LEVELS)], entries: Vec::new(), left }
    }

    /// The next entry, or where a page is that cannot be read; nothing at the end.
    pub(super) fn next(
        &mut self,
        database: &Database<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Option<Result<Vec<u8>, u64>>, Stop> {
        loop {
            if let Some(entry) = self.entries.pop() {
                return Ok(Some(Ok(entry)));
            }
            let Some((place, above)) = self.open.pop() else { return Ok(None) };
            sink.pulse()?;
            self.left = self.left.saturating_sub(1);
            if self.left == 0 {
                self.open.clear();
                return Ok(Some(Err(place)));
            }
            let Some(page) = database.page(place)?.filter(|page| page.level < above) else {
                return Ok(Some(Err(place)));
            };
            if page.level == 0 {
                self.entries = page.entries().map(<[u8]>::to_vec).collect();
                self.entries.reverse();
            } else {
                let places: Vec<u64> = page.entries().filter_map(|entry| database.number(entry, 2)).collect();
                self.open.extend(places.into_iter().rev().map(|place| (place, page.level)));
            }
        }
    }
}

/// Reads data block after block.
pub(super) struct Data<'d, 'c> {
    database: &'d Database<'c>,
    list: std::slice::Iter<'d, u64>,
    bytes: Vec<u8>,
    given: usize,
    failed: bool,
}

impl Read for Data<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given >= self.bytes.len() && !buffer.is_empty() {
            let Some(number) = self.list.next().filter(|_| !self.failed) else { return Ok(0) };
            let Some(bytes) = self.database.block(*number)? else {
                self.failed = true;
                let text = format!("block {number:#x} of the node is not there");
                return Err(io::Error::new(ErrorKind::InvalidData, text));
            };
            (self.bytes, self.given) = (bytes, 0);
        }
        let rest = self.bytes.get(self.given..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.given = self.given.saturating_add(count);
        Ok(count)
    }
}
