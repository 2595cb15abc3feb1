//! B-trees of HFS+, of which every leaf is read in the order in which they lie: that needs no links between them, which
//! may lead in circles, and shows what no link leads to.

use std::io;

use candor_object::Content;

use crate::disk::usize_of;
use crate::fields::{u16_be, u32_be};

const LEAF: u8 = 0xff;

/// A B-tree.
pub(super) struct Tree {
    content: Content,
    node: u64,
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
        Ok(node.filter(|_| is_header).map(|node| Self { content, node }))
    }

    /// Bytes of the tree.
    pub(super) fn content(&self) -> &Content {
        &self.content
    }

    /// How many nodes there are.
    pub(super) fn nodes(&self) -> u64 {
        self.content.size().checked_div(self.node).unwrap_or(0)
    }

    /// A node's bytes, if it is a leaf.
    pub(super) fn leaf(&self, index: u64) -> io::Result<Option<Vec<u8>>> {
        let bytes = self.content.window(index.saturating_mul(self.node), usize_of(self.node))?;
        Ok(Some(bytes.into_owned()).filter(|bytes| bytes.get(8) == Some(&LEAF)))
    }

    /// The records of a leaf.
    pub(super) fn records<'a>(
        &self,
        index: u64,
        leaf: &'a [u8],
    ) -> impl Iterator<Item = Record<'a>> + use<'a> {
        let start = index.saturating_mul(self.node);
        // A node with more records than fit has room for as many as there are offsets.
        let count = usize::from(u16_be(leaf, 10).unwrap_or(0)).min(leaf.len() / 8);
        (1..=count).filter_map(move |number| {
            let at = leaf.len().checked_sub(number.checked_mul(2)?)?;
            let begin = usize::from(u16_be(leaf, at)?);
            let end = usize::from(u16_be(leaf, at.checked_sub(2)?)?).max(begin).min(at);
            let record = leaf.get(begin..end)?;
            let key = usize::from(u16_be(record, 0)?);
            let split = key.checked_add(2)?.checked_next_multiple_of(2)?;
            let (key, data) = (record.get(2..key.checked_add(2)?)?, record.get(split..)?);
            Some(Record { offset: start.saturating_add(begin.saturating_add(split) as u64), key, data })
        })
    }
}

/// Text of 16-bit units with their number before them.
pub(super) fn text(bytes: &[u8], at: usize) -> Option<String> {
    let count = usize::from(u16_be(bytes, at)?);
    let start = at.checked_add(2)?;
    let units = bytes.get(start..start.checked_add(count.checked_mul(2)?)?)?.chunks_exact(2);
    let units: Vec<u16> = units.filter_map(|unit| u16_be(unit, 0)).collect();
    Some(String::from_utf16_lossy(&units))
}

/// Where a file is that has up to eight places in its record.
#[derive(Clone, Debug)]
pub(super) struct Fork {
    pub(super) size: u64,
    pub(super) extents: Vec<(u32, u32)>,
}

impl Fork {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let high = u64::from(u32_be(bytes, 0)?);
        let low = u64::from(u32_be(bytes, 4)?);
        Some(Self { size: high << 32 | low, extents: extents(bytes.get(16..80)?) })
    }
}

/// Up to eight places, each with its first block and number of blocks.
pub(super) fn extents(bytes: &[u8]) -> Vec<(u32, u32)> {
    let pairs = bytes.chunks_exact(8).take(8).filter_map(|pair| Some((u32_be(pair, 0)?, u32_be(pair, 4)?)));
    pairs.take_while(|(_, count)| *count > 0).collect()
}
