//! Extended regular expressions of POSIX, as ClamAV's files and options write them, in the syntax of the crate `regex`.
//!
//! Time is linear in what is searched, so an expression cannot stop a scan. What differs from other languages: a backslash
//! before a letter means the letter, a backslash in brackets means itself, and brackets know no nesting. See POSIX.1-2017,
//! section 9.4. Of what BSD adds, the edges of words `[[:<:]]` and `[[:>:]]` are known.

use regex::bytes::{Regex, RegexBuilder};

/// Longest expression in bytes.
const MAX_LENGTH: usize = 8192;
/// Most bytes of memory that one compiled expression may need.
const MAX_COMPILED: usize = 1 << 20;

/// Compiles an extended regular expression for bytes that is searched anywhere. `(?i)` at its beginning, which is not of
/// POSIX, means either case.
///
/// # Errors
/// The reason why it is none, or why it is too large, for people.
pub fn compile(text: &[u8]) -> Result<Regex, String> {
    let (text, any_case) = match text.strip_prefix(b"(?i)") {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    RegexBuilder::new(&translated(text)?)
        .unicode(false)
        .case_insensitive(any_case)
        .size_limit(MAX_COMPILED)
        .dfa_size_limit(MAX_COMPILED)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "the regular expression is too large".to_owned(),
            _ => "it is no extended regular expression".to_owned(),
        })
}

/// The same expression in the syntax of `regex`.
pub(super) fn translated(text: &[u8]) -> Result<String, String> {
    if text.is_empty() || text.len() > MAX_LENGTH {
        return Err(format!("the regular expression has not 1 to {MAX_LENGTH} bytes"));
    }
    let mut reader = Reader { rest: text, out: String::from("(?s)"), repeatable: false };
    while let Some(byte) = reader.next() {
        reader.piece(byte)?;
    }
    Ok(reader.out)
}

struct Reader<'a> {
    rest: &'a [u8],
    out: String,
    /// Whether what stands before can be repeated.
    repeatable: bool,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn piece(&mut self, byte: u8) -> Result<(), String> {
        match byte {
            b'\\' => {
                let byte = self.next().ok_or("the regular expression ends in a backslash")?;
                self.literal(byte);
            }
            b'[' => self.bracket()?,
            b'*' | b'+' | b'?' => self.repeat(&char::from(byte).to_string())?,
            b'{' if self.rest.first().is_some_and(u8::is_ascii_digit) => {
                let bound = self.bound()?;
                self.repeat(&bound)?;
            }
            b'.' => self.emit(".", true),
            b'(' => self.emit("(?:", false),
            b')' => self.emit(")", true),
            b'|' => self.emit("|", false),
            b'^' => self.emit("^", false),
            b'$' => self.emit("$", false),
            _ => self.literal(byte),
        }
        Ok(())
    }

    fn emit(&mut self, text: &str, repeatable: bool) {
        self.out.push_str(text);
        self.repeatable = repeatable;
    }

    fn literal(&mut self, byte: u8) {
        self.emit(&escaped(byte), true);
    }

    fn repeat(&mut self, how: &str) -> Result<(), String> {
        if !self.repeatable {
            return Err(format!("there is nothing that {how} could repeat"));
        }
        self.emit(how, false);
        Ok(())
    }

    /// `{n}`, `{n,}` or `{n,m}`, without its beginning.
    fn bound(&mut self) -> Result<String, String> {
        let end = self.rest.iter().position(|byte| *byte == b'}').ok_or("a bound is not closed")?;
        let (bound, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).unwrap_or_default();
        let text = std::str::from_utf8(bound).map_err(|_| "a bound is no number")?;
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b',');
        if plain { Ok(format!("{{{text}}}")) } else { Err(format!("the bound {{{text}}} is no number")) }
    }

    /// What stands in square brackets: bytes, ranges and classes.
    fn bracket(&mut self) -> Result<(), String> {
        for (word, edge) in [(b"[:<:]]", r"\b{start}"), (b"[:>:]]", r"\b{end}")] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                self.emit(edge, false);
                return Ok(());
            }
        }
        let open = "a square bracket is not closed";
        let negated = self.rest.first() == Some(&b'^');
        if negated {
            self.next();
        }
        let mut set = String::from(if negated { "[^" } else { "[" });
        let mut first = true;
        loop {
            let byte = self.next().ok_or(open)?;
            match (byte, self.rest.first()) {
                (b']', _) if !first => break,
                (b'[', Some(b':')) => set.push_str(&self.class()?),
                _ => {
                    let low = self.member(byte)?;
                    let high = match self.rest {
                        [b'-', next, ..] if *next != b']' => {
                            self.next();
                            let next = self.next().ok_or(open)?;
                            self.member(next)?
                        }
                        _ => low,
                    };
                    if low > high {
                        return Err("a range runs backwards".to_owned());
                    }
                    set.push_str(&format!("{}-{}", escaped(low), escaped(high)));
                }
            }
            first = false;
        }
        set.push(']');
        self.emit(&set, true);
        Ok(())
    }

    /// `[:alpha:]` and so on, without its first bracket.
    fn class(&mut self) -> Result<String, String> {
        const CLASSES: [&str; 12] = [
            "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
            "upper", "xdigit",
        ];
        for class in CLASSES {
            let word = format!(":{class}:]");
            if let Some(rest) = self.rest.strip_prefix(word.as_bytes()) {
                self.rest = rest;
                return Ok(format!("[{word}"));
            }
        }
        Err("a class of characters is not known".to_owned())
    }

    /// A byte in square brackets, which may be written `[.x.]` or `[=x=]`.
    fn member(&mut self, byte: u8) -> Result<u8, String> {
        match (byte, self.rest) {
            (b'[', [b'.', byte, b'.', b']', rest @ ..] | [b'=', byte, b'=', b']', rest @ ..]) => {
                self.rest = rest;
                Ok(*byte)
            }
            (b'[', [b'.' | b'=', ..]) => Err("a collating element is not known".to_owned()),
            _ => Ok(byte),
        }
    }
}

