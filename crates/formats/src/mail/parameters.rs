//! The media type and the parameters of a MIME field, read leniently.
//!
//! Specification: RFC 2045 section 5.1, RFC 2231 (continuations and charsets).

use std::collections::BTreeMap;

use super::words;

/// Parameters that are read of one field. Stops a field of 100,000 continuations from costing memory.
const MAX_PARAMETERS: usize = 512;
/// Boundaries that are tried for one multipart. Stops a header of a thousand boundaries from costing a
/// thousand comparisons for each line.
pub(crate) const MAX_BOUNDARIES: usize = 8;
/// Longest boundary that is compared; RFC 2046 allows 70 characters.
pub(crate) const MAX_BOUNDARY: usize = 2048;

/// A field's value without its comments; those in quotes are none.
pub(crate) fn without_comments(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    let (mut depth, mut is_quoted, mut is_escaped) = (0_u32, false, false);
    for byte in value {
        let was_escaped = std::mem::take(&mut is_escaped);
        match byte {
            b'\\' if !was_escaped && (is_quoted || depth > 0) => is_escaped = true,
            b'"' if !was_escaped && depth == 0 => is_quoted = !is_quoted,
            b'(' if !was_escaped && !is_quoted => depth = depth.saturating_add(1),
            b')' if !was_escaped && depth > 0 => {
                depth = depth.saturating_sub(1);
                continue;
            }
            _ => {}
        }
        if depth == 0 {
            out.push(*byte);
        }
    }
    // A comment that never ends hides nothing from a reader that knows no comments.
    if depth > 0 { value.to_vec() } else { out }
}

/// The media type in lower case, such as `text/plain`; empty if there is none.
pub(crate) fn media_type(value: &[u8]) -> String {
    let value = without_comments(value);
    let first = value.split(|byte| *byte == b';').next().unwrap_or_default();
    let text = String::from_utf8_lossy(first).to_ascii_lowercase();
    let Some((kind, subtype)) = text.split_once('/') else {
        let text = text.split_ascii_whitespace().next().unwrap_or_default();
        return if text.contains('=') { String::new() } else { trim(text).to_owned() };
    };
    let subtype = subtype.trim_start().split([' ', '\t', ',']).next().unwrap_or_default();
    format!("{}/{}", trim(kind), trim(subtype))
}

fn trim(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || matches!(character, '"' | '\'' | ','))
}

/// The parameters: names in lower case, values without quotes.
fn pairs(value: &[u8]) -> Vec<(String, Vec<u8>)> {
    let value = without_comments(value);
    let mut found = Vec::new();
    let mut rest = value.as_slice();
    while let Some(equals) = rest.iter().position(|byte| *byte == b'=') {
        if found.len() >= MAX_PARAMETERS {
            break;
        }
        let (before, after) = rest.split_at_checked(equals).unwrap_or((rest, &[]));
        let name =
            before.trim_ascii_end().rsplit(|byte| matches!(byte, b';' | b',' | b' ' | b'\t' | b'"')).next();
        let name = String::from_utf8_lossy(name.unwrap_or_default()).to_ascii_lowercase();
        let after = after.get(1..).unwrap_or_default().trim_ascii_start();
        let (value, tail) = match after.strip_prefix(b"\"") {
            Some(quoted) => unquote(quoted),
            None => {
                let end = after.iter().position(|byte| *byte == b';').unwrap_or(after.len());
                let (value, tail) = after.split_at_checked(end).unwrap_or((after, &[]));
                (value.trim_ascii().to_vec(), tail)
            }
        };
        found.push((name, value));
        rest = tail;
    }
    found
}

/// The text up to the closing quote, and what follows it.
fn unquote(bytes: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'"' => return (out, rest),
            // A path in quotes has backslashes that escape nothing.
            b'\\' if matches!(tail, [b'"' | b'\\', ..]) => {
                out.extend(tail.first());
                rest = tail.get(1..).unwrap_or_default();
            }
            _ => out.push(*first),
        }
    }
    (out, rest)
}

