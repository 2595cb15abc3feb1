//! Messages of Outlook: compound files whose streams are properties.
//!
//! Specification: [MS-OXMSG], <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxmsg>. Attachments get
//! the names that their properties give them, and what is packed or in UTF-16 comes out readable. A message within a
//! message is a storage, whose streams come out with all others.

use std::collections::HashMap;
use std::io::Read;

use candor_object::{Child, Content, FileType, Flow, Sink};

use super::compound::Compound;
use super::entries::Entry;
use super::{MAGIC, Ole2};
use crate::compressed_rtf::CompressedRtf;
use crate::fields::{array, u16_le, u32_le};
use crate::wide::Wide;
use crate::{Format, Glimpse};

/// How the streams of properties begin.
const PROPERTY: &str = "__substg1.0_";
/// What the streams that every message has are called.
const MARKS: [&str; 2] = ["__properties_version1.0", "__nameid_version1.0"];
/// The class of the root, as Outlook writes it.
const CLASS: [u8; 16] = *b"\x0b\x0d\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46";
/// Names of attachments, the best first: long, short, and what is shown.
const NAMES: [&str; 6] = ["3707001F", "3707001E", "3704001F", "3704001E", "3001001F", "3001001E"];
/// Content of attachments.
const DATA: &str = "37010102";
/// Longest name in bytes.
const LONGEST_NAME: u64 = 1024;
/// Most bytes of names of all attachments together.
const ALL_NAMES: usize = 4 << 20;
/// Shortest text that is handed over a second time.
const WORTH: u64 = 64;

/// The type of messages. They are opened as compound files, which look for messages in any of them.
pub(crate) struct Msg;

impl Format for Msg {
    fn file_type(&self) -> FileType {
        FileType::new("msg")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, MAGIC) && directory(glimpse).is_some_and(is_of_message)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        Ole2.open(content, sink)
    }
}

/// The first sector of the directory, if it lies where recognition may look.
pub(super) fn directory<'g>(glimpse: &Glimpse<'g>) -> Option<&'g [u8]> {
    let shift = u16_le(glimpse.head, 30).map(u32::from).filter(|shift| matches!(shift, 9 | 12))?;
    let offset = u64::from(u32_le(glimpse.head, 48)?).checked_add(1)?.checked_shl(shift)?;
    let size = 1_usize.checked_shl(shift)?;
    let within = |bytes: &'g [u8], start: u64| {
        let at = usize::try_from(offset.checked_sub(start)?).ok()?;
        let rest = bytes.get(at..)?;
        rest.get(..size).or(Some(rest)).filter(|rest| !rest.is_empty())
    };
    let tail = glimpse.size.saturating_sub(glimpse.tail.len() as u64);
    within(glimpse.deep, 0).or_else(|| within(glimpse.tail, tail))
}

/// The names in a sector of the directory, in UTF-16.
pub(super) fn has_name(directory: &[u8], wanted: &str) -> bool {
    directory.as_chunks::<128>().0.iter().any(|entry| {
        let mut units = entry.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit)).take(32);
        wanted.encode_utf16().all(|unit| units.next() == Some(unit)) && units.next() == Some(0)
    })
}

fn is_of_message(directory: &[u8]) -> bool {
    array::<16>(directory, 80) == Some(CLASS) || MARKS.iter().any(|mark| has_name(directory, mark))
}

/// The storage and the name of the property of a stream, if it is one.
fn property(path: &str) -> Option<(&str, &str)> {
    let (storage, name) = path.rsplit_once('/').unwrap_or(("", path));
    Some((storage, name.strip_prefix(PROPERTY)?))
}

/// Gives contents of attachments their names.
pub(super) fn name_attachments(compound: &Compound<'_>, entries: &mut [Entry], sink: &mut dyn Sink) -> Flow {
    let mut named: HashMap<String, (usize, String)> = HashMap::new();
    let mut left = ALL_NAMES;
    for entry in entries.iter().filter(|entry| entry.is_stream()) {
        let Some((storage, number)) = property(&entry.path) else { continue };
        let Some(rank) = NAMES.iter().position(|name| number.eq_ignore_ascii_case(name)) else { continue };
        let is_better = named.get(storage).is_none_or(|(known, _)| rank < *known);
        if !storage.contains("__attach_version1.0") || !is_better {
            continue;
        }
        sink.pulse()?;
        let mut text = String::new();
        let stream = compound.stream(entry).take(LONGEST_NAME);
        // A name that cannot be read is no name; the stream itself says what is wrong.
        let is_wide = number.to_ascii_uppercase().ends_with('F');
        if is_wide {
            let _ = Wide::new(stream).read_to_string(&mut text);
        } else {
            let mut bytes = Vec::new();
            let _ = { stream }.read_to_end(&mut bytes);
            text = String::from_utf8_lossy(&bytes).into_owned();
        }
        let name = text.trim_end_matches('\0');
        left = left.saturating_sub(name.len());
        if !name.is_empty() && left > 0 {
            named.insert(storage.to_owned(), (rank, name.to_owned()));
        }
    }
    for entry in entries.iter_mut().filter(|entry| entry.is_stream()) {
        let Some((storage, number)) = property(&entry.path) else { continue };
        if let Some((_, name)) = named.get(storage).filter(|_| number == DATA) {
            entry.path.clone_from(name);
        }
    }
    Ok(())
}

/// Hands over texts as UTF-8, and RTF unpacked.
pub(super) fn hand_over(compound: &Compound<'_>, entries: &[Entry], sink: &mut dyn Sink) -> Flow {
    for entry in entries.iter().filter(|entry| entry.is_stream()) {
        let Some((storage, number)) = property(&entry.path) else { continue };
        let Some((id, kind)) = number.split_at_checked(4) else { continue };
        let name = match id {
            "1000" => "body.txt",
            "1009" => "body.rtf",
            "1013" => "body.html",
            "007D" => "header.txt",
            other => other,
        };
        let name = if storage.is_empty() { name.to_owned() } else { format!("{storage}/{name}") };
        let child = Child::part(&name);
        let is_known = matches!(id, "1000" | "1013" | "007D");
        match kind {
            "0102" if id == "1009" => sink.child(child, &mut CompressedRtf::new(compound.stream(entry)))?,
            "001F" if is_known || entry.size >= WORTH => {
                sink.child(child, &mut Wide::new(compound.stream(entry)))?;
            }
            _ => {}
        }
    }
    Ok(())
}
