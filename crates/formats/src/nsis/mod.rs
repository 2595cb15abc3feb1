//! nsis: installers of Nullsoft's Scriptable Install System.
//!
//! Specification: <https://sourceforge.net/p/nsis/code/HEAD/tree/NSIS/trunk/Source/exehead/fileform.h>. Behind the program
//! that unpacks it lies a first header with a magic, and behind that either one stream of everything ("solid"), or a stream
//! for each item. The items are the header block, which holds the script, and files, each behind its size. What it is packed
//! with is nowhere said, and so guessed from the first bytes, as the program does not need to: it is built for one method.

use std::cell::RefCell;
use std::io::{self, Cursor, ErrorKind, Read};
use std::rc::Rc;

use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Relation, Sink};
use lzma_rust2::LzmaReader;
use lzma_rust2::filter::bcj::BcjReader;
use memchr::memmem;

use crate::fields::{array, u32_le};
use crate::held::{holding, holding_briefly};
use crate::unpack::{Check, Promise, Unpacked, hand_over, stored, unsupported};
use crate::zip::methods::{Packed, Progress};
use crate::{Format, Glimpse};

mod bzip2;
mod inflate;
mod names;

use names::Names;

const MAGIC: &[u8; 16] = b"\xef\xbe\xad\xdeNullsoftInst";
/// Bytes of the first header; flags stand in front of the magic.
const FIRST: u64 = 28;
const BEFORE_MAGIC: usize = 4;
/// Flags: the checksum at the end is left out, or is there in any case.
const NO_CRC: u32 = 4;
const FORCE_CRC: u32 = 8;
/// The bit of a size that says that the item is packed.
const PACKED: u32 = 0x8000_0000;
/// Largest header block in which names are looked for.
const HEADER_LIMIT: u64 = 32 << 20;
/// Largest dictionary that is decoded with.
const DICTIONARY_LIMIT: u32 = 128 << 20;
/// Shortest rest behind the stream that is handed over: a decoder may leave the last bytes of it.
const SHORTEST: u64 = 16;

/// The nsis format.
pub(crate) struct Nsis;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Deflate,
    Bzip2,
    /// Behind a byte that says whether a filter for code was used, or not.
    Lzma {
        filter: Option<bool>,
    },
}

impl Format for Nsis {
    fn file_type(&self) -> FileType {
        FileType::new("nsis")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        memmem::find(glimpse.head, MAGIC).is_some_and(|place| place >= BEFORE_MAGIC)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(0, crate::HEAD)?;
        let Some(start) = memmem::find(&head, MAGIC).and_then(|place| place.checked_sub(BEFORE_MAGIC)) else {
            return Ok(());
        };
        let start = start as u64;
        let head = content.window(start, 64)?;
        let (Some(flags), Some(header_size), Some(total)) =
            (u32_le(&head, 0), u32_le(&head, 20), u32_le(&head, 24))
        else {
            sink.gap(Reason::Truncated, "the first header ends too early");
            return Ok(());
        };
        overlay(content.range(0, start), sink)?;
        let mut end = start.saturating_add(total.into());
        if end > content.size() {
            let (there, total) = (content.size().saturating_sub(start), u64::from(total));
            sink.gap(Reason::Truncated, &format!("{there} of {total} bytes of the installer are there"));
            end = content.size();
        }
        let behind = end;
        if flags & NO_CRC == 0 || flags & FORCE_CRC != 0 {
            end = end.saturating_sub(4);
        }
        let from = start.saturating_add(FIRST);
        let data = content.range(from, end.saturating_sub(from));
        if is_solid(&data)? {
            solid(&data, header_size, sink)?;
        } else {
            items(&data, sink)?;
        }
        overlay(content.from(behind.max(from)), sink)
    }
}

fn overlay(content: Content, sink: &mut dyn Sink) -> Flow {
    if content.size() == 0 {
        return Ok(());
    }
    sink.range(Child { name: "", relation: Relation::Overlay }, content)
}

