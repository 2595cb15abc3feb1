//! The compression of macros.
//!
//! Specification: [MS-OVBA] 2.4.1.

/// Bytes of a chunk that is not compressed.
const CHUNK: usize = 4096;

/// Decompresses a container, at most so many bytes; what came out before the data broke, and whether all of it did.
pub(super) fn decompress(data: &[u8], most: usize) -> (Vec<u8>, bool) {
    let mut out = Vec::new();
    let Some((&1, mut rest)) = data.split_first() else { return (out, false) };
    while let Some((header, after)) = rest.split_first_chunk::<2>() {
        let header = u16::from_le_bytes(*header);
        let size = usize::from(header & 0x0fff).saturating_add(1);
        if header >> 12 & 7 != 3 {
            return (out, false);
        }
        let body = after.get(..size).unwrap_or(after);
        let complete = if header & 0x8000 == 0 {
            out.extend_from_slice(body);
            true
        } else {
            chunk(body, &mut out)
        };
        if out.len() > most {
            out.truncate(most);
            return (out, false);
        }
        if !complete || after.len() < size {
            return (out, false);
        }
        rest = after.get(size..).unwrap_or_default();
    }
    (out, rest.is_empty())
}

/// Decompresses a chunk; whether it was sound.
fn chunk(body: &[u8], out: &mut Vec<u8>) -> bool {
    let start = out.len();
    let mut rest = body;
    while let Some((flags, after)) = rest.split_first() {
        rest = after;
        for bit in 0..8 {
            if rest.is_empty() {
                break;
            }
            let done = out.len().saturating_sub(start);
            if flags.checked_shr(bit).unwrap_or(0) & 1 == 0 {
                let Some((literal, after)) = rest.split_first() else { return false };
                if done >= CHUNK {
                    return false;
                }
                out.push(*literal);
                rest = after;
                continue;
            }
            let Some((token, after)) = rest.split_first_chunk::<2>() else { return false };
            rest = after;
            if !copy(u16::from_le_bytes(*token), done, out) {
                return false;
            }
        }
    }
    true
}

/// Repeats what a token says of the bytes of this chunk, of which so many are done.
fn copy(token: u16, done: usize, out: &mut Vec<u8>) -> bool {
    // As many bits as are needed to name any byte before, at least 4.
    let bits = done.saturating_sub(1).checked_ilog2().map_or(0, |log| log.saturating_add(1)).clamp(4, 12);
    let mask = u16::MAX.checked_shr(bits).unwrap_or(0);
    let length = usize::from(token & mask).saturating_add(3);
    let back = usize::from(token.checked_shr(16_u32.saturating_sub(bits)).unwrap_or(0)).saturating_add(1);
    if back > done || done.saturating_add(length) > CHUNK {
        return false;
    }
    for _ in 0..length {
        let Some(byte) = out.len().checked_sub(back).and_then(|at| out.get(at)).copied() else {
            return false;
        };
        out.push(byte);
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The examples of [MS-OVBA] 3.2.
    #[test]
    fn the_examples_of_the_specification_are_decompressed() {
        let none = b"\x01\x19\xb0\x00abcdefgh\x00ijklmnop\x00qrstuv.";
        assert_eq!(decompress(none, 9999), (b"abcdefghijklmnopqrstuv.".to_vec(), true));
        let normal = b"\x01\x2f\xb0\x00#aaabcde\x82f\x00paghij\x018\x08akl\x000mnop\x06q\x02p\x04\x10rstuv\x10wxyz\x00<";
        let text = b"#aaabcdefaaaaghijaaaaaklaaamnopqaaaaaaaaaaaarstuvwxyzaaa";
        assert_eq!(decompress(normal, 9999), (text.to_vec(), true));
        let most = b"\x01\x03\xb0\x02aE\x00";
        assert_eq!(decompress(most, 9999), (vec![b'a'; 73], true));
    }

    #[test]
    fn what_comes_out_is_bounded() {
        let mut bomb = vec![1];
        for _ in 0..100 {
            bomb.extend(b"\x03\xb0\x02a\xfc\x0f");
        }
        let (all, complete) = decompress(&bomb, 1 << 20);
        assert!(complete && all.len() == 100 * 4096);
        assert_eq!(decompress(&bomb, 5000).0.len(), 5000);
    }

    proptest! {
        #[test]
        fn noise_ends(data in prop::collection::vec(any::<u8>(), 0..300)) {
            let container = [&[1][..], &data].concat();
            prop_assert!(decompress(&container, 10_000).0.len() <= 10_000);
        }
    }
}
