//! Solid resources, in which contents lie one behind the other and are packed together.
//!
//! Their chunks are large, and only the last one that was unpacked is kept.

use std::io::{self, Error, ErrorKind, Read};

use candor_object::Content;

use super::resource::{Method, Place};
use crate::fields::{u32_le, u64_le};
use crate::unpack::unsupported;

/// The size that entries of the table have which are resources and not contents.
pub(super) const SOLID_RESOURCE: u64 = 1 << 32;
/// Bytes before the table of chunks.
const HEADER: u64 = 16;
/// Chunks of all resources, and how many are unpacked again because a content lies before the one before it.
const MOST_CHUNKS: u64 = 1 << 20;
const MOST_AGAIN: u32 = 64;

/// Solid resources one behind the other.
pub(super) struct Solid {
    content: Content,
    parts: Vec<Part>,
    size: u64,
    held: Option<Held>,
    /// The furthest chunk that was unpacked.
    furthest: Option<(usize, u64)>,
    again: u32,
    /// Chunks of all resources.
    chunks: u64,
}

struct Part {
    method: Method,
    chunk: u64,
    /// Where it begins in what the resources come to.
    start: u64,
    size: u64,
    /// Where its chunks begin in the file, and where the last one ends.
    places: Vec<u64>,
}

struct Held {
    chunk: (usize, u64),
    bytes: Vec<u8>,
    broken: Option<ErrorKind>,
}

impl Solid {
    pub(super) fn new(content: &Content) -> Self {
        Self {
            content: content.clone(),
            parts: Vec::new(),
            size: 0,
            held: None,
            furthest: None,
            again: 0,
            chunks: 0,
        }
    }

    /// Adds a resource.
    pub(super) fn add(&mut self, place: Place) -> io::Result<()> {
        let eof = || Error::from(ErrorKind::UnexpectedEof);
        let head = self.content.window(place.offset, 16)?;
        let size = u64_le(&head, 0).ok_or_else(eof)?;
        // Contents of resources behind this one are found also if this one is not opened.
        let start = self.size;
        self.size = start.saturating_add(size);
        let chunk = u32_le(&head, 8).ok_or_else(eof)?;
        let method = match u32_le(&head, 12).ok_or_else(eof)? {
            0 => Method::None,
            1 => Method::Xpress,
            2 => Method::Lzx,
            3 => Method::Lzms,
            method => return Err(unsupported(&format!("packed by method {method}"))),
        };
        method.check(chunk)?;
        let chunk = u64::from(chunk);
        let count = size.div_ceil(chunk);
        let chunks = self.chunks.saturating_add(count);
        if chunks > MOST_CHUNKS {
            return Err(unsupported(&format!("{chunks} chunks")));
        }
        self.chunks = chunks;
        let table_size = count.saturating_mul(4);
        let table = place.offset.saturating_add(HEADER);
        let mut next = table.saturating_add(table_size);
        let mut places = vec![next];
        let sizes = self.content.window(table, usize::try_from(table_size).unwrap_or(0))?;
        for size in sizes.chunks_exact(4).filter_map(|size| u32_le(size, 0)) {
            next = next.saturating_add(size.into());
            places.push(next);
        }
        self.parts.push(Part { method, chunk, start, size, places });
        Ok(())
    }

    /// Bytes that the resources come to.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// A content in what the resources come to.
    pub(super) fn member(&mut self, offset: u64, size: u64) -> Member<'_> {
        Member { solid: self, offset, left: size }
    }

    /// Sees to it that the chunk at an offset is held; says how far in it the offset is.
    fn hold(&mut self, offset: u64) -> io::Result<usize> {
        let eof = || Error::from(ErrorKind::UnexpectedEof);
        let index = self.parts.partition_point(|part| part.start <= offset).checked_sub(1).ok_or_else(eof)?;
        let part = self.parts.get(index).ok_or_else(eof)?;
        let within = offset.checked_sub(part.start).filter(|within| *within < part.size).ok_or_else(eof)?;
        let number = within.checked_div(part.chunk).ok_or_else(eof)?;
        let start = number.saturating_mul(part.chunk);
        let place = usize::try_from(within.saturating_sub(start)).map_err(|_| eof())?;
        let chunk = (index, number);
        if self.held.as_ref().is_some_and(|held| held.chunk == chunk) {
            return Ok(place);
        }
        if Some(chunk) <= self.furthest {
            self.again = self.again.saturating_add(1);
            if self.again > MOST_AGAIN {
                return Err(unsupported("contents of the solid resource overlap too often"));
            }
        }
        self.furthest = self.furthest.max(Some(chunk));
        // The memory of the one before is free before the next one is there.
        let mut bytes = self.held.take().map(|held| held.bytes).unwrap_or_default();
        bytes.clear();
        let number = usize::try_from(number).map_err(|_| eof())?;
        let from = *part.places.get(number).ok_or_else(eof)?;
        let to = *part.places.get(number.saturating_add(1)).ok_or_else(eof)?;
        let size = part.size.saturating_sub(start).min(part.chunk);
        let wanted = usize::try_from(size).map_err(|_| eof())?;
        let length = to.saturating_sub(from).min(size);
        let data = self.content.window(from, usize::try_from(length).map_err(|_| eof())?)?;
        let is_cut = (data.len() as u64) < length || length == 0;
        let result = if length == size {
            bytes.extend_from_slice(&data);
            Ok(())
        } else {
            part.method.unpack(&data, part.chunk, wanted, &mut bytes)
        };
        let broken =
            if is_cut { Some(ErrorKind::UnexpectedEof) } else { result.err().map(|error| error.kind()) };
        self.held = Some(Held { chunk, bytes, broken });
        Ok(place)
    }
}

/// A content in solid resources.
pub(super) struct Member<'a> {
    solid: &'a mut Solid,
    offset: u64,
    left: u64,
}

impl Read for Member<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let place = self.solid.hold(self.offset)?;
        let Some(held) = &self.solid.held else { return Err(ErrorKind::UnexpectedEof.into()) };
        let ready = held.bytes.get(place..).unwrap_or_default();
        let count = ready.len().min(buffer.len()).min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if count == 0 {
            let kind = held.broken.unwrap_or(ErrorKind::UnexpectedEof);
            return Err(Error::new(kind, "a chunk of the solid resource cannot be decoded"));
        }
        if let (Some(from), Some(to)) = (ready.get(..count), buffer.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.offset = self.offset.saturating_add(count as u64);
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}
