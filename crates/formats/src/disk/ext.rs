//! ext2, ext3 and ext4.
//!
//! Specification: <https://docs.kernel.org/filesystems/ext4/>.
//!
//! Folders are read entry by entry; their hashed index is not needed, since its blocks look like empty entries.
//! Checksums are not looked at, and the journal is not replayed: what it holds is a file that the walk does not reach.

use std::io;

use candor_object::{Content, FileType, Flow, Reason, Sink, Stop};

use super::pieces::Pieces;
use super::usize_of;
use super::walk::{Folder, Walk};
use crate::fields::{self, u16_le, u32_le};
use crate::{Format, Glimpse};

const ROOT: u64 = 2;
/// Largest folder that is read.
const LARGEST_FOLDER: u64 = 64 << 20;
/// Blocks of extents of one file.
const MOST_NODES: u32 = 1 << 16;

const EXTENTS: u32 = 0x8_0000;
const INLINE: u32 = 0x1000_0000;
const ENCRYPTED: u32 = 0x800;

/// The formats of Linux's ext file systems.
pub(crate) struct Ext;

impl Format for Ext {
    fn file_type(&self) -> FileType {
        FileType::new("ext")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        let block = u32_le(glimpse.head, 1048);
        glimpse.has(1080, &[0x53, 0xef]) && block.is_some_and(|log| log <= 6)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(1024, 1024)?;
        let mut walk = Walk::new(content, sink);
        let Some(volume) = Volume::parse(&head) else {
            walk.gap(Reason::Damaged, "the superblock contradicts itself");
            return Ok(());
        };
        volume.walk(content, &mut walk)?;
        walk.finish(volume.blocks.saturating_mul(volume.block))
    }
}

struct Volume {
    block: u64,
    blocks: u64,
    per_group: u64,
    inode_size: u64,
    inodes: u64,
    descriptors: u64,
    descriptor_size: u64,
}

struct Inode {
    number: u64,
    bytes: Vec<u8>,
    /// Where it is.
    place: u64,
    flags: u32,
    size: u64,
}

impl Inode {
    fn kind(&self) -> u16 {
        u16_le(&self.bytes, 0).unwrap_or(0) & 0xf000
    }
}

impl Volume {
    fn parse(head: &[u8]) -> Option<Self> {
        let block = 1024_u64.checked_shl(u32_le(head, 24)?)?;
        let features = u32_le(head, 0x60)?;
        let old = u32_le(head, 0x4c)? == 0;
        let inode_size = if old { 128 } else { u64::from(u16_le(head, 0x58)?) };
        let large = features & 0x80 != 0;
        let descriptor_size = if large { u64::from(u16_le(head, 0xfe)?).max(32) } else { 32 };
        let high = if large { u64::from(u32_le(head, 0x150)?) } else { 0 };
        let per_group = u64::from(u32_le(head, 0x28)?);
        if per_group == 0 || !(128..=4096).contains(&inode_size) || block > 64 << 10 {
            return None;
        }
        Some(Self {
            block,
            blocks: u64::from(u32_le(head, 4)?) | high << 32,
            per_group,
            inode_size,
            inodes: u64::from(u32_le(head, 0)?),
            descriptors: u64::from(u32_le(head, 0x14)?).checked_add(1)?.checked_mul(block)?,
            descriptor_size,
        })
    }

    fn inode(&self, content: &Content, number: u64) -> io::Result<Option<Inode>> {
        let Some(index) = number.checked_sub(1).filter(|index| *index < self.inodes) else { return Ok(None) };
        let group = index.checked_div(self.per_group).unwrap_or(0);
        let index = index.checked_rem(self.per_group).unwrap_or(0);
        let at = self.descriptors.saturating_add(group.saturating_mul(self.descriptor_size));
        let descriptor = content.window(at, usize_of(self.descriptor_size))?;
        let high = if self.descriptor_size >= 64 { u32_le(&descriptor, 0x28).unwrap_or(0) } else { 0 };
        let table = u64::from(u32_le(&descriptor, 8).unwrap_or(0)) | u64::from(high) << 32;
        let place = table.saturating_mul(self.block).saturating_add(index.saturating_mul(self.inode_size));
        let bytes = content.window(place, usize_of(self.inode_size))?.into_owned();
        let (Some(low), Some(flags)) = (u32_le(&bytes, 4), u32_le(&bytes, 0x20)) else { return Ok(None) };
        let size = u64::from(low) | u64::from(u32_le(&bytes, 0x6c).unwrap_or(0)) << 32;
        Ok(Some(Inode { number, bytes, place, flags, size }))
    }

