//! arj: the archives of Robert Jung's ARJ.
//!
//! Specification: <https://www.fileformat.info/format/arj/corion.htm> and the technical information in ARJ's own
//! documentation. Headers and the decoder of method 4 are read here; methods 1 to 3 are those of `-lh6-`.

use std::io::{self, Read};
use std::rc::Rc;

use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Relation, Sink};
use delharc::CompressionMethod;

use crate::bits::{Bits, HighFirst};
use crate::fields::{self, u16_le, u32_le};
use crate::search::{find, skip_zeros};
use crate::unpack::{Check, Promise, Steps, Unpacked, copy, crc32, hand_over, unsupported};
use crate::zip::methods::{Packed, Progress};
use crate::{Format, Glimpse, lha};

const MAGIC: &[u8] = b"\x60\xea";
/// Largest basic header.
const LARGEST: u16 = 2600;
/// Bytes of a header that are looked at.
const HEAD: usize = 2600 + 8;
/// Extended headers that are jumped over.
const EXTENSIONS: u32 = 1024;
/// How far back method 4 copies.
const WINDOW: usize = 16 << 10;

const GARBLED: u8 = 1;
const CONTINUES: u8 = 4;
const CONTINUED: u8 = 8;

/// The arj format.
pub(crate) struct Arj;

impl Format for Arj {
    fn file_type(&self) -> FileType {
        FileType::new("arj")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        // The eleventh byte is 2 for the header of the whole archive.
        glimpse.has(0, MAGIC) && (glimpse.has(10, b"\x02") || begins(glimpse.head))
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut offset = 0;
        let mut position = 0_u64;
        loop {
            sink.pulse()?;
            let window = content.window(offset, HEAD)?;
            let header = Header::parse(&window);
            if window.starts_with(b"\x60\xea\0\0") || header.is_none() {
                let ended = window.starts_with(b"\x60\xea\0\0");
                let from = offset.saturating_add(if ended { 4 } else { 0 });
                let start = skip_zeros(content, from, sink)?;
                if start >= content.size() {
                    if !ended {
                        sink.gap(Reason::Truncated, "the end mark is missing");
                    }
                    return Ok(());
                }
                let next = find(content, start, (1, HEAD), sink, begins)?;
                let end = next.unwrap_or_else(|| content.size());
                if ended {
                    sink.anomaly("trailing-data", &format!("at offset {start}, behind the end mark"));
                } else {
                    let detail = format!("no header at offset {offset}, nor up to offset {end}");
                    sink.gap(Reason::Damaged, &detail);
                }
                if start > 0 && end > start {
                    let rest = content.range(start, end.saturating_sub(start));
                    sink.range(Child { name: "", relation: Relation::Overlay }, rest)?;
                }
                let Some(next) = next else { return Ok(()) };
                offset = next;
                continue;
            }
            let Some(header) = header else { return Ok(()) };
            if !header.is_sound {
                sink.anomaly("wrong-header-checksum", &format!("at offset {offset}"));
            }
            let mut start = offset.saturating_add(header.length);
            for _ in 0..EXTENSIONS {
                let size = u16_le(&content.window(start, 2)?, 0).unwrap_or(0);
                start = start.saturating_add(2);
                if size == 0 {
                    break;
                }
                start = start.saturating_add(u64::from(size)).saturating_add(4);
            }
            if header.is_main() {
                offset = start;
                continue;
            }
            position = position.saturating_add(1);
            let encrypted = header.flags & GARBLED != 0;
            let (packed, size) = (header.packed, header.size);
            sink.listed(Listed { name: &header.name, packed, size, encrypted, position: Some(position) });
            header.open(&content.range(start, packed), offset, sink)?;
            let end = start.saturating_add(packed);
            offset = if end > content.size() {
                // A size that is wrong would hide all the members behind it.
                let next = find(content, start, (1, HEAD), sink, begins)?;
                let Some(next) = next else { return Ok(()) };
                sink.anomaly("resumed", &format!("another member at offset {next}"));
                next
            } else {
                end
            };
        }
    }
}

