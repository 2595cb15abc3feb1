//! cramfs, in both byte orders.
//!
//! Specification: <https://docs.kernel.org/filesystems/cramfs.html>, and the header that the kernel publishes,
//! <https://github.com/torvalds/linux/blob/master/include/uapi/linux/cramfs_fs.h>.

use std::io::{self, Read};

use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Sink};

use super::usize_of;
use super::walk::{Folder, Walk};
use crate::fields::{name, u32_be, u32_le};
use crate::unpack::{Steps, Unpacked, damaged};
use crate::{Format, Glimpse};

/// Blocks are as large as the pages of the machine, and no field says so.
const BLOCKS: [u64; 5] = [4096, 8192, 16384, 65536, 2048];
/// What the flags of the volume say: pointers tell more than where a block ends.
const EXTENDED: u32 = 0x800;
/// What those pointers tell.
const STORED: u32 = 1 << 31;
const DIRECT: u32 = 1 << 30;
/// Tells files from folders among what was visited.
const FILE: &str = "file";

/// The cramfs format.
pub(crate) struct Cramfs;

impl Format for Cramfs {
    fn file_type(&self) -> FileType {
        FileType::new("cramfs")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        place(glimpse.head).is_some()
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut walk = Walk::new(content, sink);
        let head = content.window(0, 1024)?;
        let Some((start, is_big)) = place(&head) else { return Ok(()) };
        let mut volume = Volume { content: content.clone(), is_big, is_extended: false, size: 0 };
        let at = usize_of(start);
        let (Some(size), Some(flags)) =
            (volume.number(&head, at.saturating_add(4)), volume.number(&head, at.saturating_add(8)))
        else {
            return Ok(());
        };
        volume.is_extended = flags & EXTENDED != 0;
        let root = head.get(at.saturating_add(64)..).and_then(|root| volume.inode(root));
        let Some(root) = root.filter(Inode::is_folder) else {
            walk.gap(Reason::Damaged, "the root of the volume is no folder");
            return Ok(());
        };
        // Versions before the flags had no size.
        let size = if flags & 1 == 0 { content.size() } else { u64::from(size) };
        volume.size = size.max(content.size());
        if size > content.size() {
            walk.gap(Reason::Truncated, &format!("{} of {size} bytes are there", content.size()));
        }
        walk.cover(start, 76);
        walk.visit((root.offset, root.size));
        let mut folders = vec![Folder::root(root)];
        while let Some(folder) = folders.pop() {
            volume.list(&folder, &mut folders, &mut walk)?;
        }
        walk.uncovered(0, size.min(content.size()))?;
        walk.finish(size)
    }
}

/// Where the volume's header is, and whether its numbers are big-endian.
fn place(head: &[u8]) -> Option<(u64, bool)> {
    [0_u64, 512].into_iter().find_map(|start| {
        let header = head.get(usize_of(start)..)?;
        let is_signed = header.get(16..32)? == b"Compressed ROMFS";
        match header.first_chunk()? {
            _ if !is_signed => None,
            b"\x45\x3d\xcd\x28" => Some((start, false)),
            b"\x28\xcd\x3d\x45" => Some((start, true)),
            _ => None,
        }
    })
}

#[derive(Clone, Copy, Debug)]
struct Inode {
    mode: u32,
    size: u64,
    /// Bytes of the name behind it.
    name: u64,
    offset: u64,
}

impl Inode {
    fn is_folder(&self) -> bool {
        self.mode & 0xf000 == 0x4000
    }

    /// Links are packed like files.
    fn is_file(&self) -> bool {
        matches!(self.mode & 0xf000, 0x8000 | 0xa000)
    }
}

struct Volume {
    content: Content,
    is_big: bool,
    is_extended: bool,
    /// Bytes of the volume, also of those that are not there.
    size: u64,
}

impl Volume {
    fn number(&self, bytes: &[u8], at: usize) -> Option<u32> {
        if self.is_big { u32_be(bytes, at) } else { u32_le(bytes, at) }
    }

    /// The fields of an inode are of odd numbers of bits, which lie the other way round in the other byte order.
    fn inode(&self, bytes: &[u8]) -> Option<Inode> {
        let (first, second, third) = (self.number(bytes, 0)?, self.number(bytes, 4)?, self.number(bytes, 8)?);
        let (mode, size, name, offset) = if self.is_big {
            (first >> 16, second >> 8, third >> 26, third & 0x03ff_ffff)
        } else {
            (first & 0xffff, second & 0x00ff_ffff, third & 0x3f, third >> 6)
        };
        let times4 = |number: u32| u64::from(number).saturating_mul(4);
        Some(Inode { mode, size: size.into(), name: times4(name), offset: times4(offset) })
    }

