//! PST and OST: mailboxes of Outlook.
//!
//! Specification: [MS-PST], <https://learn.microsoft.com/openspecs/office_file_formats/ms-pst>. Every node of the database
//! is handed over, and of messages and attachments the bodies and contents under their names. What is in no node, such as
//! what was deleted, is scanned as it lies, and no more.

mod blocks;
mod encoding;
mod heap;

use std::collections::HashMap;

use candor_object::{Child, Content, FileType, Flow, Limit, Reason, Sink, Stop};

use crate::compressed_rtf::CompressedRtf;
use crate::fields::{array, u16_le};
use crate::wide::Wide;
use crate::{Format, Glimpse};
use blocks::{Database, Tree};
use heap::{Heap, Property, Value};

/// Nodes that are handed over.
const MOST: u64 = 1 << 20;
/// Nodes within nodes: messages within messages have two levels each.
const DEPTH: usize = 64;
/// Gaps that are listed.
const GAPS: u32 = 1000;
/// Longest name in letters.
const LONGEST_NAME: usize = 512;

const DATA: u16 = 0x3701;
const LONG_NAME: u16 = 0x3707;
const SHORT_NAME: u16 = 0x3704;
const RTF: u16 = 0x1009;
/// Types of values: text in UTF-16, and bytes.
const WIDE: u16 = 0x001f;
const BYTES: u16 = 0x0102;

/// The PST format.
pub(crate) struct Pst;

impl Format for Pst {
    fn file_type(&self) -> FileType {
        FileType::new("pst")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, b"!BDN") && glimpse.has(8, b"SM")
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(0, 564)?;
        let is_wide = match u16_le(&head, 10) {
            Some(14 | 15) => false,
            Some(23..=35) => true,
            Some(version @ 36..) => {
                let detail = format!("mailboxes of version {version} with pages of 4 KiB");
                sink.gap(Reason::Unsupported, &detail);
                return Ok(());
            }
            _ => {
                sink.gap(Reason::Damaged, "the version of the mailbox");
                return Ok(());
            }
        };
        let method = array::<1>(&head, if is_wide { 513 } else { 461 }).map_or(0, |[method]| method);
        if method > 2 {
            sink.gap(Reason::Encrypted, &format!("the blocks, by method {method}"));
        }
        let Some(database) = Database::new(content, &head, is_wide, method) else {
            sink.gap(Reason::Truncated, "the header of the mailbox");
            return Ok(());
        };
        let mut walk = Walk { database, nodes: 0, gaps: 0 };
        walk.all(sink)?;
        if walk.gaps > GAPS {
            let detail = format!("{} more places than are listed", walk.gaps.saturating_sub(GAPS));
            sink.gap(Reason::Limit(Limit::Objects), &detail);
        }
        Ok(())
    }
}

/// A node that is to be handed over.
struct Node {
    path: String,
    /// What it is to the node around it, if that says so.
    role: Option<Role>,
    data: u64,
    inner: u64,
    depth: usize,
}

/// What a value is.
#[derive(Clone)]
struct Role {
    name: String,
    id: u16,
    kind: u16,
}

struct Walk<'c> {
    database: Database<'c>,
    nodes: u64,
    gaps: u32,
}