/// Whether a sound header begins here.
fn begins(head: &[u8]) -> bool {
    Header::parse(head).is_some_and(|header| header.is_sound)
}

struct Header {
    flags: u8,
    method: u8,
    kind: u8,
    packed: u64,
    size: u64,
    crc: u32,
    name: String,
    length: u64,
    is_sound: bool,
}

impl Header {
    fn parse(head: &[u8]) -> Option<Self> {
        let size = u16_le(head, 2)?;
        if !head.starts_with(MAGIC) || !(30..=LARGEST).contains(&size) {
            return None;
        }
        let end = usize::from(size).checked_add(4)?;
        let basic = head.get(4..end)?;
        let first = usize::from(*basic.first()?);
        let name = fields::name(basic.get(first..)?);
        let sum = u32_le(head, end)?;
        Some(Self {
            flags: *basic.get(4)?,
            method: *basic.get(5)?,
            kind: *basic.get(6)?,
            packed: u64::from(u32_le(basic, 12)?),
            size: u64::from(u32_le(basic, 16)?),
            crc: u32_le(basic, 20)?,
            name,
            length: u64::from(size).saturating_add(8),
            is_sound: crc32(basic) == sum,
        })
    }

    /// Whether it is of the whole archive, or a comment.
    fn is_main(&self) -> bool {
        self.kind == 2
    }

    fn open(&self, body: &Content, offset: u64, sink: &mut dyn Sink) -> Flow {
        let place = format!("member at offset {offset} {:?}", self.name);
        if self.flags & GARBLED != 0 {
            sink.gap(Reason::Encrypted, &place);
            return Ok(());
        }
        if self.flags & (CONTINUES | CONTINUED) != 0 {
            sink.gap(Reason::Unsupported, &format!("{place}: a part of it is in another volume"));
        }
        // A folder or the label of a volume.
        if matches!(self.kind, 3 | 4) && self.packed == 0 {
            return Ok(());
        }
        let child = Child::member(&self.name);
        if self.method == 0 {
            if body.size() < self.packed {
                let detail = format!("{place}: {} of {} bytes are there", body.size(), self.packed);
                sink.gap(Reason::Truncated, &detail);
            }
            return sink.range(child, body.clone());
        }
        let promise = Promise { size: Some(self.size), check: Check::Crc32(self.crc) };
        let (method, size) = (self.method, self.size);
        hand_over(sink, child, &place, body, promise, |body, progress| match method {
            1..=3 => lha::decoder(CompressionMethod::Lh6, body, size, progress),
            4 => Ok(fastest(body, size, progress)),
            _ => Err(unsupported(&format!("method {method} is not supported"))),
        })?;
        Ok(())
    }
}

fn fastest(body: &Content, size: u64, progress: &Rc<Progress>) -> Box<dyn Read> {
    let bits = HighFirst::new(Packed::new(body, progress));
    let steps = Fastest { bits, left: size };
    Box::new(Unpacked::new(steps, Vec::new(), WINDOW, size))
}

/// Method 4: lengths and distances of a few bits, without a Huffman code.
struct Fastest<B> {
    bits: B,
    left: u64,
}

impl<B: Bits> Fastest<B> {
    /// A number whose width is told by ones in front of it.
    fn number(&mut self, from: u32, to: u32) -> io::Result<usize> {
        let (mut width, mut base) = (from, 0_u32);
        while width < to && self.bits.bit()? == 1 {
            base = base.saturating_add(1 << width);
            width = width.saturating_add(1);
        }
        Ok(usize::try_from(base.saturating_add(self.bits.bits(width)?)).unwrap_or(usize::MAX))
    }
}

impl<B: Bits> Steps for Fastest<B> {
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        if self.left == 0 {
            return Ok(false);
        }
        let length = self.number(0, 7)?;
        let length = if length == 0 {
            output.push(u8::try_from(self.bits.bits(8)?).unwrap_or_default());
            1
        } else {
            let length = length.saturating_add(2);
            let distance = self.number(9, 13)?.saturating_add(1);
            copy(output, distance, length)?;
            length
        };
        self.left = self.left.saturating_sub(length as u64);
        Ok(true)
    }
}
