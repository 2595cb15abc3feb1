//! The words, strings and signs of scripts: what is common to PowerShell, VBScript, PHP and Python.

/// A language whose constant expressions are folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    PowerShell,
    Basic,
    Php,
    Python,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A string, without its quotes and escapes; whether variables in it stand for their values.
    Text(Vec<u8>, bool),
    /// A number.
    Number(i64),
    /// A name, an operator such as `-join`, or the name of a type in square brackets, which begins with one.
    Word(Vec<u8>),
    /// A sign.
    Sign(u8),
    /// Blanks.
    Blank,
    /// A line end.
    Line,
    /// A comment and the like.
    Other,
}

/// A token and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Cuts a script into tokens from a place on, at most so many. Never fails: what is unknown is a sign.
pub(super) fn tokens(text: &[u8], from: usize, most: usize, language: Language) -> Vec<Token> {
    let mut lexer = Lexer { text, at: from, language };
    let mut tokens = Vec::new();
    while lexer.at < text.len() && tokens.len() < most {
        let start = lexer.at;
        let kind = lexer.next();
        lexer.at = lexer.at.max(start.saturating_add(1)).min(text.len());
        tokens.push(Token { kind, start, end: lexer.at });
    }
    tokens
}

struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    language: Language,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.at.saturating_add(ahead)).copied().unwrap_or(0)
    }

    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }

    fn skip_while(&mut self, test: impl Fn(u8) -> bool) {
        let count = self.rest().iter().take_while(|byte| test(**byte)).count();
        self.skip(count);
    }

    fn next(&mut self) -> Kind {
        use Language::{Basic, Php, PowerShell, Python};
        let (byte, second, language) = (self.peek(0), self.peek(1), self.language);
        match byte {
            b' ' | b'\t' => {
                self.skip_while(|byte| matches!(byte, b' ' | b'\t'));
                Kind::Blank
            }
            // A line that goes on.
            b'`' if language == PowerShell && matches!(second, b'\r' | b'\n') => {
                self.skip(1);
                self.skip_while(|byte| matches!(byte, b'\r' | b'\n'));
                Kind::Blank
            }
            b'_' if language == Basic && matches!(second, b'\r' | b'\n') => {
                self.skip(1);
                self.skip_while(|byte| matches!(byte, b'\r' | b'\n'));
                Kind::Blank
            }
            b'\r' | b'\n' => {
                self.skip_while(|byte| matches!(byte, b'\r' | b'\n'));
                Kind::Line
            }
            b'#' if language != Basic => self.comment(),
            b'\'' if language == Basic => self.comment(),
            b'/' if language == Php && second == b'/' => self.comment(),
            b'/' if language == Php && second == b'*' => self.until(b"*/"),
            b'<' if language == PowerShell && second == b'#' => self.until(b"#>"),
            b'@' if language == PowerShell && matches!(second, b'"' | b'\'') => self.here(second),
            b'"' | b'\'' => self.string(byte),
            b'[' if language == PowerShell => self.type_name(),
            b'&' if language == Basic && second.eq_ignore_ascii_case(&b'h') => {
                self.skip(2);
                let kind = self.digits(16);
                if self.peek(0) == b'&' {
                    self.skip(1);
                }
                kind
            }
            b'0' if second.eq_ignore_ascii_case(&b'x') => {
                self.skip(2);
                self.digits(16)
            }
            b'0'..=b'9' => self.digits(10),
            b'-' if language == PowerShell && second.is_ascii_alphabetic() => {
                self.skip(1);
                let word = self.word();
                Kind::Word([b"-".as_slice(), &word].concat())
            }
            b'$' if matches!(language, PowerShell | Php) => {
                self.skip(1);
                if self.peek(0) == b'{' {
                    self.skip(1);
                    let start = self.at;
                    self.skip_while(|byte| byte != b'}' && byte != b'\n');
                    let name = self.text.get(start..self.at).unwrap_or_default();
                    let name: Vec<u8> = name.iter().copied().filter(|byte| *byte != b'`').collect();
                    self.skip(1);
                    return Kind::Word([b"$".as_slice(), &name].concat());
                }
                let word = self.word();
                if word.is_empty() { Kind::Sign(b'$') } else { Kind::Word([b"$".as_slice(), &word].concat()) }
            }
            b'b' | b'r' | b'B' | b'R' if language == Python && matches!(second, b'"' | b'\'') => {
                self.skip(1);
                self.string(second)
            }
            _ if is_letter(byte) || byte == b'`' && language == PowerShell => Kind::Word(self.word()),
            _ => Kind::Sign(byte),
        }
    }

    fn comment(&mut self) -> Kind {
        self.skip_while(|byte| !matches!(byte, b'\r' | b'\n'));
        Kind::Other
    }

    fn until(&mut self, end: &[u8]) -> Kind {
        let place = memchr::memmem::find(self.rest(), end);
        let size = place.map_or_else(|| self.rest().len(), |place| place.saturating_add(end.len()));
        self.skip(size);
        Kind::Other
    }

    /// A string over several lines.
    fn here(&mut self, quote: u8) -> Kind {
        self.skip(2);
        let rest = self.rest();
        let size = memchr::memmem::find(rest, &[b'\n', quote, b'@']).unwrap_or(rest.len());
        let text = rest.get(..size).unwrap_or_default().trim_ascii().to_vec();
        self.skip(size.saturating_add(3));
        Kind::Text(text, quote == b'"')
    }

    fn word(&mut self) -> Vec<u8> {
        let (language, start) = (self.language, self.at);
        self.skip_while(|byte| {
            is_letter(byte)
                || byte.is_ascii_digit()
                || match language {
                    Language::PowerShell => matches!(byte, b'`' | b'-' | b':'),
                    Language::Basic => byte == b'$',
                    Language::Php => false,
                    Language::Python => byte == b'.',
                }
        });
        let mut word = self.text.get(start..self.at).unwrap_or_default();
        // A scope such as `$env:` is part of the name, `::` is not; and so is no minus at the end.
        if language == Language::PowerShell {
            let cut = memchr::memmem::find(word, b"::").unwrap_or(word.len());
            word = word.get(..cut).unwrap_or_default();
            while let Some(shorter) = word.strip_suffix(b"-").or_else(|| word.strip_suffix(b":")) {
                word = shorter;
            }
            self.at = start.saturating_add(word.len());
        }
        word.iter().copied().filter(|byte| language != Language::PowerShell || *byte != b'`').collect()
    }

    fn digits(&mut self, base: u32) -> Kind {
        let start = self.at;
        self.skip_while(|byte| char::from(byte).is_digit(base));
        let digits = self.text.get(start..self.at).unwrap_or_default();
        let digits = std::str::from_utf8(digits).unwrap_or_default();
        i64::from_str_radix(digits, base).map_or(Kind::Other, Kind::Number)
    }

    /// `[char]`, `[System.Convert]`; the name of the type is short and has nothing but letters.
    fn type_name(&mut self) -> Kind {
        let rest = self.rest().get(1..).unwrap_or_default();
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b".`[] ".contains(byte);
        let inner: Vec<u8> = rest.iter().copied().take(64).take_while(allowed).collect();
        let end = if let Some(place) = memchr::memmem::find(&inner, b"[]]") {
            place.saturating_add(2)
        } else if let Some(place) = inner.iter().position(|byte| *byte == b']') {
            place
        } else {
            return Kind::Sign(b'[');
        };
        let name: Vec<u8> = inner.iter().take(end).copied().filter(|byte| !b"` ".contains(byte)).collect();
        if !name.first().is_some_and(u8::is_ascii_alphabetic) {
            return Kind::Sign(b'[');
        }
        self.skip(end.saturating_add(2));
        Kind::Word([b"[".as_slice(), &name, b"]"].concat())
    }

    fn string(&mut self, quote: u8) -> Kind {
        use Language::{Basic, Php, PowerShell, Python};
        self.skip(1);
        let triple = self.language == Python && self.rest().starts_with(&[quote, quote]);
        if triple && self.peek(2) == quote {
            self.skip(2);
        }
        let mut text = Vec::new();
        let language = self.language;
        while self.at < self.text.len() {
            let (byte, second) = (self.peek(0), self.peek(1));
            match byte {
                _ if byte == quote && second == quote && matches!(language, PowerShell | Basic) => {
                    text.push(quote);
                    self.skip(2);
                }
                _ if byte == quote => {
                    self.skip(1);
                    break;
                }
                // Strings of these end with the line, so that a lone quote spoils no more than that.
                b'\n' if language == Basic => break,
                b'`' if language == PowerShell && quote == b'"' => {
                    text.push(match second {
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        b'0' => 0,
                        other => other,
                    });
                    self.skip(2);
                }
                b'\\' if language == Python || language == Php && quote == b'"' => self.escape(&mut text),
                b'\\' if language == Php && matches!(second, b'\'' | b'\\') => {
                    text.push(second);
                    self.skip(2);
                }
                _ => {
                    text.push(byte);
                    self.skip(1);
                }
            }
        }
        Kind::Text(text, quote == b'"' && matches!(language, PowerShell | Php))
    }

    /// An escape as in C.
    fn escape(&mut self, text: &mut Vec<u8>) {
        let (size, byte) = escape(self.rest());
        text.extend(byte);
        self.skip(size.max(1));
    }
}

