//! A block that describes a member.

use crate::fields;

/// Size of a header, and what everything is padded to.
pub(super) const BLOCK: usize = 512;

/// What a header says.
pub(super) struct Header {
    /// The name, with the prefix that ustar has for it.
    pub(super) name: String,
    /// Size of the content; nothing if the field is no number.
    pub(super) size: Option<u64>,
    /// The type flag.
    pub(super) kind: u8,
    /// Whether the checksum is the block's.
    pub(super) checksum_is_right: bool,
}

impl Header {
    /// The header in a block, if its checksum is right or it has the magic of ustar.
    pub(super) fn parse(block: &[u8]) -> Option<Self> {
        let block = block.get(..BLOCK)?;
        let checksum_is_right = checksum_is_right(block);
        let ustar = block.get(257..262)? == b"ustar";
        let named = block.first() != Some(&0);
        let is_header = ustar || (named && checksum_is_right);
        if !is_header {
            return None;
        }
        let short = fields::name(block.get(..100)?);
        // GNU's own magic has spaces behind it, and other things where the prefix would be.
        let prefix = if block.get(257..263)? == b"ustar\0" {
            fields::name(block.get(345..500)?)
        } else {
            String::new()
        };
        let name = if prefix.is_empty() { short } else { format!("{prefix}/{short}") };
        Some(Self { name, size: number(block.get(124..136)?), kind: *block.get(156)?, checksum_is_right })
    }
}

/// Whether a header with a right checksum begins here; strict enough for a search.
pub(super) fn begins(head: &[u8]) -> bool {
    head.len() >= BLOCK && Header::parse(head).is_some_and(|header| header.checksum_is_right)
}

/// The checksum is the sum of the block's bytes, with spaces for the checksum; some writers took them as signed.
fn checksum_is_right(block: &[u8]) -> bool {
    let Some(field) = block.get(148..156).filter(|field| field.iter().any(u8::is_ascii_digit)) else {
        return false;
    };
    let Some(told) = number(field) else { return false };
    let blank = |sum: i64, field_sum: i64| sum.wrapping_sub(field_sum).wrapping_add(8 * 32);
    let unsigned = |bytes: &[u8]| bytes.iter().map(|byte| i64::from(*byte)).sum();
    let signed = |bytes: &[u8]| bytes.iter().map(|byte| i64::from(byte.cast_signed())).sum();
    let told = i64::try_from(told).unwrap_or(-1);
    told == blank(unsigned(block), unsigned(field)) || told == blank(signed(block), signed(field))
}

/// A number in octal digits with spaces or zeros around it, or in base 256 if its first bit is set.
pub(super) fn number(field: &[u8]) -> Option<u64> {
    let first = *field.first()?;
    if first & 0x80 != 0 {
        // The second bit is the sign; nothing here can be negative.
        if first & 0x40 != 0 {
            return None;
        }
        let start = u64::from(first & 0x3f);
        return field
            .iter()
            .skip(1)
            .try_fold(start, |sum, byte| Some(sum.checked_mul(256)? | u64::from(*byte)));
    }
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    let digits = field.get(..end)?.trim_ascii();
    digits.iter().try_fold(0_u64, |sum, digit| {
        let digit = char::from(*digit).to_digit(8)?;
        sum.checked_mul(8)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_base_256() {
        assert_eq!(number(b"00000000644\0"), Some(0o644));
        assert_eq!(number(b"     644 \0\0\0"), Some(0o644));
        assert_eq!(number(&[0; 12]), Some(0));
        assert_eq!(number(b"777777777777"), Some(0o777_777_777_777));
        assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1]), Some(0x2_0000_0001));
        assert_eq!(number(&[0xff; 12]), None);
        assert_eq!(number(&[0xbf; 12]), None);
        assert_eq!(number(b"12x"), None);
        assert_eq!(number(b"9"), None);
        assert_eq!(number(b""), None);
    }
}
