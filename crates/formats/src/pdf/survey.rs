//! Goes through all objects of a file: what they are, where their streams lie, and what is in object streams.

use std::collections::HashSet;

use candor_object::{Content, FileType, Flow, Reason, Sink, Stop};
use memchr::memmem;

use super::document::{Document, End, Kind, Object, Stream};
use super::facts::Facts;
use super::find::{Found, object_at};
use super::security::Handler;
use super::streams::decode;
use super::tables::{self, Trailer};
use super::value::{Parser, Value};

/// Bytes of an object, without its stream.
const LONGEST: usize = 16 << 20;
/// Bytes of all object streams together.
const MOST_UNPACKED: usize = 64 << 20;
/// Objects of all object streams together.
const MOST_INSIDE: u32 = 1 << 20;
/// Passwords that are tried.
const MOST_PASSWORDS: usize = 2048;
/// Encryption dictionaries that are tried.
const MOST_HANDLERS: usize = 8;
/// Places of objects in tables that are looked at because no object was found there.
const MOST_PLACES: usize = 100_000;

/// Everything that has to be known before the first child is handed over.
pub(super) fn survey(
    document: &mut Document<'_>,
    mut objects: Vec<Found>,
    mut trailers: Vec<Trailer>,
    shift: u64,
    sink: &mut dyn Sink,
) -> Result<Facts, Stop> {
    let mut facts = Facts::default();
    facts.encrypted = trailers.iter().any(|trailer| trailer.encrypt.is_some());
    let mut missing: u32 = 0;
    let mut places: HashSet<u64> =
        trailers.iter().flat_map(|trailer| trailer.places.iter().copied()).collect();
    let mut streams: HashSet<u32> = HashSet::new();
    objects.extend(unknown(document.content, &objects, &places, shift, sink)?);
    objects.sort_by_key(|found| found.body);
    objects.dedup_by_key(|found| found.body);
    document.know(&objects);
    // Tables that are streams are known only when the objects are, and may name more objects.
    for _ in 0..3 {
        let known = document.objects.len();
        // What an embedded document has is its own.
        let mut embedded: u64 = 0;
        for found in &objects {
            sink.pulse()?;
            if found.offset < embedded && !places.contains(&found.offset) {
                continue;
            }
            let (object, end) = look_at(document, *found, &mut facts)?;
            missing = missing.saturating_add(u32::from(end == Some(End::Missing)));
            if let Some(stream) = object.stream
                && memmem::find(&document.content.window(stream.start, 1024)?, b"%PDF-").is_some()
            {
                embedded = stream.end;
            }
            document.objects.push(object);
        }
        for index in known..document.objects.len() {
            let Some(object) =
                document.objects.get(index).filter(|object| object.kind == Kind::Table).cloned()
            else {
                continue;
            };
            sink.pulse()?;
            let table = tables::of_stream(document, &object, sink)?;
            facts.encrypted |= table.trailer.encrypt.is_some();
            places.extend(table.trailer.places.iter().copied());
            streams.extend(table.streams.iter().copied());
            trailers.push(table.trailer);
        }
        let all: Vec<Found> = document.objects.iter().map(|object| object.found).collect();
        objects = unknown(document.content, &all, &places, shift, sink)?;
        if objects.is_empty() {
            break;
        }
        document.know(&objects);
    }
    document.objects.sort_by_key(|object| object.found.offset);
    if missing > 0 {
        sink.gap(Reason::Truncated, &format!("streams without an end: {missing}"));
    }
    unlock(document, &trailers, sink)?;
    unpack(document, &streams, &mut facts, sink)?;
    Ok(facts)
}

/// Objects at places that tables name and no word told of.
fn unknown(
    content: &Content,
    known: &[Found],
    places: &HashSet<u64>,
    shift: u64,
    sink: &mut dyn Sink,
) -> Result<Vec<Found>, Stop> {
    let offsets: HashSet<u64> = known.iter().map(|found| found.offset).collect();
    let bodies: HashSet<u64> = known.iter().map(|found| found.body).collect();
    let mut new: Vec<Found> = Vec::new();
    let candidates =
        places.iter().flat_map(|place| [Some(*place), place.checked_add(shift).filter(|_| shift > 0)]);
    for offset in candidates.flatten().filter(|offset| !offsets.contains(offset)).take(MOST_PLACES) {
        sink.pulse()?;
        if let Some(found) = object_at(content, offset)?.filter(|found| !bodies.contains(&found.body)) {
            new.push(found);
        }
    }
    new.sort_by_key(|found| found.body);
    new.dedup_by_key(|found| found.body);
    Ok(new)
}

/// Reads one object.
fn look_at(
    document: &mut Document<'_>,
    found: Found,
    facts: &mut Facts,
) -> Result<(Object, Option<End>), Stop> {
    let owner = Some((found.number, found.generation));
    let (place, stream, length, kind) = document.read(found.body, LONGEST, |value, parser| {
        facts.collect(&value, owner);
        let (length, kind) = match &value {
            Value::Dictionary(dictionary) => {
                let kind = if dictionary.is(b"Type", b"ObjStm") {
                    Kind::Objects
                } else if dictionary.is(b"Type", b"XRef") {
                    Kind::Table
                } else {
                    Kind::Other
                };
                (dictionary.get(b"Length").cloned().map(Value::into_owned), kind)
            }
            _ => (None, Kind::Other),
        };
        let stream = parser.stream();
        if stream.is_none() {
            parser.word(b"endobj");
        }
        (parser.place(), stream, length, kind)
    })?;
    let at = |place: usize| found.body.saturating_add(place as u64);
    let Some(start) = stream.map(at) else {
        return Ok((Object { found, end: at(place), stream: None, kind: Kind::Other }, None));
    };
    let length = match length {
        Some(value) => document.resolve(&value)?.integer(),
        None => None,
    };
    let (end, how) = document.stream_end(start, length.and_then(|length| u64::try_from(length).ok()))?;
    let behind = document.content.window(end, 128)?;
    let mut parser = Parser::new(&behind);
    parser.word(b"endstream");
    parser.word(b"endobj");
    let object_end = end.saturating_add(parser.place() as u64);
    Ok((Object { found, end: object_end, stream: Some(Stream { start, end }), kind }, Some(how)))
}

