//! Which expressions of PCRE mean the same to an engine of automata.
//!
//! Only what is known to be the same is let through. Whatever else there is in an expression, from look-around
//! to an escape that only one of the two knows, leaves it to PCRE2.

use super::Flags;

/// Escapes that mean the same outside and inside of brackets.
const ESCAPES: &[u8] = b"dDwWsStnrfa";

/// Whether the expression means the same in both languages.
pub(super) fn means_the_same(text: &str, flags: Flags) -> bool {
    // White space that means nothing means something in brackets, but not to both.
    text.is_ascii() && !flags.has(Flags::EXTENDED) && walk(text.as_bytes(), flags).is_some()
}

fn walk(mut rest: &[u8], flags: Flags) -> Option<()> {
    while let Some((byte, after)) = rest.split_first() {
        rest = match byte {
            b'\\' => escape(after, false)?,
            b'[' => class(after)?,
            b'(' => group(after)?,
            b'{' => repetition(after)?,
            // `a++` is possessive in one language only.
            b'*' | b'+' | b'?' => repeated(after)?,
            // Without a flag `$` also matches before a last line end.
            b'$' if !flags.has(Flags::MULTI_LINE) && !flags.has(Flags::DOLLAR_END_ONLY) => return None,
            // At the very end, `$` of several lines is the same in both; `^` differs behind a last line end.
            b'^' if flags.has(Flags::MULTI_LINE) => return None,
            b'\0' => return None,
            _ => after,
        };
    }
    Some(())
}

fn repeated(rest: &[u8]) -> Option<&[u8]> {
    match rest {
        [b'+' | b'*', ..] => None,
        [b'?', b'+' | b'*' | b'?', ..] => None,
        [b'?', rest @ ..] => Some(rest),
        _ => Some(rest),
    }
}

/// `{2}`, `{2,}` or `{2,3}`; anything else is literal text to PCRE.
fn repetition(rest: &[u8]) -> Option<&[u8]> {
    let end = rest.iter().position(|byte| *byte == b'}')?;
    let (range, after) = rest.split_at_checked(end)?;
    let text = std::str::from_utf8(range).ok()?;
    let (low, high) = text.split_once(',').unwrap_or((text, ""));
    let number = |text: &str| text.parse::<u16>().ok();
    let low = number(low)?;
    if !high.is_empty() && number(high)? < low {
        return None;
    }
    repeated(after.get(1..)?)
}

/// An escape, from behind its backslash on.
fn escape(rest: &[u8], bracketed: bool) -> Option<&[u8]> {
    let (byte, after) = rest.split_first()?;
    match byte {
        b'x' => match after {
            [one, two, rest @ ..] if one.is_ascii_hexdigit() && two.is_ascii_hexdigit() => Some(rest),
            _ => None,
        },
        b'b' | b'B' if !bracketed => Some(after),
        byte if ESCAPES.contains(byte) => Some(after),
        byte if byte.is_ascii_punctuation() => Some(after),
        _ => None,
    }
}

/// A class, from behind its opening bracket on.
fn class(rest: &[u8]) -> Option<&[u8]> {
    let mut rest = rest.strip_prefix(b"^").unwrap_or(rest);
    // A closing bracket that comes first is a member in both; brackets within, and what one language takes for
    // operators, are not.
    if let Some(after) = rest.strip_prefix(b"]") {
        rest = after;
    }
    let mut before = 0;
    loop {
        let (byte, after) = rest.split_first()?;
        rest = match byte {
            b']' => return Some(after),
            b'[' => return None,
            b'&' | b'~' | b'-' if before == *byte => return None,
            b'\\' => escape(after, true)?,
            _ => after,
        };
        before = *byte;
    }
}

/// A group, from behind its opening bracket on.
fn group(rest: &[u8]) -> Option<&[u8]> {
    match rest {
        [b'?', b':', rest @ ..] => Some(rest),
        [b'?', b'P', b'<', rest @ ..] => named(rest),
        [b'?', b'<', byte, ..] if byte.is_ascii_alphabetic() || *byte == b'_' => named(rest.get(2..)?),
        [b'?' | b'*', ..] => None,
        _ => Some(rest),
    }
}

fn named(rest: &[u8]) -> Option<&[u8]> {
    let end = rest.iter().position(|byte| *byte == b'>')?;
    let name = rest.get(..end)?;
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if name.iter().all(word) { rest.get(end.checked_add(1)?..) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_expressions_are_the_same() {
        for text in [
            r"hello",
            r"he.lo",
            r"a+b*?c{2,3}",
            r"[^\x00-\x20]+\.exe",
            r"(?:a|b)(?P<n>c)(?<m>d)",
            r"\bfoo\b",
            r"[]a]",
            r"^a|b\/c",
        ] {
            assert!(means_the_same(text, Flags::default()), "{text}");
        }
        assert!(means_the_same("a$", Flags::MULTI_LINE));
    }

    #[test]
    fn what_differs_is_not() {
        for text in [
            r"(?<=a)b",
            r"(?=a)",
            r"(a)\1",
            r"a++",
            r"a$",
            r"[[:alpha:]]",
            r"[a&&b]",
            r"\Qa\E",
            r"\h",
            r"\v",
            r"(?i)a",
            r"a{,3}",
            r"{a",
            r"\0",
            r"\x{41}",
            r"\x4",
            r"(*LIMIT_MATCH=9)a",
            r"(?|a|b)",
            r"(?>a)",
            "\u{e9}",
        ] {
            assert!(!means_the_same(text, Flags::default()), "{text}");
        }
        assert!(!means_the_same("^a", Flags::MULTI_LINE));
        assert!(!means_the_same("a b", Flags::EXTENDED));
    }
}