/// Reads an escape that begins with a backslash: how many bytes it takes, and what it stands for.
pub(super) fn escape(rest: &[u8]) -> (usize, Option<u8>) {
    let number = |from: usize, most: usize, base: u32| {
        let digits = rest.get(from..).unwrap_or_default();
        let digits = digits.iter().take(most).take_while(|byte| char::from(**byte).is_digit(base));
        digits.fold((0_usize, 0_u32), |(count, number), byte| {
            let digit = char::from(*byte).to_digit(base).unwrap_or(0);
            (count.saturating_add(1), number.wrapping_mul(base).wrapping_add(digit))
        })
    };
    let low = |number: u32| Some(number.to_le_bytes()[0]);
    match rest.get(1).copied().unwrap_or(b'\\') {
        b'x' => {
            let (count, value) = number(2, 2, 16);
            if count == 0 { (2, Some(b'x')) } else { (count.saturating_add(2), low(value)) }
        }
        b'0'..=b'7' => {
            let (count, value) = number(1, 3, 8);
            (count.saturating_add(1), low(value))
        }
        b'n' => (2, Some(b'\n')),
        b'r' => (2, Some(b'\r')),
        b't' => (2, Some(b'\t')),
        b'e' => (2, Some(0x1b)),
        b'\n' => (2, None),
        byte @ (b'\\' | b'"' | b'\'' | b'$') => (2, Some(byte)),
        _ => (1, Some(b'\\')),
    }
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}
