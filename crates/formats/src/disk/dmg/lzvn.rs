//! LZVN: bytes and matches, without entropy coding.
//!
//! Specification: Apple's reference, <https://github.com/lzfse/lzfse>, which has it for short blocks.

use std::io;

use crate::unpack::{copy, damaged};

/// What a code says.
enum Code {
    /// Literals and a match: how many, how long, and how far back; nothing if that is as before.
    Match(usize, usize, Option<usize>),
    Nothing,
    End,
}

/// Unpacks at most `most` bytes behind what is in `output`, which matches may reach back into.
///
/// # Errors
/// Damage in the codes; what came out before counts.
pub(crate) fn unpack(packed: &[u8], output: &mut Vec<u8>, most: usize) -> io::Result<()> {
    let end = output.len().saturating_add(most);
    let mut rest = packed;
    let mut before = 0;
    while output.len() < end {
        let (code, size) = code(rest).ok_or_else(|| damaged("a code of lzvn is cut or unknown"))?;
        rest = rest.get(size..).unwrap_or_default();
        match code {
            Code::Nothing => {}
            Code::End => break,
            Code::Match(literals, length, distance) => {
                let left = end.saturating_sub(output.len());
                let there = rest.get(..literals).unwrap_or(rest);
                output.extend_from_slice(there.get(..left).unwrap_or(there));
                rest = rest.get(literals..).ok_or_else(|| damaged("literals of lzvn are cut"))?;
                before = distance.unwrap_or(before);
                let left = end.saturating_sub(output.len());
                if length > 0 && left > 0 {
                    copy(output, before, length.min(left))?;
                }
            }
        }
    }
    if output.len() < end { Err(damaged("a block of lzvn is too short")) } else { Ok(()) }
}

/// The next code and its size.
fn code(bytes: &[u8]) -> Option<(Code, usize)> {
    let first = usize::from(*bytes.first()?);
    let byte = |at: usize| bytes.get(at).copied().map(usize::from);
    let literals = first >> 6;
    let short = (first >> 3 & 7).saturating_add(3);
    Some(match first {
        6 => (Code::End, 8),
        0x0e | 0x16 => (Code::Nothing, 1),
        0x1e | 0x26 | 0x2e | 0x36 | 0x3e | 0x70..=0x7f | 0xd0..=0xdf => return None,
        0xa0..=0xbf => {
            let word = byte(1)? | byte(2)? << 8;
            let length = ((first & 7) << 2 | word & 3).saturating_add(3);
            (Code::Match(first >> 3 & 3, length, Some(word >> 2)), 3)
        }
        0xe0 => (Code::Match(byte(1)?.saturating_add(16), 0, None), 2),
        0xe1..=0xef => (Code::Match(first & 15, 0, None), 1),
        0xf0 => (Code::Match(0, byte(1)?.saturating_add(16), None), 2),
        0xf1..=0xff => (Code::Match(0, first & 15, None), 1),
        _ => match first & 7 {
            6 => (Code::Match(literals, short, None), 1),
            7 => (Code::Match(literals, short, Some(byte(1)? | byte(2)? << 8)), 3),
            high => (Code::Match(literals, short, Some(high << 8 | byte(1)?)), 2),
        },
    })
}
