//! lzip: every member, one after the other.
//!
//! Specification: <https://www.nongnu.org/lzip/manual/lzip_manual.html#File-format>. A header of six bytes, an LZMA stream
//! with an end mark and fixed properties, and a trailer with a checksum and the sizes.

use std::io::{self, ErrorKind, Read};

use candor_object::{Content, FileType, Flow, Sink};
use flate2::Crc;
use lzma_rust2::LzmaReader;

use crate::fields::{u32_le, u64_le};
use crate::frames::{self, Frame, Frames, Input};
use crate::unpack::damaged;
use crate::{Format, Glimpse};

const MAGIC: &[u8] = b"LZIP";
const HEADER: usize = 6;
const TRAILER: usize = 20;
/// The properties of every stream: three literal context bits, no literal position bits, two position bits.
const PROPERTIES: u8 = 93;
/// Largest dictionary that is decoded with.
const DICTIONARY_LIMIT: u32 = 128 << 20;

/// The lzip format.
pub(crate) struct Lzip;

impl Format for Lzip {
    fn file_type(&self) -> FileType {
        FileType::new("lzip")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, b"LZIP\x01") || self.begins(glimpse.head)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        frames::open(self, content, sink)
    }
}

/// The dictionary size that the coded byte stands for.
fn dictionary(coded: u8) -> Option<u32> {
    let base = 1_u32.checked_shl(u32::from(coded & 0x1f))?;
    let size = base.saturating_sub((base >> 4).saturating_mul(u32::from(coded >> 5)));
    (4096..=512 << 20).contains(&size).then_some(size)
}

impl Frames for Lzip {
    fn noun(&self) -> &'static str {
        "lzip member"
    }

    fn begins(&self, head: &[u8]) -> bool {
        head.starts_with(MAGIC)
            && head.get(4).is_none_or(|version| *version <= 1)
            && head.get(5).is_none_or(|coded| dictionary(*coded).is_some())
    }

    fn memory(&self, head: &[u8]) -> u64 {
        head.get(5).and_then(|coded| dictionary(*coded)).map_or(0, |size| size.min(DICTIONARY_LIMIT).into())
    }

    fn open_frame(&self, head: &[u8], mut input: Input) -> io::Result<Frame> {
        input.read_exact(&mut [0; HEADER])?;
        if head.get(4) != Some(&1) {
            return Err(io::Error::new(ErrorKind::Unsupported, "version 0 of the format"));
        }
        let coded = head.get(5).copied().unwrap_or_default();
        let size = dictionary(coded).ok_or(ErrorKind::InvalidData)?;
        let used = size.min(DICTIONARY_LIMIT);
        let mut reader = LzmaReader::new_with_props(input, u64::MAX, PROPERTIES, used, None)?;
        reader.set_defer_errors(true);
        reader.set_relaxed_end_condition(false);
        Ok(Frame::Packed(Box::new(Member { reader: Some(reader), crc: Crc::new(), size: 0 })))
    }
}

struct Member {
    /// Gone when the stream is over or broken.
    reader: Option<LzmaReader<Input>>,
    crc: Crc,
    size: u64,
}

impl Member {
    /// Reads the trailer, of which the decoder may have read a part.
    fn finish(&self, mut input: Input, unused: &[u8]) -> io::Result<usize> {
        let mut trailer = unused.get(..TRAILER).unwrap_or(unused).to_vec();
        input.give_back(unused.len().saturating_sub(TRAILER));
        let start = trailer.len();
        trailer.resize(TRAILER, 0);
        input.read_exact(trailer.get_mut(start..).unwrap_or_default())?;
        if u32_le(&trailer, 0) != Some(self.crc.sum()) {
            return Err(damaged("the checksum is wrong"));
        }
        if u64_le(&trailer, 4) != Some(self.size) {
            return Err(damaged("the size is wrong"));
        }
        Ok(0)
    }
}

impl Read for Member {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(reader) = &mut self.reader else { return Ok(0) };
        match reader.read(buffer) {
            Ok(count) if count > 0 => {
                self.crc.update(buffer.get(..count).unwrap_or_default());
                self.size = self.size.saturating_add(count as u64);
                Ok(count)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
            result => {
                let Some(reader) = self.reader.take() else { return Ok(0) };
                let (input, unused) = reader.into_parts();
                match result {
                    Ok(_) => self.finish(input, &unused),
                    Err(error) => {
                        input.give_back(unused.len());
                        Err(error)
                    }
                }
            }
        }
    }
}
