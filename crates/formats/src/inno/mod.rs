//! inno: what lies behind the program of an Inno Setup installer.
//!
//! Specification: none; <https://github.com/jrsoftware/issrc/blob/main/Projects/Src/Shared.Struct.pas> has the structures.
//! Two blocks follow a name with the version: what the installer does, and where the files are. The second has records of
//! one size for each version. The first changes with almost every version, so that only the names of files are looked for
//! in it, by what surrounds them. Files lie one behind the other in chunks, each packed as a whole.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::rc::Rc;

use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Relation, Sink};

use crate::held::{holding, holding_briefly};
use crate::search::find;
use crate::unpack::{Check, Claimed, Promise, hand_over, reason};
use crate::zip::methods::Progress;
use crate::{Format, Glimpse};

mod block;
mod chunk;
mod location;

use block::Block;
use chunk::{CHUNK, Chunk, File};
use location::{Location, Records, Version};

const HEADER: &[u8] = b"Inno Setup Setup Data (";
const SLICE: &[u8] = b"idska32\x1a";
/// Bytes of the name with the version.
const NAME: u64 = 64;
/// Bytes of a block that are kept: names, or records.
const KEPT: u64 = 32 << 20;
/// Files that are taken out.
const FILES: usize = 200_000;
/// How often a chunk is read from its start again, for files that overlap.
const RESTARTS: u32 = 16;
/// Gaps of one kind that are listed.
const GAPS: u32 = 1000;

/// The inno format.
pub(crate) struct Inno;

impl Format for Inno {
    fn file_type(&self) -> FileType {
        FileType::new("inno")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        let is_header =
            glimpse.has(0, HEADER) && glimpse.head.get(24..64).is_some_and(|name| name.contains(&0));
        is_header || glimpse.has(0, CHUNK) || glimpse.has(0, SLICE)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut claimed = Claimed::default();
        let header = find(content, 0, (1, HEADER.len()), sink, |head| head == HEADER)?;
        let read = match header {
            Some(offset) => installer(content, offset, &mut claimed, sink)?,
            None => {
                sink.gap(Reason::Unsupported, "the list of files is not here: chunks come out as a whole");
                false
            }
        };
        if !read {
            chunks(content, &mut claimed, sink)?;
        }
        if content.window(0, SLICE.len())?.as_ref() == SLICE {
            claimed.add(0, 12);
        }
        claimed.hand_over_rest(content, 0, sink)
    }
}

/// Opens what the header at `offset` tells of; false if it does not tell where the files are.
fn installer(
    content: &Content,
    offset: u64,
    claimed: &mut Claimed,
    sink: &mut dyn Sink,
) -> Result<bool, candor_object::Stop> {
    // Even where nothing else can be read, so that an overlay is never the whole again.
    claimed.add(offset, NAME);
    let name = crate::fields::name(&content.window(offset, 64)?);
    let Some(version) = Version::parse(&name) else {
        sink.gap(Reason::Unsupported, &format!("version {name:?} of the header at offset {offset}"));
        return Ok(false);
    };
    let Some(first) = Block::find(content, offset.saturating_add(NAME), version)? else {
        let why = if version.may_hide_header() { Reason::Encrypted } else { Reason::Damaged };
        sink.gap(why, &format!("no block follows the header at offset {offset}"));
        return Ok(false);
    };
    claimed.add(offset, first.end.saturating_sub(offset));
    let promise = Promise { size: None, check: Check::None };
    let whole = content.clone();
    hand_over(sink, Child::part("header"), "header block", &whole, promise, |content, progress| {
        first.open(content, progress)
    })?;
    let script = keep(&first, content, "header block", false, sink)?;
    first.check(content, sink)?;
    let Some(second) = Block::find(content, first.end, version)? else {
        sink.gap(Reason::Damaged, "no block with places of files follows the header block");
        return Ok(false);
    };
    claimed.add(first.end, second.end.saturating_sub(first.end));
    second.check(content, sink)?;
    let records = keep(&second, content, "block of places", true, sink)?;
    let Records { mut locations, rest } = Records::parse(&records, version);
    if rest > 0 {
        let detail = format!("records of places of {name:?} do not fit: {rest} bytes are left");
        sink.gap(Reason::Unsupported, &detail);
        return Ok(false);
    }
    if locations.len() > FILES {
        sink.gap(
            Reason::Unsupported,
            &format!("{} files after the first {FILES}", locations.len().saturating_sub(FILES)),
        );
        locations.truncate(FILES);
    }
    let names = block::names(&script, version, locations.len(), sink)?;
    for (index, location) in locations.iter_mut().enumerate() {
        location.name = names.get(&index).cloned().unwrap_or_else(|| format!("file {index}"));
    }
    files(content, locations, version, claimed, sink)?;
    Ok(true)
}