    fn list(&self, folder: &Folder<Inode>, folders: &mut Vec<Folder<Inode>>, walk: &mut Walk<'_>) -> Flow {
        let Inode { offset, size, .. } = folder.place;
        let table = self.content.window(offset, usize_of(size))?;
        walk.cover(offset, size);
        if (table.len() as u64) < size {
            walk.gap(Reason::Truncated, &format!("folder {:?} lies behind the end", folder.path));
        }
        let mut rest: &[u8] = &table;
        while let Some(inode) = self.inode(rest) {
            let end = usize_of(inode.name.saturating_add(12));
            let label = name(rest.get(12..end).unwrap_or_default());
            rest = rest.get(end..).unwrap_or_default();
            if !walk.admit()? {
                return Ok(());
            }
            if inode.is_folder() && inode.size > 0 {
                folders.extend(walk.folder(folder, &label, (inode.offset, inode.size), inode));
            } else if inode.is_file() && inode.size > 0 && walk.visit((inode.offset, inode.size, FILE)) {
                self.file(&folder.name(&label), inode, walk)?;
            }
        }
        Ok(())
    }

    /// The pointers of a file, and the size of its blocks: that with which each block ends behind the one before.
    /// Extended pointers need not be in order, and are of the first size whose table is there.
    fn pointers(&self, inode: Inode) -> io::Result<Option<(u64, Vec<u32>)>> {
        for block in BLOCKS {
            let count = inode.size.div_ceil(block);
            let start = inode.offset.saturating_add(count.saturating_mul(4));
            let table = self.content.window(inode.offset, usize_of(count.saturating_mul(4)))?;
            let pointers: Vec<u32> =
                table.chunks_exact(4).filter_map(|pointer| self.number(pointer, 0)).collect();
            let is_whole = pointers.len() as u64 == count;
            let mut before = start;
            let in_order = |pointer: &u32| {
                let follows = u64::from(*pointer) >= before && u64::from(*pointer) <= self.size;
                before = u64::from(*pointer);
                follows
            };
            if is_whole && (self.is_extended || pointers.iter().all(in_order)) {
                return Ok(Some((block, pointers)));
            }
        }
        Ok(None)
    }

    fn file(&self, path: &str, inode: Inode, walk: &mut Walk<'_>) -> Flow {
        let Some((block, pointers)) = self.pointers(inode)? else {
            walk.gap(Reason::Damaged, &format!("{path:?}: the table of its blocks is damaged"));
            return Ok(());
        };
        let start = inode.offset.saturating_add((pointers.len() as u64).saturating_mul(4));
        let end = pointers.last().copied().map_or(start, u64::from);
        if self.is_extended {
            self.cover_each(inode, block, &pointers, walk)?;
        } else {
            walk.cover(inode.offset, end.saturating_sub(inode.offset));
        }
        let packed = end.saturating_sub(start);
        walk.sink.listed(Listed { name: path, packed, size: inode.size, encrypted: false, position: None });
        let blocks =
            Blocks { volume: self, pointers: pointers.into_iter(), next: start, block, left: inode.size };
        walk.sink.child(Child::member(path), &mut Unpacked::new(blocks, Vec::new(), 0, inode.size))
    }

    fn cover_each(&self, inode: Inode, block: u64, pointers: &[u32], walk: &mut Walk<'_>) -> Flow {
        walk.cover(inode.offset, (pointers.len() as u64).saturating_mul(4));
        let mut next = inode.offset.saturating_add((pointers.len() as u64).saturating_mul(4));
        for pointer in pointers {
            let (start, length) = self.extent(*pointer, next, block)?;
            walk.cover(start.saturating_sub(2), length.saturating_add(2));
            next = start.saturating_add(length);
        }
        Ok(())
    }

    /// Where a block is and how long, whose predecessor ends at `next`.
    fn extent(&self, pointer: u32, next: u64, block: u64) -> io::Result<(u64, u64)> {
        if !self.is_extended || pointer & DIRECT == 0 {
            let end = if self.is_extended { pointer & !STORED } else { pointer };
            return Ok((next, u64::from(end).saturating_sub(next)));
        }
        let start = u64::from(pointer & !(STORED | DIRECT)).saturating_mul(4);
        if pointer & STORED != 0 {
            return Ok((start, block));
        }
        let size = self.content.window(start, 2)?;
        let size = match (self.is_big, size.first_chunk()) {
            (false, Some(size)) => u16::from_le_bytes(*size),
            (true, Some(size)) => u16::from_be_bytes(*size),
            _ => 0,
        };
        Ok((start.saturating_add(2), size.into()))
    }
}

/// The blocks of a file.
struct Blocks<'a> {
    volume: &'a Volume,
    pointers: std::vec::IntoIter<u32>,
    next: u64,
    block: u64,
    left: u64,
}

impl Steps for Blocks<'_> {
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        let Some(pointer) = self.pointers.next() else { return Ok(false) };
        let want = self.left.min(self.block);
        let (start, length) = self.volume.extent(pointer, self.next, self.block)?;
        self.next = start.saturating_add(length);
        self.left = self.left.saturating_sub(want);
        let is_stored = self.volume.is_extended && pointer & STORED != 0;
        let most = if is_stored { want } else { self.block.saturating_mul(2) };
        let packed = self.volume.content.window(start, usize_of(length.min(most)))?;
        let end = output.len().saturating_add(usize_of(want));
        if is_stored {
            output.extend_from_slice(&packed);
        } else if length > 0 {
            flate2::read::ZlibDecoder::new(&*packed).take(want).read_to_end(output)?;
        } else {
            output.resize(end, 0);
        }
        if output.len() == end { Ok(true) } else { Err(damaged("a block is too short")) }
    }
}
