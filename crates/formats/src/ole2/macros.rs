//! The sources of macros.
//!
//! Specification: [MS-OVBA] 2.3.4. A project is a storage with a stream `dir` that names the modules; where that is
//! not there or damaged, the sources are found by how each begins.

use std::collections::HashMap;
use std::io::Read;

use candor_object::{Limit, Reason, Sink, Stop};
use memchr::memmem;

use super::compound::Compound;
use super::entries::Entry;
use super::ovba::decompress;
use crate::fields::{u16_le, u32_le};

/// Longest stream of a project in bytes, packed and unpacked.
const LONGEST: usize = 16 << 20;
/// Bytes of all sources of a file together. Stops a file of streams that unpack to a thousand times their size.
const MOST: usize = 64 << 20;
/// Bytes that are read for that. Stops many streams that are all the same sectors.
const MOST_READ: usize = 256 << 20;
/// Most projects of a file.
const MOST_PROJECTS: usize = 64;
/// Most modules of a project.
const MOST_MODULES: usize = 4096;
/// How every source begins, packed or not, behind the signature, two bytes for the size of the first chunk, and flags if it
/// is packed.
const BEGINNING: &[u8] = b"Attribut";
/// Bytes of compiled code that a module without a statement has at most.
const EMPTY_CODE: usize = 2 << 10;
/// The anomaly of a module that has code and no source.
const STOMPED: &str = "vba-stomped";

/// A macro's source.
pub(super) struct Source {
    /// The path of its stream, with `.vba` behind it.
    pub(super) path: String,
    /// Its text, in the encoding of the project.
    pub(super) text: Vec<u8>,
}

/// The macros that belong together.
pub(super) struct Project {
    /// The path of its storage.
    pub(super) path: String,
    /// Its sources, as the project orders them.
    pub(super) sources: Vec<Source>,
}

/// The modules that a stream `dir` names, by their streams in lower case: which it is, and where its source begins.
type Modules = HashMap<String, (usize, usize)>;

/// What may still be spent on the macros of a file, in bytes.
struct Left {
    read: usize,
    unpacked: usize,
}

/// Reads all macros.
pub(super) fn read(
    compound: &Compound<'_>,
    entries: &[Entry],
    sink: &mut dyn Sink,
) -> Result<Vec<Project>, Stop> {
    let mut projects: Vec<Project> = Vec::new();
    let mut left = Left { read: MOST_READ, unpacked: MOST };
    for entry in entries.iter().filter(|entry| entry.is_stream()) {
        let Some(storage) = storage_of_project(&entry.path) else { continue };
        sink.pulse()?;
        if projects.len() >= MOST_PROJECTS {
            sink.gap(Reason::Limit(Limit::Objects), "too many projects of macros");
            break;
        }
        let modules = modules(&unpacked(compound, entry, 0, &mut left, sink).0);
        if modules.is_empty() {
            sink.gap(Reason::Damaged, &format!("{:?} names no module", entry.path));
        }
        let sources = sources(compound, entries, storage, &modules, &mut left, sink)?;
        projects.push(Project { path: storage.trim_end_matches('/').to_owned(), sources });
    }
    projects.extend(lost(compound, entries, &projects, &mut left, sink)?);
    Ok(projects)
}

/// The sources in storages that are not known as projects: their stream `dir` may be gone, or the storage have another name.
fn lost(
    compound: &Compound<'_>,
    entries: &[Entry],
    projects: &[Project],
    left: &mut Left,
    sink: &mut dyn Sink,
) -> Result<Vec<Project>, Stop> {
    let mut found: Vec<Project> = Vec::new();
    for stream in entries.iter().filter(|entry| entry.is_stream()) {
        let Some((storage, name)) = stream.path.rsplit_once('/') else { continue };
        if is_no_module(name) || projects.iter().any(|project| project.path == storage) {
            continue;
        }
        sink.pulse()?;
        let Some(offset) = beginning(&packed(compound, stream, left)) else { continue };
        let (text, _) = unpacked(compound, stream, offset, left, sink);
        if text.is_empty() {
            continue;
        }
        sink.anomaly("vba-lost", &format!("{:?} is a macro of no project", stream.path));
        let source = Source { path: format!("{}.vba", stream.path), text };
        if found.last().is_none_or(|project| project.path != storage) {
            found.push(Project { path: storage.to_owned(), sources: Vec::new() });
        }
        if let Some(project) = found.last_mut() {
            project.sources.push(source);
        }
    }
    Ok(found)
}

