//! Extended regular expressions of POSIX, as ClamAV's files and options write them, in the syntax of the crate `regex`.
//!
//! What differs: a backslash before a letter means the letter, a backslash in brackets means itself, and brackets know
//! no nesting. See POSIX.1-2017, section 9.4.

/// Longest expression in bytes.
const MAX_LENGTH: usize = 4096;
/// Most bytes of memory that one compiled expression may need.
const MAX_COMPILED: usize = 1 << 20;

/// Compiles an extended regular expression for text or bytes that is searched anywhere and with regard to case.
///
/// # Errors
/// The reason why it is none, or why it is too large.
pub fn compile(text: &str) -> Result<regex::bytes::Regex, String> {
    regex::bytes::RegexBuilder::new(&translated(text)?)
        .unicode(false)
        .size_limit(MAX_COMPILED)
        .dfa_size_limit(MAX_COMPILED)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "the regular expression needs too much memory".to_owned(),
            _ => format!("the regular expression {text:?} is malformed"),
        })
}

/// The same expression in the syntax of `regex`.
pub(super) fn translated(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > MAX_LENGTH {
        return Err(format!("the regular expression has not 1 to {MAX_LENGTH} bytes"));
    }
    let mut out = String::from("(?s)");
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\\' => {
                let escaped = rest.next().ok_or("the regular expression ends with a backslash")?;
                push_literal(&mut out, escaped);
            }
            '[' => bracket(&mut rest, &mut out)?,
            // A brace that begins no repetition is itself.
            '{' if !rest.peek().is_some_and(char::is_ascii_digit) => out.push_str("\\{"),
            // The crate takes what follows for flags; in POSIX there is nothing to repeat.
            '(' if rest.peek() == Some(&'?') => {
                return Err("nothing to repeat in the regular expression".to_owned());
            }
            // Lazy and possessive repetition are not of POSIX: a second one repeats the first.
            '*' | '+' | '?' | '}' if matches!(rest.peek(), Some('?' | '+' | '*')) => {
                return Err("a repetition of a repetition in the regular expression".to_owned());
            }
            _ if character.is_control() => push_literal(&mut out, character),
            _ => out.push(character),
        }
    }
    Ok(out)
}

fn push_literal(out: &mut String, character: char) {
    out.push_str(&regex::escape(character.encode_utf8(&mut [0; 4])));
}

/// A bracket expression, whose opening bracket was read.
fn bracket(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) -> Result<(), String> {
    let open = || "a bracket in the regular expression is not closed".to_owned();
    out.push('[');
    if rest.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    let mut first = true;
    loop {
        match rest.next().ok_or_else(open)? {
            ']' if !first => break,
            '[' if rest.peek() == Some(&':') => {
                out.push('[');
                loop {
                    let character = rest.next().ok_or_else(open)?;
                    out.push(character);
                    if character == ']' {
                        break;
                    }
                }
            }
            '-' if !first && rest.peek() != Some(&']') => {
                out.push('-');
                let end = rest.next().ok_or_else(open)?;
                push_literal(out, end);
            }
            character if character.is_ascii_alphanumeric() => out.push(character),
            character => {
                out.push('\\');
                if character.is_ascii() && !character.is_control() && character != ' ' {
                    out.push(character)
                } else {
                    out.pop();
                    push_literal(out, character);
                }
            }
        }
        first = false;
    }
    out.push(']');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posix_means_what_posix_says() {
        for (expression, text, matches) in [
            ("a.exe", "xa_exey", true),
            ("^a\\.exe$", "a.exe", true),
            ("^a\\.exe$", "a_exe", false),
            (".*\\.(exe|scr)$", "a.scr", true),
            ("A\\.EXE", "a.exe", false),
            ("[\\.]x", "\\x", true),
            ("[]a]+$", "]a", true),
            ("[^]a]", "]", false),
            ("[[:digit:]]{2,3}z", "12z", true),
            ("[a-c-]", "-", true),
            ("[&&]", "&", true),
            ("[[a]", "[", true),
            ("\\d", "5", false),
            ("\\d", "d", true),
            ("x{", "x{", true),
            ("a{2}", "aa", true),
            ("a.b", "a\nb", true),
        ] {
            assert_eq!(
                compile(expression).unwrap().is_match(text.as_bytes()),
                matches,
                "{expression} {text}"
            );
        }
    }

    #[test]
    fn what_is_wrong_or_costly_is_refused() {
        let long = "a".repeat(5000);
        for expression in ["", "a(exe", "[a", "a\\", "(?i)a", "a**", "a{1000}{1000}", "x*?", &long] {
            assert!(compile(expression).is_err(), "{expression}");
        }
    }
}