/// Whether one stream holds everything, judged by its first bytes, which would be the size of the header block.
fn is_solid(data: &Content) -> io::Result<bool> {
    let head = data.window(0, 16)?;
    if lzma_filter(&head).is_some() {
        return Ok(true);
    }
    let size = u32_le(&head, 0).unwrap_or(0);
    // A header block that is packed has less than 16 MiB, and a stream begins with a packed block.
    Ok(head.get(3) != Some(&0x80) && (size & PACKED != 0 || u64::from(size) > data.size()) || size == 0)
}

/// Whether there is a byte for the filter in front of a stream of LZMA, and what it says; nothing if it is no such stream.
fn lzma_filter(head: &[u8]) -> Option<Option<bool>> {
    let is_lzma = |bytes: &[u8]| {
        bytes.starts_with(&[0x5d, 0, 0])
            && bytes.get(5) == Some(&0)
            && bytes.get(6).is_some_and(|byte| byte & 0x80 == 0)
    };
    if is_lzma(head) {
        return Some(None);
    }
    let first = *head.first()?;
    (first < 2 && is_lzma(head.get(1..)?)).then_some(Some(first == 1))
}

fn method(stream: &Content) -> io::Result<Method> {
    let head = stream.window(0, 16)?;
    Ok(match lzma_filter(&head) {
        Some(filter) => Method::Lzma { filter },
        None if head.first() == Some(&0x31) && head.get(1).is_some_and(|byte| *byte < 14) => Method::Bzip2,
        None => Method::Deflate,
    })
}

fn decoder(method: Method, stream: &Content, progress: &Rc<Progress>) -> io::Result<Box<dyn Read>> {
    let Method::Lzma { filter } = method else {
        let input = Packed::new(stream, progress);
        return Ok(if method == Method::Bzip2 {
            Box::new(Unpacked::new(bzip2::Bzip2::new(input), Vec::new(), 0, u64::MAX))
        } else {
            Box::new(Unpacked::new(inflate::Inflate::new(input), Vec::new(), inflate::HISTORY, u64::MAX))
        });
    };
    let skip = u64::from(filter.is_some());
    let head = stream.window(skip, 5)?;
    let (Some(properties), Some(dictionary)) = (head.first().copied(), u32_le(&head, 1)) else {
        return Err(ErrorKind::UnexpectedEof.into());
    };
    let input = Packed::new(&stream.from(skip.saturating_add(5)), progress);
    let dictionary = dictionary.min(DICTIONARY_LIMIT);
    let mut reader = LzmaReader::new_with_props(input, u64::MAX, properties, dictionary, None)?;
    reader.set_defer_errors(true);
    Ok(if filter == Some(true) { Box::new(BcjReader::new_x86(reader, 0)) } else { Box::new(reader) })
}

/// Bytes of the dictionary of a stream.
fn dictionary(method: Method, stream: &Content) -> io::Result<u64> {
    let Method::Lzma { filter } = method else { return Ok(0) };
    let head = stream.window(filter.is_some().into(), 5)?;
    Ok(u32_le(&head, 1).unwrap_or(0).min(DICTIONARY_LIMIT).into())
}

/// A decoder for an item of several: the filter may differ.
fn item_decoder(method: Method, stream: &Content, progress: &Rc<Progress>) -> io::Result<Box<dyn Read>> {
    if !matches!(method, Method::Lzma { .. }) {
        return decoder(method, stream, progress);
    }
    match lzma_filter(&stream.window(0, 16)?) {
        Some(filter) => decoder(Method::Lzma { filter }, stream, progress),
        None => Err(unsupported("it is packed with something else than LZMA")),
    }
}

/// Bytes at the start of what a decoder gives, for the names in them; none if it fails.
fn beginning(mut decoder: impl Read, size: u64, sink: &mut dyn Sink) -> Result<Vec<u8>, candor_object::Stop> {
    let mut bytes = Vec::new();
    let size = size.min(HEADER_LIMIT);
    loop {
        sink.pulse()?;
        let step = size.saturating_sub(bytes.len() as u64).min(256 << 10);
        match (&mut decoder).take(step).read_to_end(&mut bytes) {
            Ok(count) if count > 0 => {}
            _ => return Ok(bytes),
        }
    }
}

