//! What is kept of the texts of a list.

use crate::entry::Entry;
use crate::name::Kind;

const LONGEST_TEXT: usize = 1000;
const MOST_VALUES: usize = 200;

/// A text in one line, without superfluous spaces, cut.
pub(crate) fn cut(text: &str) -> String {
    let mut clean = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        if !clean.is_empty() {
            clean.push(' ');
        }
        let room = LONGEST_TEXT.saturating_sub(length);
        clean.extend(word.chars().filter(|c| !c.is_control()).take(room));
        length += word.chars().count() + 1;
        if length >= LONGEST_TEXT {
            break;
        }
    }
    clean
}

/// A long text in one line, as it is before it is taken apart; a record has an end anyway.
pub(crate) fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Cuts what an entry has, and leaves out what is empty or there twice.
pub(crate) fn tidy(entry: &mut Entry) {
    for text in [&mut entry.id, &mut entry.list, &mut entry.source, &mut entry.remarks] {
        *text = cut(text);
    }
    for values in
        [&mut entry.names, &mut entry.countries, &mut entry.addresses, &mut entry.born, &mut entry.programs]
    {
        let mut kept: Vec<String> = Vec::new();
        for value in values.iter() {
            let value = cut(value);
            if kept.len() < MOST_VALUES && !value.is_empty() && !kept.contains(&value) {
                kept.push(value);
            }
        }
        *values = kept;
    }
}

/// The values of a field that holds several.
pub(crate) fn several(field: &str) -> Vec<String> {
    field.split(';').map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).collect()
}

/// A person's name in the order in which people say it: `DOE, Jane` is Jane Doe.
pub(crate) fn in_order(name: &str, kind: Kind) -> String {
    match name.split_once(',') {
        Some((last, first)) if kind == Kind::Person && !first.contains(',') => {
            format!("{} {}", first.trim(), last.trim())
        }
        _ => name.to_owned(),
    }
}

const MARKERS: &[&str] = &[
    "f.k.a.",
    "a.k.a.",
    "n.k.a.",
    "fka",
    "aka",
    "nka",
    "formerly",
    "also known as",
    "formerly known as",
    "alias",
];

/// A name, and the aliases that stand in parentheses behind it: `X (f.k.a. Y; a.k.a. "Z")`.
/// Parentheses that hold no alias are a part of the name.
pub(crate) fn names(text: &str) -> Vec<String> {
    let mut main = String::new();
    let mut aliases = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('(') {
        let (before, after) = rest.split_at(open);
        let Some(close) = after.find(')') else { break };
        main.push_str(before);
        let inner = &after[1..close];
        if marker(inner).is_some() {
            aliases.extend(inner.split(';').map(|part| marker(part).unwrap_or(part)).map(unquoted));
        } else {
            main.push_str(&after[..=close]);
        }
        rest = &after[close + 1..];
    }
    main.push_str(rest);
    let mut all = vec![unquoted(main.trim().trim_end_matches([',', ';']))];
    all.append(&mut aliases);
    all.retain(|name| !name.is_empty());
    all
}

/// What follows the word that says that this is an alias.
fn marker(text: &str) -> Option<&str> {
    let text = text.trim();
    let mut longest: Option<&str> = None;
    for marker in MARKERS {
        let Some(start) = text.get(..marker.len()) else { continue };
        let rest = &text[marker.len()..];
        if start.eq_ignore_ascii_case(marker) && rest.starts_with([' ', ',', ':']) {
            let rest = rest.trim_start_matches([' ', ',', ':']);
            longest = Some(longest.map_or(rest, |other| if rest.len() < other.len() { rest } else { other }));
        }
    }
    longest
}

fn unquoted(text: &str) -> String {
    text.trim().trim_matches(['"', '\'', '“', '”']).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_in_parentheses_are_names() {
        assert_eq!(names("Acme LLC (f.k.a. Old Acme; a.k.a. \"ACM\")"), ["Acme LLC", "Old Acme", "ACM"]);
        assert_eq!(names("Acme (Holdings) Ltd (formerly known as Beta)"), ["Acme (Holdings) Ltd", "Beta"]);
        assert_eq!(names("Open (a.k.a. never closed"), ["Open (a.k.a. never closed"]);
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(cut(&"x".repeat(5000)).len(), 1000);
        assert_eq!(cut("a\n  b\u{7}"), "a b");
    }
}
