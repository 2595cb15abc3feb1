//! Groups, control words and text of RTF.
//!
//! Specification: RTF 1.9.1, "RTF Syntax". Where readers had to choose, this does as Word is known to.

use std::borrow::Cow;
use std::io;

use candor_object::Content;

/// Most letters of a control word, and most digits of its number; what follows is text.
const LONGEST_WORD: usize = 250;
const STEP: usize = 64 << 10;

/// What stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// `{`
    Open,
    /// `}`
    Close,
    /// A control word; see [`Tokens::word`] and [`Tokens::number`].
    Word,
    /// A byte in two hexadecimal digits behind `\'`.
    Escape(u8),
    /// Any other byte behind a backslash.
    Symbol(u8),
    /// A byte of text.
    Text(u8),
    /// Bytes that `\bin` announces; the next token is behind them.
    Binary(u64, u64),
}

/// Takes content apart, from any place on.
pub(super) struct Tokens<'c> {
    content: &'c Content,
    at: u64,
    window: Cow<'c, [u8]>,
    /// Where the window begins.
    start: u64,
    /// Bytes that were passed.
    pub(super) passed: u64,
    /// The last control word, in the letters that stand there.
    pub(super) word: Vec<u8>,
    /// The number behind it.
    pub(super) number: Option<i32>,
}

impl<'c> Tokens<'c> {
    pub(super) fn new(content: &'c Content, at: u64) -> Self {
        let window = Cow::Borrowed(&[][..]);
        Self { content, at, window, start: at, passed: 0, word: Vec::new(), number: None }
    }

    /// Where the next token begins.
    pub(super) fn position(&self) -> u64 {
        self.at
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        let place = usize::try_from(self.at.saturating_sub(self.start)).unwrap_or(usize::MAX);
        if let Some(byte) = self.window.get(place) {
            return Ok(Some(*byte));
        }
        self.window = self.content.window(self.at, STEP)?;
        self.start = self.at;
        Ok(self.window.first().copied())
    }

    fn take(&mut self) -> io::Result<Option<u8>> {
        let byte = self.peek()?;
        if byte.is_some() {
            self.skip(1);
        }
        Ok(byte)
    }

    fn skip(&mut self, count: u64) {
        self.at = self.at.saturating_add(count);
        self.passed = self.passed.saturating_add(count.min(STEP as u64));
    }

    /// The next token, or nothing at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Token>> {
        let Some(byte) = self.take()? else { return Ok(None) };
        Ok(Some(match byte {
            b'{' => Token::Open,
            b'}' => Token::Close,
            b'\\' => match self.peek()? {
                None => return Ok(None),
                Some(letter) if letter.is_ascii_alphabetic() => self.control_word()?,
                Some(b'\'') => {
                    self.skip(1);
                    // Whatever the two are, they are no text.
                    let (high, low) = (self.take()?, self.take()?);
                    Token::Escape(byte_of(high, low))
                }
                Some(symbol) => {
                    self.skip(1);
                    Token::Symbol(symbol)
                }
            },
            text => Token::Text(text),
        }))
    }

    fn control_word(&mut self) -> io::Result<Token> {
        self.word.clear();
        self.number = None;
        while let Some(letter) = self.peek()?.filter(u8::is_ascii_alphabetic) {
            if self.word.len() >= LONGEST_WORD {
                return Ok(Token::Word);
            }
            self.word.push(letter);
            self.skip(1);
        }
        let mut next = self.peek()?;
        let negative = next == Some(b'-') && {
            self.skip(1);
            next = self.peek()?;
            true
        };
        let mut digits = 0;
        while let Some(digit) = next.filter(u8::is_ascii_digit).filter(|_| digits < LONGEST_WORD) {
            // As C programs compute: what is too large wraps around.
            let so_far = self.number.unwrap_or(0).wrapping_mul(10);
            self.number = Some(so_far.wrapping_add(i32::from(digit & 15)));
            digits = digits.saturating_add(1);
            self.skip(1);
            next = self.peek()?;
        }
        if negative {
            self.number = self.number.map(i32::wrapping_neg);
        }
        if next == Some(b' ') {
            self.skip(1);
        }
        if self.word != b"bin" {
            return Ok(Token::Word);
        }
        let size = self.number.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
        let size = size.min(self.content.size().saturating_sub(self.at));
        let start = self.at;
        self.skip(size);
        Ok(Token::Binary(start, size))
    }
}

/// The value of a hexadecimal digit.
pub(super) fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn byte_of(high: Option<u8>, low: Option<u8>) -> u8 {
    let value = |letter: Option<u8>| letter.and_then(digit).unwrap_or(0);
    value(high) << 4 | value(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8]) -> Vec<String> {
        let content = Content::from_vec(text.to_vec());
        let mut tokens = Tokens::new(&content, 0);
        let mut out = Vec::new();
        while let Some(token) = tokens.next().unwrap() {
            out.push(match token {
                Token::Word => format!("{} {:?}", String::from_utf8_lossy(&tokens.word), tokens.number),
                other => format!("{other:?}"),
            });
        }
        out
    }

    #[test]
    fn words_numbers_and_symbols_are_told_apart() {
        assert_eq!(all(b"{\\rt1\\b-3 x}"), ["Open", "rt Some(1)", "b Some(-3)", "Text(120)", "Close"]);
        assert_eq!(all(b"\\*\\'4a\\~"), ["Symbol(42)", "Escape(74)", "Symbol(126)"]);
        assert_eq!(all(b"\\bin3 {}}\\bin-2 a"), ["Binary(6, 3)", "Binary(16, 0)", "Text(97)"]);
        assert_eq!(all(b"\\bin99 ab"), ["Binary(7, 2)"]);
        // 2^32 + 1.
        assert_eq!(all(b"\\bin4294967297 a}"), ["Binary(15, 1)", "Close"]);
        assert_eq!(all(b"\\"), [""; 0]);
    }

    #[test]
    fn a_word_that_is_too_long_becomes_text() {
        let text = [b"\\".to_vec(), vec![b'a'; 252]].concat();
        assert_eq!(all(&text).len(), 3);
    }
}
