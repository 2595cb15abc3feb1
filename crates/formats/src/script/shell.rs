//! Shell scripts: escapes in `$'...'` and `printf`, words that quotes cut into pieces, text that is piped into `base64 -d`.
//!
//! Specification: <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html>. Nothing is run.

use std::collections::HashMap;

use super::tokens::escape;

/// Most variables, and the longest value of one.
const MOST: usize = 4096;
const LONGEST: usize = 4096;
/// Deepest script in quotes of a script.
const DEEPEST: u32 = 3;
/// Commands that decode something.
const DECODERS: [&[u8]; 2] = [b"base64", b"xxd"];
/// What ends a run of letters that stand for themselves.
const SPECIAL: &[u8] = b"'$\"\\ \t\r|;&()`<>";

/// The script with its escapes read and its variables put in, if that changes it, and what was in base64.
pub(super) fn expand(text: &[u8]) -> (Option<Vec<u8>>, Vec<Vec<u8>>) {
    expand_within(text, 0)
}

fn expand_within(text: &[u8], depth: u32) -> (Option<Vec<u8>>, Vec<Vec<u8>>) {
    let mut variables: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
    let most = text.len().saturating_mul(2).saturating_add(LONGEST);
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut decoded = Vec::new();
    let mut changed = false;
    for line in text.split(|byte| *byte == b'\n') {
        if is_plain(line) {
            out.extend_from_slice(line);
            out.push(b'\n');
            continue;
        }
        let (shown, words) =
            if out.len() < most { words(line, &variables) } else { (line.to_vec(), Vec::new()) };
        changed |= shown != line;
        for word in &words {
            if let Some(equals) = memchr::memchr(b'=', word)
                && let (Some(name), Some(value)) = (word.get(..equals), word.get(equals.saturating_add(1)..))
                && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
                && variables.len() < MOST
                && value.len() <= LONGEST
            {
                variables.insert(name.to_vec(), value.to_vec());
            }
        }
        // What stands in quotes may be a script, too: `sh -c "..."`.
        let inner = words.iter().filter(|word| depth < DEEPEST && word.len() < line.len() && is_script(word));
        for word in inner {
            decoded.extend(expand_within(word, depth.saturating_add(1)).1);
        }
        let is = |word: &&Vec<u8>, names: &[&[u8]]| names.contains(&word.as_slice());
        let base64 = words.iter().any(|word| is(&word, &[b"base64", b"base64)"]))
            && words
                .iter()
                .any(|word| word.starts_with(b"-d") || word.starts_with(b"-D") || word == b"--decode");
        let hex = words.iter().any(|word| is(&word, &[b"xxd"]));
        for word in words.iter().filter(|word| word.len() >= 16 && (base64 || hex)) {
            let bytes = if base64 && word.iter().all(|byte| crate::mail::is_sextet(*byte) || *byte == b'=') {
                super::functions::base64(word)
            } else if hex && word.iter().all(u8::is_ascii_hexdigit) {
                super::functions::hex(word)
            } else {
                None
            };
            decoded.extend(bytes.filter(|_| decoded.len() < 64));
        }
        out.extend_from_slice(&shown);
        out.push(b'\n');
    }
    (changed.then_some(out), decoded)
}

/// Whether a line, as most, has nothing that is put together, remembered or decoded.
fn is_plain(line: &[u8]) -> bool {
    memchr::memchr3(b'\'', b'"', b'$', line).is_none()
        && memchr::memchr2(b'\\', b'=', line).is_none()
        && DECODERS.iter().all(|name| memchr::memmem::find(line, name).is_none())
}

/// Whether a word has words that decode something.
fn is_script(word: &[u8]) -> bool {
    word.contains(&b' ') && DECODERS.iter().any(|name| memchr::memmem::find(word, name).is_some())
}

