//! Text in the form that signatures are written for: ASCII in lower case, each run of white space one space.
//!
//! There is no specification. The form is that of `clamscan` 1.4.6, found by comparing with what its programs put out
//! (`benches/normalise`). It is made of bytes and not of characters: what is not ASCII is left out, and so are control
//! characters, so that UTF-16 comes out as its ASCII letters with nothing between them.

use std::io::{self, Read};

use candor_object::{Content, FileType, Flow, Form, Sink};

/// The form. Nobody has digests of it: `clamscan` does not look for them.
const FORM: Form<'_> = Form { name: "", file_type: FileType::new("text-normalized"), hashed: false };

/// Content of which one form is made, in bytes. What is longer has several forms, so that none takes much memory.
const PIECE: u64 = 16 << 20;
/// Bytes that a piece has in common with the next, so that patterns are found where it ends.
const OVERLAP: u64 = 64 << 10;

/// Hands over the forms of a text.
pub(crate) fn normalise(content: &Content, sink: &mut dyn Sink) -> Flow {
    if !sink.wants(FORM) {
        return Ok(());
    }
    let mut start = 0_u64;
    loop {
        let piece = content.range(start, PIECE);
        let end = start.saturating_add(piece.size());
        sink.form(FORM, &mut Normalised::new(piece))?;
        if end >= content.size() {
            return Ok(());
        }
        start = end.saturating_sub(OVERLAP);
    }
}

/// Reads the form of content.
pub(crate) struct Normalised {
    content: Content,
    offset: u64,
    spaced: bool,
}

impl Normalised {
    pub(crate) fn new(content: Content) -> Self {
        Self { content, offset: 0, spaced: false }
    }
}

impl Read for Normalised {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let window = self.content.window(self.offset, buffer.len())?;
            let count = fold(&window, buffer, &mut self.spaced);
            self.offset = self.offset.saturating_add(window.len() as u64);
            if count > 0 || window.is_empty() {
                return Ok(count);
            }
        }
    }
}

/// What becomes of each byte; 0 is left out.
static FORMS: [u8; 256] = forms();

#[expect(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "the compiler runs it"
)]
const fn forms() -> [u8; 256] {
    let mut forms = [0; 256];
    let mut byte = 0;
    while byte < 0x80 {
        forms[byte] = match byte as u8 {
            b'\t'..=b'\r' => b' ',
            byte if byte >= b' ' => byte.to_ascii_lowercase(),
            _ => 0,
        };
        byte += 1;
    }
    forms
}

/// Writes the form of `bytes` to the start of `to`, which is as long; the number of bytes written. `spaced` says whether
/// a space was the last.
fn fold(bytes: &[u8], to: &mut [u8], spaced: &mut bool) -> usize {
    let mut count: usize = 0;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let Some(place) = to.get_mut(count..).and_then(|to| to.first_chunk_mut::<8>()) else { break };
        match fold_word(u64::from_le_bytes(*word), *spaced) {
            Some(form) => {
                *place = form.to_le_bytes();
                *spaced = place.last() == Some(&b' ');
                count = count.wrapping_add(8);
            }
            None => count = count.wrapping_add(fold_each(word, place, spaced)),
        }
    }
    count.wrapping_add(fold_each(rest, to.get_mut(count..).unwrap_or_default(), spaced))
}

/// The form of eight bytes, the first lowest, if it has eight bytes as well: as nearly always.
fn fold_word(word: u64, spaced: bool) -> Option<u64> {
    const HIGHEST: u64 = each(0x80);
    const fn each(byte: u8) -> u64 {
        u64::from_le_bytes([byte; 8])
    }
    // The highest bit of each byte that is at least `least`; no byte of the word has it itself.
    let at_least = |least: u8| word.wrapping_add(each(0x80_u8.wrapping_sub(least))) & HIGHEST;
    let white = at_least(b'\t') & !at_least(b'\r'.wrapping_add(1));
    let blank = at_least(b' ') & !at_least(b' '.wrapping_add(1));
    let space = white | blank;
    let left_out = (word & HIGHEST) | (!at_least(b' ') & HIGHEST & !white);
    let doubled = space & (space << 8 | u64::from(spaced) << 7);
    if left_out | doubled != 0 {
        return None;
    }
    let upper = at_least(b'A') & !at_least(b'Z'.wrapping_add(1));
    // Of a byte's highest bit the whole byte is made.
    let white = (white >> 7).wrapping_mul(0xff);
    Some(((word | upper >> 2) & !white) | (each(b' ') & white))
}

/// The same as [`fold`], one after the other.
fn fold_each(bytes: &[u8], to: &mut [u8], spaced: &mut bool) -> usize {
    let mut count: usize = 0;
    for byte in bytes {
        let (Some(form), Some(place)) = (FORMS.get(usize::from(*byte)), to.get_mut(count)) else { break };
        let form = *form;
        *place = form;
        let space = form == b' ';
        let kept = form != 0 && !(space && *spaced);
        count = count.wrapping_add(usize::from(kept));
        *spaced = if form == 0 { *spaced } else { space };
    }
    count
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn form(bytes: &[u8]) -> Vec<u8> {
        let mut form = Vec::new();
        Normalised::new(Content::from_vec(bytes.to_vec())).read_to_end(&mut form).unwrap();
        form
    }

    #[test]
    fn forms_are_those_of_clamscan() {
        for (text, expected) in [
            (b"A  b\t\tC\n\nd".as_slice(), b"a b c d".as_slice()),
            (b"  lead", b" lead"),
            (b"trail \r\n", b"trail "),
            (b"\xc3\xa9\xff\0\x01\x1f\x7fz", b"\x7fz"),
            (b"a \0 b", b"a b"),
            (b"a\x0b\x0c\rb", b"a b"),
            (b"A&amp;<B>'\"`", b"a&amp;<b>'\"`"),
            (b"\xff\xfeH\0i\0 \0 \0", b"hi "),
            (b"", b""),
        ] {
            assert_eq!(form(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same(bytes in prop::collection::vec(prop_oneof![6 => b'@'..b'{', 1 => Just(b' '), 1 => any::<u8>()], 0..300), size in 1usize..50) {
            let mut reader = Normalised::new(Content::from_vec(bytes.clone()));
            let mut whole = Vec::new();
            let mut buffer = vec![0; size];
            loop {
                let count = reader.read(&mut buffer).unwrap();
                if count == 0 { break }
                whole.extend_from_slice(&buffer[..count]);
            }
            let mut each = vec![0; bytes.len()];
            let count = fold_each(&bytes, &mut each, &mut false);
            prop_assert_eq!(&whole, &each[..count]);
            prop_assert!(whole.len() <= bytes.len() && !whole.windows(2).any(|pair| pair == b"  "));
        }
    }
}
