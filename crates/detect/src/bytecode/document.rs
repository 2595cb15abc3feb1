//! What programs see of a PDF document: where its objects are, found by the marks `n g obj` and `endobj` whatever
//! the tables of the document say, and flags as ClamAV numbers them.
//!
//! Source: ISO 32000-1, 7.3.10 (indirect objects) and 7.5 (file structure). Which objects ClamAV takes out, and when
//! it sets which flag, was observed with `clamscan --debug` 1.4.6 and programs that print them.

use candor_object::Content;
use memchr::memmem;

use super::interpreter::Failure;

/// Most objects that are found.
const MAX_OBJECTS: usize = 64 << 10;
/// Most bytes of a document that are looked at.
const MAX_SIZE: u64 = 64 << 20;
/// Bytes that are looked at together. Numbers before a mark may lie in those before.
const WINDOW: usize = 1 << 20;
const BEFORE: usize = 32;
/// Bytes at the beginning in which the header is looked for, and at the end for the trailer.
const ENDS: usize = 1024;
/// Bytes at the beginning of an object that tell whether something is taken out of it.
const TOLD_BY: usize = 4096;

/// The header is not at the very beginning.
const HEADER_LATE: u32 = 1 << 1;
/// The trailer leads to no table of objects.
const TRAILER_BAD: u32 = 1 << 2;
/// Something is done when the document is opened.
const OPEN_ACTION: u32 = 1 << 15;
const ENCRYPTED: u32 = 1 << 17;
const LINEARIZED: u32 = 1 << 18;
/// A program is launched.
const LAUNCH: u32 = 1 << 20;

/// Names that set a flag once the objects are known.
const NAMES: [(&[u8], u32); 3] =
    [(b"/OpenAction", OPEN_ACTION), (b"/Linearized", LINEARIZED), (b"/Launch", LAUNCH)];

/// Words in an object by which something is taken out of it.
const TAKEN_OUT: [&[u8]; 4] = [b"stream", b"/JavaScript", b"/Launch", b"/EmbeddedFile"];

/// What is known of a PDF document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its flags: observed ones, and those that programs set.
    pub flags: u32,
    /// Its objects in the order in which they lie; none before they were looked for.
    objects: Option<Vec<PdfObject>>,
    /// What could not be looked at.
    pub(crate) left_out: Option<&'static str>,
}

/// An object of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PdfObject {
    /// Its number, then its generation in the lowest 8 bits.
    pub(crate) id: u32,
    /// Where it begins: behind the mark.
    pub(crate) start: u64,
    pub(crate) size: u64,
    pub(crate) flags: u32,
}

/// Pays for work, in instructions.
type Spend<'s> = &'s mut dyn FnMut(u64) -> Result<(), Failure>;

impl Document {
    /// What header and trailer tell.
    ///
    /// # Errors
    /// Those of reading.
    pub(crate) fn begin(content: &Content) -> Result<Self, Failure> {
        let head = content.window(0, ENDS)?;
        let late = memmem::find(&head, b"%PDF-").is_some_and(|place| place > 0);
        let tail = content.window(content.size().saturating_sub(ENDS as u64), ENDS)?;
        let is_encrypted = memmem::find(&tail, b"/Encrypt").is_some();
        let is_bad = !leads_to_table(content, &tail)?;
        let flags = [(late, HEADER_LATE), (is_bad, TRAILER_BAD), (is_encrypted, ENCRYPTED)];
        let flags = flags.iter().filter(|(holds, _)| *holds).fold(0, |all, (_, flag)| all | flag);
        Ok(Self { flags, objects: None, left_out: None })
    }

    /// Looks for the objects, once.
    pub(crate) fn look_for_objects(&mut self, content: &Content, spend: Spend<'_>) -> Result<(), Failure> {
        if self.objects.is_none() {
            let size = content.size().min(MAX_SIZE);
            let objects = self.find(content, size, spend)?;
            if content.size() > MAX_SIZE {
                self.left_out = Some("objects of a PDF document that is too large");
            } else if objects.len() >= MAX_OBJECTS {
                self.left_out = Some("more objects of a PDF document than the limit allows");
            }
            self.objects = Some(objects);
        }
        Ok(())
    }

