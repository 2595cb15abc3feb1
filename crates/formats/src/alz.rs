//! alz: archives of ALZip.
//!
//! Specification: none; <http://kippler.com/win/unalz/> and <https://en.wikipedia.org/wiki/ALZip> describe what is known.
//! Each member has a header, in which the width of the sizes is told, and is stored or packed with deflate or bzip2.

use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Relation, Sink};

use crate::fields::{self, u16_le, u32_le, u64_le};
use crate::search::find;
use crate::unpack::{Check, Promise, hand_over, stored, unsupported};
use crate::zip::methods::{DEFLATE, StreamEnd, decoder};
use crate::{Format, Glimpse};

const MAGIC: &[u8] = b"ALZ\x01";
const MEMBER: &[u8] = b"BLZ\x01";
const END: &[u8] = b"CLZ\x01";
/// Bytes of a header that are there in any case.
const HEADER: u64 = 13;
/// Longest name.
const NAME: u64 = 4096;

/// The alz format.
pub(crate) struct Alz;

impl Format for Alz {
    fn file_type(&self) -> FileType {
        FileType::new("alz")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, MAGIC)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut offset = 8;
        let mut position = 0_u64;
        while offset < content.size() {
            sink.pulse()?;
            let window = content.window(offset, 64)?;
            let Some(member) = Member::parse(&window) else {
                // The records at the end.
                if window.starts_with(END) {
                    let rest = content.from(offset.saturating_add(16));
                    if rest.size() > 0 {
                        sink.anomaly("trailing-data", &format!("behind the end record at offset {offset}"));
                        sink.range(Child { name: "", relation: Relation::Overlay }, rest)?;
                    }
                    return Ok(());
                }
                let next = find(content, offset.saturating_add(1), (1, 4), sink, |head| {
                    head == MEMBER || head == END
                })?;
                let end = next.unwrap_or_else(|| content.size());
                let detail = format!("no member begins at offset {offset}, nor up to offset {end}");
                sink.gap(Reason::Damaged, &detail);
                let lost = content.range(offset, end.saturating_sub(offset));
                sink.range(Child { name: "", relation: Relation::Overlay }, lost)?;
                offset = end;
                continue;
            };
            position = position.saturating_add(1);
            let name_at = offset.saturating_add(member.header);
            let size = usize::try_from(member.name.min(NAME)).unwrap_or(0);
            let name = fields::name(&content.window(name_at, size)?);
            let start = name_at.saturating_add(member.name);
            let start = if member.is_encrypted { start.saturating_add(12) } else { start };
            sink.listed(Listed {
                name: &name,
                packed: member.packed,
                size: member.size,
                encrypted: member.is_encrypted,
                position: Some(position),
            });
            member.open(&content.range(start, member.packed), offset, &name, sink)?;
            let end = start.saturating_add(member.packed);
            offset = if end > content.size() {
                // A size that is wrong would hide all the members behind it.
                let next = find(content, start, (1, 4), sink, |head| head == MEMBER)?;
                let Some(next) = next else { return Ok(()) };
                sink.anomaly("resumed", &format!("another member at offset {next}"));
                next
            } else {
                end
            };
        }
        sink.gap(Reason::Truncated, "the end record is missing");
        Ok(())
    }
}

struct Member {
    name: u64,
    is_encrypted: bool,
    method: u8,
    crc: u32,
    packed: u64,
    size: u64,
    header: u64,
}

impl Member {
    fn parse(head: &[u8]) -> Option<Self> {
        if !head.starts_with(MEMBER) {
            return None;
        }
        let name = u64::from(u16_le(head, 4)?);
        let flags = *head.get(11)?;
        let is_encrypted = flags & 1 == 1;
        let width = usize::from(flags >> 4);
        let number = |at: usize| -> Option<u64> {
            Some(match width {
                1 => u64::from(*head.get(at)?),
                2 => u64::from(u16_le(head, at)?),
                4 => u64::from(u32_le(head, at)?),
                _ => u64_le(head, at)?,
            })
        };
        match width {
            // A folder, or an empty file.
            0 => Some(Self { name, is_encrypted, method: 0, crc: 0, packed: 0, size: 0, header: HEADER }),
            1 | 2 | 4 | 8 => Some(Self {
                name,
                is_encrypted,
                method: *head.get(13)?,
                crc: u32_le(head, 15)?,
                packed: number(19)?,
                size: number(19_usize.saturating_add(width))?,
                header: (width as u64).saturating_mul(2).saturating_add(19),
            }),
            _ => None,
        }
    }

    fn open(&self, body: &Content, offset: u64, name: &str, sink: &mut dyn Sink) -> Flow {
        let place = format!("member at offset {offset} {name:?}");
        if self.is_encrypted {
            sink.gap(Reason::Encrypted, &place);
            return Ok(());
        }
        if self.packed == 0 && self.size == 0 {
            return Ok(());
        }
        let promise = Promise { size: Some(self.size), check: Check::Crc32(self.crc) };
        let method = self.method;
        hand_over(sink, Child::member(name), &place, body, promise, |body, progress| match method {
            0 => stored(body, progress),
            1 => decoder(12, body, StreamEnd::Marker, progress),
            2 => decoder(DEFLATE, body, StreamEnd::Marker, progress),
            _ => Err(unsupported(&format!("method {method} is not supported"))),
        })?;
        Ok(())
    }
}
