//! PyInstaller: the archive behind a program that is written in Python, and the archive of modules within it.
//!
//! Specification: <https://pyinstaller.org/en/stable/advanced-topics.html#the-toc-and-tocs>; what is written is in
//! `PyInstaller/archive/writers.py` of its sources. The archive ends with a record of 24 or 88 bytes, which says how long
//! it is and where its table of contents is; behind it may be the signature of the program. The modules (`PYZ`) are an
//! archive of their own, whose table is a list as Python's `marshal` writes one.

use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Relation, Sink};
use flate2::read::ZlibDecoder;

use crate::fields::{name, u32_be, u32_le};
use crate::{Format, Glimpse};

const MAGIC: &[u8; 8] = b"MEI\x0c\x0b\x0a\x0b\x0e";
/// Sizes of the last record, with and without the name of Python's library.
const RECORDS: [u64; 2] = [88, 24];
/// Bytes of a row in the table before its name.
const ROW: usize = 18;
/// Bytes of a table that are read.
const MAX_TABLE: u32 = 16 << 20;
/// Members that are handed over at most.
const MAX_MEMBERS: usize = 100_000;

/// The archive behind a program.
pub(crate) struct PyInstaller;

/// The archive of modules.
pub(crate) struct Pyz;

impl Format for PyInstaller {
    fn file_type(&self) -> FileType {
        FileType::new("pyinstaller")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        // Anything can have the magic somewhere near its end; in the table it has to be right too.
        let at = memchr::memmem::rfind(glimpse.tail, MAGIC);
        at.and_then(|at| {
            Some((u32_be(glimpse.tail, at.checked_add(8)?)?, u32_be(glimpse.tail, at.checked_add(12)?)?))
        })
        .is_some_and(|(length, table)| table < length && u64::from(length) <= glimpse.size)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let tail_at = content.size().saturating_sub(crate::TAIL as u64);
        let tail = content.window(tail_at, crate::TAIL)?;
        let Some(at) = memchr::memmem::rfind(&tail, MAGIC) else { return Ok(()) };
        let record = tail.get(at..).unwrap_or_default();
        let at = tail_at.saturating_add(at as u64);
        let (Some(length), Some(table_at), Some(table_size)) =
            (u32_be(record, 8), u32_be(record, 12), u32_be(record, 16))
        else {
            sink.gap(Reason::Truncated, &format!("the last record at offset {at} is cut"));
            return Ok(());
        };
        // Which of the two sizes the record has is where a row of the table makes sense.
        let start = RECORDS.iter().find_map(|size| {
            let end = at.checked_add(*size).filter(|end| *end <= content.size())?;
            let start = end.checked_sub(length.into())?;
            let row = content.window(start.checked_add(table_at.into())?, ROW).ok()?;
            plausible_row(&row, length).then_some((start, end))
        });
        let Some((start, end)) = start else {
            if record.len() < 24 {
                sink.gap(Reason::Truncated, &format!("the last record at offset {at} is cut"));
                return Ok(());
            }
            sink.gap(Reason::Damaged, &format!("no table is where the record at offset {at} says"));
            return Ok(());
        };
        let archive = content.range(start, length.into());
        let table = archive.window(table_at.into(), table_size.min(MAX_TABLE) as usize)?;
        if (table.len() as u64) < u64::from(table_size) {
            let detail = format!("the table of contents: {} of {table_size} bytes are there", table.len());
            let reason = if table_size > MAX_TABLE { Reason::Unsupported } else { Reason::Truncated };
            sink.gap(reason, &detail);
        }
        let mut rest = table.as_ref();
        let mut count = 0;
        while !rest.is_empty() {
            sink.pulse()?;
            let row =
                u32_be(rest, 0).and_then(|size| rest.get(..size as usize)).filter(|row| row.len() >= ROW);
            let Some(row) = row.filter(|_| count < MAX_MEMBERS) else {
                sink.gap(Reason::Damaged, &format!("the table ends after {count} members"));
                break;
            };
            rest = rest.get(row.len()..).unwrap_or_default();
            let (Some(place), Some(packed), Some(size)) = (u32_be(row, 4), u32_be(row, 8), u32_be(row, 12))
            else {
                break;
            };
            let name = name(row.get(ROW..).unwrap_or_default());
            count = usize::saturating_add(count, 1);
            sink.listed(Listed {
                name: &name,
                packed: packed.into(),
                size: size.into(),
                encrypted: false,
                position: Some(count as u64),
            });
            let data = archive.range(place.into(), packed.into());
            if data.size() < packed.into() {
                let detail =
                    format!("member {name:?} at offset {place} reaches beyond the end of the archive");
                sink.gap(Reason::Truncated, &detail);
            }
            if row.get(16) == Some(&0) {
                sink.range(Child::member(&name), data)?;
            } else {
                sink.child(Child::member(&name), &mut ZlibDecoder::new(data.reader()))?;
            }
        }
        if start > 0 {
            sink.range(Child { name: "", relation: Relation::Overlay }, content.range(0, start))?;
        }
        if end < content.size() {
            sink.range(Child { name: "", relation: Relation::Overlay }, content.from(end))?;
        }
        Ok(())
    }
}

