//! Archives and programs in the middle of a program: as its data, or in its memory once it is unpacked. Droppers have them
//! there, and no header of the program tells of them.

use std::io;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use candor_object::{Child, Content, Flow, Sink};

use crate::fields::{u16_le, u32_le, u64_le};
use crate::{elf, pe, zip};

/// Bytes that are searched together.
const WINDOW: usize = 1 << 20;
/// Bytes of a header that decide whether there is anything.
const HEAD: usize = 1 << 10;
/// Most things that are handed over of one program.
const MOST: usize = 16;

/// A kind of thing: its sign, its name, and where it ends, relative to its beginning, if there is one.
struct Kind {
    sign: &'static [u8],
    name: &'static str,
    end: fn(&Content) -> io::Result<Option<u64>>,
}

const KINDS: [Kind; 6] = [
    Kind { sign: b"PK\x03\x04", name: "zip", end: zip_end },
    Kind { sign: b"Rar!\x1a\x07", name: "rar", end: rar_end },
    Kind { sign: b"7z\xbc\xaf\x27\x1c\0", name: "7z", end: seven_end },
    Kind { sign: b"MSCF\0\0\0\0", name: "cab", end: cabinet_end },
    Kind { sign: b"MZ", name: "program", end: program_end },
    Kind { sign: b"\x7fELF", name: "program", end: elf_end },
];

static SIGNS: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::new(KINDS.iter().map(|kind| kind.sign)).ok());

/// Hands over what lies behind the first byte and before `end`, and in none of the places that were handed over already.
pub(crate) fn open(content: &Content, end: u64, known: &[(u64, u64)], sink: &mut dyn Sink) -> Flow {
    let Some(signs) = SIGNS.as_ref() else { return Ok(()) };
    let whole = content.range(0, end);
    let mut offset: u64 = 1;
    // Where what was found last ends: what is in that will be found there.
    let mut after: u64 = 0;
    let mut found: usize = 0;
    while offset < whole.size() {
        sink.pulse()?;
        let window = whole.window(offset, WINDOW)?;
        for sign in signs.find_iter(window.as_ref()) {
            let at = offset.saturating_add(sign.start() as u64);
            let inside = |(start, size): &(u64, u64)| at >= *start && at < start.saturating_add(*size);
            let Some(kind) = KINDS.get(sign.pattern().as_usize()) else { continue };
            if at < after || known.iter().any(inside) {
                continue;
            }
            let part = whole.from(at);
            let Some(size) = (kind.end)(&part)?.filter(|size| *size > 0) else { continue };
            let size = size.min(part.size());
            after = at.saturating_add(size);
            sink.range(Child::member(&format!("{} at offset {at}", kind.name)), part.range(0, size))?;
            found = found.saturating_add(1);
            if found >= MOST {
                return Ok(());
            }
        }
        if window.len() < WINDOW {
            break;
        }
        // Signs have no more than eight bytes.
        offset = offset.saturating_add((WINDOW as u64).saturating_sub(7));
    }
    Ok(())
}

/// A zip may go on to the end. Libraries that read zips have its sign with other things behind it.
fn zip_end(part: &Content) -> io::Result<Option<u64>> {
    let head = part.window(0, HEAD)?;
    let size = usize::from(u16_le(&head, 26).unwrap_or(0));
    let name = head.get(30..30_usize.saturating_add(size).min(HEAD)).unwrap_or_default();
    let is_name = !name.is_empty() && name.iter().all(|byte| *byte >= b' ' && *byte != 0x7f);
    Ok((is_name && zip::begins(&head)).then_some(part.size()))
}

/// So may a RAR; its first block is that of the archive, or one that says that the rest is encrypted.
fn rar_end(part: &Content) -> io::Result<Option<u64>> {
    let begins = match part.window(0, 16)?.get(6..) {
        Some([0, _, _, kind, ..]) => *kind == 0x73,
        Some([1, 0, _, _, _, _, _, kind, ..]) => matches!(kind, 1 | 4),
        _ => false,
    };
    Ok(begins.then_some(part.size()))
}

fn seven_end(part: &Content) -> io::Result<Option<u64>> {
    let head = part.window(0, 32)?;
    let (Some(offset), Some(size)) = (u64_le(&head, 12), u64_le(&head, 20)) else { return Ok(None) };
    Ok(Some(offset.saturating_add(size).saturating_add(32)))
}

fn cabinet_end(part: &Content) -> io::Result<Option<u64>> {
    let head = part.window(0, 36)?;
    let version = u16_le(&head, 24);
    Ok(u32_le(&head, 8).map(u64::from).filter(|size| *size > 36 && version == Some(0x0103)))
}

fn program_end(part: &Content) -> io::Result<Option<u64>> {
    let start = u32_le(&part.window(0, 64)?, 0x3c).unwrap_or(u32::MAX);
    if part.window(start.into(), 4)?.as_ref() != b"PE\0\0" {
        return Ok(None);
    }
    pe::image_end(part)
}

fn elf_end(part: &Content) -> io::Result<Option<u64>> {
    let head = part.window(0, 20)?;
    let (kind, machine) = (u16_le(&head, 16), u16_le(&head, 18));
    let fits =
        matches!(head.get(4..7), Some([1 | 2, 1, 1])) && matches!(kind, Some(1..=4)) && machine != Some(0);
    if fits { elf::image_end(part) } else { Ok(None) }
}