/// Says if a module has compiled code but nothing in its source: Office runs the code if its version fits.
fn note_stomped(path: &str, text: &[u8], code: usize, sink: &mut dyn Sink) {
    let is_statement = |line: &[u8]| {
        let line = line.trim_ascii();
        !line.is_empty() && !line.starts_with(b"Attribute") && line.iter().any(|byte| *byte != 0)
    };
    let is_empty = text.iter().all(u8::is_ascii_whitespace);
    let says_nothing = !text.split(|byte| *byte == b'\n').any(is_statement);
    if code > 0 && (is_empty || says_nothing && code > EMPTY_CODE) {
        sink.anomaly(STOMPED, &format!("{path:?} has {code} bytes of code, and no source"));
    }
}

/// The sources in a storage: those of the modules, and of streams that look like one.
fn sources(
    compound: &Compound<'_>,
    entries: &[Entry],
    storage: &str,
    modules: &Modules,
    left: &mut Left,
    sink: &mut dyn Sink,
) -> Result<Vec<Source>, Stop> {
    let mut places = Vec::new();
    for stream in entries.iter().filter(|entry| entry.is_stream()) {
        let Some(name) = stream.path.strip_prefix(storage) else { continue };
        sink.pulse()?;
        let place = match modules.get(&name.to_lowercase()) {
            Some((number, offset)) => Some((*number, *offset)),
            None if name.contains('/') || is_no_module(name) => None,
            None => beginning(&packed(compound, stream, left)).map(|offset| (usize::MAX, offset)),
        };
        places.extend(place.map(|(number, offset)| (number, offset, stream)));
    }
    places.sort_by_key(|(number, ..)| *number);
    let mut sources = Vec::new();
    for (_, offset, stream) in places {
        sink.pulse()?;
        let (mut text, damage) = unpacked(compound, stream, offset, left, sink);
        if text.is_empty() && damage {
            // The offset may be made up.
            let begins = beginning(&packed(compound, stream, left)).filter(|begins| *begins != offset);
            if let Some(begins) = begins {
                text = unpacked(compound, stream, begins, left, sink).0;
            }
        }
        note_stomped(&stream.path, &text, offset, sink);
        if !text.is_empty() {
            sources.push(Source { path: format!("{}.vba", stream.path), text });
        }
    }
    Ok(sources)
}

/// The path of the storage, with a slash, if this is the stream `dir` of a project.
fn storage_of_project(path: &str) -> Option<&str> {
    let storage = path.get(..path.len().checked_sub(3)?)?;
    let is_dir = path.get(storage.len()..)?.eq_ignore_ascii_case("dir");
    let name = storage.strip_suffix('/')?.rsplit('/').next()?;
    (is_dir && name.eq_ignore_ascii_case("vba")).then_some(storage)
}

/// Streams of a project that are none of its modules.
fn is_no_module(name: &str) -> bool {
    name.eq_ignore_ascii_case("dir")
        || name.eq_ignore_ascii_case("_VBA_PROJECT")
        || name.starts_with("__SRP_")
}

fn packed(compound: &Compound<'_>, entry: &Entry, left: &mut Left) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Damage is a gap of the stream, which is handed over as a child.
    let _ = compound.stream(entry).take(LONGEST.min(left.read) as u64).read_to_end(&mut bytes);
    left.read = left.read.saturating_sub(bytes.len());
    bytes
}

