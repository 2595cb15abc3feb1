//! What engine this is and how it scans.

use super::{Arguments, Context, FUNCTIONALITY_LEVEL, Failure};

/// The functionality level.
pub(super) fn level(_: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    Ok(u64::from(FUNCTIONALITY_LEVEL))
}

/// What is scanned, as flags: archives 1, mail 2, OLE2 4, HTML 0x10, PE 0x20, algorithms 0x200, ELF 0x2000,
/// PDF 0x4000, all of which are.
pub(super) fn scan_options(_: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    Ok(0x1 | 0x2 | 0x4 | 0x10 | 0x20 | 0x200 | 0x2000 | 0x4000)
}

/// What signatures are used, as flags: phishing 2 and 8, programs 0x2000, those for unwanted programs 0x10.
pub(super) fn database_options(_: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    Ok(0x2 | 0x8 | 0x2000)
}

/// Whether something is scanned that is named as `parse pdf`.
pub(super) fn scan_option(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    let Some(size) = arguments.size(1) else { return Ok(0) };
    let name = context.memory.bytes(arguments.pointer(0), size)?;
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    let name = name.get(..end).unwrap_or_default();
    Ok(u64::from(name.starts_with(b"parse ") || name == b"general heuristics"))
}

/// Programs are interpreted.
pub(super) fn is_compiled(_: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    Ok(0)
}