    fn pieces(&self, content: &Content, inode: &Inode, sink: &mut dyn Sink) -> Result<Pieces, Stop> {
        let mut pieces = Pieces::default();
        let map = inode.bytes.get(0x28..0x64).unwrap_or_default();
        if inode.flags & INLINE != 0 {
            pieces.push(Some(inode.place.saturating_add(0x28)), inode.size.min(60));
            if let Some((offset, size)) = inline_rest(&inode.bytes).filter(|_| inode.size > 60) {
                pieces
                    .push(Some(inode.place.saturating_add(offset)), size.min(inode.size.saturating_sub(60)));
            }
            return Ok(pieces);
        }
        let mut nodes = 0;
        if inode.flags & EXTENTS != 0 {
            self.extents(content, map, 6, &mut (&mut pieces, &mut nodes), sink)?;
        } else {
            for (index, pointer) in map.chunks_exact(4).enumerate() {
                if pieces.size() >= inode.size {
                    break;
                }
                let pointer = u64::from(u32_le(pointer, 0).unwrap_or(0));
                let level = index.saturating_sub(11);
                self.indirect(content, pointer, level, inode.size, &mut (&mut pieces, &mut nodes), sink)?;
            }
        }
        pieces.resize(inode.size);
        Ok(pieces)
    }

    fn extents(
        &self,
        content: &Content,
        node: &[u8],
        most_depth: u16,
        state: &mut (&mut Pieces, &mut u32),
        sink: &mut dyn Sink,
    ) -> Flow {
        *state.1 = state.1.saturating_add(1);
        let (Some(0xf30a), Some(count), Some(depth)) = (u16_le(node, 0), u16_le(node, 2), u16_le(node, 6))
        else {
            return Ok(());
        };
        if depth >= most_depth || *state.1 > MOST_NODES {
            return Ok(());
        }
        sink.pulse()?;
        for entry in node.get(12..).unwrap_or_default().chunks_exact(12).take(count.into()) {
            let (Some(first), Some(length)) = (u32_le(entry, 0), u16_le(entry, 4)) else { break };
            if depth > 0 {
                let low = u64::from(u32_le(entry, 4).unwrap_or(0));
                let block = low | u64::from(u16_le(entry, 8).unwrap_or(0)) << 32;
                let inner = content.window(block.saturating_mul(self.block), usize_of(self.block))?;
                self.extents(content, &inner, depth, state, sink)?;
                continue;
            }
            let start = u64::from(first).saturating_mul(self.block);
            let hole = start.saturating_sub(state.0.size());
            state.0.push(None, hole);
            let high = u64::from(u16_le(entry, 6).unwrap_or(0));
            let block = u64::from(u32_le(entry, 8).unwrap_or(0)) | high << 32;
            // Longer ones are promised and not written.
            let written = length <= 0x8000;
            let length = u64::from(if written { length } else { length.saturating_sub(0x8000) });
            let place = written.then(|| block.saturating_mul(self.block));
            state.0.push(place, length.saturating_mul(self.block));
        }
        Ok(())
    }

    fn indirect(
        &self,
        content: &Content,
        block: u64,
        level: usize,
        size: u64,
        state: &mut (&mut Pieces, &mut u32),
        sink: &mut dyn Sink,
    ) -> Flow {
        let each = self.block >> 2;
        if block == 0 {
            let blocks = (0..level).fold(1_u64, |blocks, _| blocks.saturating_mul(each));
            let left = size.saturating_sub(state.0.size());
            state.0.push(None, blocks.saturating_mul(self.block).min(left));
            return Ok(());
        }
        if level == 0 {
            state.0.push(Some(block.saturating_mul(self.block)), self.block);
            return Ok(());
        }
        *state.1 = state.1.saturating_add(1);
        if *state.1 > MOST_NODES {
            return Ok(());
        }
        sink.pulse()?;
        let table = content.window(block.saturating_mul(self.block), usize_of(self.block))?;
        for pointer in table.chunks_exact(4) {
            if state.0.size() >= size {
                break;
            }
            let pointer = u64::from(u32_le(pointer, 0).unwrap_or(0));
            self.indirect(content, pointer, level.saturating_sub(1), size, state, sink)?;
        }
        Ok(())
    }

