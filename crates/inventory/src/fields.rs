//! Numbers and text at places in bytes that an attacker chose: what lies beyond the end is nothing.

/// So many bytes at a place.
fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

pub(crate) fn u16_le(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

pub(crate) fn u32_le(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

pub(crate) fn u32_be(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_be_bytes)
}

pub(crate) fn u64_be(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_be_bytes)
}

/// A number of one to eight bytes, the most significant first.
pub(crate) fn number_be(bytes: &[u8]) -> Option<u64> {
    let fits = (1..=8).contains(&bytes.len());
    fits.then(|| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// UTF-16 up to its end or the first zero, lossily.
pub(crate) fn utf16_le(bytes: &[u8]) -> String {
    let units = bytes.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
    decoded(units.take_while(|unit| *unit != 0))
}

/// The same with the most significant byte first.
pub(crate) fn utf16_be(bytes: &[u8]) -> String {
    let units = bytes.as_chunks::<2>().0.iter().map(|unit| u16::from_be_bytes(*unit));
    decoded(units.take_while(|unit| *unit != 0))
}

fn decoded(units: impl Iterator<Item = u16>) -> String {
    char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Latin-1 up to the first zero.
pub(crate) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().take_while(|byte| **byte != 0).map(|byte| char::from(*byte)).collect()
}

/// Whether a part is in the bytes.
pub(crate) fn holds(bytes: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(bytes, part).is_some()
}

/// Bytes as two digits each.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_the_end_is_nothing() {
        assert_eq!(u16_le(&[1, 2], 0), Some(0x201));
        assert_eq!(u32_be(&[1, 2, 3], 0), None);
        assert_eq!(u64_be(&[], usize::MAX), None);
        assert_eq!(number_be(&[1, 0]), Some(256));
        assert_eq!(number_be(&[0; 9]), None);
        assert!(holds(b"abc", b"bc") && !holds(b"", b"a"));
        assert_eq!(hexadecimal(&[0, 0xaf]), "00af");
    }

    #[test]
    fn text_ends_at_a_zero() {
        assert_eq!(utf16_le(b"a\0b\0\0\0c\0"), "ab");
        assert_eq!(utf16_be(b"\0a\0b\0"), "ab");
        assert_eq!(utf16_le(b"\0\xd8a"), "\u{fffd}");
        assert_eq!(latin1(b"\xe9\0x"), "é");
    }
}
