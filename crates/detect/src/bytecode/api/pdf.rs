//! Facts of PDF documents: where their objects are.

use super::{Arguments, Context, FAILED, Failure, place, signed};
use crate::bytecode::document::{Document, PdfObject};
use crate::bytecode::interpreter::PdfPhase;

/// The document: what programs before this one left of it, or what is read when it is first asked for.
fn pdf<'c>(context: &'c mut Context<'_, '_>) -> Result<Option<&'c mut Document>, Failure> {
    let Some(phase) = context.host.pdf_phase() else { return Ok(None) };
    if context.pdf.is_none() {
        let content = context.host.content().clone();
        let mut document = match context.host.take_document() {
            Some(document) => document,
            None => Document::begin(&content)?,
        };
        if phase != PdfPhase::Before {
            document.look_for_objects(&content, &mut |work| context.spend(work))?;
        }
        if let Some(what) = document.left_out {
            context.leave_out(what);
        }
        context
            .memory
            .charge((document.objects().len() as u64).saturating_mul(size_of::<PdfObject>() as u64))?;
        context.pdf = Some(document);
    }
    Ok(context.pdf.as_mut())
}

/// Something of the object with the index that the first argument is.
fn of_object<T>(
    context: &mut Context<'_, '_>,
    arguments: &Arguments,
    read: impl FnOnce(&mut PdfObject) -> T,
) -> Result<Option<T>, Failure> {
    let Some(index) = arguments.size(0) else { return Ok(None) };
    Ok(pdf(context)?.and_then(|pdf| pdf.object_mut(index)).map(read))
}

pub(super) fn object_count(context: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    Ok(place(pdf(context)?.map(|pdf| pdf.objects().len() as u64)))
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
    let count = pdf.objects().len() as u64;
    let found = pdf.objects().iter().position(|object| object.id == id);
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
