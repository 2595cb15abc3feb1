//! Apple's disk images (UDIF), with or without compression.
//!
//! Specification: none by Apple; <https://newosxbook.com/DMG.html>.
//!
//! The disk comes out as one stream. Zeros stand in the place of chunks that are damaged or packed with an unknown method.

mod adc;
pub(crate) mod lzfse;
pub(crate) mod lzvn;

use std::io::{self, Read};

use candor_object::{Child, Content, FileType, Flow, Reason, Sink};

use super::usize_of;
use crate::fields::{u32_be, u64_be};
use crate::{Format, Glimpse};

const SECTOR: u64 = 512;
/// Largest list of chunks that is read.
const LARGEST_LIST: u64 = 32 << 20;
const MOST_CHUNKS: usize = 1 << 20;
/// Largest chunk that is unpacked; tools make them of 1 MiB at most.
const LARGEST_CHUNK: u64 = 16 << 20;

/// The UDIF format.
pub(crate) struct Dmg;

impl Format for Dmg {
    fn file_type(&self) -> FileType {
        FileType::new("dmg")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        let footer = glimpse.tail.get(glimpse.tail.len().saturating_sub(512)..).unwrap_or_default();
        footer.starts_with(b"koly\0\0\0\x04") && u32_be(footer, 8) == Some(512) && glimpse.size > SECTOR
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let footer = content.window(content.size().saturating_sub(SECTOR), 512)?;
        let (Some(fork), Some(list), Some(size)) =
            (u64_be(&footer, 24), u64_be(&footer, 216), u64_be(&footer, 224))
        else {
            return Ok(());
        };
        if size > LARGEST_LIST {
            sink.gap(Reason::Unsupported, &format!("a list of chunks of {size} bytes"));
        }
        let list = content.window(list, usize_of(size.min(LARGEST_LIST)))?;
        let mut chunks = chunks(&list, fork);
        sink.pulse()?;
        chunks.sort_by_key(|chunk| chunk.start);
        if chunks.is_empty() {
            sink.gap(Reason::Damaged, "the image has no list of chunks");
            return Ok(());
        }
        let mut disk = Disk {
            content,
            chunks: chunks.into_iter(),
            position: 0,
            bytes: Vec::new(),
            given: 0,
            zeros: 0,
            skipped: 0,
            damaged: 0,
        };
        let flow = sink.child(Child::member("disk"), &mut disk);
        let (skipped, damaged) = (disk.skipped, disk.damaged);
        if skipped > 0 {
            sink.gap(Reason::Unsupported, &format!("{skipped} chunks are packed with an unknown method"));
        }
        if damaged > 0 {
            sink.gap(Reason::Damaged, &format!("{damaged} chunks are damaged, cut or overlap"));
        }
        flow
    }
}

#[derive(Clone, Copy)]
struct Chunk {
    kind: u32,
    start: u64,
    size: u64,
    packed: (u64, u64),
}

/// The chunks of all partitions, from the tables in the property list.
fn chunks(list: &[u8], fork: u64) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut rest = list;
    while let Some(at) = memchr::memmem::find(rest, b"<data>") {
        rest = rest.get(at.saturating_add(6)..).unwrap_or_default();
        let end = memchr::memchr(b'<', rest).unwrap_or(rest.len());
        let table = decode(rest.get(..end).unwrap_or_default());
        rest = rest.get(end..).unwrap_or_default();
        let (Some(first), Some(offset)) = (u64_be(&table, 8), u64_be(&table, 24)) else { continue };
        if !table.starts_with(b"mish") {
            continue;
        }
        for chunk in table.get(204..).unwrap_or_default().chunks_exact(40) {
            let number = |at: usize| u64_be(chunk, at).unwrap_or(0);
            let kind = u32_be(chunk, 0).unwrap_or(0);
            if matches!(kind, 0x7fff_fffe | u32::MAX) || chunks.len() >= MOST_CHUNKS {
                continue;
            }
            chunks.push(Chunk {
                kind,
                start: first.saturating_add(number(8)).saturating_mul(SECTOR),
                size: number(16).saturating_mul(SECTOR),
                packed: (fork.saturating_add(offset).saturating_add(number(24)), number(32)),
            });
        }
    }
    chunks
}

fn decode(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte.wrapping_sub(b'A'),
            b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(26),
            b'0'..=b'9' => byte.wrapping_sub(b'0').wrapping_add(52),
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        count = count.saturating_add(6);
        if count >= 8 {
            count = count.saturating_sub(8);
            bytes.extend((bits >> count).to_le_bytes().first());
        }
    }
    bytes
}

struct Disk<'a> {
    content: &'a Content,
    chunks: std::vec::IntoIter<Chunk>,
    position: u64,
    bytes: Vec<u8>,
    given: usize,
    zeros: u64,
    skipped: u64,
    damaged: u64,
}

impl Disk<'_> {
    fn unpack(&mut self, chunk: Chunk) -> io::Result<()> {
        self.bytes.clear();
        self.given = 0;
        if chunk.start < self.position {
            self.damaged = self.damaged.saturating_add(1);
        }
        self.zeros = chunk.start.saturating_sub(self.position);
        self.position = self.position.max(chunk.start).saturating_add(chunk.size);
        let (offset, size) = chunk.packed;
        let most = chunk.size.min(LARGEST_CHUNK);
        if matches!(chunk.kind, 0 | 2) {
            self.zeros = self.zeros.saturating_add(chunk.size);
            return Ok(());
        }
        let packed = self.content.window(offset, usize_of(size.min(LARGEST_CHUNK)))?;
        let bytes = &mut self.bytes;
        let result = match chunk.kind {
            1 => (&*packed).take(most).read_to_end(bytes),
            0x8000_0004 => adc::unpack(&packed, bytes, usize_of(most)).map(|()| 0),
            0x8000_0005 => flate2::read::ZlibDecoder::new(&*packed).take(most).read_to_end(bytes),
            0x8000_0006 => bzip2::read::BzDecoder::new(&*packed).take(most).read_to_end(bytes),
            0x8000_0007 => lzfse::unpack(&packed, bytes, usize_of(most)).map(|()| 0),
            0x8000_0008 => {
                lzma_rust2::XzReader::new_mem_limit(&*packed, false, 64 << 10).take(most).read_to_end(bytes)
            }
            _ => {
                self.skipped = self.skipped.saturating_add(1);
                Ok(0)
            }
        };
        let whole = self.bytes.len() as u64 == chunk.size;
        let known = matches!(chunk.kind, 1 | 0x8000_0004..=0x8000_0008);
        if result.is_err() || (known && !whole) {
            self.damaged = self.damaged.saturating_add(1);
        }
        self.bytes.resize(usize_of(most), 0);
        Ok(())
    }
}

impl Read for Disk<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.zeros == 0 && self.given >= self.bytes.len() {
            let Some(chunk) = self.chunks.next() else { return Ok(0) };
            self.unpack(chunk)?;
        }
        if self.zeros > 0 {
            let count = usize_of(self.zeros).min(buffer.len());
            buffer.get_mut(..count).unwrap_or_default().fill(0);
            self.zeros = self.zeros.saturating_sub(count as u64);
            return Ok(count);
        }
        let rest = self.bytes.get(self.given..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(from), Some(to)) = (rest.get(..count), buffer.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.given = self.given.saturating_add(count);
        Ok(count)
    }
}
