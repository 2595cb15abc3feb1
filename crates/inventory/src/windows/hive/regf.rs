//! The file format of registry hives, read without Windows.
//!
//! Specification: Maxim Suhanov, "Windows registry file format specification",
//! <https://github.com/msuhanov/regf>. Keys (`nk`), values (`vk`) and lists of them lie in cells, which are named by
//! their distance from the first bin. What leads nowhere is noted and costs only itself.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};

use candor_object::Content;

use crate::damage::Damage;
use crate::fields::{latin1, u16_le, u32_le, utf16_le};
use crate::{Error, Subject};

/// Where the first bin begins.
const BINS: u64 = 4096;
/// Longest record of a key or a value, with its name.
const RECORD: usize = 1024;
/// Most keys or values of a key that are read; real ones have tens of thousands at most.
const MOST_ENTRIES: usize = 64 << 10;
/// Most cells that are read of one hive. Stops lists that show the same cells again and again.
const MOST_CELLS: u64 = 8 << 20;
/// Most bytes of the data of a value, and of all values of a key.
const MOST_DATA: usize = 64 << 10;
const MOST_DATA_OF_KEY: usize = 8 << 20;
/// Bytes of a segment of large data.
const SEGMENT: usize = 16344;
/// No cell.
const NONE: u32 = u32::MAX;

/// A hive.
pub(crate) struct Hive<'s> {
    subject: &'s Subject<'s>,
    root: u32,
    /// Whether it was written to when it was copied: its log has the rest.
    pub(crate) unfinished: bool,
    cells: Cell<u64>,
    damage: RefCell<Damage>,
}

/// A key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) name: String,
    subkeys: (u32, u32),
    values: (u32, u32),
}

/// A value.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    /// Its name; empty for the default one.
    pub(crate) name: String,
    kind: u32,
    data: Vec<u8>,
}

impl Value {
    /// Its data as text: numbers in decimal, several texts with `;` between them, bytes in hexadecimal.
    pub(crate) fn text(&self) -> String {
        match self.kind {
            1 | 2 | 6 => utf16_le(&self.data),
            4 => self.number().map(|number| number.to_string()).unwrap_or_default(),
            7 => {
                let units: Vec<u16> =
                    self.data.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
                let texts = units.split(|unit| *unit == 0).filter(|text| !text.is_empty());
                texts.map(String::from_utf16_lossy).collect::<Vec<_>>().join(";")
            }
            _ => crate::fields::hexadecimal(self.data.get(..64).unwrap_or(&self.data)),
        }
    }

    /// A number.
    pub(crate) fn number(&self) -> Option<u32> {
        if self.kind == 4 { u32_le(&self.data, 0) } else { None }
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.data
    }
}

impl<'s> Hive<'s> {
    /// Opens a hive.
    pub(crate) fn open(subject: &'s Subject<'s>) -> Result<Self, Error> {
        let head = subject.head;
        let (Some(first), Some(second), Some(root)) = (u32_le(head, 4), u32_le(head, 8), u32_le(head, 36))
        else {
            return Err(Error::Damaged("the hive ends in its header".to_owned()));
        };
        Ok(Self {
            subject,
            root,
            unfinished: first != second,
            cells: Cell::new(0),
            damage: RefCell::default(),
        })
    }

    /// What was noted.
    pub(crate) fn told(self) -> Result<(), Error> {
        self.damage.into_inner().told()
    }

    /// The root key.
    pub(crate) fn root(&self) -> Result<Key, Error> {
        self.key(self.root)?
            .ok_or_else(|| Error::Damaged("the root key of the hive cannot be read".to_owned()))
    }

    /// The keys in a key.
    pub(crate) fn subkeys(&self, key: &Key) -> Result<Vec<Key>, Error> {
        let (count, list) = key.subkeys;
        if count == 0 || list == NONE {
            return Ok(Vec::new());
        }
        let mut keys = Vec::new();
        for cell in self.list(list)? {
            keys.extend(self.key(cell)?);
        }
        Ok(keys)
    }