/// The content of a block, as far as it is kept.
fn keep(
    block: &Block,
    content: &Content,
    what: &str,
    tell: bool,
    sink: &mut dyn Sink,
) -> Result<Vec<u8>, candor_object::Stop> {
    let progress = Rc::new(Progress::default());
    let mut bytes = Vec::new();
    let mut failure = None;
    match block.open(content, &progress) {
        Ok(mut decoder) => loop {
            sink.pulse()?;
            let left = KEPT.saturating_sub(bytes.len() as u64);
            match (&mut decoder).take(left.min(256 << 10)).read_to_end(&mut bytes) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        },
        Err(error) => failure = Some(error),
    }
    if let Some(error) = progress.failure() {
        return Err(error.into());
    }
    if let Some(error) = failure.filter(|_| tell) {
        sink.gap(reason(error.kind()), &format!("{what}: {error}"));
    }
    if bytes.len() as u64 >= KEPT {
        sink.gap(Reason::Unsupported, &format!("{what}: more than {KEPT} bytes"));
    }
    Ok(bytes)
}

/// Hands over the files, chunk by chunk.
fn files(
    content: &Content,
    locations: Vec<Location>,
    version: Version,
    claimed: &mut Claimed,
    sink: &mut dyn Sink,
) -> Flow {
    let base = base(content, &locations, sink)?;
    let mut chunks: BTreeMap<(u32, u64), Vec<Location>> = BTreeMap::new();
    for location in locations {
        chunks.entry((location.slice, location.chunk)).or_default().push(location);
    }
    let mut gaps = 0_u32;
    for ((slice, offset), mut files) in chunks {
        sink.pulse()?;
        files.sort_by_key(|file| (file.offset, file.size));
        files.dedup_by(|left, right| {
            left.offset == right.offset && left.size == right.size && left.calls == right.calls
        });
        let Some(first) = files.first() else { continue };
        for file in &files {
            let (name, size) = (file.name.as_str(), file.size);
            sink.listed(Listed { name, packed: 0, size, encrypted: file.is_encrypted, position: None });
        }
        let place = format!("chunk at offset {offset} with {} files from {:?} on", files.len(), first.name);
        let at = base.saturating_add(offset);
        let mut gap = |sink: &mut dyn Sink, why: Reason, detail: &str| {
            gaps = gaps.saturating_add(1);
            if gaps <= GAPS {
                sink.gap(why, detail);
            }
        };
        if slice > 0 {
            gap(sink, Reason::Unsupported, &format!("{place}: lies in another file, slice {slice}"));
            continue;
        }
        if content.window(at, CHUNK.len())?.as_ref() != CHUNK {
            let why = if at >= content.size() { Reason::Truncated } else { Reason::Damaged };
            gap(sink, why, &format!("{place}: no chunk begins there"));
            continue;
        }
        claimed.add(at, first.packed.saturating_add(4));
        if first.is_encrypted {
            gap(sink, Reason::Encrypted, &place);
            let packed = content.range(at.saturating_add(4), first.packed);
            sink.range(Child { name: "", relation: Relation::Overlay }, packed)?;
            continue;
        }
        let packed = content.range(at.saturating_add(4), first.packed);
        let memory = if files.iter().any(|file| file.is_packed) { chunk::memory(&packed) } else { 0 };
        holding(memory, &place, sink, |sink| one_chunk(&packed, &files, version, &place, sink))?;
    }
    if gaps > GAPS {
        sink.gap(Reason::Unsupported, &format!("{} gaps after the first {GAPS}", gaps.saturating_sub(GAPS)));
    }
    Ok(())
}

