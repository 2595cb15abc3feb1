//! lha: LHA, LHarc and LArc archives (`.lzh`), headers of level 0 to 3.
//!
//! Specification: <https://github.com/jca02266/lha/blob/master/header.doc.md>. Headers are read here and not by the library
//! that has the decoders, which gives up at a wrong checksum.

use std::io::{self, ErrorKind, Read};
use std::rc::Rc;

use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Relation, Sink};
use delharc::decode::{Decoder, DecoderAny};
use delharc::{CompressionMethod, LhaError};

use crate::fields::{u16_le, u32_le, u64_le};
use crate::search::{find, skip_zeros};
use crate::unpack::{Check, Promise, Steps, Unpacked, damaged, hand_over, unsupported};
use crate::zip::methods::{Packed, Progress};
use crate::{Format, Glimpse};

/// Bytes of a header that are there in all levels.
const BASE: usize = 21;
/// Extended headers of one member that are read.
const EXTENSIONS: usize = 256;
/// Longest extended header that is looked at.
const EXTENSION: u64 = 16 << 10;

/// The lha format.
pub(crate) struct Lha;

impl Format for Lha {
    fn file_type(&self) -> FileType {
        FileType::new("lha")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        begins(glimpse.head)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut offset = 0;
        let mut position = 0_u64;
        while offset < content.size() {
            sink.pulse()?;
            let Some(member) = Member::read(content, offset)? else {
                let start = skip_zeros(content, offset, sink)?;
                let ended = start > offset;
                if start >= content.size() {
                    return Ok(());
                }
                // A header that begins here and is cut is not found again.
                let from = start.max(offset.saturating_add(1));
                let next = find(content, from, (1, BASE), sink, begins)?;
                let end = next.unwrap_or_else(|| content.size());
                if ended {
                    sink.anomaly("trailing-data", &format!("at offset {start}, behind the end mark"));
                } else {
                    let detail = format!("no member begins at offset {offset}, nor up to offset {end}");
                    sink.gap(Reason::Damaged, &detail);
                }
                if start > 0 && end > start {
                    let rest = content.range(start, end.saturating_sub(start));
                    sink.range(Child { name: "", relation: Relation::Overlay }, rest)?;
                }
                let Some(next) = next else { return Ok(()) };
                offset = next;
                continue;
            };
            position = position.saturating_add(1);
            sink.listed(Listed {
                name: &member.name,
                packed: member.packed,
                size: member.size,
                encrypted: false,
                position: Some(position),
            });
            let body = content.range(member.start, member.packed);
            let end = member.start.saturating_add(member.packed);
            member.open(&body, offset, sink)?;
            offset = if end > content.size() {
                // A size that is wrong would hide all the members behind it.
                let next = find(content, member.start, (1, BASE), sink, begins)?;
                let Some(next) = next else { return Ok(()) };
                sink.anomaly("resumed", &format!("another member at offset {next}"));
                next
            } else {
                end
            };
        }
        // Archives without an end mark are common.
        Ok(())
    }
}

/// Whether a member begins here.
fn begins(head: &[u8]) -> bool {
    let level = head.get(20).copied().unwrap_or(u8::MAX);
    let size = head.first().copied().unwrap_or(0);
    let method = match head.get(2..7) {
        Some([b'-', b'l', b'h', kind, b'-']) => kind.is_ascii_alphanumeric(),
        Some([b'-', b'l', b'z', kind, b'-']) => b"s234578".contains(kind),
        Some([b'-', b'p', b'm', kind, b'-']) => b"0123s".contains(kind),
        _ => false,
    };
    method
        && match level {
            0 | 1 => size >= 20,
            2 => u16_le(head, 0).is_some_and(|size| size >= 26),
            3 => u16_le(head, 0) == Some(4),
            _ => false,
        }
}

struct Member {
    method: [u8; 5],
    name: String,
    packed: u64,
    size: u64,
    crc: u16,
    /// Where its data begins.
    start: u64,
}

