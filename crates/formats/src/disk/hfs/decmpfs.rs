//! Files that the file system keeps packed: in an attribute if they are small, else in the resource fork.
//!
//! Specification: none by Apple but the header,
//! <https://github.com/apple-oss-distributions/xnu/blob/main/bsd/sys/decmpfs.h>.

use std::io::{self, ErrorKind, Read};

use candor_object::Content;

use crate::disk::dmg::{lzfse, lzvn};
use crate::disk::usize_of;
use crate::fields::{u32_be, u32_le, u64_le};
use crate::unpack::damaged;

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

/// A packed file that is being read.
pub(super) struct Packed {
    method: Method,
    /// Where the chunks are.
    content: Content,
    chunks: std::vec::IntoIter<(u64, u64)>,
    chunk: u64,
    left: u64,
    bytes: Vec<u8>,
    given: usize,
    broken: Option<io::Error>,
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
        let (chunks, bytes) = (chunks.into_iter(), Vec::new());
        Ok(Some(Self { method, content, chunks, chunk, left: size, bytes, given: 0, broken: None }))
    }

    /// Bytes of the file.
    pub(super) fn size(&self) -> u64 {
        self.left
    }

    /// Bytes that it takes.
    pub(super) fn packed_size(&self) -> u64 {
        self.content.size()
    }

    fn unpack(&mut self, (offset, size): (u64, u64)) -> io::Result<()> {
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
        self.bytes.clear();
        self.given = 0;
        match self.method {
            Method::Stored => self.bytes.extend_from_slice(packed.get(..most).unwrap_or(&packed)),
            _ if is_stored => {
                let stored = packed.get(1..).unwrap_or_default();
                self.bytes.extend_from_slice(stored.get(..most).unwrap_or(stored));
            }
            Method::Zlib => {
                flate2::read::ZlibDecoder::new(&*packed).take(want).read_to_end(&mut self.bytes)?;
            }
            Method::Lzvn => lzvn::unpack(&packed, &mut self.bytes, most)?,
            Method::Lzfse => lzfse::unpack(&packed, &mut self.bytes, most)?,
        }
        self.left = self.left.saturating_sub(self.bytes.len() as u64);
        if (self.bytes.len() as u64) < want { Err(damaged("a chunk is too short")) } else { Ok(()) }
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

impl Read for Packed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given >= self.bytes.len() {
            if let Some(error) = self.broken.take() {
                return Err(error);
            }
            if self.left > 0 {
                let chunk = self.chunks.next().ok_or_else(|| damaged("a chunk is missing"))?;
                self.broken = self.unpack(chunk).err();
                return self.read(buffer);
            }
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
