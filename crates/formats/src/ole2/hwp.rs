//! Documents of Hangul (HWP 5): compound files whose streams are packed.
//!
//! Specification: Hancom's "HWP Document File Formats 5.0", <https://www.hancom.com/support/downloadCenter/hwpOwpml>.
//! Pictures, objects, PostScript and scripts come out unpacked, and the text of the document.

use std::io::{self, Read};

use candor_object::{Child, Content, FileType, Flow, Limit, Reason, Sink, Stop};
use flate2::read::DeflateDecoder;

use super::compound::Compound;
use super::entries::Entry;
use super::message::{directory, has_name};
use super::{MAGIC, Ole2};
use crate::fields::u32_le;
use crate::wide::Wide;
use crate::{Format, Glimpse};

/// How the header begins.
const SIGN: &[u8] = b"HWP Document File";
/// Where its flags are, and what they mean.
const FLAGS_AT: usize = 36;
const PACKED: u32 = 1;
const PASSWORD: u32 = 1 << 1;
const DISTRIBUTED: u32 = 1 << 2;
const RIGHTS: u32 = 1 << 4;
const CERTIFICATE: u32 = 1 << 8;
/// Bytes that a stream has to give to count as packed. What is stored as it is gives fewer.
const PROBE: u64 = 64;
/// The record that holds the text of a paragraph.
const PARAGRAPH: u32 = 67;
/// Most bytes of a section or a script that are read for their text.
const MOST: u64 = 16 << 20;
/// Most bytes of all text.
const TEXT: usize = 16 << 20;
/// Bytes that are read for that, since several streams may be the same sectors.
const MOST_READ: usize = 128 << 20;

/// The type of documents. They are opened as compound files, which look for such documents in any of them.
pub(crate) struct Hwp5;

impl Format for Hwp5 {
    fn file_type(&self) -> FileType {
        FileType::new("hwp5")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        const OTHERS: [&str; 4] = ["DocInfo", "BodyText", "BinData", "\u{5}HwpSummaryInformation"];
        let has = |directory| {
            has_name(directory, "FileHeader") && OTHERS.iter().any(|name| has_name(directory, name))
        };
        glimpse.has(0, MAGIC) && directory(glimpse).is_some_and(has)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        Ole2.open(content, sink)
    }
}

/// What a stream of a document holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Records,
    Script,
    Binary,
}

/// What the stream holds, by its path.
fn holds(path: &str) -> Option<Holds> {
    let (storage, _) = path.split_once('/').unwrap_or((path, ""));
    match storage {
        "BodyText" | "ViewText" | "DocInfo" | "DocHistory" => Some(Holds::Records),
        "Scripts" => Some(Holds::Script),
        "BinData" => Some(Holds::Binary),
        _ => None,
    }
}

/// Hands over what is packed, if this is a document.
pub(super) fn hand_over(compound: &Compound<'_>, entries: &[Entry], sink: &mut dyn Sink) -> Flow {
    let header = entries.iter().find(|entry| entry.path == "FileHeader" && entry.is_stream());
    let Some(header) = header else { return Ok(()) };
    let mut head = Vec::new();
    // A header that is cut is not one.
    let _ = compound.stream(header).take(64).read_to_end(&mut head);
    let Some(flags) = u32_le(&head, FLAGS_AT).filter(|_| head.starts_with(SIGN)) else { return Ok(()) };
    for (flag, what) in
        [(PASSWORD, "a password"), (RIGHTS, "rights management"), (CERTIFICATE, "a certificate")]
    {
        if flags & flag != 0 {
            sink.gap(Reason::Encrypted, &format!("the document is encrypted with {what}"));
        }
    }
    if flags & DISTRIBUTED != 0 {
        sink.gap(Reason::Unsupported, "the text of a document for distribution is scrambled");
    }
    let is_hidden = flags & (PASSWORD | RIGHTS | CERTIFICATE) != 0;
    let mut text = Text::default();
    for entry in entries.iter().filter(|entry| entry.is_stream()) {
        let Some(holds) = holds(&entry.path) else { continue };
        sink.pulse()?;
        let is_scrambled = entry.path.starts_with("ViewText") && flags & DISTRIBUTED != 0;
        if !is_scrambled {
            unpack(compound, entry, holds, (flags, is_hidden), sink)?;
        }
        if holds != Holds::Binary && text.read < MOST_READ {
            read_text(compound, entry, holds, &mut text, sink)?;
            if text.read >= MOST_READ {
                let detail = format!("text of streams behind {:?} is not taken out", entry.path);
                sink.gap(Reason::Limit(Limit::UnpackedBytes), &detail);
            }
        }
    }
    text.hand_over(sink)
}

fn inflate<'c>(compound: &'c Compound<'_>, entry: &Entry) -> DeflateDecoder<impl Read + 'c> {
    DeflateDecoder::new(compound.stream(entry))
}

