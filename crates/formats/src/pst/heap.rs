//! The heap in a node, and the properties in it.
//!
//! Specification: [MS-PST] 2.3.

use candor_object::{Sink, Stop};

use super::blocks::Database;
use crate::fields::{array, u16_le, u32_le};

/// Marks of a heap, of one that holds properties, and of the tree that they are in.
const HEAP: u8 = 0xec;
const PROPERTIES: u8 = 0xbc;
const TREE: u8 = 0xb5;
/// Properties of one node, and pages of their tree.
const MOST: usize = 10_000;
const MOST_PAGES: usize = 1000;

/// The heap of a node.
pub(super) struct Heap<'d, 'c> {
    database: &'d Database<'c>,
    blocks: &'d [u64],
    root: u32,
}

/// Where a value is.
#[derive(Clone, Copy)]
pub(super) enum Value {
    /// In the heap, under this number.
    Heap(u32),
    /// In a node of this number within the node.
    Node(u32),
}

/// A property.
pub(super) struct Property {
    pub(super) id: u16,
    pub(super) kind: u16,
    pub(super) value: Value,
}

impl<'d, 'c> Heap<'d, 'c> {
    /// The heap in these blocks, if there is one that holds properties.
    pub(super) fn open(database: &'d Database<'c>, blocks: &'d [u64]) -> Option<Self> {
        // What cannot be read was told when the node was handed over.
        let first = database.block(*blocks.first()?).ok()??;
        let is_properties = first.get(2) == Some(&HEAP) && first.get(3) == Some(&PROPERTIES);
        is_properties.then_some(Self { database, blocks, root: u32_le(&first, 4)? })
    }

    /// What lies in the heap under a number.
    pub(super) fn bytes(&self, number: u32) -> Option<Vec<u8>> {
        let [a, b, c, d] = number.to_le_bytes();
        let place = usize::from(u16::from_le_bytes([a, b]) >> 5).checked_sub(1)?;
        let block =
            self.database.block(*self.blocks.get(usize::from(u16::from_le_bytes([c, d])))?).ok()??;
        let map = usize::from(u16_le(&block, 0)?);
        let count = usize::from(u16_le(&block, map)?);
        let at = map.checked_add(4)?.checked_add(place.checked_mul(2)?)?;
        let (start, end) = (u16_le(&block, at)?, u16_le(&block, at.checked_add(2)?)?);
        (place < count).then(|| block.get(usize::from(start)..usize::from(end)).map(<[u8]>::to_vec))?
    }

    /// Reads the properties whose values are of any length; false if some could not be read.
    pub(super) fn properties(&self, found: &mut Vec<Property>, sink: &mut dyn Sink) -> Result<bool, Stop> {
        let Some(head) = self.bytes(self.root).filter(|head| head.first() == Some(&TREE)) else {
            return Ok(false);
        };
        let (Some([_, key, value, levels]), Some(root)) = (array::<4>(&head, 0), u32_le(&head, 4)) else {
            return Ok(false);
        };
        if (key, value) != (2, 6) {
            return Ok(false);
        }
        let mut pages = if root == 0 { Vec::new() } else { vec![(root, levels)] };
        let mut read: usize = 0;
        while let Some((page, level)) = pages.pop() {
            sink.pulse()?;
            read = read.saturating_add(1);
            let Some(bytes) = self.bytes(page) else { return Ok(false) };
            if read > MOST_PAGES || found.len() > MOST {
                return Ok(false);
            }
            if level > 0 {
                let inner = bytes.as_chunks::<6>().0.iter().filter_map(|entry| u32_le(entry, 2));
                pages.extend(inner.map(|inner| (inner, level.saturating_sub(1))));
                continue;
            }
            found.extend(bytes.as_chunks::<8>().0.iter().filter_map(|entry| property(entry)));
        }
        Ok(true)
    }
}

/// A property whose value is of any length.
fn property(entry: &[u8]) -> Option<Property> {
    let (id, kind, value) = (u16_le(entry, 0)?, u16_le(entry, 2)?, u32_le(entry, 4)?);
    if !matches!(kind, 0x001e | 0x001f | 0x0102 | 0x000d) || value == 0 {
        return None;
    }
    // The lowest bits tell of what kind a node is, and things in the heap have none.
    let value = if value & 0x1f == 0 { Value::Heap(value) } else { Value::Node(value) };
    Some(Property { id, kind, value })
}
