//! pyinstaller: Python programs with all that they need, behind the program that starts them.
//!
//! Specification: <https://pyinstaller.org/en/stable/advanced-topics.html#carchive>. At the end stands a cookie with the
//! place of a table, which names members that are stored or packed with zlib. All numbers are big-endian.

use candor_object::{Child, Content, FileType, Flow, Listed, Reason, Sink};
use memchr::memmem;

use crate::fields::{name, u32_be};
use crate::unpack::{Check, Claimed, Promise, hand_over, stored, zlib};
use crate::{Format, Glimpse, TAIL};

const MAGIC: &[u8; 8] = b"MEI\x0c\x0b\x0a\x0b\x0e";
/// Bytes of a cookie of version 2.0, and of later ones, which name a library.
const COOKIES: [u64; 2] = [24, 88];
/// Largest table that is read.
const TABLE: u64 = 16 << 20;
/// Bytes of an entry in front of its name.
const ENTRY: usize = 18;
/// Longest name.
const NAME: usize = 4096;

/// The pyinstaller format.
pub(crate) struct PyInstaller;

impl Format for PyInstaller {
    fn file_type(&self) -> FileType {
        FileType::new("pyinstaller")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        cookie(glimpse.tail).is_some_and(|(_, size, _, _)| size <= glimpse.size)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let from = content.size().saturating_sub(TAIL as u64);
        let tail = content.window(from, TAIL)?;
        let Some((place, size, table, table_size)) = cookie(&tail) else { return Ok(()) };
        let place = from.saturating_add(place);
        // The size is that of everything with the cookie, whose length is told by where the table ends.
        let start = |cookie: u64| place.saturating_add(cookie).checked_sub(size);
        let is_end = |start: &u64| start.saturating_add(table).saturating_add(table_size) == place;
        let start = COOKIES
            .into_iter()
            .filter_map(start)
            .find(is_end)
            .unwrap_or_else(|| place.saturating_sub(table.saturating_add(table_size)));
        let mut claimed = Claimed::default();
        let first = start.saturating_add(table);
        claimed.add(first, place.saturating_sub(first).saturating_add(24));
        let head = content.window(place.saturating_add(24), 64)?;
        if head.get(..6).is_some_and(|head| memmem::find(head, b"py").is_some()) {
            claimed.add(place, 88);
        }
        if table_size > TABLE {
            sink.gap(Reason::Unsupported, &format!("a table of {table_size} bytes"));
            return claimed.hand_over_rest(content, 0, sink);
        }
        let rows = content.range(first, table_size);
        let rows = rows.window(0, usize::try_from(table_size).unwrap_or(0))?;
        let mut rest: &[u8] = &rows;
        while !rest.is_empty() {
            sink.pulse()?;
            let row_size = u32_be(rest, 0).and_then(|size| usize::try_from(size).ok());
            let Some((row, behind)) =
                row_size.filter(|size| *size >= ENTRY).and_then(|size| rest.split_at_checked(size))
            else {
                sink.gap(Reason::Damaged, &format!("{} bytes of the table make no sense", rest.len()));
                break;
            };
            rest = behind;
            let field = |at| u64::from(u32_be(row, at).unwrap_or(0));
            let (offset, packed, size) = (start.saturating_add(field(4)), field(8), field(12));
            let is_packed = row.get(16).is_some_and(|flag| *flag != 0);
            let called = row.get(ENTRY..).unwrap_or_default();
            let called = name(called.get(..NAME).unwrap_or(called));
            // An option of the start has a name and no data.
            if packed == 0 && size == 0 {
                continue;
            }
            claimed.add(offset, packed);
            sink.listed(Listed { name: &called, packed, size, encrypted: false, position: None });
            let body = content.range(offset, packed);
            let there = body.size();
            let place = format!("member {called:?}");
            let promise = Promise { size: Some(size), check: Check::None };
            let open = if is_packed { zlib } else { stored };
            hand_over(sink, Child::member(&called), &place, &body, promise, open)?;
            if there < packed {
                sink.gap(Reason::Truncated, &format!("{place}: {there} of {packed} bytes are there"));
            }
        }
        claimed.hand_over_rest(content, 0, sink)
    }
}

/// Where the last cookie stands, the size of everything, and the place and size of the table.
fn cookie(tail: &[u8]) -> Option<(u64, u64, u64, u64)> {
    let place = memmem::rfind(tail, MAGIC)?;
    let field = |at: usize| u32_be(tail, place.checked_add(at)?).map(u64::from);
    let (size, table, table_size) = (field(8)?, field(12)?, field(16)?);
    (table.saturating_add(table_size) < size).then_some((place as u64, size, table, table_size))
}
