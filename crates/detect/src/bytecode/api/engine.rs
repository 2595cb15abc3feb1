//! What engine this is and how it scans.

use super::{Arguments, Context, FUNCTIONALITY_LEVEL, Failure};

/// The functionality level.
pub(super) fn level(_: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    Ok(u64::from(FUNCTIONALITY_LEVEL))
}

/// What is scanned, as flags: what ClamAV 1.4.6 answers where nothing is set otherwise.
pub(super) fn scan_options(_: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    Ok(0x0340_6237)
}

/// What signatures are used, as flags: what ClamAV 1.4.6 answers where nothing is set otherwise.
pub(super) fn database_options(_: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    Ok(0x240a)
}

/// Whether an option is set that is named. None of the names that were tried are of one in ClamAV 1.4.6.
pub(super) fn scan_option(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    if let Some(size) = arguments.size(1) {
        context.memory.bytes(arguments.pointer(0), size)?;
    }
    Ok(0)
}

/// Programs are interpreted.
pub(super) fn is_compiled(_: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    Ok(0)
}
