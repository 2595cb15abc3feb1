//! Facts of PDF documents: where their objects are. Found as ClamAV describes it to authors of programs, by
//! the marks `n g obj` and `endobj`, whatever the tables of the document say.
//!
//! Source: ISO 32000-1, 7.3.10 (indirect objects).

use memchr::memmem;

use super::{Arguments, Context, FAILED, Failure, place, signed};
use crate::bytecode::interpreter::PdfPhase;

/// Most objects that are found.
const MAX_OBJECTS: usize = 64 << 10;
/// Most bytes of a document that are looked at.
const MAX_SIZE: u64 = 64 << 20;
/// Bytes that are looked at together. Numbers before a mark may lie in those before.
const WINDOW: usize = 1 << 20;
const BEFORE: usize = 32;

/// What is known of a document.
pub(crate) struct Pdf {
    /// Flags that programs set.
    pub(crate) flags: u32,
    objects: Vec<Object>,
}

/// An object of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Object {
    /// Its number, then its generation in the lowest 8 bits.
    id: u32,
    /// Where it begins: behind the mark.
    start: u64,
    size: u64,
    flags: u32,
}

/// The objects of the document, found when they are first asked for.
fn pdf<'c>(context: &'c mut Context<'_, '_>) -> Result<Option<&'c mut Pdf>, Failure> {
    if context.host.pdf_phase().is_none() {
        return Ok(None);
    }
    if context.pdf.is_none() {
        let size = context.host.content().size();
        if size > MAX_SIZE {
            context.leave_out("a program asks for the objects of a PDF document that is too large");
        }
        let objects = if context.host.pdf_phase() == Some(PdfPhase::Before) {
            Vec::new()
        } else {
            objects(context, size.min(MAX_SIZE))?
        };
        context.memory.charge((objects.len() as u64).saturating_mul(size_of::<Object>() as u64))?;
        context.pdf = Some(Pdf { flags: 0, objects });
    }
    Ok(context.pdf.as_mut())
}

fn objects(context: &mut Context<'_, '_>, size: u64) -> Result<Vec<Object>, Failure> {
    let mut found: Vec<Object> = Vec::new();
    let finder = memmem::Finder::new(b"obj");
    let mut offset = 0_u64;
    // The object that has begun: its id and start.
    let mut open: Option<(u32, u64)> = None;
    while offset < size && found.len() < MAX_OBJECTS {
        let from = offset.saturating_sub(BEFORE as u64);
        let skip = usize::try_from(offset.saturating_sub(from)).unwrap_or(0);
        let window = context.host.content().window(from, WINDOW)?.into_owned();
        context.spend(window.len() as u64 / 8)?;
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
                found.push(Object { id, start, size: end.saturating_sub(start), flags: 0 });
            }
            open = begins.map(|id| (id, mark.saturating_add(3)));
        }
        // A mark may lie across the end of the window.
        let step = window.len().saturating_sub(skip).saturating_sub(2).max(1);
        offset = offset.saturating_add(step as u64);
    }
    if let Some((id, start)) = open {
        found.push(Object { id, start, size: size.saturating_sub(start), flags: 0 });
    }
    if found.len() >= MAX_OBJECTS {
        context.leave_out("a program asks for more objects of a PDF document than the limit allows");
    }
    Ok(found)
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

/// Something of the object with the index that the first argument is.
fn of_object<T>(
    context: &mut Context<'_, '_>,
    arguments: &Arguments,
    read: impl FnOnce(&mut Object) -> T,
) -> Result<Option<T>, Failure> {
    let Some(index) = arguments.size(0) else { return Ok(None) };
    Ok(pdf(context)?.and_then(|pdf| pdf.objects.get_mut(index)).map(read))
}

pub(super) fn object_count(context: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    Ok(place(pdf(context)?.map(|pdf| pdf.objects.len() as u64)))
}

pub(super) fn flags(context: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    Ok(pdf(context)?.map_or(FAILED, |pdf| u64::from(pdf.flags)))
}

pub(super) fn set_flags(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let Some(pdf) = pdf(context)? else { return Ok(FAILED) };
    pdf.flags = arguments.unsigned(0);
    Ok(0)
}

/// The index of the object with an id.
pub(super) fn look_up(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let id = arguments.unsigned(0);
    let Some(pdf) = pdf(context)? else { return Ok(FAILED) };
    let count = pdf.objects.len() as u64;
    let found = pdf.objects.iter().position(|object| object.id == id);
    context.spend(count / 8)?;
    Ok(place(found.map(|index| index as u64)))
}

pub(super) fn object_size(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    Ok(of_object(context, arguments, |object| object.size)?
        .and_then(|size| u32::try_from(size).ok())
        .map_or(0, u64::from))
}

/// A copy of the beginning of an object; null if it has not so many bytes.
pub(super) fn object(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let amount = arguments.unsigned(1);
    let Some(object) = of_object(context, arguments, |object| *object)? else { return Ok(0) };
    if u64::from(amount) > object.size {
        return Ok(0);
    }
    context.spend(u64::from(amount) / 16)?;
    let size = usize::try_from(amount).map_err(|_| Failure::Memory)?;
    let pointer = context.memory.allocate(size)?;
    let mut bytes = vec![0; size];
    let count = context.host.content().read_at(object.start, &mut bytes)?;
    context.memory.bytes_mut(pointer, count)?.copy_from_slice(bytes.get(..count).unwrap_or_default());
    Ok(pointer)
}

pub(super) fn object_id(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    Ok(of_object(context, arguments, |object| object.id)?.map_or(FAILED, u64::from))
}

pub(super) fn object_flags(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    Ok(of_object(context, arguments, |object| object.flags)?.map_or(FAILED, u64::from))
}

pub(super) fn set_object_flags(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let flags = arguments.unsigned(1);
    Ok(of_object(context, arguments, |object| object.flags = flags)?.map_or(FAILED, |()| 0))
}

pub(super) fn object_offset(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    Ok(place(of_object(context, arguments, |object| object.start)?))
}

/// The number of the phase: 1 parsed, 2 an object was dumped, 3 the end, 4 before; 0 where it is no PDF hook.
pub(super) fn phase(context: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    Ok(match context.host.pdf_phase() {
        None => 0,
        Some(PdfPhase::Parsed) => 1,
        Some(PdfPhase::Dumped(_)) => 2,
        Some(PdfPhase::End) => 3,
        Some(PdfPhase::Before) => 4,
    })
}

/// The index of the object that was dumped.
pub(super) fn dumped(context: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    Ok(match context.host.pdf_phase() {
        Some(PdfPhase::Dumped(index)) => place(Some(u64::from(index))),
        _ => signed(-1),
    })
}
