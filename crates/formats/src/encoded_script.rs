//! Scripts that Microsoft's Script Encoder has written: `#@~^`, a length, the text in three alphabets, a checksum.
//!
//! There is no specification; the alphabets are what `clamscan` 1.4.6 decodes. Every character of the text is looked up
//! in the alphabet that its place says, and `@` begins what the alphabets lack.

use std::io;

use candor_object::{Child, Content, FileType, Flow, Sink};
use memchr::memmem;

use crate::{Format, Glimpse};

/// A file that is such a script; Windows calls them `.vbe` and `.jse`.
pub(crate) struct EncodedScript;

impl Format for EncodedScript {
    fn file_type(&self) -> FileType {
        FileType::new("encoded-script")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, MARK)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        hand_over(content, sink)
    }
}

const MARK: &[u8] = b"#@~^";
/// The mark and the length in base64.
const HEADER: usize = 12;
/// Bytes that are searched at a time.
const STEP: usize = 1 << 20;
/// Longest encoded text that is decoded, in bytes.
const MAX_TEXT: usize = 16 << 20;

/// Hands over every encoded script in the content, between tags, so that it is looked at as a part of a page is.
pub(crate) fn hand_over(content: &Content, sink: &mut dyn Sink) -> Flow {
    let mut offset = 0_u64;
    while offset < content.size() {
        sink.pulse()?;
        let window = content.window(offset, STEP)?;
        let Some(place) = memmem::find(&window, MARK) else {
            // The mark may begin in the last three bytes.
            let step = if window.len() < STEP { STEP } else { STEP.saturating_sub(MARK.len()) };
            offset = offset.saturating_add(step as u64);
            continue;
        };
        offset = offset.saturating_add(place as u64);
        let length = content.window(offset, HEADER)?.get(MARK.len()..HEADER).and_then(length);
        let consumed = match length {
            Some(length) => {
                let (script, consumed) = read(content, offset.saturating_add(HEADER as u64), length)?;
                let page = [b"<script>".as_slice(), &script, b"</script>"].concat();
                sink.child(Child::stream(), &mut page.as_slice())?;
                HEADER.saturating_add(consumed)
            }
            None => MARK.len(),
        };
        offset = offset.saturating_add(consumed as u64);
    }
    Ok(())
}

/// The script at an offset, and how many bytes it took. Reads little more than that, however long the content is.
fn read(content: &Content, offset: u64, length: u32) -> io::Result<(Vec<u8>, usize)> {
    let mut size: usize = 4 << 10;
    loop {
        let encoded = content.window(offset, size)?;
        let (script, consumed) = decode(&encoded, length);
        if consumed < encoded.len() || encoded.len() < size || size >= MAX_TEXT {
            return Ok((script, consumed));
        }
        size = size.saturating_mul(4);
    }
}

/// The number in six digits of base64 and two equals signs.
fn length(field: &[u8]) -> Option<u32> {
    let digits = field.strip_suffix(b"==")?;
    let number = digits.iter().try_fold(0_u64, |number, digit| {
        let value = match digit {
            b'A'..=b'Z' => digit.wrapping_sub(b'A'),
            b'a'..=b'z' => digit.wrapping_sub(b'a').wrapping_add(26),
            b'0'..=b'9' => digit.wrapping_sub(b'0').wrapping_add(52),
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        Some(number << 6 | u64::from(value))
    })?;
    // Six digits are 36 bits, of which the first 32 are the number, its lowest byte first.
    Some(u32::try_from(number >> 4).ok()?.swap_bytes())
}

/// The script, and how many bytes it took. `length` counts characters; those of two bytes and those that an `@` begins
/// count as their documents say, the latter twice.
fn decode(encoded: &[u8], length: u32) -> (Vec<u8>, usize) {
    let mut script = Vec::new();
    let mut left = length;
    let mut place = 0_usize;
    let mut rest = encoded;
    while left > 0 {
        let Some((byte, after)) = rest.split_first() else { break };
        rest = after;
        match *byte {
            0 | b'\n' | b'\r' => continue,
            0x80.. => {
                script.push(*byte);
                if let Some((second, after)) = rest.split_first() {
                    script.push(*second);
                    rest = after;
                }
                left = left.saturating_sub(1);
                continue;
            }
            b'@' => {
                let escaped = rest.first().map(|kind| match kind {
                    b'#' => b'\r',
                    b'&' => b'\n',
                    b'!' => b'<',
                    b'*' => b'>',
                    b'$' => b'@',
                    _ => 0xff,
                });
                script.extend(escaped);
                rest = rest.get(1..).unwrap_or_default();
                left = left.saturating_sub(1);
            }
            byte => script.push(letter(byte, place)),
        }
        place = place.wrapping_add(1);
        left = left.saturating_sub(1);
    }
    (script, encoded.len().saturating_sub(rest.len()))
}

/// The letter that stands for a byte at a place.
fn letter(byte: u8, place: usize) -> u8 {
    let alphabet = ORDER.get(place & 63).map_or(0, |digit| usize::from(digit.wrapping_sub(b'0')));
    let tab = TABS.get(alphabet).copied().unwrap_or(byte);
    let letters = ALPHABETS.get(alphabet).copied().unwrap_or_default();
    match byte {
        b'\t' => tab,
        _ => usize::from(byte).checked_sub(32).and_then(|index| letters.get(index)).copied().unwrap_or(byte),
    }
}

/// Which alphabet is used at which place.
const ORDER: &[u8; 64] = b"0120121221210212021200122102122100212120200120210212001220012021";
/// What a tab stands for in each alphabet.
const TABS: [u8; 3] = [87, 110, 123];
/// What the bytes from the space on stand for.
#[rustfmt::skip]
static ALPHABETS: [&[u8]; 3] = [
    b".GzVBj/&IA42[vrC89pEhqO\tbD#u<~>^\xffwJa]\"KoN;LPg*}tT+-,0nkf5%!dMRc?{x)(sY3\x7fmUS|:_eFX1ilZH'\\=$y7`Q 6",
    b"-uR`q^I\\b})6 |z\x7fkc3+hQfv1dTC<:>~\xffE,*t'7DyY/o&rj9{?8wgSG4x]0#Z[lHUpi.L!$NP\tVs5aKX;W\"mM%(FJ2A=_OBe",
    b"20!)[83=X:5e9\\VsfNEkbYx^}Jmq<`>S\xffB'Hru17MR\"TjGd- \x7f.L]~loytC&v%$+(#A4\t*D?w;UiacPgQIOFh|6pnz/_KZ,W",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_decoded_as_clamscan_does() {
        for (encoded, length, expected) in [
            (b"ABCD".as_slice(), 4, b"w,H]".as_slice()),
            (b"@#@&@!@*@$ABCD", 14, b"\r\n<>@B,Hr"),
            (b"AB@#CD", 5, b"w,\ra"),
            (b"AB\xe9CD", 4, b"w,\xe9Cr"),
            (b"AB\nCD", 4, b"w,H]"),
            (b"A\0B\x01C", 4, b"w,\x01a"),
            (b"ABCDEF", 2, b"w,"),
            (b"@", 9, b""),
            (b"\\ko$K6,J", 8, b"MsgBox \""),
        ] {
            assert_eq!(decode(encoded, length).0, expected, "{encoded:?}");
        }
    }

    #[test]
    fn the_length_is_four_bytes() {
        assert_eq!(length(b"DgAAAA=="), Some(14));
        assert_eq!(length(b"/////w=="), Some(u32::MAX));
        assert_eq!(length(b"DgAAAAA="), None);
        assert_eq!(length(b"DgA AA=="), None);
    }
}