/// Looks for the password of an encrypted document.
fn unlock(document: &mut Document<'_>, trailers: &[Trailer], sink: &mut dyn Sink) -> Flow {
    let mut encrypted = None;
    let mut tried: Vec<Value<'static>> = Vec::new();
    for trailer in trailers.iter().rev() {
        let Some(encrypt) = &trailer.encrypt else { continue };
        let Value::Dictionary(mut dictionary) = document.resolve(encrypt)? else { continue };
        if tried.len() >= MOST_HANDLERS || tried.contains(&Value::Dictionary(dictionary.clone())) {
            continue;
        }
        tried.push(Value::Dictionary(dictionary.clone()));
        for (_, value) in &mut dictionary.0 {
            *value = document.resolve(value)?;
        }
        // A later trailer without an identifier leaves that of an earlier one.
        let ids: Vec<&[u8]> = trailers
            .iter()
            .filter(|other| other.encrypt.is_some())
            .map(|other| other.id.as_slice())
            .collect();
        let Some(handler) = Handler::new(&dictionary, &trailer.id) else {
            let name = dictionary.get(b"Filter").and_then(Value::name).unwrap_or_default();
            let name = name.get(..64).unwrap_or(name).escape_ascii().to_string();
            encrypted.get_or_insert_with(|| format!("handler {name:?}"));
            continue;
        };
        let passwords = sink.passwords(FileType::new("pdf"));
        let empty: &[u8] = b"";
        let all = std::iter::once(empty).chain(passwords.iter().map(|password| password.bytes.as_slice()));
        for password in all.take(MOST_PASSWORDS) {
            sink.pulse()?;
            let mut handlers = std::iter::once(None).chain(ids.iter().take(MOST_HANDLERS).map(Some));
            let opened = handlers.find_map(|id| match id {
                None => handler.open(password),
                Some(id) if *id != trailer.id => Handler::new(&dictionary, id)?.open(password),
                Some(_) => None,
            });
            if opened.is_some() {
                document.security = opened;
                return Ok(());
            }
        }
        encrypted.get_or_insert_with(|| "no known password opens it".to_owned());
    }
    if let Some(why) = encrypted {
        document.locked = true;
        sink.gap(Reason::Encrypted, &format!("document: {why}"));
    }
    Ok(())
}

/// Decodes object streams and goes through what is in them.
fn unpack(
    document: &mut Document<'_>,
    streams: &HashSet<u32>,
    facts: &mut Facts,
    sink: &mut dyn Sink,
) -> Flow {
    let mut left = MOST_UNPACKED;
    let mut objects: u32 = 0;
    for index in 0..document.objects.len() {
        let Some(object) = document.objects.get(index) else { return Ok(()) };
        let is_named = object.stream.is_some() && streams.contains(&object.found.number);
        if object.kind != Kind::Objects && !is_named {
            continue;
        }
        let object = object.clone();
        let dictionary = document.dictionary(&object)?;
        let (bytes, whole) = decode(document, &object, left, sink)?;
        left = left.saturating_sub(bytes.len());
        let mut number_at = |key: &[u8]| -> Result<usize, Stop> {
            let value = dictionary.get(key).cloned().unwrap_or(Value::Other);
            let number = document.resolve(&value)?.integer().unwrap_or(0);
            Ok(usize::try_from(number).unwrap_or(usize::MAX))
        };
        let first = number_at(b"First")?;
        let count = number_at(b"N")?;
        let mut header = Parser::new(bytes.get(..first).unwrap_or(&bytes));
        let mut inside: Vec<(u32, usize)> = Vec::new();
        while let (Some(number), Some(offset)) = (header.number(), header.number()) {
            objects = objects.saturating_add(1);
            let (Ok(number), Ok(offset)) = (u32::try_from(number), usize::try_from(offset)) else { break };
            if objects > MOST_INSIDE {
                break;
            }
            inside.push((number, offset.saturating_add(first)));
        }
        if objects > MOST_INSIDE {
            facts.cut = true;
        }
        let mut places: Vec<usize> = inside.iter().map(|(_, offset)| *offset).collect();
        places.sort_unstable();
        places.dedup();
        // Objects may lie in one another, but not without end.
        let mut work = bytes.len().saturating_mul(8).saturating_add(1 << 16);
        for place in places {
            sink.pulse()?;
            let mut parser = Parser::new(bytes.get(place..).unwrap_or_default());
            facts.collect(&parser.value(), None);
            facts.cut |= parser.cut;
            let Some(rest) = work.checked_sub(parser.place()) else {
                facts.cut = true;
                break;
            };
            work = rest;
        }
        if inside.len() < count.min(1 << 20) && whole && !document.locked {
            let Found { number, generation, .. } = object.found;
            let detail =
                format!("object {number} {generation}: {} of {count} objects are there", inside.len());
            sink.gap(Reason::Damaged, &detail);
        }
        document.unpacked.push(bytes);
        for (number, offset) in inside {
            document.know_inside(number, offset);
        }
        if left == 0 {
            sink.gap(Reason::Unsupported, "object streams of more than 64 MiB are not searched beyond that");
            return Ok(());
        }
    }
    Ok(())
}