/// Items with a stream each.
fn items(data: &Content, sink: &mut dyn Sink) -> Flow {
    let mut names = Names::default();
    let mut used = None;
    let (mut offset, mut behind_header) = (0_u64, 0_u64);
    while offset < data.size() {
        sink.pulse()?;
        let Some(field) = u32_le(&data.window(offset, 4)?, 0) else {
            sink.gap(Reason::Truncated, &format!("item at offset {offset}: its size ends too early"));
            break;
        };
        let size = u64::from(field & !PACKED);
        let body = data.range(offset.saturating_add(4), size);
        let is_header = offset == 0;
        let name =
            if is_header { "header".to_owned() } else { names.get(offset.saturating_sub(behind_header)) };
        let child = if is_header { Child::part(&name) } else { Child::member(&name) };
        if field & PACKED != 0 && used.is_none() {
            // Few bytes say little, so that the header block decides for all.
            used = Some(method(&body)?);
        }
        if is_header {
            let progress = Rc::new(Progress::default());
            let header = match used {
                Some(method) => decoder(method, &body, &progress),
                None => stored(&body, &progress),
            };
            if let Ok(header) = header {
                names = Names::read(&beginning(header, HEADER_LIMIT, sink)?);
            }
            behind_header = size.saturating_add(4);
        } else if field & PACKED == 0 {
            sink.listed(Listed { name: &name, packed: size, size, encrypted: false, position: None });
        }
        let place = format!("item {name:?}");
        match used.filter(|_| field & PACKED != 0) {
            None => sink.range(child, body.clone())?,
            Some(method) => {
                let promise = Promise { size: None, check: Check::None };
                let open = |stream: &Content, progress: &Rc<Progress>| item_decoder(method, stream, progress);
                holding_briefly(dictionary(method, &body)?, &place, sink, |sink| {
                    hand_over(sink, child, &place, &body, promise, open).map(drop)
                })?;
            }
        }
        if body.size() < size {
            let there = body.size();
            sink.gap(Reason::Truncated, &format!("{place}: {there} of {size} bytes are there"));
        }
        offset = offset.saturating_add(4).saturating_add(size);
    }
    Ok(())
}

/// A stream that is read by several, and never after an error.
struct Shared {
    decoder: Option<Box<dyn Read>>,
    error: Option<io::Error>,
    position: u64,
}

impl Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(decoder) = &mut self.decoder else { return Ok(0) };
        match decoder.read(buffer) {
            Ok(count) => {
                if count == 0 && !buffer.is_empty() {
                    self.decoder = None;
                }
                self.position = self.position.saturating_add(count as u64);
                Ok(count)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
            Err(error) => {
                self.decoder = None;
                let copy = io::Error::new(error.kind(), error.to_string());
                self.error = Some(error);
                Err(copy)
            }
        }
    }

    /// Up to `size` bytes.
    fn bytes(&mut self, size: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        // An error is kept.
        let _ = Part {
            shared: &RefCell::new(self),
            left: size as u64,
            size: size as u64,
            name: "",
            strict: false,
        }
        .read_to_end(&mut bytes);
        bytes
    }
}

/// As many bytes of a shared stream as an item has.
struct Part<'a, 'b> {
    shared: &'a RefCell<&'b mut Shared>,
    left: u64,
    size: u64,
    name: &'a str,
    /// Whether an end that comes too early is an error.
    strict: bool,
}

