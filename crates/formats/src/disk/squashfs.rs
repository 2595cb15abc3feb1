//! squashfs 4.0, in both byte orders of its sign but little-endian content.
//!
//! Specification: <https://dr-emann.github.io/squashfs/>.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, ErrorKind, Read};
use std::rc::Rc;

use candor_object::{Child, Content, FileType, Flow, Reason, Sink, Stop};

use super::usize_of;
use super::walk::{Folder, Walk};
use crate::fields::{self, u16_le, u32_le, u64_le};
use crate::unpack::{Steps, Unpacked, damaged};
use crate::{Format, Glimpse};

const METADATA: u64 = 8192;
/// Unpacked blocks of metadata that are kept.
const KEPT: usize = 64;
/// Largest folder that is read, and the table of the blocks of one file.
const LARGEST_FOLDER: u64 = 16 << 20;
const MOST_BLOCKS: u64 = 1 << 20;
const STORED: u32 = 1 << 24;

/// The squashfs format.
pub(crate) struct Squashfs;

impl Format for Squashfs {
    fn file_type(&self) -> FileType {
        FileType::new("squashfs")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        (glimpse.has(0, b"hsqs") || glimpse.has(0, b"sqsh"))
            && glimpse.head.iter().take(32).any(|byte| *byte < 8)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(0, 96)?;
        let mut walk = Walk::new(content, sink);
        let Some(mut volume) = Volume::parse(content, &head) else {
            walk.gap(Reason::Unsupported, "squashfs of another version or byte order");
            return Ok(());
        };
        if matches!(volume.method, 0 | 7..) {
            walk.gap(Reason::Unsupported, &format!("squashfs with compression method {}", volume.method));
            return Ok(());
        }
        volume.walk(u64_le(&head, 32).unwrap_or(0), &mut walk)?;
        walk.finish(u64_le(&head, 40).unwrap_or(0).max(96))
    }
}

struct Volume {
    content: Content,
    method: u16,
    block: u64,
    inodes: u64,
    folders: u64,
    fragments: u64,
    fragment_count: u32,
    cache: HashMap<u64, (Vec<u8>, u64)>,
    /// The block with the ends of files that was unpacked last.
    tail: Rc<RefCell<Tail>>,
}

/// A block by its place and size, unpacked.
type Tail = Option<((u64, u32), Vec<u8>)>;

impl Volume {
    fn parse(content: &Content, head: &[u8]) -> Option<Self> {
        let block = u64::from(u32_le(head, 12)?);
        if !head.starts_with(b"hsqs") || u16_le(head, 28)? != 4 || !(4096..=1 << 20).contains(&block) {
            return None;
        }
        Some(Self {
            content: content.clone(),
            method: u16_le(head, 20)?,
            block,
            inodes: u64_le(head, 64)?,
            folders: u64_le(head, 72)?,
            fragments: u64_le(head, 80)?,
            fragment_count: u32_le(head, 16)?,
            cache: HashMap::new(),
            tail: Rc::default(),
        })
    }

    /// Bytes of a table: a block at an offset, and a place in it. Fewer where it is damaged.
    fn metadata(&mut self, mut block: u64, within: u64, size: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut skip = usize_of(within);
        while (bytes.len() as u64) < size {
            if !self.cache.contains_key(&block) {
                if self.cache.len() >= KEPT {
                    self.cache.clear();
                }
                let header = self.content.window(block, 2)?;
                let Some(header) = u16_le(&header, 0) else { break };
                let length = u64::from(header & 0x7fff);
                let start = block.saturating_add(2);
                let packed = self.content.window(start, usize_of(length))?;
                let unpacked = if header & 0x8000 != 0 {
                    Ok(packed.to_vec())
                } else {
                    unpack(self.method, &packed, METADATA)
                };
                self.cache.insert(block, (unpacked.unwrap_or_default(), start.saturating_add(length)));
            }
            let Some((unpacked, next)) = self.cache.get(&block) else { break };
            let Some(rest) = unpacked.get(skip..).filter(|rest| !rest.is_empty()) else { break };
            let count = rest.len().min(usize_of(size.saturating_sub(bytes.len() as u64)));
            bytes.extend_from_slice(rest.get(..count).unwrap_or_default());
            skip = 0;
            block = *next;
        }
        Ok(bytes)
    }