/// Whether a row of the table could be where this one is.
fn plausible_row(row: &[u8], length: u32) -> bool {
    let (Some(size), Some(place), Some(packed), Some(kind)) =
        (u32_be(row, 0), u32_be(row, 4), u32_be(row, 8), row.get(17))
    else {
        return false;
    };
    (18..4096).contains(&size) && place.saturating_add(packed) <= length && kind.is_ascii_alphabetic()
}

impl Format for Pyz {
    fn file_type(&self) -> FileType {
        FileType::new("pyz")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, b"PYZ\0") && glimpse.has(6, b"\r\n")
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(0, 12)?;
        let table_at = u32_be(&head, 8).unwrap_or(0);
        let table = content.window(table_at.into(), MAX_TABLE as usize)?;
        let mut marshal = Marshal {
            bytes: &table,
            at: 0,
            references: Vec::new(),
            left: 4 * MAX_MEMBERS,
            is_broken: false,
            is_over: false,
        };
        let (rows, odd) = marshal.rows();
        if table_at == 0 || table.is_empty() {
            sink.gap(Reason::Truncated, &format!("the table at offset {table_at} is missing"));
        } else if marshal.is_broken {
            let (reason, what) = if marshal.left == 0 {
                (Reason::Unsupported, "is larger than is read")
            } else if marshal.is_over {
                (Reason::Truncated, "is cut")
            } else {
                (Reason::Damaged, "cannot be read")
            };
            let detail = format!("the table at offset {table_at} {what} behind {} members", rows.len());
            sink.gap(reason, &detail);
        } else if odd > 0 {
            let detail = format!("the table at offset {table_at}: {odd} of its values are no members");
            sink.gap(Reason::Damaged, &detail);
        }
        for (name, place, size) in rows {
            sink.pulse()?;
            let data = content.range(place.into(), size.into());
            sink.child(Child::member(&name), &mut ZlibDecoder::new(data.reader()))?;
        }
        Ok(())
    }
}

/// A value as `marshal` writes it, as far as tables need it.
#[derive(Clone, Debug)]
enum Value {
    Text(String),
    Number(u32),
    List(Vec<Self>),
    Other,
}

/// Reads what `marshal` wrote.
struct Marshal<'a> {
    bytes: &'a [u8],
    at: usize,
    references: Vec<Value>,
    /// Values that are read yet.
    left: usize,
    /// Whether the outermost list ended too early.
    is_broken: bool,
    /// Whether something reaches beyond the end.
    is_over: bool,
}

impl Marshal<'_> {
    /// Name, offset and size of each row, and how many rows are something else.
    fn rows(&mut self) -> (Vec<(String, u32, u32)>, usize) {
        let Some(Value::List(rows)) = self.value(0) else {
            self.is_broken = true;
            return (Vec::new(), 0);
        };
        let count = rows.len();
        let row = |row: Value| match row {
            Value::List(row) => match row.as_slice() {
                [Value::Text(name), Value::List(place)] => match place.as_slice() {
                    [_, Value::Number(offset), Value::Number(size)] => Some((name.clone(), *offset, *size)),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        };
        let rows: Vec<(String, u32, u32)> = rows.into_iter().filter_map(row).collect();
        let odd = count.saturating_sub(rows.len());
        (rows, odd)
    }

    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let bytes = self.bytes.get(self.at..self.at.checked_add(count)?);
        self.is_over |= bytes.is_none();
        let bytes = bytes?;
        self.at = self.at.checked_add(count)?;
        Some(bytes)
    }

    fn number(&mut self) -> Option<u32> {
        u32_le(self.take(4)?, 0)
    }

    fn text(&mut self, size: usize) -> Option<Value> {
        // A name that long is none.
        let kept = self.take(size)?.get(..size.min(1024))?;
        Some(Value::Text(String::from_utf8_lossy(kept).into_owned()))
    }

    fn value(&mut self, depth: u32) -> Option<Value> {
        self.left = self.left.checked_sub(1)?;
        let kind = *self.take(1)?.first()?;
        let is_kept = kind & 0x80 != 0;
        let index = self.references.len();
        if is_kept {
            self.references.push(Value::Other);
        }
        let value = match kind & 0x7f {
            b'i' => Value::Number(self.number()?),
            b'z' | b'Z' => {
                let size = *self.take(1)?.first()?;
                self.text(size.into())?
            }
            b's' | b'a' | b'A' | b'u' | b't' => {
                let size = self.number()?;
                self.text(size as usize)?
            }
            b'N' | b'T' | b'F' => Value::Other,
            b'r' => {
                let index = self.number()? as usize;
                match self.references.get(index)? {
                    // Names and numbers are referred to, lists would make one value many.
                    Value::List(_) => Value::Other,
                    value => value.clone(),
                }
            }
            open @ (b'(' | b'[' | b')') if depth < 4 => {
                let count = if open == b')' { u32::from(*self.take(1)?.first()?) } else { self.number()? };
                let mut list = Vec::new();
                for _ in 0..count {
                    match self.value(depth.saturating_add(1)) {
                        Some(value) => list.push(value),
                        // What stands before the damage is a table all the same.
                        None if depth == 0 => {
                            self.is_broken = true;
                            break;
                        }
                        None => return None,
                    }
                }
                Value::List(list)
            }
            _ => return None,
        };
        if is_kept
            && let Some(place) = self.references.get_mut(index)
            && !matches!(value, Value::List(_))
        {
            *place = value.clone();
        }
        Some(value)
    }
}
