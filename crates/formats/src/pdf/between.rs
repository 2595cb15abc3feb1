//! What lies before, between and behind the objects, and is none of what belongs there.

use std::io;

use candor_object::{Child, Content, Flow, Relation, Sink, Stop};

use crate::fields::{u16_le, u32_le};

use super::document::{Object, is_blank};
use super::value::{Parser, is_space};

/// Shortest piece that is handed over.
const SHORTEST: u64 = 16;
/// Longest comment of a line.
const COMMENT: usize = 256;
/// Pieces that are looked at; longer ones are handed over whole.
const LONGEST: usize = 16 << 20;
/// Pieces that are handed over.
const MOST: usize = 10_000;

/// Hands all of it over.
pub(super) fn hand_over(content: &Content, start: u64, objects: &[Object], sink: &mut dyn Sink) -> Flow {
    if start > 0 && !is_blank(&content.window(0, usize::try_from(start).unwrap_or(0))?) {
        sink.range(overlay(), content.range(0, start))?;
    }
    let mut place = start;
    let mut count: usize = 0;
    let ends = objects.iter().map(|object| (object.found.offset, object.end));
    for (next, end) in ends.chain(std::iter::once((content.size(), content.size()))) {
        if next > place {
            sink.pulse()?;
            let piece = content.range(place, next.saturating_sub(place));
            // All of it would be in itself, again and again.
            if let Some(junk) = junk(&piece)?.filter(|junk| junk.size() < content.size()) {
                count = count.saturating_add(1);
                if count > MOST {
                    // The last piece has all the rest.
                    return sink.range(overlay(), content.from(place));
                }
                sink.range(overlay(), junk)?;
            }
        }
        place = place.max(end);
    }
    Ok(())
}

/// Bytes of the table of an appended archive that are read.
const TABLE: u64 = 4 << 20;
/// Bytes that are searched for objects at once.
const STEP: usize = 1 << 20;

/// Whether a zip at the end begins behind all objects, so that it is in what is handed over and need not be opened with the
/// document once more. One that begins in an object is in no piece.
pub(crate) fn hands_over_archive(content: &Content) -> io::Result<bool> {
    let Some(start) = archive_start(content)? else { return Ok(false) };
    let mut offset = start;
    while offset < content.size() {
        let window = content.window(offset, STEP.saturating_add(16))?;
        // Objects are found by their words wherever they are, and cut the archive into pieces.
        if memchr::memmem::find(&window, b"obj").is_some()
            || memchr::memmem::find(&window, b"stream").is_some()
        {
            return Ok(false);
        }
        offset = offset.saturating_add(STEP as u64);
    }
    // The end of the last object may not lie behind the beginning of the archive.
    let from = start.saturating_sub(1 << 20);
    let before = content.window(from, usize::try_from(start.saturating_sub(from)).unwrap_or(0))?;
    let last = |word: &[u8]| memchr::memmem::rfind(&before, word);
    Ok(match (last(b"endobj").or_else(|| last(b"%%EOF")), last(b" obj")) {
        (Some(end), Some(begin)) => end > begin,
        (Some(_), None) => true,
        (None, _) => false,
    })
}

/// Where the first member of a zip begins whose end record is at the end of the content.
fn archive_start(content: &Content) -> io::Result<Option<u64>> {
    let tail_at = content.size().saturating_sub(crate::TAIL as u64);
    let tail = content.window(tail_at, crate::TAIL)?;
    let Some(place) = memchr::memmem::rfind(&tail, b"PK\x05\x06") else { return Ok(None) };
    let record = tail.get(place..).unwrap_or_default();
    let (Some(size), Some(offset), Some(count)) =
        (u32_le(record, 12), u32_le(record, 16), u16_le(record, 10))
    else {
        return Ok(None);
    };
    let end = tail_at.saturating_add(place as u64);
    let Some(table_at) = end.checked_sub(size.into()).filter(|_| u64::from(size) <= TABLE) else {
        return Ok(None);
    };
    let Some(base) = table_at.checked_sub(offset.into()) else { return Ok(None) };
    let table = content.window(table_at, usize::try_from(size).unwrap_or(0))?;
    let mut rest = table.as_ref();
    let mut first = u64::from(offset);
    for _ in 0..count {
        let sizes = (u16_le(rest, 28), u16_le(rest, 30), u16_le(rest, 32), u32_le(rest, 42));
        let (Some(name), Some(extra), Some(comment), Some(at)) = sizes else { return Ok(None) };
        if !rest.starts_with(b"PK\x01\x02") || at == u32::MAX {
            return Ok(None);
        }
        first = first.min(at.into());
        let length = usize::from(name).saturating_add(extra.into()).saturating_add(comment.into());
        rest = rest.get(length.saturating_add(46)..).unwrap_or_default();
    }
    Ok((count > 0 && rest.is_empty()).then_some(base.saturating_add(first)))
}

