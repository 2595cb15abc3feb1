//! Words, numbers, strings and signs of a script, and what it declares.

use candor_object::Flow;

use super::clock::Clock;
use super::names::Names;

/// A part of a script.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token {
    /// A word, and the function that it stands in.
    Word {
        text: Piece,
        function: u32,
    },
    /// A word of the language.
    Keyword(Piece),
    Integer(i32),
    Float(f64),
    /// A string's content, escapes being decoded.
    String(Piece),
    /// A sign of one byte.
    Sign(u8),
}

/// A range of [`Text::bytes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    start: u32,
    length: u32,
}

/// A script as tokens.
#[derive(Debug, Default)]
pub(super) struct Text {
    pub(super) tokens: Vec<Token>,
    pub(super) names: Names,
    bytes: Vec<u8>,
    lexeme: Lexeme,
    pending: Vec<u8>,
    /// Parentheses that are open.
    open: u32,
}

/// Bytes that are one step of the clock.
const PIECE: usize = 16;

/// What the next byte goes on with, if with anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Lexeme {
    #[default]
    None,
    Word,
    Integer,
    Float,
    String {
        quote: u8,
        escaped: bool,
    },
    Slash,
    /// Between `/*` and `*/`, and whether the last byte was a star.
    Comment {
        star: bool,
    },
    /// Behind `//`; white space of any kind ends it.
    LineComment,
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

impl Text {
    /// The bytes of a piece.
    pub(super) fn piece(&self, piece: Piece) -> &[u8] {
        let start = piece.start as usize;
        self.bytes.get(start..start.saturating_add(piece.length as usize)).unwrap_or_default()
    }

    /// Keeps bytes.
    pub(super) fn keep(&mut self, bytes: &[u8]) -> Piece {
        // A script and what comes out of it are at most a few times 4 MiB long.
        let start = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(bytes);
        Piece { start, length: u32::try_from(bytes.len()).unwrap_or(u32::MAX) }
    }

    /// Takes the next bytes of the script.
    pub(super) fn read(&mut self, script: &[u8], clock: &mut Clock<'_>) -> Flow {
        for piece in script.chunks(PIECE) {
            clock.step()?;
            for byte in piece {
                while !self.step(*byte) {}
            }
        }
        Ok(())
    }

    /// The script ends here: an open string is one, an unfinished word is none.
    pub(super) fn end(&mut self) {
        match self.lexeme {
            Lexeme::String { .. } => self.string(),
            Lexeme::Slash => {
                self.lexeme = Lexeme::None;
                self.sign(b'/');
            }
            Lexeme::LineComment => self.lexeme = Lexeme::None,
            _ => {}
        }
        for _ in 0..std::mem::take(&mut self.open) {
            self.tokens.push(Token::Sign(b')'));
        }
    }

    /// Reads what came out of a string in a call of `function`. It goes on where the last text ended, be it in a word.
    pub(super) fn read_evaluated(&mut self, function: Token, script: &[u8], clock: &mut Clock<'_>) -> Flow {
        if let Token::Word { function, .. } = function {
            self.names.go_to(function);
        }
        self.read(script, clock)
    }

    /// Whether the byte is used up.
    fn step(&mut self, byte: u8) -> bool {
        match self.lexeme {
            Lexeme::None => self.begin(byte),
            Lexeme::Word if is_word(byte) => self.pending.push(byte),
            Lexeme::Word => {
                self.word();
                return byte == b'\\';
            }
            Lexeme::Integer if byte.is_ascii_digit() => self.pending.push(byte),
            Lexeme::Integer if byte == b'.' => {
                self.pending.push(byte);
                self.lexeme = Lexeme::Float;
            }
            Lexeme::Integer => {
                self.lexeme = Lexeme::None;
                let number = integer(&self.pending);
                self.tokens.push(Token::Integer(number));
                return false;
            }
            Lexeme::Float if byte.is_ascii_digit() || matches!(byte, b'e' | b'E') => self.pending.push(byte),
            Lexeme::Float => {
                self.lexeme = Lexeme::None;
                let number = float(&self.pending);
                self.tokens.push(Token::Float(number));
                return false;
            }
            Lexeme::String { quote, escaped } if byte == quote && !escaped => self.string(),
            Lexeme::String { quote, .. } => {
                self.pending.push(byte);
                self.lexeme = Lexeme::String { quote, escaped: byte == b'\\' };
            }
            Lexeme::Slash => match byte {
                b'*' => self.lexeme = Lexeme::Comment { star: false },
                b'/' => self.lexeme = Lexeme::LineComment,
                _ => {
                    self.lexeme = Lexeme::None;
                    self.sign(b'/');
                    return false;
                }
            },
            Lexeme::Comment { star: true } if byte == b'/' => self.lexeme = Lexeme::None,
            Lexeme::Comment { .. } => self.lexeme = Lexeme::Comment { star: byte == b'*' },
            Lexeme::LineComment if is_space(byte) => self.lexeme = Lexeme::None,
            Lexeme::LineComment => {}
        }
        true
    }

    fn begin(&mut self, byte: u8) {
        self.pending.clear();
        match byte {
            b'0'..=b'9' => {
                self.pending.push(byte);
                self.lexeme = Lexeme::Integer;
            }
            _ if is_word(byte) => {
                self.pending.push(byte);
                self.lexeme = Lexeme::Word;
            }
            b'"' | b'\'' => self.lexeme = Lexeme::String { quote: byte, escaped: false },
            b'/' => self.lexeme = Lexeme::Slash,
            // It is a word without letters.
            b'\\' => {
                self.word();
            }
            b'!' | b'%' | b'&' | b'('..=b'.' | b':'..=b'?' | b'[' | b']' | b'^' | b'{'..=b'~' => {
                self.sign(byte)
            }
            // White space, and what is in no script: it separates words and is left out.
            _ => {}
        }
    }