    /// The key of a name in a key.
    pub(crate) fn child(&self, key: &Key, name: &str) -> Result<Option<Key>, Error> {
        Ok(self.subkeys(key)?.into_iter().find(|child| child.name.eq_ignore_ascii_case(name)))
    }

    /// The key at the end of a path with `\` between its names.
    pub(crate) fn at(&self, key: &Key, path: &str) -> Result<Option<Key>, Error> {
        let mut current = key.clone();
        for name in path.split('\\').filter(|name| !name.is_empty()) {
            let Some(next) = self.child(&current, name)? else { return Ok(None) };
            current = next;
        }
        Ok(Some(current))
    }

    /// The values of a key.
    pub(crate) fn values(&self, key: &Key) -> Result<Vec<Value>, Error> {
        let (count, list) = key.values;
        let mut values = Vec::new();
        if count == 0 || list == NONE {
            return Ok(values);
        }
        let count = usize::try_from(count).unwrap_or(MOST_ENTRIES).min(MOST_ENTRIES);
        let Some(cells) = self.cell(list, count.saturating_mul(4), "a list of values")? else {
            return Ok(values);
        };
        let mut size = 0_usize;
        for cell in cells.as_chunks::<4>().0.iter().take(count) {
            let value = self.value(u32::from_le_bytes(*cell))?;
            size = size.saturating_add(value.as_ref().map_or(0, |value| value.data.len()));
            if size > MOST_DATA_OF_KEY {
                self.note("the rest of a list of values", list);
                break;
            }
            values.extend(value);
        }
        Ok(values)
    }

    fn key(&self, at: u32) -> Result<Option<Key>, Error> {
        let Some(bytes) = self.cell(at, RECORD, "a key")? else { return Ok(None) };
        let read = || {
            let length = usize::from(u16_le(&bytes, 72)?);
            let name = bytes.get(76..)?.get(..length)?;
            let is_latin = u16_le(&bytes, 2)? & 0x20 != 0;
            let name = if is_latin { latin1(name) } else { utf16_le(name) };
            let subkeys = (u32_le(&bytes, 20)?, u32_le(&bytes, 28)?);
            let values = (u32_le(&bytes, 36)?, u32_le(&bytes, 40)?);
            bytes.starts_with(b"nk").then_some(Key { name, subkeys, values })
        };
        Ok(self.noted(read(), "a key", at))
    }

    fn value(&self, at: u32) -> Result<Option<Value>, Error> {
        let Some(bytes) = self.cell(at, RECORD, "a value")? else { return Ok(None) };
        let read = || {
            let length = usize::from(u16_le(&bytes, 2)?);
            let name = bytes.get(20..)?.get(..length)?;
            let name = if u16_le(&bytes, 16)? & 1 != 0 { latin1(name) } else { utf16_le(name) };
            let size = u32_le(&bytes, 4)?;
            let kind = u32_le(&bytes, 12)?;
            let inline = bytes.get(8..12)?.to_vec();
            bytes.starts_with(b"vk").then_some((name, kind, size, inline))
        };
        let Some((name, kind, size, mut data)) = self.noted(read(), "a value", at) else { return Ok(None) };
        let length = usize::try_from(size & 0x7fff_ffff).unwrap_or(usize::MAX);
        if size & 0x8000_0000 != 0 {
            data.truncate(length);
            return Ok(Some(Value { name, kind, data }));
        }
        let place = u32_le(&data, 0).unwrap_or(NONE);
        let data = if length == 0 { Some(Vec::new()) } else { self.data(place, length)? };
        Ok(data.map(|data| Value { name, kind, data }))
    }

