//! Cross-reference tables and streams: ISO 32000-1, 7.5.4 to 7.5.8. They tell where objects are that their words did
//! not, and what the document is encrypted with.

use std::collections::HashSet;
use std::io;

use candor_object::{Content, Sink, Stop};

use super::document::{Document, Object};
use super::streams::decode;
use super::value::{Dictionary, Parser, Value};

/// Tables that are followed.
const MOST_TABLES: usize = 1000;
/// Places of objects that are remembered of all tables, or of one stream.
const MOST_PLACES: usize = 1 << 20;
/// Bytes of a table, of a trailer.
const LONGEST: usize = 16 << 20;

/// What a trailer says.
#[derive(Debug, Default)]
pub(super) struct Trailer {
    pub(super) encrypt: Option<Value<'static>>,
    pub(super) id: Vec<u8>,
    /// Where objects begin, counted from the start of the document.
    pub(super) places: Vec<u64>,
    next: Vec<u64>,
}

impl Trailer {
    fn new(dictionary: &Dictionary<'_>) -> Self {
        let id = match dictionary.get(b"ID") {
            Some(Value::Array(parts)) => match parts.first() {
                Some(Value::Text(text)) => text.to_vec(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        let keys = [&b"Prev"[..], b"XRefStm"];
        let next = keys.iter().flat_map(|key| dictionary.all(key)).filter_map(Value::integer);
        Self {
            encrypt: dictionary.get(b"Encrypt").cloned().map(Value::into_owned),
            id,
            places: Vec::new(),
            next: next.filter_map(|number| u64::try_from(number).ok()).collect(),
        }
    }
}

/// A table that is a stream.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) trailer: Trailer,
    /// The numbers of object streams.
    pub(super) streams: HashSet<u32>,
}

/// Reads the trailers that were found by their words, and the tables that these and the ends of the file name.
pub(super) fn follow(
    content: &Content,
    trailers: &[u64],
    starts: &[u64],
    shift: u64,
    sink: &mut dyn Sink,
) -> Result<Vec<Trailer>, Stop> {
    let mut found: Vec<Trailer> = Vec::new();
    let mut queue: Vec<u64> = Vec::new();
    for offset in starts {
        queue.extend(Parser::new(&content.window(*offset, 64)?).number());
    }
    for offset in trailers {
        sink.pulse()?;
        let trailer = read_trailer(content, *offset)?;
        queue.extend(&trailer.next);
        found.push(trailer);
    }
    let mut seen: HashSet<u64> = HashSet::new();
    let mut left = MOST_PLACES;
    while let Some(offset) = queue.pop() {
        if seen.len() >= MOST_TABLES || !seen.insert(offset) {
            continue;
        }
        for offset in [Some(offset), offset.checked_add(shift).filter(|_| shift > 0)].into_iter().flatten() {
            sink.pulse()?;
            match read_table(content, offset, &mut left)? {
                Some(trailer) => {
                    queue.extend(&trailer.next);
                    found.push(trailer);
                }
                // A stream: an object like others.
                None => found.push(Trailer { places: vec![offset], ..Trailer::default() }),
            }
        }
    }
    Ok(found)
}

fn read_trailer(content: &Content, offset: u64) -> io::Result<Trailer> {
    for size in [8 << 10, 1 << 20] {
        let window = content.window(offset, size)?;
        let mut parser = Parser::new(&window);
        let value = parser.value();
        if parser.short && window.len() == size {
            continue;
        }
        if let Value::Dictionary(dictionary) = value {
            return Ok(Trailer::new(&dictionary));
        }
        break;
    }
    Ok(Trailer::default())
}

/// Reads the table at an offset; nothing if there is none.
fn read_table(content: &Content, offset: u64, left: &mut usize) -> io::Result<Option<Trailer>> {
    let start = content.window(offset, 64)?;
    if !Parser::new(&start).word(b"xref") {
        return Ok(None);
    }
    let window = content.window(offset, LONGEST)?;
    let mut parser = Parser::new(&window);
    parser.word(b"xref");
    let mut places = Vec::new();
    while let (Some(_), Some(_)) = (parser.number(), parser.number()) {
        // Whatever counts say, entries have a letter behind their two numbers.
        loop {
            let before = parser.place();
            let numbers = (parser.number(), parser.number());
            let used = parser.word(b"n");
            if numbers.1.is_none() || !used && !parser.word(b"f") {
                parser.go_to(before);
                break;
            }
            if let (Some(place), true, Some(rest)) = (numbers.0, used, left.checked_sub(1)) {
                places.push(place);
                *left = rest;
            }
        }
    }
    let trailer = match parser.word(b"trailer").then(|| parser.value()) {
        Some(Value::Dictionary(dictionary)) => Trailer::new(&dictionary),
        _ => Trailer::default(),
    };
    Ok(Some(Trailer { places, ..trailer }))
}

/// Reads a table that is a stream.
pub(super) fn of_stream(
    document: &mut Document<'_>,
    object: &Object,
    sink: &mut dyn Sink,
) -> Result<Table, Stop> {
    let dictionary = document.dictionary(object)?;
    let mut table = Table { trailer: Trailer::new(&dictionary), streams: HashSet::new() };
    let Some(Value::Array(widths)) = dictionary.get(b"W") else { return Ok(table) };
    let widths: Vec<usize> = widths
        .iter()
        .take(3)
        .filter_map(|width| usize::try_from(width.integer()?).ok().filter(|width| *width <= 8))
        .collect();
    let [kind, first, second] = *widths.as_slice() else { return Ok(table) };
    let length = kind.saturating_add(first).saturating_add(second);
    if length == 0 {
        return Ok(table);
    }
    let (bytes, _) = decode(document, object, LONGEST, sink)?;
    let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    for entry in bytes.chunks_exact(length).take(MOST_PLACES) {
        let (kind_bytes, rest) = entry.split_at_checked(kind).unwrap_or_default();
        let value = number(rest.get(..first).unwrap_or_default());
        match if kind == 0 { 1 } else { number(kind_bytes) } {
            1 => table.trailer.places.push(value),
            2 => {
                if let Ok(stream) = u32::try_from(value) {
                    table.streams.insert(stream);
                }
            }
            _ => {}
        }
    }
    Ok(table)
}
