//! A pattern in hexadecimal as `sigtool` decodes it: its bytes, and names in braces for all else.

/// Deepest nesting of choices.
const MAX_DEPTH: u32 = 16;

/// The bytes of a pattern, with names in braces for wildcards, or the reason why it is none.
pub(super) fn decoded(hex: &str) -> Result<Vec<u8>, String> {
    if hex.starts_with(['*', '[']) {
        return Err("Can't extract part 1 of partial signature".to_owned());
    }
    let mut out = Vec::new();
    let (hex, end) = without_end_mark(hex);
    let hex = start_mark(hex, &mut out);
    part(hex, MAX_DEPTH, &mut out)?;
    out.extend_from_slice(end.as_bytes());
    Ok(out)
}

/// The marks of boundaries.
const MARKS: [(&str, &str); 3] = [("(B)", "BOUNDARY"), ("(L)", "LINE_MARKER"), ("(W)", "WORD_MARKER")];

/// What is left without a mark at the end, and the mark's name.
fn without_end_mark(hex: &str) -> (&str, String) {
    for (mark, name) in MARKS {
        if let Some(rest) = hex.strip_suffix(mark) {
            return match rest.strip_suffix('!') {
                Some(rest) => (rest, format!("{{NOT_{name}_RIGHT}}")),
                None => (rest, format!("{{{name}_RIGHT}}")),
            };
        }
    }
    (hex, String::new())
}

/// What is left without a mark at the start, whose name is written. Of a negated one ClamAV writes nothing.
fn start_mark<'a>(hex: &'a str, out: &mut Vec<u8>) -> &'a str {
    for (mark, name) in MARKS {
        if let Some(rest) = hex.strip_prefix(mark) {
            out.extend_from_slice(format!("{{{name}_LEFT}}").as_bytes());
            return rest;
        }
        if let Some(rest) = hex.strip_prefix('!').and_then(|hex| hex.strip_prefix(mark)) {
            return rest;
        }
    }
    hex
}

fn part(hex: &str, depth: u32, out: &mut Vec<u8>) -> Result<(), String> {
    let mut rest = hex;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '*' => {
                out.extend_from_slice(b"{WILDCARD_ANY_STRING}");
                &rest[1..]
            }
            '{' => gap(rest, '}', out)?,
            '[' => gap(rest, ']', out)?,
            '!' | '(' => choice(rest, depth, out)?,
            _ => byte(rest, out)?,
        };
    }
    Ok(())
}

fn gap<'a>(text: &'a str, close: char, out: &mut Vec<u8>) -> Result<&'a str, String> {
    let (inside, rest) = text[1..].split_once(close).ok_or_else(|| format!("Decoding failed (2): {text}"))?;
    let name = match inside.split_once('-') {
        None => format!("{{WILDCARD_ANY_STRING(LENGTH=={inside})}}"),
        Some(("", "")) => String::new(),
        Some(("", most)) => format!("{{WILDCARD_ANY_STRING(LENGTH<={})}}", most.trim_end_matches('-')),
        Some((least, "")) => format!("{{WILDCARD_ANY_STRING(LENGTH>={least})}}"),
        Some((least, most)) => format!("{{WILDCARD_ANY_STRING(LENGTH>={least}&&<={most})}}"),
    };
    out.extend_from_slice(name.as_bytes());
    Ok(rest)
}

fn choice<'a>(text: &'a str, depth: u32, out: &mut Vec<u8>) -> Result<&'a str, String> {
    let failed = || format!("Decoding failed (4): {text}");
    let depth = depth.checked_sub(1).ok_or_else(failed)?;
    let (negated, body) = match text.strip_prefix('!') {
        Some(body) => (true, body),
        None => (false, text),
    };
    // Marks in the middle have no name of their own in ClamAV's output.
    if let Some(rest) = MARKS.iter().find_map(|(mark, _)| body.strip_prefix(mark)) {
        return Ok(rest);
    }
    let body = body.strip_prefix('(').ok_or_else(failed)?;
    let end = closing(body).ok_or_else(failed)?;
    let (inside, rest) = (&body[..end], &body[end + 1..]);
    let name = if negated { "{EXCLUDING_STRING_ALTERNATIVE:" } else { "{STRING_ALTERNATIVE:" };
    out.extend_from_slice(name.as_bytes());
    for (number, alternative) in alternatives(inside).into_iter().enumerate() {
        if number > 0 {
            out.push(b'|');
        }
        if alternative.is_empty() {
            return Err(failed());
        }
        part(alternative, depth, out)?;
    }
    out.push(b'}');
    Ok(rest)
}

