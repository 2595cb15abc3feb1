//! SZDD and KWAJ: files of Microsoft's `compress.exe` (`SETUP.EX_`), opened by `expand.exe`.
//!
//! Specification: <https://www.cabextract.org.uk/libmspack/doc/szdd_kwaj_format.html>.

mod huffman;

use std::io::{self, ErrorKind, Read};

use candor_object::{Child, Content, FileType, Flow, Reason, Sink};
use flate2::{Decompress, FlushDecompress, Status};

use self::huffman::LzHuffman;
use crate::fields::{self, u16_le, u32_le};
use crate::unpack::{Check, Promise, Steps, Unpacked, copy, damaged, hand_over, unsupported};
use crate::zip::methods::Packed;
use crate::{Format, Glimpse};

/// How far back matches reach.
const WINDOW: usize = 4096;

/// The SZDD format, and its elder variant.
pub(crate) struct Szdd;

/// The KWAJ format.
pub(crate) struct Kwaj;

impl Format for Szdd {
    fn file_type(&self) -> FileType {
        FileType::new("szdd")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, b"SZDD\x88\xf0\x27\x33") || glimpse.has(0, b"SZ \x88\xf0\x27\x33\xd1")
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(0, 14)?;
        let elder = head.starts_with(b"SZ ");
        let (start, size, position) =
            if elder { (12, u32_le(&head, 8), 18) } else { (14, u32_le(&head, 10), 16) };
        let Some(size) = size else {
            sink.gap(Reason::Truncated, "the header");
            return Ok(());
        };
        if !elder && head.get(8) != Some(&b'A') {
            sink.anomaly("unknown-mode", "the header knows only mode A");
        }
        let promise = Promise { size: Some(u64::from(size)), check: Check::None };
        hand_over(sink, Child::stream(), "szdd stream", &content.from(start), promise, |body, progress| {
            Ok(Box::new(lzss(Packed::new(body, progress), position)))
        })?;
        Ok(())
    }
}

impl Format for Kwaj {
    fn file_type(&self) -> FileType {
        FileType::new("kwaj")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, b"KWAJ\x88\xf0\x27\xd1")
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(0, 512)?;
        let (Some(method), Some(start)) = (u16_le(&head, 8), u16_le(&head, 10)) else {
            sink.gap(Reason::Truncated, "the header");
            return Ok(());
        };
        let (name, size) = described(&head).unwrap_or_default();
        let body = content.from(u64::from(start));
        let child = Child { name: &name, ..Child::stream() };
        let promise = Promise { size, check: Check::None };
        hand_over(sink, child, "kwaj stream", &body, promise, |body, progress| {
            let input = Packed::new(body, progress);
            Ok(match method {
                0 => Box::new(input) as Box<dyn Read>,
                1 => Box::new(Unpacked::new(Inverted(input), Vec::new(), 0, u64::MAX)),
                2 => Box::new(lzss(input, 18)),
                3 => {
                    let steps = LzHuffman::new(input);
                    Box::new(Unpacked::new(steps, vec![b' '; WINDOW], WINDOW, size.unwrap_or(u64::MAX)))
                }
                4 => Box::new(Unpacked::new(Mszip { input, is_over: false }, Vec::new(), 32 << 10, u64::MAX)),
                _ => return Err(unsupported(&format!("method {method} is not supported"))),
            })
        })?;
        Ok(())
    }
}

/// The name and the size that a header of KWAJ may have.
fn described(head: &[u8]) -> Option<(String, Option<u64>)> {
    let flags = u16_le(head, 12)?;
    let mut at = 14_usize;
    let mut size = None;
    if flags & 1 != 0 {
        size = Some(u64::from(u32_le(head, at)?));
        at = at.checked_add(4)?;
    }
    if flags & 2 != 0 {
        at = at.checked_add(2)?;
    }
    if flags & 4 != 0 {
        at = at.checked_add(2)?.checked_add(usize::from(u16_le(head, at)?))?;
    }
    let mut name = String::new();
    for (flag, most) in [(8, 9), (16, 4)] {
        if flags & flag != 0 {
            let Some(rest) = head.get(at..) else { break };
            let field = rest.get(..most).unwrap_or(rest);
            let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
            if flag == 16 {
                name.push('.');
            }
            name.push_str(&fields::name(field));
            at = at.saturating_add(end).saturating_add(1);
        }
    }
    Some((name, size))
}