    fn walk(&self, content: &Content, walk: &mut Walk<'_>) -> Flow {
        let mut folders = vec![Folder::root(ROOT)];
        walk.visit(ROOT | 1 << 62);
        while let Some(folder) = folders.pop() {
            let Some(inode) = self.inode(content, folder.place)?.filter(|inode| inode.kind() == 0x4000)
            else {
                walk.gap(Reason::Damaged, &format!("folder {:?} cannot be found", folder.path));
                continue;
            };
            if inode.flags & ENCRYPTED != 0 {
                walk.gap(Reason::Encrypted, &format!("the names in folder {:?} are encrypted", folder.path));
            }
            let table = self.pieces(content, &inode, walk.sink)?.content(content);
            let bytes = table.window(0, usize_of(LARGEST_FOLDER))?;
            let skipped = if inode.flags & INLINE != 0 { 4 } else { 0 };
            let mut at = skipped;
            while let Some(entry) = bytes.get(at..).filter(|rest| rest.len() >= 8) {
                if !walk.admit()? {
                    return Ok(());
                }
                let size = u16_le(entry, 4).map_or(0, usize::from);
                let number = u64::from(u32_le(entry, 0).unwrap_or(0));
                if size < 8 {
                    if inode.flags & INLINE == 0 {
                        walk.gap(Reason::Damaged, &format!("folder {:?}: an entry is damaged", folder.path));
                        at = at.saturating_add(1).next_multiple_of(usize_of(self.block));
                        continue;
                    }
                    break;
                }
                at = at.saturating_add(size);
                let length = entry.get(6).copied().map_or(0, usize::from);
                let name = fields::name(entry.get(8..8_usize.saturating_add(length)).unwrap_or_default());
                if number != 0 && !matches!(name.as_str(), "." | ".." | "") {
                    let inner = self.entry(content, &folder, (&name, number), walk)?;
                    folders.extend(inner);
                }
            }
        }
        Ok(())
    }

    fn entry(
        &self,
        content: &Content,
        folder: &Folder<u64>,
        (name, number): (&str, u64),
        walk: &mut Walk<'_>,
    ) -> Result<Option<Folder<u64>>, Stop> {
        let path = folder.name(name);
        let Some(inode) = self.inode(content, number)? else {
            walk.gap(Reason::Damaged, &format!("{path:?} cannot be found"));
            return Ok(None);
        };
        match inode.kind() {
            0x4000 => return Ok(walk.folder(folder, name, number | 1 << 62, number)),
            0x8000 if walk.visit(inode.number) => {}
            0x8000 | 0xa000 | 0x1000 | 0x2000 | 0x6000 | 0xc000 => return Ok(None),
            _ => {
                walk.gap(Reason::Damaged, &format!("{path:?} is of no known kind"));
                return Ok(None);
            }
        }
        if inode.flags & ENCRYPTED != 0 {
            walk.gap(Reason::Encrypted, &format!("{path:?} is encrypted"));
        }
        let pieces = self.pieces(content, &inode, walk.sink)?;
        if pieces.size() > 0 {
            walk.file(&path, pieces)?;
        }
        Ok(None)
    }
}

/// Where in an inode the rest of a small file is: the value of the attribute `system.data`.
fn inline_rest(inode: &[u8]) -> Option<(u64, u64)> {
    let start = usize::from(u16_le(inode, 0x80)?).checked_add(0x80)?;
    if u32_le(inode, start)? != 0xea02_0000 {
        return None;
    }
    let first = start.checked_add(4)?;
    let mut at = first;
    loop {
        let entry = inode.get(at..)?;
        let length = usize::from(*entry.first()?);
        if *entry.get(..4)? == [0; 4] {
            return None;
        }
        if *entry.get(1)? == 7 && entry.get(16..16_usize.checked_add(length)?) == Some(b"data") {
            let offset = first.checked_add(u16_le(entry, 2)?.into())?;
            return Some((offset as u64, u32_le(entry, 8)?.into()));
        }
        at = at.checked_add(16)?.checked_add(length)?.next_multiple_of(4);
    }
}
