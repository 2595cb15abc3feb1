//! What lies before, between and behind the objects, and is none of what belongs there.

use candor_object::{Child, Content, Flow, Relation, Sink, Stop};

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
}
