//! snappy: the framing format (`.sz`).
//!
//! Specification: <https://github.com/google/snappy/blob/main/framing_format.txt> and
//! <https://github.com/google/snappy/blob/main/format_description.txt>. Decoded here and not by a library, so that what
//! came before damage in a chunk is not lost.

use std::io::{self, ErrorKind, Read};

use candor_object::{Content, FileType, Flow, Sink};

use crate::fields::u32_le;
use crate::frames::{self, Frame, Frames, Input};
use crate::unpack::{Steps, Unpacked, copy, damaged, unsupported};
use crate::{Format, Glimpse};

const MAGIC: &[u8] = b"\xff\x06\0\0sNaPpY";
/// Largest content of a chunk.
const CHUNK: usize = 64 << 10;
/// Largest packed chunk: snappy makes what cannot be packed larger by a sixth at most.
const PACKED: usize = CHUNK + CHUNK / 6 + 64;

/// The snappy format.
pub(crate) struct Snappy;

impl Format for Snappy {
    fn file_type(&self) -> FileType {
        FileType::new("snappy")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, MAGIC)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        frames::open(self, content, sink)
    }
}

impl Frames for Snappy {
    fn noun(&self) -> &'static str {
        "snappy stream"
    }

    fn begins(&self, head: &[u8]) -> bool {
        head.starts_with(MAGIC)
    }

    fn open_frame(&self, _head: &[u8], mut input: Input) -> io::Result<Frame> {
        input.read_exact(&mut [0; 10])?;
        Ok(Frame::Packed(Box::new(Unpacked::new(Chunks { input }, Vec::new(), 0, u64::MAX))))
    }
}

struct Chunks {
    input: Input,
}

impl Chunks {
    fn body(&mut self, size: usize) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        Read::by_ref(&mut self.input).take(size as u64).read_to_end(&mut body)?;
        Ok(body)
    }
}

impl Steps for Chunks {
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        let head = self.input.peek(MAGIC.len())?;
        let Some(kind) = head.first().copied() else { return Ok(false) };
        // Another stream begins, or something that is none.
        if kind == 0xff {
            return Ok(false);
        }
        let mut header = [0; 4];
        self.input.read_exact(&mut header)?;
        let size = u32_le(&header, 0).map_or(0, |number| number >> 8);
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let start = output.len();
        let body = match kind {
            0 if size <= PACKED => self.body(size)?,
            1 if size <= CHUNK.saturating_add(4) => self.body(size)?,
            0 | 1 => return Err(damaged("a chunk is too large")),
            2..=0x7f => return Err(unsupported(&format!("chunks of type {kind}"))),
            _ => {
                let skipped =
                    io::copy(&mut Read::by_ref(&mut self.input).take(size as u64), &mut io::sink())?;
                return if skipped < size as u64 { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(true) };
            }
        };
        let (Some(sum), Some(data)) = (u32_le(&body, 0), body.get(4..)) else {
            return Err(if body.len() < size {
                ErrorKind::UnexpectedEof.into()
            } else {
                damaged("a chunk is too small")
            });
        };
        if kind == 0 {
            let mut block = Vec::new();
            let result = unpack(data, &mut block);
            output.extend_from_slice(&block);
            result?;
        } else {
            output.extend_from_slice(data);
        }
        if body.len() < size {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if masked(crc32c(output.get(start..).unwrap_or_default())) != sum {
            return Err(damaged("the checksum of a chunk is wrong"));
        }
        Ok(true)
    }
}

/// Appends what a block holds; what came before an error counts.
fn unpack(data: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
    let mut at = 0_usize;
    let mut next = |count: usize| -> io::Result<&[u8]> {
        let end = at.checked_add(count).ok_or(ErrorKind::InvalidData)?;
        let bytes = data.get(at..end).ok_or_else(|| damaged("a block ends too early"))?;
        at = end;
        Ok(bytes)
    };
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    let mut size = 0_usize;
    for place in (0..35).step_by(7) {
        let byte = next(1)?.first().copied().unwrap_or_default();
        size |= usize::from(byte & 0x7f) << place;
        if byte & 0x80 == 0 {
            break;
        }
    }
    if size > CHUNK {
        return Err(damaged("a block is too large"));
    }
    while output.len() < size {
        let tag = usize::from(next(1)?.first().copied().unwrap_or_default());
        let (length, distance) = match tag & 3 {
            0 => {
                let short = tag >> 2;
                let length = if short < 60 { short } else { number(next(short.saturating_sub(59))?) };
                let length = length.saturating_add(1);
                let left = size.saturating_sub(output.len());
                output.extend_from_slice(next(length.min(left))?);
                continue;
            }
            1 => ((tag >> 2 & 7).saturating_add(4), tag >> 5 << 8 | number(next(1)?)),
            2 => ((tag >> 2).saturating_add(1), number(next(2)?)),
            _ => ((tag >> 2).saturating_add(1), number(next(4)?)),
        };
        copy(output, distance, length)?;
    }
    Ok(())
}

fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        let fold = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        (0..8).fold(crc ^ u32::from(*byte), fold)
    })
}

fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_copies() {
        let mut output = Vec::new();
        unpack(b"\x0a\x08abc\x0d\x03", &mut output).unwrap();
        assert_eq!(output, b"abcabcabca");
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }
}