fn escaped(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("\\x{byte:02x}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(expression: &str, text: &str) -> bool {
        compile(expression.as_bytes()).unwrap().is_match(text.as_bytes())
    }

    #[test]
    fn they_mean_what_they_mean_in_clamscan() {
        for (expression, text) in [
            ("good$", "/t/good"),
            ("^/t/", "/t/good"),
            ("o{2}", "good"),
            ("g(oo|aa)d", "good"),
            ("[]g]ood", "good"),
            ("[[:<:]]good", "/t/good"),
            ("[^[:digit:]]$", "good"),
            ("()", "good"),
            ("(?i)GOOD", "good"),
            (r"\.iso$", "a.iso"),
            (r"[a\]x", r"\x"),
            ("a.b", "a\nb"),
            ("{x", "{x"),
            ("[[.-.]]", "a-b"),
            ("[a&&b]", "&"),
        ] {
            assert!(matches(expression, text), "{expression} {text}");
        }
        for (expression, text) in [
            ("GOOD", "good"),
            (r"\w", "good"),
            (r"\bgood", "/good"),
            (r"[a\]ood", "good"),
            (r"\.iso$", "aiso"),
        ] {
            assert!(!matches(expression, text), "{expression} {text}");
        }
        assert!(compile(b"\xff$").unwrap().is_match(b"a\xff"));
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for wrong in
            ["[", "*good", "o**", "a+?", "a|*", "^*", "a{2", "(", r"\", "[b-a]", "[[:x:]]", "a{1,2,3}"]
        {
            assert!(compile(wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert!(compile(&b"(((a{99}){99}){99}){99}".repeat(3)).is_err());
        assert!(compile(b"").is_err() && compile(&b"a".repeat(9000)).is_err());
        assert!(translated(b"(?i)a").is_err() && compile(b"a{1000}{1000}").is_err());
    }

    #[test]
    fn posix_means_what_posix_says() {
        for (expression, text, expected) in [
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
            ("[[a]", "[", true),
            ("\\d", "5", false),
            ("\\d", "d", true),
            ("x{", "x{", true),
        ] {
            assert_eq!(matches(expression, text), expected, "{expression} {text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_written_is_compiled_or_refused(text in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = compile(&text);
        }

        #[test]
        fn a_text_with_backslashes_matches_itself(text in prop::collection::vec(1_u8.., 1..20)) {
            let quoted: Vec<u8> = text.iter().flat_map(|byte| [b'\\', *byte]).collect();
            prop_assert!(compile(&quoted).unwrap().is_match(&text));
        }
    }
}
