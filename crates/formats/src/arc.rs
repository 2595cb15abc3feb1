//! arc: archives of SEA's ARC and PKPAK.
//!
//! Specification: <http://fileformats.archiveteam.org/wiki/ARC_(compression_format)>. Members have a short header each; what
//! came late in the program's life has a higher number as its method.

use std::io::{self, Read};

use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Relation, Sink};

use crate::bits::{Bits, LowFirst};
use crate::compress::Lzw;
use crate::fields::{name, u16_le, u32_le};
use crate::search::find;
use crate::unpack::{Check, Promise, Steps, Unpacked, damaged, hand_over, stored, unsupported};
use crate::zip::methods::Packed;
use crate::{Format, Glimpse};

const HEADER: usize = 29;
/// The byte of runs.
const RUN: u8 = 0x90;
/// Nodes of the tree of squeezed members.
const NODES: usize = 257;
const END: i32 = 256;

/// The arc format.
pub(crate) struct Arc;

struct Member {
    method: u8,
    name: String,
    packed: u64,
    size: u64,
    crc: u16,
    header: u64,
}

impl Member {
    fn parse(head: &[u8]) -> Option<Self> {
        let [0x1a, method @ 1..=11, text @ ..] = head else { return None };
        let text = text.get(..13)?;
        let end = text.iter().position(|byte| *byte == 0).filter(|end| *end > 0)?;
        let is_name = text
            .get(..end)?
            .iter()
            .all(|byte| *byte > b' ' && *byte != 0x7f && !b"/\\:*?<>|\"".contains(byte));
        if !is_name {
            return None;
        }
        let packed = u32_le(head, 15)?;
        let is_short = *method == 1;
        let size = if is_short { packed } else { u32_le(head, 25)? };
        // Months and days that there are, and sizes of one file of that time.
        let date = u16_le(head, 19)?;
        let is_date = date == 0 || ((1..=12).contains(&(date >> 5 & 15)) && date & 31 > 0);
        (is_date && packed < 1 << 31 && size < 1 << 31).then(|| Self {
            method: *method,
            name: name(text),
            packed: packed.into(),
            size: size.into(),
            crc: u16_le(head, 23).unwrap_or(0),
            header: if is_short { 25 } else { 29 },
        })
    }
}

fn begins(head: &[u8]) -> bool {
    Member::parse(head).is_some()
}

