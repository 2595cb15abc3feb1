//! The platform that a program runs on, and what startup programs switch off there.

use super::{Arguments, Context, FAILED, FUNCTIONALITY_LEVEL, Failure};
use crate::bytecode::draft::Kind;

/// Flags and names of the structure that programs see; each name has so many bytes.
const NAME: usize = 65;
/// Length of a reason in bytes that is kept.
const MAX_REASON: usize = 1024;

/// ClamAV's number of the operating system's family, here Linux.
const OS_CATEGORY: u32 = 10;
/// ClamAV's number of the processor's family, here 64-bit x86.
const ARCHITECTURE: u32 = 2;
/// ClamAV's number of the operating system, which it does not know either.
const OS: u32 = 0;
/// ClamAV's number of the compiler's family.
const COMPILER: u32 = 1;
const POINTER_SIZE: u32 = 8;
/// The version of the compiler for C; of that for C++ there is none.
const COMPILER_VERSION: u32 = 0x000c_0200;

/// The platform in three numbers.
fn platform() -> [u32; 3] {
    let level = FUNCTIONALITY_LEVEL;
    [
        OS_CATEGORY << 24 | ARCHITECTURE << 20 | COMPILER << 16 | level << 8 | level,
        POINTER_SIZE << 24,
        COMPILER_VERSION,
    ]
}

/// The structure that programs see.
fn environment() -> Vec<u8> {
    let [a, b, c] = platform();
    let level = FUNCTIONALITY_LEVEL;
    let numbers = [a, b, c, COMPILER_VERSION, 0, level, level];
    let mut bytes = numbers.map(u32::to_le_bytes).concat();
    // The same on all machines, so that a program does the same on all.
    for name in ["1.6.0", "x86_64-linux", "generic", "Linux", "", "", "x86_64"] {
        let mut field = name.as_bytes().to_vec();
        field.resize(NAME, 0);
        bytes.extend(field);
    }
    let flags = [0, POINTER_SIZE, ARCHITECTURE, OS_CATEGORY, OS, COMPILER, 0, 0, 0];
    bytes.extend(flags.map(|flag| flag.to_le_bytes()[0]));
    bytes
}

/// Writes as much of the structure as there is room for.
pub(super) fn get(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    context.spend(64)?;
    let mut bytes = environment();
    bytes.truncate(usize::try_from(arguments.unsigned(1)).unwrap_or(0));
    context.memory.bytes_mut(arguments.pointer(0), bytes.len())?.copy_from_slice(&bytes);
    Ok(0)
}

/// A startup program may switch all programs off. Returns 2 if they are, 1 because there is no compiler.
pub(super) fn disable_programs(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    if context.kind == Kind::Startup && arguments.unsigned(2) != 0 && context.outcome.disables.is_none() {
        let size = arguments.size(1).unwrap_or(0).min(MAX_REASON);
        let reason = context.memory.bytes(arguments.pointer(0), size)?;
        context.outcome.disables = Some(String::from_utf8_lossy(reason).into_owned());
    }
    disable_compiler(context, arguments)
}

/// A startup program may switch the compiler off, and there is none.
pub(super) fn disable_compiler(context: &mut Context<'_, '_>, _: &Arguments) -> Result<u64, Failure> {
    if context.kind != Kind::Startup {
        return Ok(FAILED);
    }
    Ok(if context.outcome.disables.is_some() { 2 } else { 1 })
}

/// Whether this is the platform of three numbers, in which a field of nothing but ones means any.
pub(super) fn check_platform(_: &mut Context<'_, '_>, arguments: &Arguments) -> Result<u64, Failure> {
    // The widths of the fields in bits, from the highest.
    const FIELDS: [&[u32]; 3] = [&[8, 4, 4, 8, 8], &[4, 4, 24], &[8, 24]];
    let same = platform().iter().zip(FIELDS).enumerate().all(|(place, (ours, fields))| {
        let mut left = 32_u32;
        fields.iter().all(|width| {
            left = left.saturating_sub(*width);
            let ones = u32::MAX.checked_shr(32_u32.saturating_sub(*width)).unwrap_or(0);
            let field = |number: u32| number.checked_shr(left).unwrap_or(0) & ones;
            let wanted = field(arguments.unsigned(place));
            wanted == ones || wanted == field(*ours)
        })
    });
    Ok(u64::from(same))
}
