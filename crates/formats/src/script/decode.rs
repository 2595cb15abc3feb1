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
/// Bytes that a piece has in common with the next, so that commands are found where it ends.
const OVERLAP: u64 = 64 << 10;
/// Fewest bytes that deflate must unpack to.
const UNPACKED: usize = 32;

/// The form: as that of texts, so that signatures for those see it.
const fn form(name: &str) -> Form<'_> {
    Form { name, file_type: FileType::new("text-normalized"), hashed: false }
}

/// What tells that a text may be of a language, in lower case; any of them does.
type Signs = &'static [&'static [u8]];

const POWERSHELL: Signs = &[
    b"powershell",
    b"frombase64string",
    b"invoke-",
    b"new-object",
    b"[char",
    b"-join",
    b"-f'",
    b"-f '",
    b"-f \"",
    b"-f\"",
    b"iex",
    b"$env:",
    b"-replace",
    b"[convert]",
    b"i`e",
    b"`e`x",
    b"[string]",
    b"{1}{0}",
    b"{0}{1}",
];
const BASIC: Signs = &[
    b"createobject",
    b"strreverse(",
    b"chr(",
    b"chrw(",
    b"execute ",
    b"executeglobal",
    b"wscript",
    b"end sub",
    b"&h",
    b"vbscript",
    b"dim ",
    b"shell(",
    b"chr$(",
];
const PHP: Signs = &[b"<?php", b"<?=", b"base64_decode", b"gzinflate", b"str_rot13"];
const PYTHON: Signs =
    &[b"b64decode", b"exec(", b"fromhex(", b"unhexlify", b"marshal.loads", b"zlib.decompress", b"__import__"];
const BATCH: Signs =
    &[b"@echo", b"set \"", b"&set ", b"&&set ", b"\nset ", b"cmd ", b"cmd.exe", b"%comspec%"];
const SHELL: Signs = &[b"#!/", b"base64 -", b"$'\\", b"printf", b"xxd", b"eval ", b"echo -e", b"/bin/sh"];

const DEFLATE: Signs = &[b"deflatestream", b"inflate"];

/// All kinds of signs; those of languages come first.
const KINDS: [Signs; 7] = [POWERSHELL, BASIC, PHP, PYTHON, BATCH, SHELL, DEFLATE];

/// Looks for all signs at once, as it does in every text that is scanned.
static SIGNS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let signs = KINDS.iter().copied().flatten();
    AhoCorasick::builder().ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA)).build(signs).ok()
});

/// Which kinds of signs a text has.
fn kinds(text: &[u8]) -> [bool; KINDS.len()] {
    let mut kinds = [false; KINDS.len()];
    let Some(signs) = SIGNS.as_ref() else { return kinds.map(|_| true) };
    for found in signs.find_overlapping_iter(text) {
        let mut number = found.pattern().as_usize();
        for (signs, seen) in KINDS.iter().zip(&mut kinds) {
            if number < signs.len() {
                *seen = true;
                break;
            }
            number = number.saturating_sub(signs.len());
        }
        if kinds.iter().all(|seen| *seen) {
            break;
        }
    }
    kinds
}

/// Hands over what is encoded in a text in any encoding, and the forms of the scripts that it may be. Long texts are looked
/// at in pieces.
pub(crate) fn decode_content(content: &Content, sink: &mut dyn Sink) -> Flow {
    let (encoding, mut offset) = {
        let head = content.window(0, HEAD)?;
        let (encoding, body) = encoding(&head);
        (encoding, head.len().saturating_sub(body.len()) as u64)
    };
    let first = offset;
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
        if decode(&text, sink)? && !is_last {
            sink.gap(Reason::Unsupported, &format!("what is encoded in the text is cut at offset {end}"));
        }
        if is_last {
            break;
        }
        offset = end.saturating_sub(OVERLAP);
    }
    Ok(())
}

/// Hands over what is encoded in a text, and the forms of the scripts that it may be.
///
/// Gives whether something encoded reaches to the end of the text.
fn decode(text: &[u8], sink: &mut dyn Sink) -> Result<bool, Stop> {
    sink.pulse()?;
    let kinds = kinds(text);
    let mut decoded: Vec<Vec<u8>> = Vec::new();
    let cut = payload::find(text, &mut decoded, sink)?;
    decoded.extend(payload::commands(text));
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
            payload::find(&folded.text, &mut decoded, sink)?;
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
    hand_over_decoded(decoded, deflates, sink)?;
    Ok(cut)
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
