//! File names in header fields: encoded words and percent encoding with a charset.
//!
//! Specification: RFC 2047, RFC 2231. Encoded words inside quotes are against the rules and common, so they
//! are decoded there too. Only charsets that every byte of a file extension survives in are decoded exactly.

use std::io::Read;

use candor_object::{Content, MAX_NAME};

use super::base64::{Base64, End};
use super::quoted::hex;

/// The text of `bytes` in `charset`.
pub(crate) fn text(bytes: &[u8], charset: &str) -> String {
    let charset = charset.to_ascii_lowercase();
    let units = |from: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|pair| from(*pair)).collect();
        String::from_utf16_lossy(&units)
    };
    match charset.as_str() {
        "utf-16" | "utf-16be" => units(u16::from_be_bytes),
        "utf-16le" => units(u16::from_le_bytes),
        _ if charset.starts_with("iso-8859-")
            || charset.starts_with("windows-125")
            || charset == "latin1" =>
        {
            bytes.iter().map(|byte| char::from(*byte)).collect()
        }
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Decodes the encoded words in a value; what is none stays.
pub(crate) fn decode(value: &[u8]) -> String {
    let value = value.get(..MAX_NAME.saturating_mul(4)).unwrap_or(value);
    let mut out = String::new();
    let mut rest = value;
    let mut is_after_word = false;
    while !rest.is_empty() {
        let start = rest.windows(2).position(|pair| pair == b"=?").unwrap_or(rest.len());
        let (plain, tail) = rest.split_at_checked(start).unwrap_or((rest, &[]));
        let word = word(tail);
        // White space between two encoded words belongs to neither.
        if !(is_after_word && word.is_some() && plain.trim_ascii().is_empty()) {
            out.push_str(&String::from_utf8_lossy(plain));
        }
        is_after_word = word.is_some();
        rest = match word {
            Some((text, tail)) => {
                out.push_str(&text);
                tail
            }
            None => {
                let skipped = tail.len().min(2);
                out.push_str(&String::from_utf8_lossy(tail.get(..skipped).unwrap_or_default()));
                tail.get(skipped..).unwrap_or_default()
            }
        };
    }
    out
}

/// The encoded word at the start, decoded, and what follows it.
fn word(bytes: &[u8]) -> Option<(String, &[u8])> {
    let rest = bytes.strip_prefix(b"=?")?;
    let mut pieces = rest.splitn(3, |byte| *byte == b'?');
    let (charset, method, tail) = (pieces.next()?, pieces.next()?, pieces.next()?);
    let end = tail.windows(2).position(|pair| pair == b"?=")?;
    let encoded = tail.get(..end)?;
    let bytes = match method {
        b"B" | b"b" => {
            let mut bytes = Vec::new();
            // A cut group costs its last character only.
            let _ = Base64::new(Content::from_vec(encoded.to_vec()), End::Content).read_to_end(&mut bytes);
            bytes
        }
        b"Q" | b"q" => {
            let spaced: Vec<u8> =
                encoded.iter().map(|byte| if *byte == b'_' { b' ' } else { *byte }).collect();
            percent(&spaced, b'=')
        }
        _ => return None,
    };
    let charset = String::from_utf8_lossy(charset);
    let charset = charset.split('*').next().unwrap_or_default();
    Some((text(&bytes, charset), tail.get(end.checked_add(2)?..)?))
}

/// Decodes two hex digits after each `escape`; broken escapes stay.
pub(crate) fn percent(bytes: &[u8], escape: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first == escape
            && let [high, low, after @ ..] = tail
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            out.push(high << 4 | low);
            rest = after;
        } else {
            out.push(*first);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_words() {
        assert_eq!(decode(b"=?utf-8?B?w6QuZXhl?="), "ä.exe");
        assert_eq!(decode(b"=?ISO-8859-1?Q?=E4_b?= =?utf-8*de?q?.exe?= x"), "ä b.exe x");
        assert_eq!(decode(b"plain =? =?x?Z?a?= ="), "plain =? =?x?Z?a?= =");
        assert_eq!(decode(b"=?utf-16le?B?YQAuAGUAeABlAA==?="), "a.exe");
        assert_eq!(percent(b"%41%4g%", b'%'), b"A%4g%");
    }
}
