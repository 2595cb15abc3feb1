//! A resource: stored, or in chunks that are packed one by one.

use std::io::{self, Error, ErrorKind, Read};

use candor_object::Content;

use super::{lzms, xpress};
use crate::fields::{array, u32_le, u64_le};
use crate::lzx::Lzx;
use crate::unpack::{damaged, unsupported};

/// Flags of resources.
const PACKED: u8 = 4;
pub(super) const SOLID: u8 = 16;
pub(super) const METADATA: u8 = 2;

/// Where a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Bytes that it takes.
    pub(super) packed: u64,
    pub(super) flags: u8,
    pub(super) offset: u64,
    pub(super) size: u64,
}

impl Place {
    pub(super) fn parse(bytes: &[u8], at: usize) -> Option<Self> {
        let first = u64_le(bytes, at)?;
        let [.., flags] = array::<8>(bytes, at)?;
        let offset = u64_le(bytes, at.saturating_add(8))?;
        let size = u64_le(bytes, at.saturating_add(16))?;
        Some(Self { packed: first & ((1 << 56) - 1), flags, offset, size })
    }
}

/// How chunks are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    None,
    Xpress,
    Lzx,
    Lzms,
}

impl Method {
    /// Whether chunks may be of that size.
    pub(super) fn check(self, chunk: u32) -> io::Result<()> {
        let most = if self == Self::Lzms { 1 << 26 } else { 1 << 21 };
        let in_range = chunk.is_power_of_two() && (1 << 12..=most).contains(&chunk);
        if in_range { Ok(()) } else { Err(unsupported("chunks of such a size")) }
    }

    /// Unpacks a chunk of `wanted` bytes, of those that have `chunk` but for the last; what came out before an error counts.
    pub(super) fn unpack(
        self,
        data: &[u8],
        chunk: u64,
        wanted: usize,
        output: &mut Vec<u8>,
    ) -> io::Result<()> {
        match self {
            Self::None => Err(damaged("a chunk that is not packed has another size")),
            Self::Xpress => xpress::chunk(data, wanted, output),
            Self::Lzms => lzms::chunk(data, wanted, output),
            Self::Lzx => {
                let mut lzx =
                    Lzx::for_image(data, chunk.ilog2()).ok_or_else(|| unsupported("such a window"))?;
                lzx.frame(wanted, output)
            }
        }
    }
}

/// A resource that is being read.
pub(super) struct Resource {
    content: Content,
    method: Method,
    chunk: u64,
    size: u64,
    /// Where the data begins, behind the table of chunks.
    data: u64,
    wide: bool,
    next: u64,
    ready: Vec<u8>,
    used: usize,
    broken: Option<ErrorKind>,
}

impl Resource {
    pub(super) fn new(content: &Content, place: Place, method: Method, chunk: u32) -> io::Result<Self> {
        let packed = place.flags & PACKED != 0;
        let method = if packed { method } else { Method::None };
        if packed && method == Method::None {
            return Err(unsupported("it is packed, and the header names no method"));
        }
        if packed {
            method.check(chunk)?;
        }
        let chunk = u64::from(if packed { chunk } else { 1 << 15 });
        let wide = place.size > u64::from(u32::MAX);
        let entries = place.size.div_ceil(chunk).saturating_sub(1);
        let table = if packed { entries.saturating_mul(if wide { 8 } else { 4 }) } else { 0 };
        let content = content.range(place.offset, place.packed);
        Ok(Self {
            content,
            method,
            chunk,
            size: place.size,
            data: table,
            wide,
            next: 0,
            ready: Vec::new(),
            used: 0,
            broken: None,
        })
    }

    /// Where a chunk begins; the first has no entry.
    fn start(&self, number: u64) -> io::Result<Option<u64>> {
        let Some(entry) = number.checked_sub(1) else { return Ok(Some(self.data)) };
        let offset = if self.wide {
            u64_le(&self.content.window(entry.saturating_mul(8), 8)?, 0)
        } else {
            u32_le(&self.content.window(entry.saturating_mul(4), 4)?, 0).map(u64::from)
        };
        Ok(offset.map(|offset| offset.saturating_add(self.data)))
    }

    fn decode(&mut self) -> io::Result<()> {
        let before = self.next.saturating_mul(self.chunk);
        let size = self.size.saturating_sub(before).min(self.chunk);
        self.ready.clear();
        self.used = 0;
        let eof = || Error::from(ErrorKind::UnexpectedEof);
        if self.method == Method::None {
            let length = usize::try_from(size).unwrap_or(0);
            self.ready = self.content.window(before, length)?.into_owned();
            self.next = self.next.saturating_add(1);
            return if self.ready.len() < length { Err(eof()) } else { Ok(()) };
        }
        let start = self.start(self.next)?.ok_or_else(eof)?;
        self.next = self.next.saturating_add(1);
        let is_last = self.next.saturating_mul(self.chunk) >= self.size;
        let end = if is_last { self.content.size() } else { self.start(self.next)?.ok_or_else(eof)? };
        let length = end.saturating_sub(start).min(size);
        let data = self.content.window(start, usize::try_from(length).unwrap_or(0))?;
        let wanted = usize::try_from(size).unwrap_or(0);
        let is_cut = (data.len() as u64) < length || length == 0;
        let result = if length == size {
            self.ready.extend_from_slice(&data);
            Ok(())
        } else {
            self.method.unpack(&data, self.chunk, wanted, &mut self.ready)
        };
        if is_cut { Err(eof()) } else { result }
    }
}

impl Read for Resource {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while self.used >= self.ready.len() {
            if let Some(kind) = self.broken {
                return Err(Error::new(kind, format!("chunk {} cannot be decoded", self.next)));
            }
            if self.next.saturating_mul(self.chunk) >= self.size {
                return Ok(0);
            }
            if let Err(error) = self.decode() {
                self.broken = Some(error.kind());
            }
        }
        let ready = self.ready.get(self.used..).unwrap_or_default();
        let count = ready.len().min(buffer.len());
        if let (Some(from), Some(to)) = (ready.get(..count), buffer.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.used = self.used.saturating_add(count);
        Ok(count)
    }
}
