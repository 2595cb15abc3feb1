//! asar: the archive that Electron programs carry their scripts in.
//!
//! Specification: <https://github.com/electron/asar#format>. Four sizes, a table in JSON, and the files one after the
//! other. The table is read as far as it is right; what a file's entry says of it may be wrong or missing.

use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Relation, Sink};

use crate::fields::u32_le;
use crate::{Format, Glimpse};

/// Bytes of a table that are read.
const MAX_TABLE: u32 = 32 << 20;
/// Files that are handed over at most.
const MAX_FILES: usize = 100_000;
/// Folders within each other, and other values.
const MAX_DEPTH: usize = 128;
/// Longest name of a file with its folders, in bytes.
const LONGEST_NAME: usize = 1024;

/// The asar format.
pub(crate) struct Asar;

impl Format for Asar {
    fn file_type(&self) -> FileType {
        FileType::new("asar")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        let sizes = (u32_le(glimpse.head, 4), u32_le(glimpse.head, 8), u32_le(glimpse.head, 12));
        let (Some(outer), Some(inner), Some(table)) = sizes else { return false };
        let fits = outer >= inner && inner >= table && outer.saturating_sub(table) < 64;
        glimpse.has(0, &[4, 0, 0, 0]) && fits && glimpse.has(16, b"{\"files\"")
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(0, 16)?;
        let (outer, size) = (u32_le(&head, 4).unwrap_or(0), u32_le(&head, 12).unwrap_or(0));
        let start = 8_u64.saturating_add(outer.into());
        let table = content.window(16, size.min(MAX_TABLE) as usize)?;
        let mut reader = Reader { bytes: &table, at: 0, files: Vec::new() };
        let is_right = reader.value("", "", &mut Entry::default(), 0).is_some();
        if (table.len() as u64) < u64::from(size.min(MAX_TABLE)) {
            let detail = format!("the table: {} of {size} bytes are there", table.len());
            sink.gap(Reason::Truncated, &detail);
        } else if !is_right && size > MAX_TABLE {
            let detail = format!("the table has {size} bytes, of which {MAX_TABLE} are read");
            sink.gap(Reason::Unsupported, &detail);
        } else if !is_right {
            let detail = format!("the table is not right at byte {} of {size}", reader.at);
            sink.gap(Reason::Damaged, &detail);
        }
        if reader.files.len() >= MAX_FILES {
            sink.gap(Reason::Unsupported, &format!("files behind the first {MAX_FILES} of the table"));
        }
        let mut end = start;
        for (name, entry) in reader.files {
            sink.pulse()?;
            let size = entry.size.unwrap_or(0);
            let Some(offset) = entry.offset else { continue };
            sink.listed(Listed { name: &name, packed: size, size, encrypted: false, position: None });
            let at = start.saturating_add(offset);
            if at.saturating_add(size) > content.size() {
                let detail = format!("member {name:?} at offset {at} reaches beyond the end of the file");
                sink.gap(Reason::Truncated, &detail);
            }
            sink.range(Child::member(&name), content.range(at, size))?;
            end = end.max(at.saturating_add(size));
        }
        if end < content.size() {
            sink.range(Child { name: "", relation: Relation::Overlay }, content.from(end))?;
        }
        Ok(())
    }
}

/// What the table says of a file. One that is not packed into the archive has no offset.
#[derive(Clone, Debug, Default)]
struct Entry {
    offset: Option<u64>,
    size: Option<u64>,
}

/// Reads the table: values of JSON.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    files: Vec<(String, Entry)>,
}

impl Reader<'_> {
    fn peek(&mut self) -> Option<u8> {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at = self.at.saturating_add(1);
        }
        self.bytes.get(self.at).copied()
    }

    fn skip(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at = self.at.saturating_add(1))
    }

    /// Reads a value that `key` names in the object at `path`, of which `entry` gathers what is known.
    fn value(&mut self, path: &str, key: &str, entry: &mut Entry, depth: usize) -> Option<()> {
        if depth >= MAX_DEPTH {
            return None;
        }
        match self.peek()? {
            b'{' => self.object(path, key == "files", depth),
            b'[' => {
                self.skip(b'[')?;
                while self.peek()? != b']' {
                    self.value("", "", &mut Entry::default(), depth.saturating_add(1))?;
                    if self.peek()? == b',' {
                        self.skip(b',')?;
                    }
                }
                self.skip(b']')
            }
            b'"' => {
                let text = self.text()?;
                if key == "offset" {
                    entry.offset = text.parse().ok();
                }
                Some(())
            }
            _ => {
                let rest = self.bytes.get(self.at..)?;
                let size = rest.iter().position(|byte| b",]} \r\n\t".contains(byte)).unwrap_or(rest.len());
                let word = rest.get(..size).filter(|word| !word.is_empty())?;
                let number = std::str::from_utf8(word).ok().and_then(|word| word.parse().ok());
                match key {
                    "size" => entry.size = number,
                    "offset" => entry.offset = number,
                    _ => {}
                }
                self.at = self.at.saturating_add(size);
                Some(())
            }
        }
    }

    /// An object: a folder's files, each under its name, or what is said of a file or folder.
    fn object(&mut self, path: &str, is_folder: bool, depth: usize) -> Option<()> {
        self.skip(b'{')?;
        let mut entry = Entry::default();
        let result = loop {
            match self.peek() {
                Some(b'}') => break self.skip(b'}'),
                Some(b',') => self.at = self.at.saturating_add(1),
                Some(_) => {
                    let (Some(key), Some(())) = (self.text(), self.skip(b':')) else { break None };
                    let inner = if is_folder && path.len().saturating_add(key.len()) < LONGEST_NAME {
                        if path.is_empty() { key.clone() } else { format!("{path}/{key}") }
                    } else {
                        path.to_owned()
                    };
                    // In a folder any name is a name, also "files" and "size".
                    let key = if is_folder { "" } else { key.as_str() };
                    if self.value(&inner, key, &mut entry, depth.saturating_add(1)).is_none() {
                        break None;
                    }
                }
                None => break None,
            }
        };
        if !is_folder && entry.offset.is_some() && self.files.len() < MAX_FILES {
            self.files.push((path.to_owned(), entry));
        }
        result
    }

    fn text(&mut self) -> Option<String> {
        self.skip(b'"')?;
        let mut text = Vec::new();
        loop {
            let byte = *self.bytes.get(self.at)?;
            self.at = self.at.saturating_add(1);
            match byte {
                b'"' => return Some(String::from_utf8_lossy(&text).into_owned()),
                b'\\' => {
                    let escaped = *self.bytes.get(self.at)?;
                    self.at = self.at.saturating_add(1);
                    if escaped == b'u' {
                        let digits = self.bytes.get(self.at..)?.get(..4)?;
                        let number = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
                        let letter = char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER);
                        text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                        self.at = self.at.saturating_add(4);
                    } else {
                        text.push(match escaped {
                            b'n' => b'\n',
                            b't' => b'\t',
                            b'r' => b'\r',
                            other => other,
                        });
                    }
                }
                _ => text.push(byte),
            }
            if text.len() > MAX_TABLE as usize {
                return None;
            }
        }
    }
}