impl Member {
    /// The member at `offset`; nothing if none begins there or its header is cut.
    fn read(content: &Content, offset: u64) -> io::Result<Option<Self>> {
        let head = content.window(offset, 512)?;
        if !begins(&head) {
            return Ok(None);
        }
        let parsed = (|| {
            let level = *head.get(20)?;
            let packed = u64::from(u32_le(&head, 7)?);
            let size = u64::from(u32_le(&head, 11)?);
            let method = head.get(2..7)?.try_into().ok()?;
            let header = u64::from(*head.first()?).saturating_add(2);
            let (mut name, crc, first, extensions, start) = match level {
                0 | 1 => {
                    let length = usize::from(*head.get(21)?);
                    let end = 22_usize.checked_add(length)?;
                    let crc = u16_le(&head, end).unwrap_or(0);
                    let next = usize::try_from(header).ok()?.checked_sub(2)?;
                    let first = if level == 1 { u64::from(u16_le(&head, next)?) } else { 0 };
                    (head.get(22..end)?.to_vec(), crc, first, header, header)
                }
                2 => {
                    let first = u64::from(u16_le(&head, 24)?);
                    (Vec::new(), u16_le(&head, 21)?, first, 26, u64::from(u16_le(&head, 0)?))
                }
                _ => {
                    let first = u64::from(u32_le(&head, 28)?);
                    (Vec::new(), u16_le(&head, 21)?, first, 32, u64::from(u32_le(&head, 24)?))
                }
            };
            // What follows a NUL is a comment.
            if let Some(end) = name.iter().position(|byte| *byte == 0) {
                name.truncate(end);
            }
            Some((level, packed, size, method, name, crc, first, extensions, start))
        })();
        let Some((level, packed, size, method, name, crc, first, extensions, start)) = parsed else {
            return Ok(None);
        };
        let mut names = Names { name, folder: Vec::new(), packed, size };
        let extensions = content.from(offset.saturating_add(extensions));
        let end = names.read(&extensions, first, level)?;
        // A header of level 3 says itself how long it is.
        let mut data = offset.saturating_add(start.max(BASE as u64));
        let Names { name, folder, mut packed, size } = names;
        if level == 1 {
            // The packed size counts the extended headers.
            data = data.saturating_add(end);
            packed = packed.saturating_sub(end);
        }
        let mut path = folder;
        if !path.is_empty() && !path.ends_with(b"/") && !path.ends_with(b"\xff") {
            path.push(b'/');
        }
        path.extend_from_slice(&name);
        path.iter_mut().filter(|byte| **byte == 0xff).for_each(|byte| *byte = b'/');
        let name = String::from_utf8_lossy(&path).into_owned();
        Ok(Some(Self { method, name, packed, size, crc, start: data }))
    }

    fn open(&self, body: &Content, offset: u64, sink: &mut dyn Sink) -> Flow {
        let method = String::from_utf8_lossy(&self.method).into_owned();
        let place = format!("member at offset {offset} {:?}", self.name);
        if &self.method == b"-lhd-" && self.packed == 0 {
            return Ok(());
        }
        let child = Child::member(&self.name);
        if matches!(&self.method, b"-lh0-" | b"-lz4-" | b"-pm0-" | b"-lhd-") {
            if body.size() < self.packed {
                let detail = format!("{place}: {} of {} bytes are there", body.size(), self.packed);
                sink.gap(Reason::Truncated, &detail);
            }
            return sink.range(child, body.clone());
        }
        let promise = Promise { size: Some(self.size), check: Check::Crc16(self.crc) };
        let (identifier, size) = (self.method, self.size);
        hand_over(sink, child, &place, body, promise, |body, progress| {
            let known = CompressionMethod::try_from(&identifier)
                .map_err(|_| unsupported(&format!("method {method} is not supported")))?;
            decoder(known, body, size, progress)
        })?;
        Ok(())
    }
}

/// What extended headers say.
struct Names {
    name: Vec<u8>,
    folder: Vec<u8>,
    packed: u64,
    size: u64,
}

impl Names {
    /// Reads the extended headers, the first of which has `next` bytes, and says how many bytes there were.
    fn read(&mut self, extensions: &Content, mut next: u64, level: u8) -> io::Result<u64> {
        let mut at = 0_u64;
        let tail: u64 = if level == 3 { 4 } else { 2 };
        for _ in 0..EXTENSIONS {
            if next == 0 || next <= tail || at.saturating_add(next) > extensions.size() {
                break;
            }
            let size = usize::try_from(next.saturating_sub(tail).min(EXTENSION)).unwrap_or(0);
            let window = extensions.window(at, size)?;
            match window.split_first() {
                Some((1, name)) => self.name = name.to_vec(),
                Some((2, folder)) => self.folder = folder.to_vec(),
                Some((0x42, sizes)) if level >= 2 => {
                    self.packed = u64_le(sizes, 0).unwrap_or(self.packed);
                    self.size = u64_le(sizes, 8).unwrap_or(self.size);
                }
                _ => {}
            }
            at = at.saturating_add(next);
            let link = extensions.window(at.saturating_sub(tail), 4)?;
            next = if level == 3 {
                u64::from(u32_le(&link, 0).unwrap_or(0))
            } else {
                u64::from(u16_le(&link, 0).unwrap_or(0))
            };
        }
        Ok(at)
    }
}

/// A decoder that gives up to `size` bytes.
///
/// # Errors
/// None.
pub(crate) fn decoder(
    method: CompressionMethod,
    packed: &Content,
    size: u64,
    progress: &Rc<Progress>,
) -> io::Result<Box<dyn Read>> {
    let decoder = DecoderAny::new_from_compression(method, Packed::new(packed, progress));
    Ok(Box::new(Unpacked::new(Bytes { decoder, left: size }, Vec::new(), 0, size)))
}

/// Asks the decoder for a byte at a time: what it puts into a buffer before an error it does not count.
struct Bytes {
    decoder: DecoderAny<Packed>,
    left: u64,
}

impl Steps for Bytes {
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        if self.left == 0 {
            return Ok(false);
        }
        let mut byte = [0];
        self.decoder.fill_buffer(&mut byte).map_err(|error| match error {
            LhaError::Io(error) => error,
            LhaError::Decompress(_) => damaged("the packed data make no sense"),
            other => io::Error::new(ErrorKind::InvalidData, other.to_string()),
        })?;
        output.push(byte[0]);
        self.left = self.left.saturating_sub(1);
        Ok(true)
    }
}