fn overlay() -> Child<'static> {
    Child { name: "", relation: Relation::Overlay }
}

/// The piece from the first byte on that does not belong between objects.
fn junk(piece: &Content) -> Result<Option<Content>, Stop> {
    // Nearly all pieces are a line end.
    let start = piece.window(0, 64)?;
    if piece.size() <= start.len() as u64 && is_blank(&start) {
        return Ok(None);
    }
    let window = piece.window(0, LONGEST)?;
    let skipped = skip(&window);
    let rest = window.get(skipped..).unwrap_or_default();
    let blank = rest.iter().rev().take_while(|byte| is_space(**byte)).count();
    let junk = piece.from(skipped as u64);
    // What ends in white space or zeros keeps them: an archive does.
    let size = if window.len() as u64 == piece.size() {
        junk.size().saturating_sub(blank as u64)
    } else {
        junk.size()
    };
    Ok((size >= SHORTEST).then_some(junk))
}

/// How much of it belongs there: comments, tables, trailers and words.
fn skip(bytes: &[u8]) -> usize {
    let mut place: usize = 0;
    loop {
        let rest = bytes.get(place..).unwrap_or_default();
        let blank = rest.iter().take_while(|byte| is_space(**byte)).count();
        place = place.saturating_add(blank);
        let rest = rest.get(blank..).unwrap_or_default();
        let length = if rest.starts_with(b"%%EOF") {
            5
        } else if rest.starts_with(b"%") {
            let line = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            if line > COMMENT { 0 } else { line }
        } else {
            structure(rest)
        };
        if length == 0 {
            return place;
        }
        place = place.saturating_add(length);
    }
}

/// How long the structure is that stands here.
fn structure(bytes: &[u8]) -> usize {
    let mut parser = Parser::new(bytes);
    if parser.word(b"endstream") || parser.word(b"endobj") {
        return parser.place();
    }
    if parser.word(b"startxref") {
        let _ = parser.number();
        return parser.place();
    }
    if parser.word(b"trailer") {
        let _ = parser.value();
        return parser.place();
    }
    if !parser.word(b"xref") {
        return 0;
    }
    while parser.number().is_some() {
        let _ = parser.word(b"n") || parser.word(b"f");
    }
    parser.place()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_there_is_skipped() {
        let usual = b"\n%\xe2\xe3\n xref\n0 2\n0000000000 65535 f \n0000000010 00000 n \ntrailer <</Size 2>>\nstartxref\n9\n%%EOF\n";
        assert_eq!(skip(usual), usual.len());
        assert_eq!(skip(b"\n%%EOFPK\x03\x04"), 6);
        assert_eq!(skip(b" endobj junk"), 8);
        let long = [&b"%"[..], &[b'x'; 300]].concat();
        assert_eq!(skip(&long), 0);
    }

    #[test]
    fn an_archive_behind_is_opened_once() {
        let pdf: &[u8] = b"%PDF-1.4\n1 0 obj\n<</Length 3>>\nstream\nabc\nendstream\nendobj\n";
        let zip: &[u8] = include_bytes!("../../tests/golden/zip/implode.zip");
        let is_handed_over =
            |parts: &[&[u8]]| hands_over_archive(&Content::from_vec(parts.concat())).unwrap();
        assert!(is_handed_over(&[pdf, b"trailer <<>>\n%%EOF\n", zip]));
        assert!(!is_handed_over(&[pdf, b"%%EOF\n"]));
        // It begins in an object.
        let (local, table) = zip.split_at(zip.len() / 2);
        assert!(!is_handed_over(&[pdf, b"2 0 obj\n<</Length 3>>\nstream\n", zip]));
        assert!(!is_handed_over(&[pdf, local, b"\n3 0 obj\n<<>>\nendobj\n", table]));
    }
}
