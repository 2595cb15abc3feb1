//! Apple Data Compression, of old images.
//!
//! Specification: none by Apple; <https://en.wikipedia.org/wiki/Apple_Data_Compression>.

use std::io;

use crate::unpack::{copy, damaged};

/// Unpacks a chunk of at most `most` bytes; what came out before an error counts.
///
/// # Errors
/// Damage in the chunk.
pub(super) fn unpack(packed: &[u8], output: &mut Vec<u8>, most: usize) -> io::Result<()> {
    let mut input = packed.iter().copied();
    let mut next = || input.next().map(usize::from).ok_or_else(|| damaged("a code of adc is cut"));
    while output.len() < most {
        let Ok(code) = next() else { break };
        let left = most.saturating_sub(output.len());
        if code & 0x80 != 0 {
            for _ in 0..(code & 0x7f).saturating_add(1).min(left) {
                output.push(u8::try_from(next()?).unwrap_or(0));
            }
            continue;
        }
        let (length, distance) = if code & 0x40 == 0 {
            ((code >> 2 & 15).saturating_add(3), (code & 3) << 8 | next()?)
        } else {
            ((code & 0x3f).saturating_add(4), next()? << 8 | next()?)
        };
        copy(output, distance.saturating_add(1), length.min(left))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_kinds_of_codes() {
        let packed = [0x82, b'a', b'b', b'c', 0x04, 2, 0x41, 0, 0, 0x80, b'!'];
        let mut output = Vec::new();
        unpack(&packed, &mut output, 100).unwrap();
        assert_eq!(output, b"abcabcaaaaaa!");
        assert!(unpack(&[0x00, 0xff], &mut Vec::new(), 100).is_err());
        assert!(unpack(&[0x83, 1], &mut Vec::new(), 100).is_err());
    }
}