impl Read for Part<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let Some(buffer) = buffer.get_mut(..most).filter(|buffer| !buffer.is_empty()) else { return Ok(0) };
        let explain =
            |error: io::Error| io::Error::new(error.kind(), format!("item {:?}: {error}", self.name));
        let count = self.shared.borrow_mut().read(buffer).map_err(explain)?;
        if count == 0 && self.strict {
            let (there, size, name) = (self.size.saturating_sub(self.left), self.size, self.name);
            let what = format!("item {name:?}: {there} of {size} bytes came out");
            self.left = 0;
            return Err(io::Error::new(ErrorKind::UnexpectedEof, what));
        }
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

/// One stream of all items.
fn solid(data: &Content, header_size: u32, sink: &mut dyn Sink) -> Flow {
    let method = method(data)?;
    let progress = Rc::new(Progress::default());
    let names = match decoder(method, data, &progress) {
        Ok(mut decoder) => {
            let mut size = [0; 4];
            // What the stream says counts for those who read it, and not what the first header says.
            let bytes = match decoder.read_exact(&mut size) {
                Ok(()) => beginning(decoder, u32::from_le_bytes(size).into(), sink)?,
                Err(_) => Vec::new(),
            };
            Names::read(&bytes)
        }
        Err(error) => {
            sink.gap(crate::unpack::reason(error.kind()), &format!("the stream of all items: {error}"));
            return overlay(data.clone(), sink);
        }
    };
    let memory = dictionary(method, data)?;
    holding(memory, "the stream of all items", sink, |sink| {
        solid_items(method, data, (&names, header_size), sink)
    })
}

fn solid_items(
    method: Method,
    data: &Content,
    (names, header_size): (&Names, u32),
    sink: &mut dyn Sink,
) -> Flow {
    let progress = Rc::new(Progress::default());
    let decoder = decoder(method, data, &progress).ok();
    let mut shared = Shared { decoder, error: None, position: 0 };
    let mut behind_header = 0;
    loop {
        sink.pulse()?;
        let offset = shared.position;
        let is_header = offset == 0;
        let field = shared.bytes(4);
        let Some(field) = array::<4>(&field, 0).map(u32::from_le_bytes) else {
            if !field.is_empty() || is_header || shared.error.is_some() {
                let why = shared.error.as_ref().map_or_else(|| "it ends".to_owned(), ToString::to_string);
                let kind = shared.error.as_ref().map_or(ErrorKind::UnexpectedEof, io::Error::kind);
                let detail = format!("the stream of all items, at offset {offset} of what it gives: {why}");
                sink.gap(crate::unpack::reason(kind), &detail);
            }
            break;
        };
        if is_header && field != header_size {
            sink.anomaly("header-size", &format!("{field} bytes, and {header_size} in the first header"));
        }
        let size = u64::from(field & !PACKED);
        let name =
            if is_header { "header".to_owned() } else { names.get(offset.saturating_sub(behind_header)) };
        let child = if is_header { Child::part(&name) } else { Child::member(&name) };
        if is_header {
            behind_header = size.saturating_add(4);
        } else {
            sink.listed(Listed { name: &name, packed: 0, size, encrypted: false, position: None });
        }
        let end = offset.saturating_add(4).saturating_add(size);
        if size > 0 && shared.decoder.is_none() {
            sink.gap(Reason::Truncated, &format!("item {name:?}: nothing of it came out"));
            break;
        }
        let cell = RefCell::new(&mut shared);
        let mut body = Part { shared: &cell, left: size, size, name: &name, strict: true };
        if size == 0 {
            sink.child(child, &mut Cursor::new([]))?;
        } else {
            sink.child(child, &mut body)?;
        }
        // What the sink did not want is read over.
        while shared.position < end && shared.decoder.is_some() {
            sink.pulse()?;
            let left = usize::try_from(end.saturating_sub(shared.position)).unwrap_or(usize::MAX);
            shared.bytes(left.min(256 << 10));
        }
        if shared.error.take().is_some() || shared.position < end {
            break;
        }
    }
    if let Some(error) = progress.failure() {
        return Err(error.into());
    }
    let rest = data.from(progress.consumed());
    if rest.size() >= SHORTEST { overlay(rest, sink) } else { Ok(()) }
}
