//! Sections as OneDrive and the web export them: a tree of objects in a row.
//!
//! Specification: [MS-FSSHTTPB] 2.2.1 and [MS-ONESTORE] 2.8,
//! <https://learn.microsoft.com/openspecs/sharepoint_protocols/ms-fsshttpb>. Objects that hold bytes are handed over, those
//! of embedded files among them.

use std::io;

use candor_object::{Child, Content, Flow, Limit, Reason, Relation, Sink};

use crate::fields::{array, u16_le, u32_le, u64_le};

/// The format of the file, and where it stands.
const FORMAT: [u8; 16] = *b"\x2f\xe9\x8d\x63\xd4\xa6\xc1\x4b\x9a\x36\xb3\xfc\x25\x11\xa5\xb7";
const FORMAT_AT: usize = 48;
/// Where the objects begin.
const START: u64 = 68;
/// Objects that hold bytes: those of embedded files, and others.
const BLOB: u32 = 0x02;
const DATA: u32 = 0x16;
/// Shortest content that is handed over.
const WORTH: u64 = 64;
/// Contents that are handed over.
const MOST: u32 = 20_000;

/// Whether the content says that it is such a section.
pub(super) fn is_packed(content: &Content) -> io::Result<bool> {
    let head = content.window(0, 64)?;
    Ok(array(&head, FORMAT_AT) == Some(FORMAT))
}

/// Hands over the contents of all objects. `has_files` tells whether some were found by their headers.
pub(super) fn open(content: &Content, has_files: bool, sink: &mut dyn Sink) -> Flow {
    let mut offset = START;
    let mut count: u32 = 0;
    while offset < content.size() {
        sink.pulse()?;
        let head = content.window(offset, 16)?;
        let Some(object) = Object::read(&head) else {
            let rest = content.from(offset);
            if !has_files || rest.size() >= WORTH {
                sink.gap(Reason::Damaged, &format!("objects from offset {offset} on"));
                sink.range(Child { name: "", relation: Relation::Overlay }, rest)?;
            }
            return Ok(());
        };
        let start = offset.saturating_add(object.header);
        let body = content.range(start, object.size);
        let skip = match object.kind {
            BLOB => blob(&body, object.size)?,
            DATA => data(&body, object.size)?,
            _ => None,
        };
        if let Some(inner) = skip.filter(|inner| inner.size() >= WORTH) {
            count = count.saturating_add(1);
            if count > MOST {
                sink.gap(Reason::Limit(Limit::Objects), &format!("objects from offset {offset} on"));
                return Ok(());
            }
            sink.range(Child::member(&format!("object at {offset}")), inner)?;
        }
        if body.size() < object.size {
            let detail = format!("object at offset {offset}: {} of {} bytes", body.size(), object.size);
            sink.gap(Reason::Truncated, &detail);
            // Its size may be wrong, and what it holds was handed over only if its kind is known.
            if !matches!(object.kind, BLOB | DATA) {
                sink.range(Child { name: "", relation: Relation::Overlay }, body)?;
            }
            return Ok(());
        }
        offset = start.saturating_add(object.size);
    }
    Ok(())
}

/// The start of an object, or the end of one, which has no size.
struct Object {
    kind: u32,
    header: u64,
    size: u64,
}

impl Object {
    fn read(head: &[u8]) -> Option<Self> {
        match head.first()? & 3 {
            0 => {
                let bits = u32::from(u16_le(head, 0)?);
                Some(Self { kind: bits >> 3 & 0x3f, header: 2, size: (bits >> 9).into() })
            }
            2 => {
                let bits = u32_le(head, 0)?;
                let (kind, size) = (bits >> 3 & 0x3fff, bits >> 17);
                if size < 0x7fff {
                    return Some(Self { kind, header: 4, size: size.into() });
                }
                let (size, length) = compact(head.get(4..)?)?;
                Some(Self { kind, header: length.saturating_add(4), size })
            }
            1 => Some(Self { kind: u32::MAX, header: 1, size: 0 }),
            _ => (head.len() >= 2).then_some(Self { kind: u32::MAX, header: 2, size: 0 }),
        }
    }
}

/// A number that takes one to nine bytes, and how many it takes.
fn compact(bytes: &[u8]) -> Option<(u64, u64)> {
    let first = *bytes.first()?;
    if first == 0 {
        return Some((0, 1));
    }
    let length = first.trailing_zeros().saturating_add(1);
    if length == 8 {
        return Some((u64_le(bytes, 1)?, 9));
    }
    let mut number = [0; 8];
    let source = bytes.get(..usize::try_from(length).ok()?)?;
    for (to, from) in number.iter_mut().zip(source) {
        *to = *from;
    }
    Some((u64::from_le_bytes(number) >> length, length.into()))
}

/// How many bytes the name of an object takes.
fn name_length(bytes: &[u8]) -> Option<u64> {
    let first = *bytes.first()?;
    Some(match first {
        0 => 1,
        _ if first & 7 == 4 => 17,
        _ if first & 0x3f == 0x20 => 18,
        _ if first & 0x7f == 0x40 => 19,
        0x80 => 21,
        _ => return None,
    })
}

/// What a blob of so many bytes holds: bytes behind their number.
fn blob(body: &Content, whole: u64) -> io::Result<Option<Content>> {
    let size = compact(&body.window(0, 9)?);
    // Without the number the bytes are as good as with it.
    Ok(Some(match size {
        Some((size, length)) if size <= whole.saturating_sub(length) => body.from(length),
        _ => body.clone(),
    }))
}

/// What an object holds, behind the names of others.
fn data(body: &Content, whole: u64) -> io::Result<Option<Content>> {
    let mut offset: u64 = 0;
    let mut steps: u32 = 0;
    // Names of objects, and names of cells, which are two each.
    for names in [1, 2] {
        let Some((count, length)) = compact(&body.window(offset, 9)?) else { return Ok(Some(body.clone())) };
        offset = offset.saturating_add(length);
        for _ in 0..count.saturating_mul(names) {
            let Some(length) = name_length(&body.window(offset, 1)?) else { return Ok(Some(body.clone())) };
            offset = offset.saturating_add(length);
            steps = steps.saturating_add(1);
            // No object refers to so many, and a loop without a look at the clock has to be short.
            if steps > 100_000 || offset > body.size() {
                return Ok(Some(body.clone()));
            }
        }
    }
    blob(&body.from(offset), whole.saturating_sub(offset))
}
