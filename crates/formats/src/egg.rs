//! egg: archives of ALZip since version 8.
//!
//! Specification: ESTsoft's "EGG Format Specification", of which <https://en.wikipedia.org/wiki/EGG_(file_format)> gives the
//! outline. Every record begins with a magic number; a file has a header, extra fields, and blocks that are packed each for
//! itself.

use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Relation, Sink};

use crate::fields::{u16_le, u32_le, u64_le};
use crate::search::find;
use crate::unpack::{Check, Promise, hand_over, stored, unsupported};
use crate::zip::methods::{DEFLATE, StreamEnd, decoder};
use crate::{Format, Glimpse};

const ARCHIVE: u32 = 0x4147_4745;
const FILE: u32 = 0x0a85_90e3;
const BLOCK: u32 = 0x02b5_0c13;
const END: u32 = 0x08e2_8222;
const NAME: u32 = 0x0a85_91ac;
const ENCRYPTED: u32 = 0x08d1_470f;
const SOLID: u32 = 0x24e5_a060;
const SPLIT: u32 = 0x24f5_a262;
/// Bytes of a name that are looked at.
const LONGEST_NAME: u64 = 4096;

/// The egg format.
pub(crate) struct Egg;

impl Format for Egg {
    fn file_type(&self) -> FileType {
        FileType::new("egg")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, b"EGGA") && glimpse.head.iter().take(32).any(|byte| *byte < 8)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut file = File::default();
        let mut offset = 0;
        let mut position = 0_u64;
        while offset < content.size() {
            sink.pulse()?;
            let window = content.window(offset, 32)?;
            let at = |size: u64| offset.saturating_add(size);
            offset = match u32_le(&window, 0) {
                Some(ARCHIVE) => at(14),
                Some(END) => at(4),
                Some(FILE) => {
                    position = position.saturating_add(1);
                    let size = u64_le(&window, 8).unwrap_or(0);
                    file = File { position, size, ..File::default() };
                    at(16)
                }
                Some(BLOCK) => {
                    let Some(block) = Block::parse(&window) else {
                        sink.gap(Reason::Truncated, &format!("block at offset {offset}"));
                        return Ok(());
                    };
                    let mut start = at(22);
                    if u32_le(&content.window(start, 4)?, 0) == Some(END) {
                        start = start.saturating_add(4);
                    }
                    block.open(&file, &content.range(start, block.packed), offset, sink)?;
                    let end = start.saturating_add(block.packed);
                    if end > content.size() { start } else { end }
                }
                Some(kind) if is_extra(kind) => {
                    let (size, head) = if window.get(4).is_some_and(|flags| flags & 1 == 1) {
                        (u64::from(u32_le(&window, 5).unwrap_or(0)), 9)
                    } else {
                        (u64::from(u16_le(&window, 5).unwrap_or(0)), 7)
                    };
                    let field = content.range(at(head), size.min(LONGEST_NAME));
                    match kind {
                        NAME => {
                            let name = field.window(0, 4096)?;
                            file.name = String::from_utf8_lossy(&name).into_owned();
                        }
                        ENCRYPTED => file.is_encrypted = true,
                        SOLID => file.is_solid = true,
                        SPLIT => sink.gap(Reason::Unsupported, "parts of the archive are other files"),
                        _ => {}
                    }
                    at(head).saturating_add(size)
                }
                _ => {
                    let next = find(content, offset.saturating_add(1), (1, 4), sink, |head| {
                        matches!(u32_le(head, 0), Some(FILE | BLOCK))
                    })?;
                    let end = next.unwrap_or_else(|| content.size());
                    sink.gap(
                        Reason::Damaged,
                        &format!("no record at offset {offset}, nor up to offset {end}"),
                    );
                    let lost = content.range(offset, end.saturating_sub(offset));
                    sink.range(Child { name: "", relation: Relation::Overlay }, lost)?;
                    end
                }
            };
        }
        Ok(())
    }
}

/// Whether it is an extra field: these have a size.
fn is_extra(kind: u32) -> bool {
    const COMMENT: u32 = 0x04c6_3672;
    const WINDOWS: u32 = 0x2c86_950b;
    const POSIX: u32 = 0x1ee9_22e5;
    const DUMMY: u32 = 0x0746_3307;
    const SKIP: u32 = 0xffff_0000;
    matches!(kind, NAME | ENCRYPTED | SOLID | SPLIT | COMMENT | WINDOWS | POSIX | DUMMY | SKIP)
}

#[derive(Default)]
struct File {
    name: String,
    position: u64,
    size: u64,
    is_encrypted: bool,
    is_solid: bool,
}

struct Block {
    method: u8,
    size: u64,
    packed: u64,
    crc: u32,
}

impl Block {
    fn parse(head: &[u8]) -> Option<Self> {
        let (size, packed) = (u64::from(u32_le(head, 6)?), u64::from(u32_le(head, 10)?));
        Some(Self { method: *head.get(4)?, size, packed, crc: u32_le(head, 14)? })
    }

    fn open(&self, file: &File, body: &Content, offset: u64, sink: &mut dyn Sink) -> Flow {
        let place = format!("block at offset {offset} of {:?}", file.name);
        sink.listed(Listed {
            name: &file.name,
            packed: self.packed,
            size: file.size,
            encrypted: file.is_encrypted,
            position: Some(file.position),
        });
        if file.is_encrypted {
            sink.gap(Reason::Encrypted, &place);
            return Ok(());
        }
        let promise = Promise { size: Some(self.size), check: Check::Crc32(self.crc) };
        let (method, size) = (self.method, self.size);
        let child = Child::member(&file.name);
        hand_over(sink, child, &place, body, promise, |body, progress| match method {
            0 => stored(body, progress),
            1 => decoder(DEFLATE, body, StreamEnd::Marker, progress),
            2 => decoder(12, body, StreamEnd::Marker, progress),
            4 => decoder(14, body, StreamEnd::Size(size), progress),
            3 => Err(unsupported("method azo is not supported")),
            _ => Err(unsupported(&format!("method {method} is not supported"))),
        })?;
        // Each block is an object of its own, so what crosses the border of two is not seen as one.
        if self.size < file.size {
            sink.gap(Reason::Unsupported, &format!("{place}: the blocks of a file are not joined"));
        }
        Ok(())
    }
}