    /// Data that lies in a cell, or in segments that a cell names. What is longer than wanted is cut.
    fn data(&self, at: u32, length: usize) -> Result<Option<Vec<u8>>, Error> {
        let wanted = length.min(MOST_DATA);
        let Some(bytes) = self.cell(at, wanted, "the data of a value")? else { return Ok(None) };
        if length <= SEGMENT || !bytes.starts_with(b"db") {
            return Ok(Some(bytes.into_owned()));
        }
        let (Some(count), Some(list)) = (u16_le(&bytes, 2), u32_le(&bytes, 4)) else { return Ok(None) };
        let segments = usize::from(count).min(wanted.div_ceil(SEGMENT));
        let Some(list) = self.cell(list, segments.saturating_mul(4), "a list of segments")? else {
            return Ok(None);
        };
        let mut data = Vec::new();
        for segment in list.as_chunks::<4>().0.iter().take(segments) {
            let left = wanted.saturating_sub(data.len()).min(SEGMENT);
            let Some(part) = self.cell(u32::from_le_bytes(*segment), left, "a segment")? else { break };
            data.extend_from_slice(&part);
        }
        Ok(Some(data))
    }

    /// The cells that a list of keys names; a list of lists has one level.
    fn list(&self, at: u32) -> Result<Vec<u32>, Error> {
        let mut cells = Vec::new();
        let Some(lists) = self.names(at, &mut cells)? else { return Ok(cells) };
        for list in lists {
            if self.names(list, &mut cells)?.is_some() {
                self.note("a list in a list", list);
            }
        }
        Ok(cells)
    }

    /// Adds what a list names; if it is a list of lists, these.
    fn names(&self, at: u32, cells: &mut Vec<u32>) -> Result<Option<Vec<u32>>, Error> {
        let Some(head) = self.cell(at, 4, "a list of keys")? else { return Ok(None) };
        let (Some(kind), Some(count)) = (head.get(..2), u16_le(&head, 2)) else {
            self.note("a list of keys", at);
            return Ok(None);
        };
        let step = match kind {
            b"lf" | b"lh" => 8,
            b"li" | b"ri" => 4,
            _ => {
                self.note("a list of keys", at);
                return Ok(None);
            }
        };
        let size = usize::from(count).saturating_mul(step).saturating_add(4);
        let Some(bytes) = self.cell(at, size, "a list of keys")? else { return Ok(None) };
        let rows = bytes.get(4..).unwrap_or_default().chunks_exact(step);
        if rows.len() < usize::from(count) {
            self.note("the end of a list of keys", at);
        }
        if kind == b"ri" {
            return Ok(Some(rows.filter_map(|row| u32_le(row, 0)).collect()));
        }
        let left = MOST_ENTRIES.saturating_sub(cells.len());
        if rows.len() > left {
            self.note("the rest of a list of keys", at);
        }
        cells.extend(rows.take(left).filter_map(|row| u32_le(row, 0)));
        Ok(None)
    }

    /// At most so many bytes of a cell.
    fn cell(&self, at: u32, most: usize, what: &str) -> Result<Option<Cow<'s, [u8]>>, Error> {
        let read = self.cells.get();
        self.cells.set(read.saturating_add(1));
        if read.is_multiple_of(256) {
            self.subject.time_left()?;
        }
        if read >= MOST_CELLS {
            return Err(Error::Damaged("the hive shows the same cells again and again".to_owned()));
        }
        let place = BINS.saturating_add(at.into());
        let content: &'s Content = self.subject.content();
        let head = if at == NONE { Cow::Borrowed(&[][..]) } else { content.window(place, 4)? };
        let size = u32_le(&head, 0).map(|size| (size as i32).unsigned_abs()).unwrap_or_default();
        // The bit of the sign says that a cell is in use; what leads to one that is not is damage, but may be read.
        let size = usize::try_from(size).unwrap_or(0).saturating_sub(4);
        if size == 0 {
            self.note(what, at);
            return Ok(None);
        }
        Ok(Some(content.window(place.saturating_add(4), size.min(most))?))
    }

    fn noted<T>(&self, read: Option<T>, what: &str, at: u32) -> Option<T> {
        if read.is_none() {
            self.note(what, at);
        }
        read
    }

    fn note(&self, what: &str, at: u32) {
        self.damage.borrow_mut().note(what, BINS.saturating_add(at.into()));
    }
}
