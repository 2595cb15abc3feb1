//! The table of contents of an archive: files in files, each with its data and its extended attributes.

use std::io::Read;
use std::rc::Rc;

use candor_object::{Content, Reason, Sink, Stop};
use quick_xml::Reader;
use quick_xml::events::Event;

use crate::unpack::{reason, zlib};
use crate::zip::methods::Progress;

/// Elements in each other.
const DEEPEST: usize = 256;
/// Files that are read.
const FILES: usize = 1 << 20;
/// Data and attributes that are read.
const ENTRIES: usize = 1 << 20;
/// Longest text of an element that is looked at.
const LONGEST: usize = 4096;
/// Longest path.
const PATH: usize = 64 << 10;

/// A range of the heap.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// Offset in the heap.
    pub(super) offset: u64,
    /// Bytes in the heap.
    pub(super) length: u64,
    /// Bytes that come out.
    pub(super) size: Option<u64>,
    /// How it is packed.
    pub(super) encoding: String,
    file: Option<usize>,
    /// What it is, where it is not a file's data.
    kind: String,
}

#[derive(Debug, Default)]
struct File {
    name: String,
    parent: Option<usize>,
}

/// All that the table says.
#[derive(Debug, Default)]
pub(super) struct Toc {
    files: Vec<File>,
    /// The ranges of the heap, in their order.
    pub(super) entries: Vec<Entry>,
}

impl Toc {
    /// Reads a packed table; what comes before damage counts.
    pub(super) fn read(packed: &Content, most: u64, sink: &mut dyn Sink) -> Result<Self, Stop> {
        let progress = Rc::new(Progress::default());
        let mut bytes = Vec::new();
        let read = zlib(packed, &progress).map(|decoder| decoder.take(most));
        if let Some(error) = progress.failure() {
            return Err(Stop::Unreadable(error));
        }
        match read {
            // The child that is the table has said what is wrong with it.
            Ok(mut table) => {
                let mut chunk = [0; 16 << 10];
                while let Ok(count) = table.read(&mut chunk) {
                    sink.pulse()?;
                    bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
                    if count == 0 {
                        break;
                    }
                }
                if bytes.len() as u64 == most {
                    sink.gap(Reason::Unsupported, &format!("table of contents after {most} bytes"));
                }
            }
            Err(error) => sink.gap(reason(error.kind()), &format!("table of contents: {error}")),
        }
        if let Some(error) = progress.failure() {
            return Err(Stop::Unreadable(error));
        }
        let mut toc = Self::default();
        toc.parse(&String::from_utf8_lossy(&bytes), sink)?;
        Ok(toc)
    }

    /// The path of the file that an entry belongs to.
    pub(super) fn path(&self, entry: &Entry) -> String {
        let mut names = Vec::new();
        let mut length = 0_usize;
        let mut next = entry.file;
        while let Some(file) = next.and_then(|index| self.files.get(index)) {
            length = length.saturating_add(file.name.len());
            if length > PATH {
                break;
            }
            names.push(file.name.as_str());
            next = file.parent;
        }
        names.reverse();
        let path = names.join("/");
        if entry.kind.is_empty() {
            path
        } else if path.is_empty() {
            entry.kind.clone()
        } else {
            format!("{path}:{}", entry.kind)
        }
    }

