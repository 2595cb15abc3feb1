//! Lays out the constants of a program as bytes.

use super::super::draft::{FIRST_GLOBAL_OF_HOST, Global};
use super::types::{Class, Types, bytes};
use super::{Fault, MAX_SIZE};
use crate::bytecode::interpreter::pointer;

/// Most constants of a program, as in the compiler's language.
const MAX_GLOBALS: usize = 32 << 10;
/// Deepest nesting of constants.
const MAX_DEPTH: u32 = 32;

/// The bytes of each global.
pub(super) fn lay_out(globals: &[Global], types: &Types<'_>) -> Result<Vec<Vec<u8>>, Fault> {
    if globals.len() > MAX_GLOBALS {
        return Err(Fault::new("globals", format!("{} of them, at most {MAX_GLOBALS}", globals.len())));
    }
    let mut total = 0_u32;
    let mut all = Vec::with_capacity(globals.len());
    for (place, global) in globals.iter().enumerate() {
        let fault = |reason: String| Fault::new(format!("global {place}"), reason);
        if global.global_type == 0 {
            // The first one stands for null.
            all.push(Vec::new());
            continue;
        }
        let size = types.size(global.global_type).map_err(fault)?;
        total = total.saturating_add(size);
        if total > MAX_SIZE {
            return Err(fault(format!("the globals take more than {MAX_SIZE} bytes")));
        }
        if matches!(global.parts.as_slice(), [0]) {
            all.push(vec![0; usize::try_from(size).unwrap_or_default()]);
            continue;
        }
        let mut output = Vec::new();
        let mut parts = global.parts.iter().copied();
        fill(global.global_type, types, &mut parts, globals.len(), &mut output, MAX_DEPTH).map_err(fault)?;
        if parts.next().is_some() {
            return Err(fault("it has more numbers than its type".to_owned()));
        }
        output.resize(usize::try_from(size).unwrap_or_default(), 0);
        all.push(output);
    }
    Ok(all)
}

fn fill(
    number: u32,
    types: &Types<'_>,
    parts: &mut dyn Iterator<Item = u64>,
    globals: usize,
    output: &mut Vec<u8>,
    depth: u32,
) -> Result<(), String> {
    let depth = depth.checked_sub(1).ok_or("it is nested too deeply")?;
    let mut part = || parts.next().ok_or_else(|| "it has fewer numbers than its type".to_owned());
    match types.class(number) {
        Class::Integer(bits) => {
            let value = part()?.to_le_bytes();
            output.extend(value.iter().take(usize::from(bytes(bits))));
        }
        Class::Pointer => {
            let (offset, target) = (part()?, part()?);
            let value = global(target, offset, globals)?;
            output.extend(value.to_le_bytes());
        }
        // What is empty takes no numbers, so that counting it would be time for nothing.
        Class::Aggregate if types.size(number)? == 0 => {}
        Class::Aggregate => {
            if let Some((count, element)) = types.elements(number) {
                for _ in 0..count {
                    fill(element, types, parts, globals, output, depth)?;
                }
            }
            let start = output.len();
            let pad = |output: &mut Vec<u8>, to: u32| {
                output.resize(start.saturating_add(usize::try_from(to).unwrap_or_default()), 0);
            };
            for field in types.fields(number) {
                let (offset, field) = field?;
                pad(output, offset);
                fill(field, types, parts, globals, output, depth)?;
            }
            if types.elements(number).is_none() {
                pad(output, types.size(number)?);
            }
        }
        Class::Nothing => return Err(format!("type {number} does not exist or has no size")),
    }
    Ok(())
}

/// A pointer to a global of the program or of the host.
pub(super) fn global(target: u64, offset: u64, globals: usize) -> Result<u64, String> {
    let target = u32::try_from(target).unwrap_or(u32::MAX);
    let offset = u32::try_from(offset).map_err(|_| "a pointer's offset is too large".to_owned())?;
    if target == 0 {
        return Ok(0);
    }
    if let Some(of_host) = target.checked_sub(FIRST_GLOBAL_OF_HOST) {
        return pointer::of_host(of_host, offset).ok_or_else(|| format!("the host has no global {target}"));
    }
    if usize::try_from(target).is_ok_and(|target| target < globals) {
        Ok(pointer::of_global(target, offset))
    } else {
        Err(format!("there is no global {target}"))
    }
}