/// Where the source begins in a stream that nothing is said of.
fn beginning(bytes: &[u8]) -> Option<usize> {
    memmem::find_iter(bytes, BEGINNING).find_map(|place| {
        let before = |back: usize| place.checked_sub(back).filter(|start| bytes.get(*start) == Some(&1));
        let packed = bytes.get(place.checked_sub(1)?) == Some(&0);
        before(4).filter(|_| packed).or_else(|| before(3))
    })
}

/// The unpacked bytes of a stream from an offset on, and whether they are damaged.
fn unpacked(
    compound: &Compound<'_>,
    entry: &Entry,
    offset: usize,
    left: &mut Left,
    sink: &mut dyn Sink,
) -> (Vec<u8>, bool) {
    let bytes = packed(compound, entry, left);
    let most = LONGEST.min(left.unpacked);
    let (text, complete) = decompress(bytes.get(offset..).unwrap_or_default(), most);
    left.unpacked = left.unpacked.saturating_sub(text.len());
    if text.len() >= most || left.read == 0 {
        sink.gap(Reason::Limit(Limit::UnpackedBytes), &format!("the macros in {:?}", entry.path));
    } else if !complete {
        sink.gap(Reason::Damaged, &format!("the macros in {:?}, after {} bytes", entry.path, text.len()));
    }
    (text, !complete)
}

/// The modules that the unpacked stream `dir` names.
fn modules(dir: &[u8]) -> Modules {
    const VERSION: u16 = 0x09;
    const STREAM: u16 = 0x1a;
    const STREAM_UNICODE: u16 = 0x32;
    const OFFSET: u16 = 0x31;
    const END: u16 = 0x2b;
    let mut modules = Modules::new();
    let (mut stream, mut offset) = (None, 0);
    let mut at = 0_usize;
    while let (Some(kind), Some(size)) = (u16_le(dir, at), u32_le(dir, at.saturating_add(2))) {
        // This one has a size of 4 and two bytes more.
        let size = if kind == VERSION { 6 } else { usize::try_from(size).unwrap_or(usize::MAX) };
        let start = at.saturating_add(6);
        let end = start.saturating_add(size);
        let Some(data) = dir.get(start..end) else { break };
        match kind {
            STREAM => stream = Some(String::from_utf8_lossy(data).into_owned()),
            STREAM_UNICODE => {
                let units = data.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
                stream = Some(char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect());
            }
            OFFSET => offset = u32_le(data, 0).and_then(|offset| usize::try_from(offset).ok()).unwrap_or(0),
            END => {
                let number = modules.len();
                modules.extend(stream.take().map(|stream: String| (stream.to_lowercase(), (number, offset))));
                offset = 0;
            }
            _ => {}
        }
        if modules.len() >= MOST_MODULES {
            break;
        }
        at = end;
    }
    modules
}

/// A source as signatures see it: in lower case but for what stands in quotes, blanks as one, without carriage
/// returns, and with lines that go on put together. As `sigtool --vba` 1.4.6 prints it.
pub(super) fn normalised(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut quoted = false;
    let mut at = 0_usize;
    while let Some(byte) = text.get(at).copied() {
        at = at.saturating_add(1);
        match byte {
            b'\r' => {}
            b'"' => {
                quoted = !quoted;
                out.push(byte);
            }
            _ if quoted => out.push(byte),
            b' ' | b'\t' if out.last() == Some(&b' ') => {}
            b' ' | b'\t' => out.push(b' '),
            b'_' if out.last() == Some(&b' ') => {
                let rest = text.get(at..).unwrap_or_default();
                let line_end: &[&[u8]] = &[b"\r\n", b"\n"];
                match line_end.iter().find(|end| rest.starts_with(end)) {
                    Some(end) => at = at.saturating_add(end.len()),
                    None => out.push(byte),
                }
            }
            _ => out.push(byte.to_ascii_lowercase()),
        }
    }
    out.push(b'\n');
    out
}