/// Hands over a stream unpacked.
fn unpack(
    compound: &Compound<'_>,
    entry: &Entry,
    holds: Holds,
    (flags, is_hidden): (u32, bool),
    sink: &mut dyn Sink,
) -> Flow {
    let mut head = Vec::new();
    let probe = inflate(compound, entry).take(PROBE).read_to_end(&mut head);
    if probe.is_err() && (head.len() as u64) < PROBE {
        // Binary data may be stored in a document that is packed, and everything else must not.
        if flags & PACKED != 0 && holds != Holds::Binary && !is_hidden {
            sink.gap(Reason::Damaged, &format!("stream {:?} cannot be unpacked", entry.path));
        }
        let mut stored = compound.stream(entry);
        let mut start = [0; 12];
        let is_object = stored.read_exact(&mut start).is_ok() && start.ends_with(MAGIC);
        return if is_object {
            sink.child(Child::part(&entry.path), &mut MAGIC.chain(stored))
        } else {
            Ok(())
        };
    }
    let child = Child::part(&entry.path);
    let mut body = inflate(compound, entry);
    if head.get(4..).is_some_and(|rest| rest.starts_with(MAGIC)) {
        // Before an object stands its size.
        let mut size = [0; 4];
        if body.read_exact(&mut size).is_err() {
            return Ok(());
        }
    }
    sink.child(child, &mut body)
}

/// Text of all sections, and of scripts.
#[derive(Default)]
struct Text {
    body: Vec<u8>,
    scripts: Vec<u8>,
    is_cut: bool,
    /// Bytes that were read so far.
    read: usize,
}

impl Text {
    /// Adds a text in UTF-16.
    fn add(&mut self, units: &[u8], is_script: bool) {
        let target = if is_script { &mut self.scripts } else { &mut self.body };
        if target.len() >= TEXT {
            self.is_cut = true;
            return;
        }
        // Reading from memory does not fail.
        let _ = Wide::new(units).read_to_end(target);
        target.push(b'\n');
    }

    fn hand_over(&self, sink: &mut dyn Sink) -> Flow {
        if self.is_cut {
            sink.gap(Reason::Limit(Limit::ObjectBytes), "text beyond 16 MiB is not taken out");
        }
        for (name, text) in [("text", &self.body), ("script.js", &self.scripts)] {
            if !text.is_empty() {
                sink.child(Child::part(name), &mut text.as_slice())?;
            }
        }
        Ok(())
    }
}

/// Reads the text of a section or a script.
fn read_text(
    compound: &Compound<'_>,
    entry: &Entry,
    holds: Holds,
    text: &mut Text,
    sink: &mut dyn Sink,
) -> Result<(), Stop> {
    let mut bytes = Vec::new();
    // Damage was told when the stream was handed over.
    let is_packed = read(&mut inflate(compound, entry), &mut bytes).is_ok() || !bytes.is_empty();
    if !is_packed {
        let _ = read(&mut compound.stream(entry), &mut bytes);
    }
    text.read = text.read.saturating_add(bytes.len()).saturating_add(1024);
    if bytes.len() as u64 >= MOST {
        let detail = format!("text of stream {:?} beyond 16 MiB is not taken out", entry.path);
        sink.gap(Reason::Limit(Limit::ObjectBytes), &detail);
    }
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        sink.pulse()?;
        let next = if holds == Holds::Script { script(rest, text) } else { record(rest, text) };
        let Some(next) = next else { break };
        rest = next;
    }
    Ok(())
}

fn read(input: &mut dyn Read, bytes: &mut Vec<u8>) -> io::Result<usize> {
    input.take(MOST).read_to_end(bytes)
}

/// A text behind the number of its letters.
fn script<'b>(bytes: &'b [u8], text: &mut Text) -> Option<&'b [u8]> {
    let size = usize::try_from(u32_le(bytes, 0)?).ok()?.checked_mul(2)?;
    let rest = bytes.get(4..)?;
    let (units, rest) = rest.split_at_checked(size)?;
    if !units.is_empty() {
        text.add(units, true);
    }
    Some(rest)
}

/// A record; its text, if it is a paragraph.
fn record<'b>(bytes: &'b [u8], text: &mut Text) -> Option<&'b [u8]> {
    let bits = u32_le(bytes, 0)?;
    let (mut size, mut rest) = (bits >> 20, bytes.get(4..)?);
    if size == 0xfff {
        size = u32_le(rest, 0)?;
        rest = rest.get(4..)?;
    }
    let (body, rest) = rest.split_at_checked(usize::try_from(size).ok()?)?;
    if bits & 0x3ff == PARAGRAPH {
        text.add(&without_controls(body), false);
    }
    Some(rest)
}

/// The letters of a paragraph: a control takes one unit or eight.
fn without_controls(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut units = body.as_chunks::<2>().0.iter();
    while let Some(unit) = units.next() {
        match u16::from_le_bytes(*unit) {
            10 | 13 => out.extend_from_slice(&[b'\n', 0]),
            0 | 24..=31 => out.extend_from_slice(&[b' ', 0]),
            1..=23 => {
                units.nth(6);
            }
            _ => out.extend_from_slice(unit),
        }
    }
    out
}