/// Where the bracket closes that was opened before the text.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1_u32;
    for (place, character) in text.char_indices() {
        match character {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(place);
        }
    }
    None
}

/// The parts between bars outside of brackets.
fn alternatives(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let (mut start, mut open) = (0, 0_u32);
    for (place, character) in text.char_indices() {
        match character {
            '(' => open += 1,
            ')' => open = open.saturating_sub(1),
            '|' if open == 0 => {
                all.push(&text[start..place]);
                start = place + 1;
            }
            _ => {}
        }
    }
    all.push(&text[start..]);
    all
}

fn byte<'a>(text: &'a str, out: &mut Vec<u8>) -> Result<&'a str, String> {
    let failed = || format!("Decoding failed (1): {text}");
    let (pair, rest) = text.split_at_checked(2).ok_or_else(failed)?;
    let digit = |character: char| character.to_digit(16);
    let mut characters = pair.chars();
    let (high, low) = (characters.next().unwrap_or(' '), characters.next().unwrap_or(' '));
    match (high, low, digit(high), digit(low)) {
        ('?', '?', ..) => out.extend_from_slice(b"{WILDCARD_IGNORE}"),
        ('?', _, _, Some(low)) => {
            out.extend_from_slice(format!("{{WILDCARD_NIBBLE_LOW:0x{low:x}}}").as_bytes())
        }
        (_, '?', Some(high), _) => {
            out.extend_from_slice(format!("{{WILDCARD_NIBBLE_HIGH:0x{high:x}0}}").as_bytes());
        }
        (_, _, Some(high), Some(low)) => out.push((high * 16 + low) as u8),
        _ => return Err(failed()),
    }
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each as `sigtool` 1.4.6 decodes it.
    #[test]
    fn everything_has_its_name() {
        let text = |hex: &str| decoded(hex).map(|bytes| String::from_utf8(bytes).unwrap());
        for (hex, expected) in [
            ("68656c6c6f", "hello"),
            (
                "686868{-5}66{5-}77{3}?a??a?",
                "hhh{WILDCARD_ANY_STRING(LENGTH<=5)}f{WILDCARD_ANY_STRING(LENGTH>=5)}w{WILDCARD_ANY_STRING(LENGTH==3)}\
                 {WILDCARD_NIBBLE_LOW:0xa}{WILDCARD_IGNORE}{WILDCARD_NIBBLE_HIGH:0xa0}",
            ),
            ("77??6f*72", "w{WILDCARD_IGNORE}o{WILDCARD_ANY_STRING}r"),
            ("68[2-4]69", "h{WILDCARD_ANY_STRING(LENGTH>=2&&<=4)}i"),
            ("(68|6868)69", "{STRING_ALTERNATIVE:h|hh}i"),
            ("!(6868|6969)70", "{EXCLUDING_STRING_ALTERNATIVE:hh|ii}p"),
            ("((68|69)|70)71", "{STRING_ALTERNATIVE:{STRING_ALTERNATIVE:h|i}|p}q"),
            ("(B)6868(L)68(W)!(B)", "{BOUNDARY_LEFT}hhh{NOT_BOUNDARY_RIGHT}"),
            ("(W)6868", "{WORD_MARKER_LEFT}hh"),
            ("6868(L)", "hh{LINE_MARKER_RIGHT}"),
            ("!(B)6868", "hh"),
            ("6868{-}", "hh"),
            ("{5}6868", "{WILDCARD_ANY_STRING(LENGTH==5)}hh"),
        ] {
            assert_eq!(text(hex).as_deref(), Ok(expected), "{hex}");
        }
    }

    #[test]
    fn what_is_broken_is_refused() {
        let deep = "(".repeat(5000);
        for hex in ["*6868", "68686", "68zz", "(68", "68{5", "é", "6é8", "(68||69)", "!68", deep.as_str()] {
            assert!(decoded(hex).is_err(), "{hex}");
        }
    }
}
