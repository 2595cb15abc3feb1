//! InstallShield: cabinets, and what lies behind the programs of installers.
//!
//! Specification: none; <https://github.com/twogood/unshield/wiki> and <https://github.com/lifenjoiner/ISx> describe what
//! is known. Cabinets have a header, and the files' data one behind the other: pieces of deflate behind their sizes, each of
//! which gives 32 KiB but the last of a file. Where files are stands in a header file beside, so that they are told apart
//! by that. Behind the program of an installer lie files behind their names, as they are or encoded with their names.

use std::io::{self, ErrorKind, Read};
use std::rc::Rc;

use candor_object::{Child, Content, FileType, Flow, Reason, Relation, Sink, Stop};

use crate::fields::{u16_le, u32_le};
use crate::unpack::{Claimed, Unpacked};
use crate::zip::methods::{Packed, Progress};
use crate::{Format, Glimpse};

mod setup;

pub(crate) use setup::{Records, Setup};

const MAGIC: &[u8] = b"ISc(";
/// Where data begins in a cabinet, unless its header says otherwise.
const DATA: u64 = 0x200;
/// What a piece gives that is not the last of its file.
const WHOLE: u64 = 0x8000;
/// Files of a cabinet that are taken out.
const FILES: u64 = 200_000;

/// The installshield-cab format.
pub(crate) struct Cabinet;

impl Format for Cabinet {
    fn file_type(&self) -> FileType {
        FileType::new("installshield-cab")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, MAGIC) && glimpse.head.iter().take(32).any(|byte| *byte < 8)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(0, 32)?;
        if u32_le(&head, 16).unwrap_or(0) > 0 {
            // Only tables, which are scanned as they are. Data may follow them all the same.
            let end = u32_le(&head, 12).unwrap_or(0).saturating_add(u32_le(&head, 16).unwrap_or(0));
            if u64::from(end) > content.size() {
                let detail = format!("the tables: they end at offset {end} of {}", content.size());
                sink.gap(Reason::Truncated, &detail);
            }
            if is_piece(content, u64::from(end).max(DATA), sink)?.is_none() {
                return Ok(());
            }
        }
        let mut claimed = Claimed::default();
        claimed.add(0, DATA);
        let mut offset = DATA;
        let mut count = 0_u64;
        let mut broken = None;
        while offset < content.size() {
            sink.pulse()?;
            let Some(first) = is_piece(content, offset, sink)? else {
                // Data that is not packed cannot be told from junk.
                broken.get_or_insert(offset);
                offset = offset.saturating_add(1);
                let next = next_piece(content, offset, sink)?;
                offset = next;
                continue;
            };
            count = count.saturating_add(1);
            if count > FILES {
                sink.gap(Reason::Unsupported, &format!("files after the first {FILES}"));
                break;
            }
            let progress = Rc::new(Progress::default());
            let mut file =
                Pieces { content, progress, offset, decoder: None, given: 0, next: first, end: false };
            let name = format!("file {count}");
            sink.child(Child::member(&name), &mut file)?;
            if let Some(error) = file.progress.failure() {
                return Err(Stop::Unreadable(error));
            }
            let end = file.offset.max(offset.saturating_add(2));
            claimed.add(offset, end.saturating_sub(offset));
            offset = end;
        }
        if let Some(broken) = broken {
            let detail =
                format!("data from offset {broken} on is damaged or not packed, and came out as a whole");
            sink.gap(Reason::Damaged, &detail);
        }
        if content.size() <= DATA {
            sink.gap(Reason::Truncated, "the header, behind which no data follows");
        }
        claimed.hand_over_rest(content, 0, sink)
    }
}

/// The next place at which a piece begins: names of the first bytes are no help, so that few places are tried.
fn next_piece(content: &Content, from: u64, sink: &mut dyn Sink) -> Result<u64, Stop> {
    let mut offset = from;
    for _ in 0..4096 {
        if offset >= content.size() {
            break;
        }
        if is_piece(content, offset, sink)?.is_some() {
            return Ok(offset);
        }
        offset = offset.saturating_add(1);
    }
    Ok(content.size())
}

/// Where the piece at `offset` ends, if there is one: deflate that ends where its size says.
fn is_piece(content: &Content, offset: u64, sink: &mut dyn Sink) -> Result<Option<u64>, Stop> {
    sink.pulse()?;
    let window = content.window(offset, 3)?;
    let (Some(size), Some(first)) = (u16_le(&window, 0), window.get(2)) else { return Ok(None) };
    let start = offset.saturating_add(2);
    let end = start.saturating_add(size.into());
    if size < 2 || first >> 1 & 3 == 3 || end > content.size() {
        return Ok(None);
    }
    let progress = Rc::new(Progress::default());
    let packed = content.range(start, size.into());
    let mut decoder =
        crate::zip::methods::decoder(8, &packed, crate::zip::methods::StreamEnd::Marker, &progress)
            .map_err(Stop::Unreadable)?;
    let mut sink = io::sink();
    let given = io::copy(&mut (&mut decoder).take(WHOLE.saturating_add(1)), &mut sink);
    if let Some(error) = progress.failure() {
        return Err(error.into());
    }
    let fits = given.is_ok_and(|given| given > 0 && given <= WHOLE);
    Ok((fits && progress.consumed() == u64::from(size)).then_some(end))
}

/// The pieces of a file.
struct Pieces<'a> {
    content: &'a Content,
    progress: Rc<Progress>,
    offset: u64,
    decoder: Option<Box<dyn Read>>,
    /// What the piece gave.
    given: u64,
    /// Where the piece ends.
    next: u64,
    end: bool,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.end || buffer.is_empty() {
                return Ok(0);
            }
            let Some(decoder) = &mut self.decoder else {
                let window = self.content.window(self.offset, 2)?;
                let Some(size) = u16_le(&window, 0).filter(|size| *size > 0) else {
                    self.end = true;
                    return Ok(0);
                };
                let start = self.offset.saturating_add(2);
                self.next = start.saturating_add(size.into());
                if self.next > self.content.size() {
                    self.end = true;
                    let what = format!("piece at offset {}: it ends too early", self.offset);
                    return Err(io::Error::new(ErrorKind::UnexpectedEof, what));
                }
                let packed = self.content.range(start, size.into());
                let input = Packed::new(&packed, &self.progress);
                self.decoder =
                    Some(Box::new(Unpacked::new(setup::Inflate::plain(input), Vec::new(), 0, u64::MAX)));
                self.given = 0;
                continue;
            };
            match decoder.read(buffer) {
                Ok(0) => {
                    self.decoder = None;
                    self.offset = self.next;
                    self.end = self.given != WHOLE;
                }
                Ok(count) => {
                    self.given = self.given.saturating_add(count as u64);
                    return Ok(count);
                }
                Err(error) => {
                    self.end = true;
                    let at = self.offset;
                    self.offset = self.next;
                    return Err(io::Error::new(error.kind(), format!("piece at offset {at}: {error}")));
                }
            }
        }
    }
}

fn overlay(content: Content, sink: &mut dyn Sink) -> Flow {
    if content.size() == 0 {
        return Ok(());
    }
    sink.range(Child { name: "", relation: Relation::Overlay }, content)
}