    fn parse(&mut self, text: &str, sink: &mut dyn Sink) -> Result<(), Stop> {
        let mut reader = Reader::from_str(text);
        let mut open: Vec<String> = Vec::new();
        let mut files: Vec<usize> = Vec::new();
        // The data or the attribute that is being read.
        let mut entry: Option<Entry> = None;
        let mut content = String::new();
        loop {
            sink.pulse()?;
            match reader.read_event() {
                Ok(Event::Start(start)) => {
                    content.clear();
                    let name = start.local_name().as_ref().to_owned();
                    if open.len() >= DEEPEST || self.files.len() >= FILES || self.entries.len() >= ENTRIES {
                        let place = reader.buffer_position();
                        sink.gap(Reason::Unsupported, &format!("table of contents after byte {place}"));
                        return Ok(());
                    }
                    match name.as_str() {
                        "file" => {
                            let parent = files.last().copied();
                            files.push(self.files.len());
                            self.files.push(File { name: String::new(), parent });
                        }
                        "data" | "ea" | "signature" | "x-signature" => {
                            entry = Some(Entry { file: files.last().copied(), ..Entry::default() });
                        }
                        "checksum" if entry.is_none() && files.is_empty() => entry = Some(Entry::default()),
                        _ => {}
                    }
                    if let Some(entry) = &mut entry
                        && name == "encoding"
                    {
                        entry.encoding = style(&start);
                    }
                    open.push(name);
                }
                Ok(Event::Empty(start)) => {
                    if let Some(entry) = &mut entry
                        && start.local_name().as_ref() == "encoding"
                    {
                        entry.encoding = style(&start);
                    }
                }
                Ok(Event::Text(text)) => add(&mut content, &text),
                Ok(Event::CData(text)) => add(&mut content, &text),
                Ok(Event::GeneralRef(reference)) => match reference.resolve_char_ref() {
                    Ok(Some(character)) => add(&mut content, character.encode_utf8(&mut [0; 4])),
                    _ => {
                        let text = quick_xml::escape::resolve_predefined_entity(&reference);
                        add(&mut content, text.unwrap_or(" "));
                    }
                },
                Ok(Event::End(_)) => {
                    let name = open.pop().unwrap_or_default();
                    self.close(&name, &mut files, &mut entry, content.trim());
                    content.clear();
                }
                Ok(Event::Eof) => {
                    if !open.is_empty() {
                        sink.gap(Reason::Truncated, "table of contents: elements are not closed");
                    }
                    break;
                }
                Ok(_) => {}
                Err(error) => {
                    let place = reader.error_position();
                    sink.gap(Reason::Damaged, &format!("table of contents at byte {place}: {error}"));
                    break;
                }
            }
        }
        // Elements that were cut are as good as others.
        self.entries.extend(entry);
        Ok(())
    }

    fn close(&mut self, name: &str, files: &mut Vec<usize>, entry: &mut Option<Entry>, text: &str) {
        match (name, &mut *entry) {
            ("file", _) => {
                files.pop();
            }
            ("offset", Some(entry)) => entry.offset = text.parse().unwrap_or(u64::MAX),
            ("length", Some(entry)) => entry.length = text.parse().unwrap_or(u64::MAX),
            ("size", Some(entry)) => entry.size = text.parse().ok(),
            ("name", Some(entry)) => text.clone_into(&mut entry.kind),
            ("name", None) => {
                if let Some(file) = files.last().and_then(|file| self.files.get_mut(*file)) {
                    text.clone_into(&mut file.name);
                }
            }
            ("data" | "ea", Some(_)) => self.entries.extend(entry.take()),
            ("signature" | "x-signature" | "checksum", Some(found))
                if found.encoding.is_empty() && found.length == 0 && found.file.is_none() =>
            {
                // These have a size and no length. A checksum in a file's data closes nothing.
                found.length = found.size.unwrap_or(0);
                name.clone_into(&mut found.kind);
                self.entries.extend(entry.take());
            }
            _ => {}
        }
    }
}

fn style(start: &quick_xml::events::BytesStart<'_>) -> String {
    let mut attributes = start.attributes();
    let attributes = attributes.with_checks(false).take(16).flatten();
    let mut styles = attributes.filter(|attribute| attribute.key.local_name().as_ref() == "style");
    styles.next().map(|style| style.value.chars().take(64).collect()).unwrap_or_default()
}

fn add(content: &mut String, text: &str) {
    if content.len().saturating_add(text.len()) <= LONGEST {
        content.push_str(text);
    } else {
        content.extend(text.chars().take(LONGEST.saturating_sub(content.len()) / 4));
    }
}
