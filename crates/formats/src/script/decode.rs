//! Looks into scripts of any language: what is encoded in them comes out, and what is put together of pieces is put
//! together, as a form.

use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use candor_object::{Content, FileType, Flow, Form, Reason, Sink, Stop};
use flate2::read::DeflateDecoder;

use super::fold::fold;
use super::tokens::Language;
use super::{functions, payload, settings};
use crate::HEAD;
use crate::text::{Encoding, encoding, units};

/// Bytes of a text that are looked at together.
const PIECE: usize = 4 << 20;
/// Bytes of a piece, and the rest of a line, that are taken for one script: of a long text most is none.
const PART: usize = 1 << 20;
/// Bytes that a piece has in common with the next, so that commands are found where it ends.
const OVERLAP: u64 = 64 << 10;
/// Longest word that is taken for one of a language, and for something encoded the fewest different letters.
const LONGEST_WORD: usize = 16 << 10;
const FEWEST_LETTERS: usize = 16;
/// Fewest bytes that deflate must unpack to.
const UNPACKED: usize = 32;

/// The form: as that of texts, so that signatures for those see it.
const fn form(name: &str) -> Form<'_> {
    Form { name, file_type: FileType::new("text-normalized"), hashed: false }
}

/// What tells that a text may be of a language, in lower case: any of the first alone, or two of the second, which other
/// texts have as well. Most texts that are scanned are no script, and looking into them costs more than all else.
struct Signs {
    strong: &'static [&'static [u8]],
    weak: &'static [&'static [u8]],
}

/// Languages that are folded, then batch, shell, and what deflate packed.
const KINDS: [Signs; 7] = [
    // PowerShell.
    Signs {
        strong: &[
            b"powershell",
            b"frombase64string",
            b"invoke-expression",
            b"invoke-webrequest",
            b"new-object",
            b"[char]",
            b"[char[]]",
            b"[convert]::",
            b"iex(",
            b"iex;",
            b"iex $",
            b"iex (",
            b"i`e",
            b"`e`x",
            b"$env:",
            b"|iex",
            b"| iex",
        ],
        weak: &[
            b"-join",
            b"-f'",
            b"-f '",
            b"-f \"",
            b"-f\"",
            b"iex",
            b"-replace",
            b"[string]",
            b"{1}{0}",
            b"{0}{1}",
            b"invoke-",
            b"::",
        ],
    },
    // VBScript and Visual Basic.
    Signs {
        strong: &[b"createobject", b"strreverse(", b"executeglobal", b"wscript.", b"vbscript"],
        weak: &[b"chr(", b"chrw(", b"chr$(", b"execute ", b"end sub", b"&h", b"\ndim ", b"shell("],
    },
    // PHP.
    Signs {
        strong: &[b"<?php", b"<?=", b"gzinflate", b"str_rot13"],
        weak: &[b"base64_decode", b"eval(", b"$_post", b"$_get"],
    },
    // Python.
    Signs {
        strong: &[b"marshal.loads"],
        weak: &[
            b"exec(",
            b"eval(",
            b"b64decode",
            b"fromhex(",
            b"unhexlify",
            b"zlib.decompress",
            b"__import__",
            b"chr(",
        ],
    },
    // Batch files.
    Signs { strong: &[b"@echo", b"%comspec%"], weak: &[b"set \"", b"&set ", b"\nset ", b"cmd ", b"cmd.exe"] },
    // Shell.
    Signs {
        strong: &[b"base64 -d", b"base64 --d", b"xxd -r", b"$'\\x", b"$'\\1", b"$'\\0"],
        weak: &[b"#!/", b"printf '", b"printf \"", b"eval ", b"echo -e", b"base64", b"/bin/sh -c"],
    },
    Signs { strong: &[b"deflatestream", b"inflate"], weak: &[] },
];

/// Looks for all signs at once.
static SIGNS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let signs = KINDS.iter().flat_map(|signs| signs.strong.iter().chain(signs.weak));
    AhoCorasick::builder().ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA)).build(signs).ok()
});

/// Of which kinds a text may be.
fn kinds(text: &[u8]) -> [bool; KINDS.len()] {
    let Some(signs) = SIGNS.as_ref() else { return [true; KINDS.len()] };
    // A bit for each sign; there are fewer than that.
    let mut seen: u128 = 0;
    for found in signs.find_overlapping_iter(text) {
        seen |= 1_u128.checked_shl(found.pattern().as_u32()).unwrap_or(0);
    }
    KINDS.each_ref().map(|signs| {
        let mut take = |count: usize| {
            let count = u32::try_from(count).unwrap_or(0);
            let bits = seen & !u128::MAX.checked_shl(count).unwrap_or(0);
            seen = seen.checked_shr(count).unwrap_or(0);
            bits.count_ones()
        };
        let strong = take(signs.strong.len());
        take(signs.weak.len()) >= 2 || strong > 0
    })
}

/// Hands over what is encoded in a text in any encoding, and the forms of the scripts that it may be. Long texts are looked
/// at in pieces.
pub(crate) fn decode_content(content: &Content, sink: &mut dyn Sink) -> Flow {
    let (encoding, mut offset) = {
        let head = content.window(0, HEAD)?;
        let (encoding, body) = encoding(&head);
        (encoding, head.len().saturating_sub(body.len()) as u64)
    };
    let (first, mut in_code) = (offset, false);
    while offset < content.size() {
        let piece = content.window(offset, PIECE)?;
        let end = offset.saturating_add(piece.len() as u64);
        let text: Cow<'_, [u8]> = match encoding {
            Encoding::Bytes => piece,
            _ => {
                let letters = char::decode_utf16(units(encoding, &piece));
                let letters = letters.map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER));
                Cow::Owned(letters.collect::<String>().into_bytes())
            }
        };
        if offset == first {
            settings::open(&text, sink)?;
        }
        let is_last = end >= content.size();
        in_code = ends_in_code(&text, in_code);
        if (decode(&text, sink)? || in_code) && !is_last {
            sink.gap(Reason::Unsupported, &format!("what is encoded in the text is cut at offset {end}"));
        }
        if is_last {
            break;
        }
        offset = end.saturating_sub(OVERLAP);
    }
    Ok(())
}

