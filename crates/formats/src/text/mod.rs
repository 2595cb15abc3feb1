//! Text in ASCII, UTF-8, UTF-16 or a one-byte encoding, judged by its head.
//!
//! Specifications: RFC 3629 (UTF-8), RFC 2781 (UTF-16). No format has a weaker sign than text, so that it is
//! asked last. One NUL is enough to be no text: a text must not be a hiding place for binary content that
//! readers of the right format find.

use std::borrow::Cow;

use candor_object::{Content, FileType, Flow, Sink};

use crate::{Format, Glimpse, HEAD, encoded_script, mail, script};

pub(crate) mod normalise;

/// Text that is nothing more special.
pub(crate) struct Text;

/// Below this length, bytes without control characters can be chance, and most must be ASCII.
const SURE: usize = 256;

impl Format for Text {
    fn file_type(&self) -> FileType {
        FileType::new("text")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        is_text(glimpse.head)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        normalise::normalise(content, sink)?;
        script::decode_content(content, sink)?;
        mail::open_in_text(content, sink)?;
        encoded_script::hand_over(content, sink)
    }
}

/// Whether the head is that of a text.
pub(crate) fn is_text(head: &[u8]) -> bool {
    let (encoding, body) = encoding(head);
    let allowed = match encoding {
        Encoding::Bytes => body.iter().all(|byte| printable(*byte)) && (is_utf8(body) || mostly_ascii(body)),
        // The last unit of a head may be half of a pair.
        _ => {
            let mut units = char::decode_utf16(units(encoding, body));
            units.all(|unit| {
                unit.map_or(body.len() >= HEAD - 4, |letter| {
                    u8::try_from(letter).is_ok_and(printable) || letter > '\u{ff}'
                })
            })
        }
    };
    allowed && !body.is_empty()
}

/// The head with one byte for each character, without a byte order mark; what is not ASCII in UTF-16 becomes `?`.
pub(crate) fn narrow(head: &[u8]) -> Cow<'_, [u8]> {
    let (encoding, body) = encoding(head);
    match encoding {
        Encoding::Bytes => Cow::Borrowed(body),
        _ => units(encoding, body)
            .map(|unit| u8::try_from(unit).ok().filter(u8::is_ascii).unwrap_or(b'?'))
            .collect(),
    }
}

/// How characters are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// ASCII, UTF-8 or any other where ASCII letters are single bytes.
    Bytes,
    Utf16Le,
    Utf16Be,
}

/// The encoding by the byte order mark, or by where NULs are; and what follows the mark.
pub(crate) fn encoding(head: &[u8]) -> (Encoding, &[u8]) {
    if let Some(body) = head.strip_prefix(b"\xef\xbb\xbf") {
        return (Encoding::Bytes, body);
    }
    if let Some(body) = head.strip_prefix(b"\xff\xfe") {
        return (Encoding::Utf16Le, body);
    }
    if let Some(body) = head.strip_prefix(b"\xfe\xff") {
        return (Encoding::Utf16Be, body);
    }
    // Without a mark, only what is plainly ASCII in two bytes each: tables of small numbers look alike.
    let ascii = |pair: &[u8], letter: usize| {
        let high = pair.get(letter ^ 1) == Some(&0);
        high && pair.get(letter).is_some_and(|byte| byte.is_ascii() && printable(*byte))
    };
    if head.len() >= 8 && head.chunks_exact(2).all(|pair| ascii(pair, 0)) {
        return (Encoding::Utf16Le, head);
    }
    if head.len() >= 8 && head.chunks_exact(2).all(|pair| ascii(pair, 1)) {
        return (Encoding::Utf16Be, head);
    }
    (Encoding::Bytes, head)
}

/// The units of UTF-16.
pub(crate) fn units(encoding: Encoding, body: &[u8]) -> impl Iterator<Item = u16> {
    body.as_chunks::<2>().0.iter().map(move |pair| {
        if encoding == Encoding::Utf16Be { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) }
    })
}

/// Not a control character, or one that texts have: tab, line ends, form feed, backspace (manual pages) and
/// escape (colours).
fn printable(byte: u8) -> bool {
    byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x08 | 0x1b)
}

fn is_utf8(body: &[u8]) -> bool {
    match str::from_utf8(body) {
        Ok(_) => true,
        // A character may be cut where the head ends, but not where the content ends.
        Err(error) => error.error_len().is_none() && body.len() >= HEAD - 4,
    }
}

/// Whether this is text in a one-byte encoding rather than bytes that lack control characters by chance.
fn mostly_ascii(body: &[u8]) -> bool {
    let ascii = body.iter().filter(|byte| byte.is_ascii()).count();
    body.len() >= SURE || ascii.saturating_mul(3) >= body.len().saturating_mul(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(to_bytes).collect()
    }

    #[test]
    fn texts_are_text() {
        for text in
            ["a", "line\r\n\tline\x0c", "Grüße, мир, 世界", "\u{feff}with a mark", "\x1b[1mbold\x1b[0m"]
        {
            assert!(is_text(text.as_bytes()), "{text:?}");
        }
        assert!(is_text(b"Gr\xfc\xdfe aus K\xf6ln"));
        assert!(is_text(&[0xcf; 300]), "one-byte Cyrillic");
        let marked = utf16("\u{feff}Grüße 😀", u16::to_le_bytes);
        assert!(is_text(&marked));
        assert!(is_text(&utf16("\u{feff}text", u16::to_be_bytes)));
        assert!(is_text(&utf16("no mark", u16::to_be_bytes)));
        assert_eq!(narrow(&marked).as_ref(), b"Gr??e ??");
        let cut: Vec<u8> = "a".bytes().chain("ü".repeat(HEAD).into_bytes()).take(HEAD).collect();
        assert!(is_text(&cut), "a character cut by the end of the head");
    }

    #[test]
    fn binary_content_is_not() {
        for bytes in
            [b"".as_slice(), b"\xef\xbb\xbf", b"\0\0\0\0text", b"text\0", b"\x01", b"\xcf\xfa\xed\xfe"]
        {
            assert!(!is_text(bytes), "{bytes:?}");
        }
        assert!(!is_text(&[0; 64]));
        assert!(!is_text(&[1, 0].repeat(32)));
        assert!(!is_text(b"\xff\xfe\0\xd8a\0"), "half of a pair");
    }
}