impl Format for Arc {
    fn file_type(&self) -> FileType {
        FileType::new("arc")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        Member::parse(glimpse.head)
            .is_some_and(|member| member.packed.saturating_add(member.header) <= glimpse.size)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut offset = 0;
        let mut position = 0_u64;
        while offset < content.size() {
            sink.pulse()?;
            let Some(member) = Member::parse(&content.window(offset, HEADER)?) else {
                let is_end = content.window(offset, 2)?.as_ref() == b"\x1a\0";
                let from = offset.saturating_add(if is_end { 2 } else { 1 });
                let next = find(content, from, (1, HEADER), sink, begins)?;
                let end = next.unwrap_or_else(|| content.size());
                let start = if is_end { from } else { offset };
                let rest = content.range(start, end.saturating_sub(start));
                if !is_end {
                    let detail = format!("no member begins at offset {offset}, nor up to offset {end}");
                    sink.gap(Reason::Damaged, &detail);
                } else if rest.size() > 0 {
                    sink.anomaly("trailing-data", &format!("at offset {start}, behind the end mark"));
                }
                if rest.size() > 0 {
                    sink.range(Child { name: "", relation: Relation::Overlay }, rest)?;
                }
                if is_end && next.is_none() {
                    return Ok(());
                }
                offset = end;
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
            let start = offset.saturating_add(member.header);
            member.open(&content.range(start, member.packed), offset, sink)?;
            let end = start.saturating_add(member.packed);
            offset = if end > content.size() {
                // A size that is wrong would hide all the members behind it.
                let next = find(content, start, (1, HEADER), sink, begins)?;
                let Some(next) = next else { return Ok(()) };
                sink.anomaly("resumed", &format!("another member at offset {next}"));
                next
            } else {
                end
            };
        }
        sink.gap(Reason::Truncated, "the end mark is missing");
        Ok(())
    }
}

impl Member {
    fn open(&self, body: &Content, offset: u64, sink: &mut dyn Sink) -> Flow {
        let place = format!("member at offset {offset} {:?}", self.name);
        let promise = Promise { size: Some(self.size), check: Check::Crc16(self.crc) };
        let (method, size) = (self.method, self.size);
        hand_over(sink, Child::member(&self.name), &place, body, promise, |body, progress| {
            let input = Packed::new(body, progress);
            Ok(match method {
                1 | 2 => stored(body, progress)?,
                3 => Box::new(Unpacked::new(Runs::new(input), Vec::new(), 0, size)),
                4 => {
                    let plain = Unpacked::new(Squeezed::new(input)?, Vec::new(), 0, u64::MAX);
                    Box::new(Unpacked::new(Runs::new(plain), Vec::new(), 0, size))
                }
                8 => {
                    let most = body.window(0, 1)?.first().copied().unwrap_or(0);
                    if !(9..=16).contains(&most) {
                        return Err(unsupported(&format!("codes of {most} bits")));
                    }
                    let lzw = Lzw::new(Packed::new(&body.from(1), progress), most.into(), true);
                    let plain = Unpacked::new(lzw, Vec::new(), 0, u64::MAX);
                    Box::new(Unpacked::new(Runs::new(plain), Vec::new(), 0, size))
                }
                9 => Box::new(Unpacked::new(Lzw::new(input, 13, true), Vec::new(), 0, size)),
                _ => return Err(unsupported(&format!("method {method} is not supported"))),
            })
        })?;
        Ok(())
    }
}

/// Runs of a byte: it, a mark, and how many there are.
struct Runs<R> {
    input: R,
    last: u8,
}

impl<R: Read> Runs<R> {
    fn new(input: R) -> Self {
        Self { input, last: 0 }
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        Ok((self.input.read(&mut byte)? > 0).then_some(byte[0]))
    }
}

impl<R: Read> Steps for Runs<R> {
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        let Some(byte) = self.byte()? else { return Ok(false) };
        if byte != RUN {
            output.push(byte);
            self.last = byte;
            return Ok(true);
        }
        match self.byte()? {
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
            Some(0) => {
                output.push(RUN);
                self.last = RUN;
            }
            Some(count) => {
                output.resize(output.len().saturating_add(usize::from(count).saturating_sub(1)), self.last);
            }
        }
        Ok(true)
    }
}

/// Codes of a tree that stands in front.
struct Squeezed<R> {
    bits: LowFirst<R>,
    nodes: Vec<[i32; 2]>,
}

impl<R: Read> Squeezed<R> {
    fn new(mut input: R) -> io::Result<Self> {
        let mut number = [0; 2];
        input.read_exact(&mut number)?;
        let count = usize::from(u16::from_le_bytes(number));
        if count > NODES {
            return Err(damaged("the tree has too many nodes"));
        }
        let mut nodes = Vec::with_capacity(count);
        for _ in 0..count {
            let mut node = [0; 2];
            for child in &mut node {
                input.read_exact(&mut number)?;
                *child = i32::from(i16::from_le_bytes(number));
            }
            nodes.push(node);
        }
        Ok(Self { bits: LowFirst::new(input), nodes })
    }
}

impl<R: Read> Steps for Squeezed<R> {
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        let mut at = 0_i32;
        for _ in 0..=NODES {
            let node = usize::try_from(at).ok().and_then(|at| self.nodes.get(at));
            let Some(node) = node else {
                return if self.nodes.is_empty() { Ok(false) } else { Err(damaged("a node is not there")) };
            };
            let right = self.bits.bit()? == 1;
            at = if right { node[1] } else { node[0] };
            if at < 0 {
                let symbol = at.saturating_add(1).saturating_neg();
                if symbol == END {
                    return Ok(false);
                }
                output.push(u8::try_from(symbol).map_err(|_| damaged("a leaf is no byte"))?);
                return Ok(true);
            }
        }
        Err(damaged("the tree leads to itself"))
    }
}