fn one_chunk(
    packed: &Content,
    files: &[Location],
    version: Version,
    place: &str,
    sink: &mut dyn Sink,
) -> Flow {
    let mut restarts = 0;
    let mut chunk: Option<Chunk> = None;
    let is_packed = files.iter().any(|file| file.is_packed);
    for file in files {
        sink.pulse()?;
        if chunk.as_ref().is_none_or(|chunk| chunk.position > file.offset) {
            if restarts > RESTARTS {
                sink.gap(Reason::Unsupported, &format!("{place}: too many files overlap"));
                return Ok(());
            }
            restarts = restarts.saturating_add(1);
            match Chunk::open(packed, is_packed) {
                Ok(opened) => chunk = Some(opened),
                Err(error) => {
                    sink.gap(reason(error.kind()), &format!("{place}: {error}"));
                    return sink.range(Child { name: "", relation: Relation::Overlay }, packed.clone());
                }
            }
        }
        let Some(chunk) = chunk.as_mut() else { return Ok(()) };
        while chunk.position < file.offset && chunk.is_open() {
            sink.pulse()?;
            chunk.skip(file.offset.saturating_sub(chunk.position).min(256 << 10));
        }
        if !chunk.is_open() && file.size > 0 {
            let error =
                chunk.error.as_ref().map_or_else(|| "it ends too early".to_owned(), ToString::to_string);
            let kind = chunk.error.as_ref().map_or(io::ErrorKind::UnexpectedEof, io::Error::kind);
            sink.gap(
                reason(kind),
                &format!("{place}: nothing came out of {:?} and what follows it: {error}", file.name),
            );
            return Ok(());
        }
        let mut body = File::new(chunk, file, version);
        sink.child(Child::member(&file.name), &mut body)?;
        if let Some(failure) = chunk.failure() {
            return Err(failure.into());
        }
    }
    Ok(())
}

/// Where offsets of chunks are counted from: the start of a slice, or the first chunk.
fn base(content: &Content, locations: &[Location], sink: &mut dyn Sink) -> Result<u64, candor_object::Stop> {
    let least = locations.iter().filter(|place| place.slice == 0).map(|place| place.chunk).min().unwrap_or(0);
    if content.window(least, CHUNK.len())?.as_ref() == CHUNK {
        return Ok(0);
    }
    // Before or behind the header: where all the chunks begin cannot be told by one alone.
    let mut from = 0;
    for _ in 0..16 {
        let Some(found) = find(content, from, (1, CHUNK.len()), sink, |head| head == CHUNK)? else { break };
        let candidate = found.checked_sub(least);
        let mut all = locations.iter().filter(|place| place.slice == 0).take(64);
        if let Some(candidate) = candidate {
            let fits = |place: &Location| -> io::Result<bool> {
                Ok(content.window(candidate.saturating_add(place.chunk), CHUNK.len())?.as_ref() == CHUNK)
            };
            let mut wrong = false;
            for place in all.by_ref() {
                wrong |= !fits(place)?;
            }
            if !wrong {
                return Ok(candidate);
            }
        }
        from = found.saturating_add(1);
    }
    Ok(0)
}

/// Hands over the chunks as they are, without the files in them being told apart.
fn chunks(content: &Content, claimed: &mut Claimed, sink: &mut dyn Sink) -> Flow {
    let mut offset = 0;
    while let Some(start) = find(content, offset, (1, CHUNK.len()), sink, |head| head == CHUNK)? {
        let packed = content.from(start.saturating_add(4));
        let name = format!("chunk at offset {start}");
        let promise = Promise { size: None, check: Check::None };
        let mut taken = 0;
        holding_briefly(chunk::memory(&packed), &name, sink, |sink| {
            taken = hand_over(sink, Child::member(&name), &name, &packed, promise, chunk::decoder)?;
            Ok(())
        })?;
        claimed.add(start, taken.saturating_add(4));
        offset = start.saturating_add(4).saturating_add(taken);
        // Decoders read on a little behind the end of their stream.
        offset = offset.saturating_sub(16).max(start.saturating_add(5));
    }
    Ok(())
}