/// The line with its words put together, and the words.
fn words(line: &[u8], variables: &HashMap<Vec<u8>, Vec<u8>>) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (mut out, mut words, mut word) = (Vec::with_capacity(line.len()), Vec::new(), Vec::new());
    let most = line.len().saturating_mul(16).saturating_add(LONGEST);
    let mut rest = line;
    let mut prints = false;
    while let Some((byte, after)) = rest.split_first() {
        if out.len() > most {
            break;
        }
        let (piece, next): (Vec<u8>, &[u8]) = match byte {
            b'\'' => quoted(after, b'\'', false),
            b'$' if after.starts_with(b"'") => quoted(after.get(1..).unwrap_or_default(), b'\'', true),
            b'"' => {
                let (piece, next) = quoted(after, b'"', false);
                (with_values(&piece, variables), next)
            }
            b'\\' => (after.first().copied().into_iter().collect(), after.get(1..).unwrap_or_default()),
            b'$' => {
                let (value, size) = value(after, variables);
                (value.unwrap_or_else(|| vec![b'$']), after.get(size..).unwrap_or_default())
            }
            b' ' | b'\t' | b'\r' | b'|' | b';' | b'&' | b'(' | b')' | b'`' | b'<' | b'>' => {
                if !word.is_empty() {
                    prints = matches!(word.as_slice(), b"printf" | b"echo" | b"-e" | b"-ne" | b"-en");
                    words.push(std::mem::take(&mut word));
                }
                out.push(*byte);
                rest = after;
                continue;
            }
            _ => {
                let run = after.iter().position(|byte| SPECIAL.contains(byte)).unwrap_or(after.len());
                let (run, next) = rest.split_at_checked(run.saturating_add(1)).unwrap_or((rest, &[]));
                (run.to_vec(), next)
            }
        };
        let piece = if prints && piece.contains(&b'\\') { unescaped(&piece) } else { piece };
        out.extend_from_slice(&piece);
        word.extend_from_slice(&piece);
        rest = next;
    }
    out.extend_from_slice(rest);
    if !word.is_empty() {
        words.push(word);
    }
    (out, words)
}

/// What stands before the closing quote, and what behind it.
fn quoted(text: &[u8], quote: u8, escapes: bool) -> (Vec<u8>, &[u8]) {
    let mut at = 0_usize;
    while let Some(byte) = text.get(at) {
        if *byte == quote {
            break;
        }
        at = at.saturating_add(if *byte == b'\\' && (escapes || quote == b'"') { 2 } else { 1 });
    }
    let inner = text.get(..at.min(text.len())).unwrap_or_default();
    let inner = if escapes { unescaped(inner) } else { inner.to_vec() };
    (inner, text.get(at.saturating_add(1)..).unwrap_or_default())
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        if *byte == b'\\' {
            let (size, byte) = escape(rest);
            out.extend(byte);
            rest = rest.get(size.max(1)..).unwrap_or_default();
        } else {
            out.push(*byte);
            rest = after;
        }
    }
    out
}

/// The value of the variable whose name stands here, and how long the name is.
fn value(after: &[u8], variables: &HashMap<Vec<u8>, Vec<u8>>) -> (Option<Vec<u8>>, usize) {
    let braced = usize::from(after.first() == Some(&b'{'));
    let name = after.get(braced..).unwrap_or_default();
    let size = name.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let value = variables.get(name.get(..size).unwrap_or_default()).filter(|_| size > 0);
    let closed = braced == 0 || name.get(size) == Some(&b'}');
    match value {
        Some(value) if closed => (Some(value.clone()), size.saturating_add(braced.saturating_mul(2))),
        _ => (None, 0),
    }
}

fn with_values(text: &[u8], variables: &HashMap<Vec<u8>, Vec<u8>>) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let (found, size) = if *byte == b'$' { value(after, variables) } else { (None, 0) };
        match found {
            Some(value) if out.len() < 1 << 20 => out.extend(value),
            _ => out.push(*byte),
        }
        rest = after.get(size..).unwrap_or_default();
    }
    out
}