    /// The objects, as far as they were looked for.
    pub(crate) fn objects(&self) -> &[PdfObject] {
        self.objects.as_deref().unwrap_or_default()
    }

    pub(crate) fn object_mut(&mut self, index: usize) -> Option<&mut PdfObject> {
        self.objects.as_mut()?.get_mut(index)
    }

    /// Whether ClamAV would take something out of the object with this index: its stream, or a script.
    pub(crate) fn is_taken_out(&self, content: &Content, index: usize) -> Result<bool, Failure> {
        let Some(object) = self.objects().get(index) else { return Ok(false) };
        let size = usize::try_from(object.size).unwrap_or(TOLD_BY).min(TOLD_BY);
        let bytes = content.window(object.start, size)?;
        Ok(TAKEN_OUT.iter().any(|word| memmem::find(&bytes, word).is_some()))
    }

    fn find(&mut self, content: &Content, size: u64, spend: Spend<'_>) -> Result<Vec<PdfObject>, Failure> {
        let mut found: Vec<PdfObject> = Vec::new();
        let finder = memmem::Finder::new(b"obj");
        let mut offset = 0_u64;
        // The object that has begun: its id and start.
        let mut open: Option<(u32, u64)> = None;
        while offset < size && found.len() < MAX_OBJECTS {
            let from = offset.saturating_sub(BEFORE as u64);
            let skip = usize::try_from(offset.saturating_sub(from)).unwrap_or(0);
            let window = content.window(from, WINDOW)?;
            spend(window.len() as u64 / 8)?;
            for (name, flag) in NAMES {
                if memmem::find(&window, name).is_some() {
                    self.flags |= flag;
                }
            }
            for at in finder.find_iter(window.get(skip..).unwrap_or_default()) {
                let at = skip.saturating_add(at);
                let before = window.get(at.saturating_sub(BEFORE)..at).unwrap_or_default();
                let mark = from.saturating_add(at as u64);
                let begins = if before.ends_with(b"end") { None } else { id(before) };
                if begins.is_none() && !before.ends_with(b"end") {
                    continue;
                }
                // An object that is not closed ends where the next one begins.
                if let Some((id, start)) = open.take() {
                    let end = mark.saturating_sub(if begins.is_none() { 3 } else { 0 });
                    found.push(PdfObject { id, start, size: end.saturating_sub(start), flags: 0 });
                }
                open = begins.map(|id| (id, mark.saturating_add(3)));
            }
            // A mark may lie across the end of the window.
            let step = window.len().saturating_sub(skip).saturating_sub(2).max(1);
            offset = offset.saturating_add(step as u64);
        }
        if let Some((id, start)) = open {
            found.push(PdfObject { id, start, size: size.saturating_sub(start), flags: 0 });
        }
        Ok(found)
    }
}

/// Whether `startxref` near the end names the place of a table of objects.
fn leads_to_table(content: &Content, tail: &[u8]) -> Result<bool, Failure> {
    let Some(place) = memmem::rfind(tail, b"startxref") else { return Ok(false) };
    let rest = tail.get(place.saturating_add(9)..).unwrap_or_default().trim_ascii_start();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let text = std::str::from_utf8(rest.get(..digits).unwrap_or_default()).unwrap_or_default();
    let Ok(offset) = text.parse::<u64>() else { return Ok(false) };
    let table = content.window(offset, BEFORE)?;
    // Either the word itself, or an object whose stream is the table.
    Ok(table.starts_with(b"xref") || memmem::find(&table, b" obj").is_some())
}

/// The number and generation that stand before a mark, as one.
fn id(before: &[u8]) -> Option<u32> {
    let (generation, before) = number(before.trim_ascii_end())?;
    let trimmed = before.trim_ascii_end();
    if trimmed.len() == before.len() {
        return None;
    }
    let (object, _) = number(trimmed)?;
    Some(object.wrapping_shl(8) | generation & 0xff)
}

/// The decimal number that a text ends with, and what is before it.
fn number(text: &[u8]) -> Option<(u32, &[u8])> {
    let start =
        text.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |place| place.saturating_add(1));
    let (before, digits) = text.split_at(start);
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, before))
}