    fn word(&mut self) {
        self.lexeme = Lexeme::None;
        let word = std::mem::take(&mut self.pending);
        let text = self.keep(&word);
        let token = if KEYWORDS.binary_search(&word.as_slice()).is_ok() {
            self.names.keyword(&word);
            Token::Keyword(text)
        } else {
            let member = self.tokens.last() == Some(&Token::Sign(b'.'));
            let function = if member { self.names.current() } else { self.names.word(&word) };
            Token::Word { text, function }
        };
        self.pending = word;
        self.tokens.push(token);
    }

    fn string(&mut self) {
        self.lexeme = Lexeme::None;
        let raw = std::mem::take(&mut self.pending);
        let text = self.keep(&unescape(&raw));
        self.tokens.push(Token::String(text));
        self.pending = raw;
    }

    fn sign(&mut self, sign: u8) {
        match sign {
            b'(' => self.open = self.open.saturating_add(1),
            b')' => self.open = self.open.saturating_sub(1),
            _ => {}
        }
        self.names.sign(sign);
        self.tokens.push(Token::Sign(sign));
    }
}

/// A decimal number, as the lowest 32 bits of one of 64.
fn integer(digits: &[u8]) -> i32 {
    let number = digits.iter().fold(0_i64, |number, digit| {
        number.saturating_mul(10).saturating_add(i64::from(digit.wrapping_sub(b'0')))
    });
    (number & 0xffff_ffff) as u32 as i32
}

/// The number that the text begins with.
fn float(text: &[u8]) -> f64 {
    let text = str::from_utf8(text).unwrap_or_default();
    let exponent = text.find(['e', 'E']).unwrap_or(text.len());
    let (mantissa, power) = text.split_at_checked(exponent).unwrap_or((text, ""));
    let power: String = power.chars().skip(1).take_while(char::is_ascii_digit).collect();
    let whole = format!("{mantissa}e{}", if power.is_empty() { "0" } else { &power });
    whole.parse().unwrap_or(0.0)
}

/// The content of a string, escapes being decoded. A NUL becomes 1.
fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let Some((kind, after)) = rest.split_first() else { break };
        rest = after;
        match kind {
            b'n' | b'r' | b't' | b'f' | b'v' => out.push(b' '),
            b'b' => out.push(8),
            b'0' => out.push(1),
            b'x' => match rest.split_first_chunk::<2>() {
                Some((digits, after)) => {
                    out.push(hexadecimal_byte(*digits));
                    rest = after;
                }
                None => {
                    out.push(b'\\');
                    rest = &[];
                }
            },
            b'u' => match rest.split_first_chunk::<4>() {
                Some((digits, after)) => {
                    push_utf8(number(digits), &mut out);
                    rest = after;
                }
                None => out.push(b'\\'),
            },
            _ => out.push(*kind),
        }
    }
    out
}

/// Hexadecimal digits as a number; what is no digit counts as all bits.
pub(super) fn number(digits: &[u8]) -> u16 {
    digits.iter().fold(0_u16, |number, digit| {
        let digit = char::from(*digit).to_digit(16).and_then(|digit| u16::try_from(digit).ok());
        number.wrapping_shl(4) | digit.unwrap_or(u16::MAX)
    })
}

/// Two hexadecimal digits as a byte; 1 for NUL.
pub(super) fn hexadecimal_byte(digits: [u8; 2]) -> u8 {
    let [low, _] = number(&digits).to_le_bytes();
    low.max(1)
}

/// Appends a character in UTF-8, halves of pairs too; 1 for NUL.
pub(super) fn push_utf8(unit: u16, out: &mut Vec<u8>) {
    let unit = unit.max(1);
    // Halves of pairs are no characters, so that the bytes are made here.
    let six = |shift: u32| unit.wrapping_shr(shift).to_le_bytes()[0] & 0x3f;
    match unit {
        0..0x80 => out.push(six(0) | unit.to_le_bytes()[0]),
        0x80..0x800 => out.extend([six(6) | 0xc0, six(0) | 0x80]),
        _ => out.extend([six(12) | 0xe0, six(6) | 0x80, six(0) | 0x80]),
    }
}

/// Words that are no names, in order.
static KEYWORDS: &[&[u8]] = &[
    b"abstract",
    b"boolean",
    b"break",
    b"byte",
    b"case",
    b"catch",
    b"char",
    b"class",
    b"const",
    b"continue",
    b"debugger",
    b"default",
    b"delete",
    b"do",
    b"double",
    b"else",
    b"enum",
    b"export",
    b"extends",
    b"false",
    b"final",
    b"finally",
    b"float",
    b"for",
    b"function",
    b"goto",
    b"if",
    b"implements",
    b"import",
    b"in",
    b"instanceof",
    b"int",
    b"interface",
    b"long",
    b"native",
    b"new",
    b"null",
    b"package",
    b"private",
    b"protected",
    b"public",
    b"return",
    b"short",
    b"static",
    b"super",
    b"switch",
    b"synchronized",
    b"this",
    b"throw",
    b"throws",
    b"transient",
    b"true",
    b"try",
    b"typeof",
    b"var",
    b"void",
    b"volatile",
    b"while",
    b"with",
];
