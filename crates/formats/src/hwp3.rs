//! Documents of Hangul up to 97 (HWP 3).
//!
//! Specification: Hancom's "Hwp Document File Formats 3.0", <https://www.hancom.com/support/downloadCenter/hwpOwpml>. Behind
//! blocks of fixed size follow blocks of information and the body, which may be packed. The body is handed over whole, with
//! the objects in it that can be found by how they begin.

use std::io::Read;

use candor_object::{Child, Content, FileType, Flow, Limit, Reason, Relation, Sink};
use flate2::read::DeflateDecoder;
use memchr::memmem;

use crate::fields::{array, u16_le, u32_le};
use crate::{Format, Glimpse};

const MAGIC: &[u8] = b"HWP Document File V3.00 \x1a\x01\x02\x03\x04\x05";
/// Where facts on the document stand, and in it whether there is a password, whether the body is packed, and the size of
/// the blocks of information.
const FACTS: u64 = 30;
const PASSWORD: usize = 96;
const PACKED: usize = 124;
const BLOCKS: usize = 126;
/// Where these blocks begin, behind the summary.
const START: u64 = FACTS + 128 + 1008;
/// Shortest block that is handed over.
const WORTH: u64 = 64;
/// Most of the body that is searched for objects.
const MOST: u64 = 16 << 20;
const OBJECTS: usize = 100;
/// How compound files begin.
const OLE2: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

/// The format.
pub(crate) struct Hwp3;

impl Format for Hwp3 {
    fn file_type(&self) -> FileType {
        FileType::new("hwp3")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, MAGIC)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let facts = content.window(FACTS, 128)?;
        let (Some(password), Some([packed]), Some(blocks)) =
            (u16_le(&facts, PASSWORD), array::<1>(&facts, PACKED), u16_le(&facts, BLOCKS))
        else {
            sink.gap(Reason::Truncated, "the header of the document");
            return Ok(());
        };
        let body = START.saturating_add(blocks.into());
        information(content, body, sink)?;
        let body = content.from(body);
        if password != 0 {
            sink.gap(Reason::Encrypted, "the document is encrypted with a password");
            return sink.range(Child { name: "", relation: Relation::Overlay }, body);
        }
        if body.size() == 0 {
            sink.gap(Reason::Truncated, "the document has no body");
            return Ok(());
        }
        // What says that it is not packed may be packed all the same.
        let mut head = [0; 64];
        let unpacks = DeflateDecoder::new(body.reader()).read_exact(&mut head).is_ok();
        if packed == 0 && !unpacks {
            sink.range(Child { name: "body", relation: Relation::Stream }, body.clone())?;
            return objects(&mut body.reader(), sink);
        }
        let mut decoder = DeflateDecoder::new(std::io::BufReader::new(body.reader()));
        sink.child(Child { name: "body", relation: Relation::Stream }, &mut decoder)?;
        if packed == 0 {
            sink.range(Child { name: "body", relation: Relation::Stream }, body.clone())?;
        }
        objects(&mut DeflateDecoder::new(body.reader()), sink)
    }
}

/// Hands over blocks of information, each behind its number and its size.
fn information(content: &Content, end: u64, sink: &mut dyn Sink) -> Flow {
    let mut offset = START;
    while offset < end {
        sink.pulse()?;
        let head = content.window(offset, 8)?;
        let (Some(number), Some(size)) = (u32_le(&head, 0), u32_le(&head, 4)) else {
            sink.gap(Reason::Truncated, &format!("block of information at offset {offset}"));
            return Ok(());
        };
        let start = offset.saturating_add(8);
        let size = u64::from(size);
        let rest = end.saturating_sub(start);
        if size > rest {
            sink.gap(
                Reason::Damaged,
                &format!("block of information at offset {offset}: {size} bytes of {rest}"),
            );
        }
        if size >= WORTH {
            let name = format!("information {number}");
            sink.range(Child::member(&name), content.range(start, size.min(rest)))?;
        }
        offset = start.saturating_add(size);
    }
    Ok(())
}

/// Hands over the compound files in the body.
fn objects(body: &mut dyn Read, sink: &mut dyn Sink) -> Flow {
    let mut bytes = Vec::new();
    // Damage was told when the body was handed over.
    let _ = body.take(MOST).read_to_end(&mut bytes);
    sink.pulse()?;
    let places: Vec<usize> = memmem::find_iter(&bytes, OLE2).take(OBJECTS).collect();
    if bytes.len() as u64 >= MOST || places.len() >= OBJECTS {
        sink.gap(Reason::Limit(Limit::Objects), "objects beyond 16 MiB of the body, or the 100th");
    }
    for (number, place) in places.iter().enumerate() {
        let end = places.get(number.saturating_add(1)).copied().unwrap_or(bytes.len());
        let object = bytes.get(*place..end).unwrap_or_default();
        sink.child(Child::part(&format!("object at {place}")), &mut &*object)?;
    }
    Ok(())
}