    fn inode(&mut self, reference: u64, size: u64) -> io::Result<Vec<u8>> {
        self.metadata(self.inodes.saturating_add(reference >> 16), reference & 0xffff, size)
    }

    fn walk(&mut self, root: u64, walk: &mut Walk<'_>) -> Flow {
        let mut folders = vec![Folder::root(root)];
        walk.visit(root);
        while let Some(folder) = folders.pop() {
            walk.sink.pulse()?;
            let inode = self.inode(folder.place, 40)?;
            let place = match u16_le(&inode, 0) {
                Some(1) => u32_le(&inode, 16).zip(u16_le(&inode, 24).map(u32::from)).zip(u16_le(&inode, 26)),
                Some(8) => u32_le(&inode, 24).zip(u32_le(&inode, 20)).zip(u16_le(&inode, 34)),
                _ => None,
            };
            let Some(((block, size), within)) = place else {
                walk.gap(Reason::Damaged, &format!("folder {:?} cannot be read", folder.path));
                continue;
            };
            let size = u64::from(size.saturating_sub(3)).min(LARGEST_FOLDER);
            let block = self.folders.saturating_add(block.into());
            let table = self.metadata(block, within.into(), size)?;
            if (table.len() as u64) < size {
                walk.gap(Reason::Damaged, &format!("folder {:?} cannot be read to its end", folder.path));
            }
            let mut rest: &[u8] = &table;
            while let (Some(count), Some(start)) = (u32_le(rest, 0), u32_le(rest, 4)) {
                rest = rest.get(12..).unwrap_or_default();
                for _ in 0..=count.min(256) {
                    let (Some(offset), Some(length)) = (u16_le(rest, 0), u16_le(rest, 6)) else {
                        break;
                    };
                    let end = usize::from(length).saturating_add(9);
                    let name = fields::name(rest.get(8..end).unwrap_or_default());
                    rest = rest.get(end..).unwrap_or_default();
                    if !walk.admit()? {
                        return Ok(());
                    }
                    let reference = u64::from(start) << 16 | u64::from(offset);
                    // The entry says so as well, but systems go by what it leads to.
                    match u16_le(&self.inode(reference, 2)?, 0) {
                        Some(1 | 8) => folders.extend(walk.folder(&folder, &name, reference, reference)),
                        Some(2 | 9) if walk.visit((reference, "file")) => {
                            self.file(&folder.name(&name), reference, walk)?;
                        }
                        Some(1..=14) => {}
                        _ => walk.gap(Reason::Damaged, &format!("{:?} cannot be found", folder.name(&name))),
                    }
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &str, reference: u64, walk: &mut Walk<'_>) -> Flow {
        let head = self.inode(reference, 56)?;
        let parts = match u16_le(&head, 0) {
            Some(2) => (|| {
                let (start, size) = (u64::from(u32_le(&head, 16)?), u64::from(u32_le(&head, 28)?));
                Some((start, size, u32_le(&head, 20)?, u32_le(&head, 24)?, 32_u64))
            })(),
            Some(9) => (|| {
                Some((u64_le(&head, 16)?, u64_le(&head, 24)?, u32_le(&head, 44)?, u32_le(&head, 48)?, 56))
            })(),
            _ => None,
        };
        let Some((start, size, fragment, within, header)) = parts else {
            walk.gap(Reason::Damaged, &format!("{path:?} cannot be found"));
            return Ok(());
        };
        if size == 0 {
            return Ok(());
        }
        let has_tail = fragment != u32::MAX;
        let blocks =
            if has_tail { size.checked_div(self.block).unwrap_or(0) } else { size.div_ceil(self.block) };
        if blocks > MOST_BLOCKS {
            walk.gap(Reason::Damaged, &format!("{path:?} is said to have {size} bytes"));
        }
        let blocks = blocks.min(MOST_BLOCKS);
        let table = self.inode(reference, header.saturating_add(blocks.saturating_mul(4)))?;
        let sizes = table.get(usize_of(header)..).unwrap_or_default().chunks_exact(4);
        let sizes: Vec<u32> = sizes.filter_map(|size| u32_le(size, 0)).collect();
        let tail = if has_tail { self.fragment(fragment)? } else { None };
        if (sizes.len() as u64) < blocks || (has_tail && tail.is_none()) {
            walk.gap(Reason::Damaged, &format!("{path:?}: the table of its blocks is damaged"));
        }
        let blocks = Blocks {
            content: self.content.clone(),
            method: self.method,
            block: self.block,
            sizes: sizes.into_iter(),
            offset: start,
            left: size,
            tail: tail.map(|(offset, size)| (offset, size, usize_of(within))),
            unpacked: Rc::clone(&self.tail),
        };
        walk.sink.child(Child::member(path), &mut Unpacked::new(blocks, Vec::new(), 0, size))
    }

    /// Where a block with the ends of several files is.
    fn fragment(&mut self, index: u32) -> Result<Option<(u64, u32)>, Stop> {
        if index >= self.fragment_count {
            return Ok(None);
        }
        let pointer = self.fragments.saturating_add(u64::from(index >> 9).saturating_mul(8));
        let Some(block) = u64_le(&self.content.window(pointer, 8)?, 0) else { return Ok(None) };
        let entry = self.metadata(block, u64::from(index & 511).saturating_mul(16), 16)?;
        Ok(u64_le(&entry, 0).zip(u32_le(&entry, 8)))
    }
}

/// The blocks of a file, and its end in a block that others share.
struct Blocks {
    content: Content,
    method: u16,
    block: u64,
    sizes: std::vec::IntoIter<u32>,
    offset: u64,
    left: u64,
    tail: Option<(u64, u32, usize)>,
    unpacked: Rc<RefCell<Tail>>,
}

impl Blocks {
    fn take(&mut self, offset: u64, size: u32) -> io::Result<Vec<u8>> {
        let length = u64::from(size & !STORED);
        let packed = self.content.window(offset, usize_of(length.min(2 << 20)))?;
        if (packed.len() as u64) < length {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if size & STORED != 0 { Ok(packed.into_owned()) } else { unpack(self.method, &packed, self.block) }
    }
}

impl Steps for Blocks {
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        if self.left == 0 {
            return Ok(false);
        }
        let want = usize_of(self.left.min(self.block));
        let start = output.len();
        if let Some(size) = self.sizes.next() {
            if size != 0 {
                output.append(&mut self.take(self.offset, size)?);
            }
            self.offset = self.offset.saturating_add(u64::from(size & !STORED));
            output.resize(start.saturating_add(want), 0);
        } else if let Some((offset, size, within)) = self.tail.take() {
            let place = (offset, size);
            let unpacked = Rc::clone(&self.unpacked);
            let mut unpacked = unpacked.borrow_mut();
            if unpacked.as_ref().is_none_or(|(there, _)| *there != place) {
                *unpacked = Some((place, self.take(offset, size)?));
            }
            let bytes = unpacked.as_ref().map_or(&[][..], |(_, bytes)| bytes);
            output.extend(bytes.get(within..).unwrap_or_default().iter().take(want));
        } else {
            return Err(damaged("a block is missing"));
        }
        let given = output.len().saturating_sub(start);
        self.left = self.left.saturating_sub(given as u64);
        if given == 0 { Err(damaged("a block is empty")) } else { Ok(true) }
    }
}

/// Unpacks one block, of no more than `most` bytes.
fn unpack(method: u16, packed: &[u8], most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match method {
        1 => drop(flate2::read::ZlibDecoder::new(packed).take(most).read_to_end(&mut bytes)?),
        2 => {
            let reader = lzma_rust2::LzmaReader::new_mem_limit(packed, 64 << 10, None)?;
            reader.take(most).read_to_end(&mut bytes)?;
        }
        3 => crate::lzop::lzo(packed, &mut bytes, usize_of(most))?,
        4 => drop(
            lzma_rust2::XzReader::new_mem_limit(packed, false, 64 << 10)
                .take(most)
                .read_to_end(&mut bytes)?,
        ),
        5 => crate::lz4::decompress(packed, &mut bytes, usize_of(most))
            .map_err(|detail| io::Error::new(ErrorKind::InvalidData, detail))?,
        6 => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(packed);
            let decoder =
                decoder.map_err(|error| io::Error::new(ErrorKind::InvalidData, error.to_string()))?;
            decoder.take(most).read_to_end(&mut bytes)?;
        }
        _ => return Err(ErrorKind::Unsupported.into()),
    }
    Ok(bytes)
}