/// Whether a text ends in so long a word of so many letters that it can only be something encoded, or is one word and
/// goes on with something encoded.
fn ends_in_code(text: &[u8], goes_on: bool) -> bool {
    let mut letters = [false; 256];
    let word = text.iter().rev().take_while(|byte| crate::mail::is_sextet(**byte));
    let mut length = 0_usize;
    for byte in word {
        length = length.saturating_add(1);
        letters.get_mut(usize::from(*byte)).into_iter().for_each(|seen| *seen = true);
    }
    let is_mixed = letters.iter().filter(|seen| **seen).count() >= FEWEST_LETTERS;
    length >= LONGEST_WORD && (is_mixed || (goes_on && length == text.len()))
}

/// Hands over what is encoded in a text, and the forms of the scripts that it may be.
///
/// Gives whether something encoded reaches to the end of the text.
fn decode(text: &[u8], sink: &mut dyn Sink) -> Result<bool, Stop> {
    sink.pulse()?;
    let mut decoded: Vec<Vec<u8>> = Vec::new();
    let cut = payload::find(text, &mut decoded, sink)?;
    decoded.extend(payload::commands(text));
    let mut rest = text;
    let mut deflates = false;
    while !rest.is_empty() {
        let least = rest.len().min(PART);
        let line = memchr::memchr(b'\n', rest.get(least..).unwrap_or_default());
        let end = line.map_or(rest.len(), |line| least.saturating_add(line).saturating_add(1));
        let (part, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        deflates |= forms(part, &mut decoded, sink)?;
        rest = after;
    }
    hand_over_decoded(decoded, deflates, sink)?;
    Ok(cut)
}

/// Hands over the forms of the scripts that a part of a text may be, and whether it speaks of deflate.
fn forms(text: &[u8], decoded: &mut Vec<Vec<u8>>, sink: &mut dyn Sink) -> Result<bool, Stop> {
    let kinds = kinds(text);
    let languages = [
        ("powershell", Language::PowerShell),
        ("vbscript", Language::Basic),
        ("php", Language::Php),
        ("python", Language::Python),
    ];
    // They come first among the kinds, in this order.
    for ((name, language), _) in languages.into_iter().zip(kinds).filter(|(_, seen)| *seen) {
        sink.pulse()?;
        let folded = fold(text, language);
        decoded.extend(folded.decoded);
        if folded.changed {
            decoded.extend(payload::commands(&folded.text));
            payload::find(&folded.text, decoded, sink)?;
            hand_over_form(name, &folded.text, sink)?;
        }
    }
    let [.., batch, shell, deflates] = kinds;
    if (batch || has_carets(text))
        && let Some(expanded) = super::batch::expand(text)
    {
        sink.pulse()?;
        decoded.extend(payload::commands(&expanded));
        hand_over_form("batch", &expanded, sink)?;
    }
    if shell {
        let (expanded, found) = super::shell::expand(text);
        decoded.extend(found);
        if let Some(expanded) = expanded {
            hand_over_form("shell", &expanded, sink)?;
        }
    }
    Ok(deflates)
}

/// Whether carets stand within words, as in batch files that hide theirs.
fn has_carets(text: &[u8]) -> bool {
    let within = |place: &usize| {
        let around = text.get(place.saturating_sub(1)..place.saturating_add(2));
        around.is_some_and(|around| matches!(around, [one, _, two] if one.is_ascii_alphabetic() && two.is_ascii_alphabetic()))
    };
    memchr::memchr_iter(b'^', text).filter(within).take(3).count() == 3
}

/// Hands over what was decoded, and what deflate packed in it, which has no sign of its own.
fn hand_over_decoded(mut decoded: Vec<Vec<u8>>, deflates: bool, sink: &mut dyn Sink) -> Flow {
    let packed: Vec<Vec<u8>> = if deflates { decoded.clone() } else { Vec::new() };
    for bytes in packed {
        sink.pulse()?;
        let unpacked = functions::inflated(&mut DeflateDecoder::new(bytes.as_slice()));
        decoded.extend(unpacked.filter(|unpacked| unpacked.len() >= UNPACKED));
    }
    payload::hand_over(decoded, sink)
}

fn hand_over_form(name: &str, text: &[u8], sink: &mut dyn Sink) -> Flow {
    let form = form(name);
    if !sink.wants(form) {
        return Ok(());
    }
    let content = Content::from_vec(text.to_vec());
    sink.form(form, &mut crate::text::normalise::Normalised::new(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_and_mixed_words_are_code() {
        let (one, many) = (vec![b'x'; LONGEST_WORD], b"ABCDEFGHIJKLMNOP".repeat(LONGEST_WORD / 16));
        assert!(!ends_in_code(&one, false) && ends_in_code(&one, true) && ends_in_code(&many, false));
        assert!(!ends_in_code(&[b" ", one.as_slice()].concat(), true));
        assert!(!ends_in_code(&[many.as_slice(), b" word"].concat(), true));
    }
}