/// LZSS in a window full of spaces, in which writing begins `before_end` bytes before its end.
fn lzss(input: Packed, before_end: usize) -> Unpacked<Lzss<Packed>> {
    let steps = Lzss { input, position: WINDOW.saturating_sub(before_end) };
    Unpacked::new(steps, vec![b' '; WINDOW], WINDOW, u64::MAX)
}

struct Lzss<R> {
    input: R,
    /// Where in the window the next byte goes.
    position: usize,
}

impl<R: Read> Lzss<R> {
    fn byte(&mut self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        match self.input.read(&mut byte)? {
            0 => Ok(None),
            _ => Ok(Some(byte[0])),
        }
    }
}

impl<R: Read> Steps for Lzss<R> {
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        let Some(control) = self.byte()? else { return Ok(false) };
        for bit in 0..8 {
            // The stream may end behind any item.
            let Some(low) = self.byte()? else { return Ok(false) };
            let length = if control >> bit & 1 == 1 {
                output.push(low);
                1
            } else {
                let high = self.byte()?.ok_or(ErrorKind::UnexpectedEof)?;
                let place = usize::from(low) | usize::from(high & 0xf0) << 4;
                let length = usize::from(high & 15).saturating_add(3);
                let back = self.position.wrapping_sub(place) & (WINDOW - 1);
                copy(output, if back == 0 { WINDOW } else { back }, length)?;
                length
            };
            self.position = self.position.wrapping_add(length) & (WINDOW - 1);
        }
        Ok(true)
    }
}

struct Inverted<R>(R);

impl<R: Read> Steps for Inverted<R> {
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        let mut chunk = [0; 1024];
        let count = self.0.read(&mut chunk)?;
        output.extend(chunk.iter().take(count).map(|byte| !byte));
        Ok(count > 0)
    }
}

/// Deflate blocks of 32 KiB, each behind its size and `CK`, that may copy from the ones before.
struct Mszip<R> {
    input: R,
    is_over: bool,
}

impl<R: Read> Steps for Mszip<R> {
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        let mut size = Vec::new();
        Read::by_ref(&mut self.input).take(2).read_to_end(&mut size)?;
        let Some(size) = u16_le(&size, 0).filter(|size| *size > 0 && !self.is_over) else { return Ok(false) };
        let mut block = Vec::new();
        Read::by_ref(&mut self.input).take(u64::from(size)).read_to_end(&mut block)?;
        let Some(packed) = block.strip_prefix(b"CK") else {
            let cut = block.len() < 2;
            return Err(if cut {
                ErrorKind::UnexpectedEof.into()
            } else {
                damaged("a block does not begin with CK")
            });
        };
        let before = output.len();
        inflate(packed, output)?;
        if block.len() < usize::from(size) {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.is_over = output.len().saturating_sub(before) < 32 << 10;
        Ok(true)
    }
}

/// Appends what one block of MSZIP holds.
fn inflate(packed: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
    let mut inflate = Decompress::new(false);
    let history = output.len().saturating_sub(32 << 10);
    let dictionary = output.get(history..).unwrap_or_default();
    if !dictionary.is_empty() {
        inflate.set_dictionary(dictionary).map_err(|_| damaged("no dictionary can be set"))?;
    }
    let mut block = vec![0; 32 << 10];
    let result = inflate.decompress(packed, &mut block, FlushDecompress::Finish);
    let count = usize::try_from(inflate.total_out()).unwrap_or(0);
    output.extend_from_slice(block.get(..count).unwrap_or_default());
    match result {
        Ok(Status::StreamEnd) => Ok(()),
        Ok(_) => Err(damaged("a block has no end")),
        Err(_) => Err(damaged("invalid deflate stream")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_count_places_in_the_window() {
        // Three letters, then the place of the first of them for six bytes, then spaces from the start.
        let packed = b"\x07abc\xf0\xf3\x00\x00";
        let mut bytes = Vec::new();
        let mut reader = Unpacked::new(
            Lzss { input: &packed[..], position: WINDOW - 16 },
            vec![b' '; WINDOW],
            WINDOW,
            u64::MAX,
        );
        reader.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"abcabcabc   ");
    }
}