/// The value of the parameter `name`, as text.
pub(crate) fn parameter(value: &[u8], name: &str) -> Option<String> {
    let mut pieces: BTreeMap<u32, (Vec<u8>, bool)> = BTreeMap::new();
    let mut plain = None;
    for (key, value) in pairs(value) {
        let Some(rest) = key.strip_prefix(name) else {
            continue;
        };
        let (number, is_encoded) = rest.strip_suffix('*').map_or((rest, false), |rest| (rest, true));
        match number.strip_prefix('*').map(str::parse) {
            None if number.is_empty() && is_encoded => _ = pieces.entry(0).or_insert((value, true)),
            None if number.is_empty() => _ = plain.get_or_insert(value),
            Some(Ok(number)) => _ = pieces.entry(number).or_insert((value, is_encoded)),
            _ => {}
        }
    }
    if pieces.is_empty() {
        return plain.map(|value| words::decode(&value)).filter(|text| !text.is_empty());
    }
    let mut bytes = Vec::new();
    let mut charset = String::new();
    for (number, (value, is_encoded)) in pieces {
        if !is_encoded {
            bytes.extend(value);
            continue;
        }
        let mut parts = value.splitn(3, |byte| *byte == b'\'');
        let encoded = match (number, parts.next(), parts.next(), parts.next()) {
            (0, Some(name), Some(_), Some(rest)) => {
                charset = String::from_utf8_lossy(name).into_owned();
                rest.to_vec()
            }
            _ => value,
        };
        bytes.extend(words::percent(&encoded, b'%'));
    }
    Some(words::text(&bytes, &charset)).filter(|text| !text.is_empty())
}

/// Every boundary that some mail reader may take from a `Content-Type`, without doubles.
pub(crate) fn boundaries(value: &[u8], found: &mut Vec<Vec<u8>>) {
    let mut add = |boundary: &[u8]| {
        let boundary = boundary.trim_ascii_end().to_vec();
        // One more than are tried shows the caller that there were too many.
        if boundary.len() <= MAX_BOUNDARY && found.len() <= MAX_BOUNDARIES && !found.contains(&boundary) {
            found.push(boundary);
        }
    };
    if let Some(boundary) = parameter(value, "boundary") {
        add(boundary.as_bytes());
    }
    let lower = value.to_ascii_lowercase();
    let word = b"boundary";
    for (place, _) in lower.windows(word.len()).enumerate().filter(|(_, window)| window == word) {
        let rest = value.get(place.saturating_add(word.len())..).unwrap_or_default().trim_ascii_start();
        let Some(rest) = rest.strip_prefix(b"=") else {
            continue;
        };
        let rest = rest.trim_ascii_start();
        if let Some(quoted) = rest.strip_prefix(b"\"") {
            add(&unquote(quoted).0);
            let end = quoted.iter().position(|byte| *byte == b'"').unwrap_or(quoted.len());
            add(quoted.get(..end).unwrap_or(quoted));
        } else {
            let token = rest.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
            add(token);
            add(token.split(|byte| matches!(byte, b' ' | b'\t')).next().unwrap_or_default());
            add(token.split(|byte| *byte == b'(').next().unwrap_or_default());
            add(token
                .trim_ascii()
                .strip_prefix(b"'")
                .and_then(|token| token.strip_suffix(b"'"))
                .unwrap_or(token));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(value: &str) -> Vec<String> {
        let mut found = Vec::new();
        boundaries(value.as_bytes(), &mut found);
        found.iter().map(|boundary| String::from_utf8_lossy(boundary).into_owned()).collect()
    }

    #[test]
    fn media_types() {
        for value in
            ["text/plain", " Text / PLAIN ; x=y", "te(c)xt/plain(d)", "\"text/plain\"", "text/plain x=y"]
        {
            assert_eq!(media_type(value.as_bytes()), "text/plain", "{value}");
        }
        assert_eq!(media_type(b"boundary=x"), "");
        assert_eq!(media_type(b"multipart; boundary=x"), "multipart");
    }

    #[test]
    fn names_in_all_spellings() {
        for value in [
            "attachment; filename=a.exe",
            "attachment; filename=\"a.exe\"; size=1",
            "attachment; x=\"y\" filename = \"a.exe",
            "attachment; filename*=utf-8'en'%61.exe",
            "attachment; filename*1=\"exe\"; filename*0*=us-ascii''a%2e",
            "attachment; (c) filename=\"=?utf-8?Q?a.exe?=\"",
        ] {
            assert_eq!(parameter(value.as_bytes(), "filename").as_deref(), Some("a.exe"), "{value}");
        }
        assert_eq!(parameter(b"x; filename=\"C:\\a \\\"b\\\".txt\"", "filename").unwrap(), "C:\\a \"b\".txt");
        assert_eq!(parameter(b"x; filenames=a", "filename"), None);
    }

    #[test]
    fn boundaries_in_all_spellings() {
        for value in [
            "m/x; boundary=ab",
            "m/x;boundary = \"ab\"",
            "m/x boundary=ab;c",
            "m/x; boundary=ab(c)",
            "m/x; boundary='ab'",
            "boundary=\"ab",
            "m/x; boundary*0=a; boundary*1=b",
            "m/x; boundary=ab c",
        ] {
            assert!(tried(value).contains(&"ab".to_owned()), "{value}: {:?}", tried(value));
        }
        assert_eq!(tried("m/x; boundary=a; boundary=b"), ["a", "b"]);
        assert_eq!(tried("m/x; boundary=\"\""), [""]);
    }
}
