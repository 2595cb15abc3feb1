//! Files that the file system keeps packed: in an attribute if they are small, else in the resource fork.
//!
//! Specification: none by Apple but the header,
//! <https://github.com/apple-oss-distributions/xnu/blob/main/bsd/sys/decmpfs.h>.

use std::io::{self, ErrorKind, Read};

use candor_object::Content;

use crate::disk::dmg::{lzfse, lzvn};
use crate::disk::usize_of;
use crate::fields::{u32_be, u32_le, u64_le};
use crate::unpack::{Steps, damaged};

/// The name of the attribute.
pub(super) const NAME: &str = "com.apple.decmpfs";
/// Bytes that each chunk has when it is unpacked.
const CHUNK: u64 = 64 << 10;
/// Largest file that an attribute holds.
const LARGEST_INLINE: u64 = 4 << 20;
/// Chunks of one file.
const MOST_CHUNKS: u64 = 1 << 18;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Stored,
    Zlib,
    Lzvn,
    Lzfse,
}

/// A packed file: its chunks.
pub(super) struct Packed {
    method: Method,
    /// Where the chunks are.
    content: Content,
    chunks: std::vec::IntoIter<(u64, u64)>,
    chunk: u64,
    left: u64,
}

impl Packed {
    /// The file that the attribute tells of; nothing if it is no such attribute or there are no bytes in it.
    ///
    /// # Errors
    /// Those of reading, and `Unsupported` for unknown methods.
    pub(super) fn new(attribute: &Content, fork: &Content) -> io::Result<Option<Self>> {
        let head = attribute.window(0, 16)?;
        let (Some(kind), Some(size)) = (u32_le(&head, 4), u64_le(&head, 8)) else { return Ok(None) };
        if !head.starts_with(b"fpmc") || size == 0 {
            return Ok(None);
        }
        let method = match kind {
            1 | 9 | 10 => Method::Stored,
            3 | 4 => Method::Zlib,
            7 | 8 => Method::Lzvn,
            11 | 12 => Method::Lzfse,
            // The content is on a server.
            5 => return Ok(None),
            _ => return Err(io::Error::new(ErrorKind::Unsupported, format!("packed by method {kind}"))),
        };
        let is_fork = matches!(kind, 4 | 8 | 10 | 12);
        let content = if is_fork { fork.clone() } else { attribute.from(16) };
        let chunks = match kind {
            4 | 10 => table_behind_header(fork, size)?,
            8 | 12 => table(fork, size)?,
            _ => vec![(0, content.size())],
        };
        let chunk = if is_fork { CHUNK } else { size.min(LARGEST_INLINE) };
        Ok(Some(Self { method, content, chunks: chunks.into_iter(), chunk, left: size }))
    }

    /// Bytes of the file.
    pub(super) fn size(&self) -> u64 {
        self.left
    }

    /// Bytes that it takes.
    pub(super) fn packed_size(&self) -> u64 {
        self.content.size()
    }
}

impl Steps for Packed {
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        if self.left == 0 {
            return Ok(false);
        }
        let (offset, size) = self.chunks.next().ok_or_else(|| damaged("a chunk is missing"))?;
        let want = self.left.min(self.chunk);
        // What does not become smaller is stored behind a byte.
        let packed = self.content.window(offset, usize_of(size.min(self.chunk.saturating_mul(2))))?;
        let first = packed.first().copied().unwrap_or(0);
        let is_stored = match self.method {
            Method::Stored => false,
            Method::Zlib => first & 15 == 15,
            Method::Lzvn => first == 6,
            Method::Lzfse => !packed.starts_with(b"bvx"),
        };
        let most = usize_of(want);
        let mut bytes = Vec::new();
        let result = match self.method {
            Method::Stored => {
                bytes.extend_from_slice(packed.get(..most).unwrap_or(&packed));
                Ok(())
            }
            _ if is_stored => {
                let stored = packed.get(1..).unwrap_or_default();
                bytes.extend_from_slice(stored.get(..most).unwrap_or(stored));
                Ok(())
            }
            Method::Zlib => {
                flate2::read::ZlibDecoder::new(&*packed).take(want).read_to_end(&mut bytes).map(drop)
            }
            Method::Lzvn => lzvn::unpack(&packed, &mut bytes, most),
            Method::Lzfse => lzfse::unpack(&packed, &mut bytes, most),
        };
        let is_whole = bytes.len() as u64 == want;
        self.left = self.left.saturating_sub(bytes.len() as u64);
        output.append(&mut bytes);
        result?;
        if is_whole { Ok(true) } else { Err(damaged("a chunk is too short")) }
    }
}

/// The table in a resource: how many chunks, and of each where it begins behind that number's place, and its size.
fn table_behind_header(fork: &Content, size: u64) -> io::Result<Vec<(u64, u64)>> {
    let start = u32_be(&fork.window(0, 4)?, 0).map_or(0, u64::from).saturating_add(4);
    let count =
        u32_le(&fork.window(start, 4)?, 0).map_or(0, u64::from).min(size.div_ceil(CHUNK)).min(MOST_CHUNKS);
    let table = fork.window(start.saturating_add(4), usize_of(count.saturating_mul(8)))?;
    let chunk =
        |entry: &[u8]| Some((start.saturating_add(u32_le(entry, 0)?.into()), u64::from(u32_le(entry, 4)?)));
    Ok(table.chunks_exact(8).filter_map(chunk).collect())
}

/// The table at the start of a fork: where each chunk begins, and where the last one ends.
fn table(fork: &Content, size: u64) -> io::Result<Vec<(u64, u64)>> {
    let count = size.div_ceil(CHUNK).min(MOST_CHUNKS);
    let table = fork.window(0, usize_of(count.saturating_add(1).saturating_mul(4)))?;
    let places: Vec<u64> =
        table.chunks_exact(4).filter_map(|place| u32_le(place, 0)).map(u64::from).collect();
    let pairs = places.iter().zip(places.iter().skip(1));
    Ok(pairs.map(|(start, end)| (*start, end.saturating_sub(*start))).collect())
}