impl Walk<'_> {
    fn all(&mut self, sink: &mut dyn Sink) -> Flow {
        let mut pages = Tree::nodes(&self.database);
        while let Some(entry) = pages.next(&self.database, sink)? {
            let Ok(entry) = entry.map_err(|place| self.note(&format!("page at offset {place}"), sink)) else {
                continue;
            };
            let Some((number, data, inner)) = self.database.node(&entry) else { continue };
            let path = format!("node {number:#x}");
            if !self.with_inner(Node { path, role: None, data, inner, depth: 0 }, sink)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Hands over a node and those in it; false once there were too many.
    fn with_inner(&mut self, node: Node, sink: &mut dyn Sink) -> Result<bool, Stop> {
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            sink.pulse()?;
            self.nodes = self.nodes.saturating_add(1);
            if self.nodes > MOST {
                sink.gap(Reason::Limit(Limit::Objects), &format!("nodes from {} on", node.path));
                return Ok(false);
            }
            let roles = self.hand_over(&node, sink)?;
            if node.inner == 0 {
                continue;
            }
            if node.depth >= DEPTH {
                self.note(&format!("{} lies too deep", node.path), sink);
                continue;
            }
            let Some(inner) = self.database.inner(node.inner, sink)? else {
                self.note(&format!("the nodes in {}", node.path), sink);
                continue;
            };
            for (number, data, inner) in inner {
                let path = format!("{}/{number:#x}", node.path);
                let role = roles.get(&number).cloned();
                open.push(Node { path, role, data, inner, depth: node.depth.saturating_add(1) });
            }
        }
        Ok(true)
    }

    fn note(&mut self, what: &str, sink: &mut dyn Sink) {
        self.gaps = self.gaps.saturating_add(1);
        if self.gaps <= GAPS {
            sink.gap(Reason::Damaged, what);
        }
    }

    /// Hands over what a node holds; what the nodes in it are, by their numbers.
    fn hand_over(&mut self, node: &Node, sink: &mut dyn Sink) -> Result<HashMap<u32, Role>, Stop> {
        let mut roles = HashMap::new();
        if node.data == 0 {
            return Ok(roles);
        }
        let blocks = self.database.list(node.data, sink)?;
        if let Some(role) = &node.role {
            let mut body = self.database.reader(&blocks);
            let child = Child::part(&role.name);
            match (role.id, role.kind) {
                (RTF, BYTES) => sink.child(child, &mut CompressedRtf::new(body))?,
                (_, WIDE) => sink.child(child, &mut Wide::new(body))?,
                _ => sink.child(child, &mut body)?,
            }
            return Ok(roles);
        }
        sink.child(Child::member(&node.path), &mut self.database.reader(&blocks))?;
        let Some(heap) = Heap::open(&self.database, &blocks) else { return Ok(roles) };
        let mut properties = Vec::new();
        if !heap.properties(&mut properties, sink)? {
            self.gaps = self.gaps.saturating_add(1);
            if self.gaps <= GAPS {
                sink.gap(Reason::Damaged, &format!("properties of {}", node.path));
            }
        }
        let title = name(&heap, &properties);
        for property in &properties {
            let name = match property.id {
                DATA => title.clone(),
                0x1000 => "body.txt".to_owned(),
                RTF => "body.rtf".to_owned(),
                0x1013 => "body.html".to_owned(),
                0x007d => "header.txt".to_owned(),
                _ => continue,
            };
            match property.value {
                Value::Heap(bytes) => {
                    let Some(bytes) = heap.bytes(bytes) else { continue };
                    let child = Child::part(&name);
                    match (property.id, property.kind) {
                        (RTF, BYTES) => sink.child(child, &mut CompressedRtf::new(bytes.as_slice()))?,
                        (_, WIDE) => sink.child(child, &mut Wide::new(bytes.as_slice()))?,
                        // An embedded message: its node, which comes out by itself.
                        (DATA, kind) if kind != BYTES => {}
                        _ => sink.child(child, &mut bytes.as_slice())?,
                    }
                }
                Value::Node(number) => {
                    roles.insert(number, Role { name, id: property.id, kind: property.kind });
                }
            }
        }
        Ok(roles)
    }
}

/// The name of an attachment: the long one, or the short one.
fn name(heap: &Heap<'_, '_>, properties: &[Property]) -> String {
    for id in [LONG_NAME, SHORT_NAME] {
        let property = properties.iter().find(|property| property.id == id);
        let Some((Value::Heap(bytes), kind)) = property.map(|property| (property.value, property.kind))
        else {
            continue;
        };
        let Some(bytes) = heap.bytes(bytes) else { continue };
        let name: String = if kind == WIDE {
            let units = bytes.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
            char::decode_utf16(units.take(LONGEST_NAME)).map(|unit| unit.unwrap_or('\u{fffd}')).collect()
        } else {
            bytes.iter().take(LONGEST_NAME).map(|byte| char::from(*byte)).collect()
        };
        if !name.is_empty() {
            return name;
        }
    }
    String::new()
}
