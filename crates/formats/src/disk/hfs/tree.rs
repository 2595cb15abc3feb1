//! B-trees of HFS+, of which every leaf is read in the order in which they lie: that needs no links between them, which
//! may lead in circles, and shows what no link leads to.

use std::io;

use candor_object::{Content, Flow, Reason};

use crate::disk::usize_of;
use crate::disk::walk::Walk;
use crate::fields::{u16_be, u32_be};

const LEAF: u8 = 0xff;

/// A B-tree.
#[derive(Clone)]
pub(super) struct Tree {
    content: Content,
    node: u64,
    /// Records of all leaves, as the header says.
    records: u64,
    /// Whether damage was told.
    is_told: bool,
}

/// Where a record is in the tree, where its data begins in it, and its bytes.
pub(super) struct Record<'a> {
    pub(super) offset: u64,
    pub(super) key: &'a [u8],
    pub(super) data: &'a [u8],
}

impl Tree {
    /// The tree in a file; nothing if it has no header.
    pub(super) fn new(content: Content) -> io::Result<Option<Self>> {
        let head = content.window(0, 64)?;
        let node = u16_be(&head, 32).map(u64::from).filter(|size| (512..=32768).contains(size));
        let is_header = head.get(8) == Some(&1);
        let records = u32_be(&head, 20).map_or(0, u64::from);
        Ok(node.filter(|_| is_header).map(|node| Self { content, node, records, is_told: false }))
    }

    /// Bytes of the tree.
    pub(super) fn content(&self) -> &Content {
        &self.content
    }

    /// The tree for another reading, of whose damage nothing is told again.
    pub(super) fn again(&self) -> Self {
        Self { is_told: true, ..self.clone() }
    }

    /// Calls `take` for each record of each leaf.
    pub(super) fn each<'w>(
        &self,
        walk: &mut Walk<'w>,
        mut take: impl FnMut(Record<'_>, &mut Walk<'w>) -> Flow,
    ) -> Flow {
        let mut there = 0_u64;
        for index in 0..self.content.size().checked_div(self.node).unwrap_or(0) {
            walk.sink.pulse()?;
            let start = index.saturating_mul(self.node);
            let leaf = self.content.window(start, usize_of(self.node))?;
            if leaf.get(8) != Some(&LEAF) {
                continue;
            }
            let count = u16_be(&leaf, 10).unwrap_or(0);
            there = there.saturating_add(count.into());
            let mut lost = 0_u32;
            for number in 0..usize::from(count).min(leaf.len() / 2) {
                match record(&leaf, number, start) {
                    Some(record) => take(record, walk)?,
                    None => lost = lost.saturating_add(1),
                }
            }
            if lost > 0 && !self.is_told {
                let detail = format!("{lost} of {count} records in node {index} of a tree cannot be read");
                walk.gap(Reason::Damaged, &detail);
            }
        }
        if there < self.records && !self.is_told {
            let detail = format!("leaves of a tree have {there} of {} records", self.records);
            walk.gap(Reason::Damaged, &detail);
        }
        Ok(())
    }
}

/// A record of a node that starts at `start`; the places of records stand at the node's end, backwards.
fn record(node: &[u8], number: usize, start: u64) -> Option<Record<'_>> {
    let place = |number: usize| {
        let back = number.checked_add(1)?.checked_mul(2)?;
        u16_be(node, node.len().checked_sub(back)?).map(usize::from)
    };
    let begin = place(number)?;
    let bytes = node.get(begin..place(number.checked_add(1)?)?)?;
    let end = usize::from(u16_be(bytes, 0)?).checked_add(2)?;
    // Data begins at even places.
    let split = end.checked_next_multiple_of(2)?;
    let (key, data) = (bytes.get(2..end)?, bytes.get(split..)?);
    Some(Record { offset: start.saturating_add(begin.saturating_add(split) as u64), key, data })
}

/// Text of 16-bit units with their number before them. A slash, which parts names elsewhere, is a colon.
pub(super) fn text(bytes: &[u8], at: usize) -> Option<String> {
    let count = usize::from(u16_be(bytes, at)?);
    let start = at.checked_add(2)?;
    let units = bytes.get(start..start.checked_add(count.checked_mul(2)?)?)?.chunks_exact(2);
    let units: Vec<u16> = units.filter_map(|unit| u16_be(unit, 0)).collect();
    Some(String::from_utf16_lossy(&units).replace('/', ":"))
}

/// A place in a volume: its first block, and how many there are.
pub(super) type Extent = (u32, u32);

/// Where a file is that has up to eight places in its record.
#[derive(Clone, Debug)]
pub(super) struct Fork {
    pub(super) size: u64,
    pub(super) extents: Vec<Extent>,
}

impl Fork {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let high = u64::from(u32_be(bytes, 0)?);
        let low = u64::from(u32_be(bytes, 4)?);
        Some(Self { size: high << 32 | low, extents: extents(bytes.get(16..80)?) })
    }
}

/// Up to eight places.
pub(super) fn extents(bytes: &[u8]) -> Vec<Extent> {
    let pairs = bytes.chunks_exact(8).take(8).filter_map(|pair| Some((u32_be(pair, 0)?, u32_be(pair, 4)?)));
    pairs.take_while(|(_, count)| *count > 0).collect()
}
