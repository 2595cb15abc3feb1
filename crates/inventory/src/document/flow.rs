//! Lists and tables within one line, as YAML and TOML have them: `{a: b, c: [d]}`, `["a", "b"]`.

use super::Event;

/// Adds the events of a value. Of what nests in a list or table only the text is told.
pub(crate) fn value(text: &str, equals: char, into: &mut impl Extend<Event>) {
    let text = text.trim();
    let inside = |open, close| text.strip_prefix(open).and_then(|rest: &str| rest.strip_suffix(close));
    if let Some(table) = inside('{', '}') {
        for member in parts(table, ',') {
            let mut halves = parts(member, equals).into_iter();
            let (Some(name), Some(value)) = (halves.next(), halves.next()) else { continue };
            into.extend([Event::Open(scalar(name)), Event::Text(scalar(value)), Event::Close]);
        }
    } else if let Some(list) = inside('[', ']') {
        for element in parts(list, ',').into_iter().filter(|part| !part.trim().is_empty()) {
            into.extend([Event::Open("item".to_owned()), Event::Text(scalar(element)), Event::Close]);
        }
    } else if !text.is_empty() {
        into.extend([Event::Text(scalar(text))]);
    }
}

/// The text of a value without its quotes, and without a comment behind it.
pub(crate) fn scalar(text: &str) -> String {
    let text = text.trim();
    match text.as_bytes().first() {
        Some(b'"') => match end_of(&text[1..], '"') {
            Some(end) => text[1..=end].replace("\\\"", "\"").replace("\\\\", "\\"),
            None => text[1..].to_owned(),
        },
        Some(b'\'') => text[1..].split('\'').next().unwrap_or("").to_owned(),
        _ => text.split(" #").next().unwrap_or("").trim().to_owned(),
    }
}

/// Where a quoted text ends.
fn end_of(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            '\\' if !escaped => escaped = true,
            character if character == quote && !escaped => return Some(at),
            _ => escaped = false,
        }
    }
    None
}

/// The parts of a text between separators that stand in no quotes and no brackets.
pub(crate) fn parts(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quote) = (Vec::new(), 0, 0_u32, None);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), character) => {
                if open == character {
                    quote = None;
                }
            }
            (None, '"' | '\'') => quote = Some(character),
            (None, '[' | '{') => depth = depth.saturating_add(1),
            (None, ']' | '}') => depth = depth.saturating_sub(1),
            (None, character) if character == separator && depth == 0 => {
                parts.push(&text[start..at]);
                start = at + character.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}
