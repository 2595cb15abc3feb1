//! The values of PDF: numbers, names, strings, arrays, dictionaries and references.
//!
//! Readers forgive nearly everything, so nothing here is an error but too few bytes. A broken value is what can be made
//! of it, and ends where an object or a stream has to.

use std::borrow::Cow;

/// Arrays and dictionaries in one another; what is deeper is left out.
const DEEPEST: u32 = 100;
/// Values of one object; what follows is left out.
const MOST: u32 = 1 << 20;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// `null`, a real number, or a word that is none of the others.
    Other,
    Boolean(bool),
    Integer(i64),
    /// Without the slash, with `#20` decoded.
    Name(Cow<'a, [u8]>),
    /// Decoded, and still encrypted in an encrypted document.
    Text(Cow<'a, [u8]>),
    Array(Vec<Self>),
    Dictionary(Dictionary<'a>),
    Reference(u32),
}

/// A dictionary. Keys may stand there several times.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Dictionary<'a>(pub(super) Vec<(Cow<'a, [u8]>, Value<'a>)>);

impl<'a> Dictionary<'a> {
    /// The last value of a key, which is the one that most readers take.
    pub(super) fn get(&self, key: &[u8]) -> Option<&Value<'a>> {
        self.all(key).last()
    }

    /// All values of a key.
    pub(super) fn all(&self, key: &[u8]) -> impl Iterator<Item = &Value<'a>> {
        self.0.iter().filter(move |(name, _)| name.as_ref() == key).map(|(_, value)| value)
    }

    /// Whether the key has this name as its value.
    pub(super) fn is(&self, key: &[u8], name: &[u8]) -> bool {
        self.all(key).any(|value| matches!(value, Value::Name(found) if found.as_ref() == name))
    }

    pub(super) fn integer(&self, key: &[u8]) -> Option<i64> {
        self.get(key).and_then(Value::integer)
    }

    pub(super) fn text(&self, key: &[u8]) -> Option<&[u8]> {
        match self.get(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn into_owned(self) -> Dictionary<'static> {
        let own =
            |(key, value): (Cow<'a, [u8]>, Value<'a>)| (Cow::Owned(key.into_owned()), value.into_owned());
        Dictionary(self.0.into_iter().map(own).collect())
    }
}

impl Value<'_> {
    pub(super) fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn name(&self) -> Option<&[u8]> {
        match self {
            Self::Name(name) => Some(name),
            _ => None,
        }
    }

    /// The same without anything borrowed.
    pub(super) fn into_owned(self) -> Value<'static> {
        match self {
            Self::Other => Value::Other,
            Self::Boolean(value) => Value::Boolean(value),
            Self::Integer(number) => Value::Integer(number),
            Self::Name(name) => Value::Name(Cow::Owned(name.into_owned())),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Array(values) => Value::Array(values.into_iter().map(Self::into_owned).collect()),
            Self::Dictionary(entries) => Value::Dictionary(entries.into_owned()),
            Self::Reference(number) => Value::Reference(number),
        }
    }
}

/// Reads values.
pub(super) struct Parser<'a> {
    bytes: &'a [u8],
    place: usize,
    /// Values that may still be made.
    left: u32,
    /// Whether something was too deep or too much.
    pub(super) cut: bool,
    /// Whether the bytes ended in the middle of a value.
    pub(super) short: bool,
}

/// What stands at a place.
enum Token<'a> {
    End,
    Value(Value<'a>),
    ArrayStart,
    ArrayEnd,
    DictionaryStart,
    DictionaryEnd,
    Word(&'a [u8]),
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 12 | b'\r' | b' ')
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

fn is_regular(byte: u8) -> bool {
    !is_space(byte) && !is_delimiter(byte)
}

impl<'a> Parser<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, place: 0, left: MOST, cut: false, short: false }
    }

    /// How far it came.
    pub(super) fn place(&self) -> usize {
        self.place
    }

    /// Goes to where it was before.
    pub(super) fn go_to(&mut self, place: usize) {
        self.place = place.min(self.bytes.len());
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.place).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.place..).unwrap_or_default()
    }

    fn forward(&mut self, count: usize) {
        self.place = self.place.saturating_add(count).min(self.bytes.len());
    }

    /// Goes behind white space and comments.
    pub(super) fn skip_space(&mut self) {
        while let Some(byte) = self.peek() {
            if is_space(byte) {
                self.forward(1);
            } else if byte == b'%' {
                let line = memchr::memchr2(b'\r', b'\n', self.rest());
                self.forward(line.unwrap_or(usize::MAX));
            } else {
                return;
            }
        }
    }

    /// Goes behind this word, if it stands here.
    pub(super) fn word(&mut self, word: &[u8]) -> bool {
        self.skip_space();
        let stands = self.rest().starts_with(word);
        if stands {
            self.forward(word.len());
        }
        stands
    }

    /// An unsigned number without a sign or a dot.
    pub(super) fn number(&mut self) -> Option<u64> {
        self.skip_space();
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = std::str::from_utf8(self.rest().get(..digits)?).ok()?.parse().ok()?;
        self.forward(digits);
        Some(number)
    }

    /// The bytes up to the end of a stream's keyword and its line; nothing if no stream begins here.
    pub(super) fn stream(&mut self) -> Option<usize> {
        if !self.word(b"stream") {
            return None;
        }
        let line = match self.rest() {
            [b'\r', b'\n', ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            [b' ', b'\r', b'\n', ..] => 3,
            [b' ', b'\n', ..] => 2,
            _ => 0,
        };
        self.forward(line);
        Some(self.place)
    }

    /// The next value.
    pub(super) fn value(&mut self) -> Value<'a> {
        self.value_at(0).unwrap_or(Value::Other)
    }

    /// The next value; nothing before what ends an array, a dictionary or an object.
    fn value_at(&mut self, depth: u32) -> Option<Value<'a>> {
        let before = self.place;
        match self.token() {
            Token::Value(Value::Integer(number)) => Some(self.reference(number)),
            Token::Value(value) => Some(value),
            Token::ArrayStart if depth < DEEPEST => Some(self.array(depth)),
            Token::DictionaryStart if depth < DEEPEST => Some(self.dictionary(depth)),
            Token::ArrayStart | Token::DictionaryStart => {
                self.cut = true;
                Some(Value::Other)
            }
            Token::Word(b"true") => Some(Value::Boolean(true)),
            Token::Word(b"false") => Some(Value::Boolean(false)),
            Token::Word(word) if !ends_object(word) => Some(Value::Other),
            Token::Word(_) | Token::ArrayEnd | Token::DictionaryEnd => {
                self.place = before;
                None
            }
            Token::End => {
                self.short = true;
                None
            }
        }
    }

    /// The reference that begins with this number, or the number.
    fn reference(&mut self, number: i64) -> Value<'a> {
        let before = self.place;
        let found = u32::try_from(number).ok().filter(|_| {
            self.skip_space();
            let generation = self.peek().is_some_and(|byte| byte.is_ascii_digit()) && self.number().is_some();
            self.skip_space();
            let letter = generation && self.peek() == Some(b'R');
            let next = self.bytes.get(self.place.saturating_add(1));
            letter && next.is_none_or(|byte| !is_regular(*byte))
        });
        match found {
            Some(number) => {
                self.forward(1);
                Value::Reference(number)
            }
            None => {
                self.place = before;
                Value::Integer(number)
            }
        }
    }

    fn spend(&mut self) -> bool {
        let left = self.left.checked_sub(1);
        self.left = left.unwrap_or(0);
        self.cut |= left.is_none();
        left.is_some()
    }

    fn array(&mut self, depth: u32) -> Value<'a> {
        let mut values = Vec::new();
        loop {
            match self.value_at(depth.saturating_add(1)) {
                Some(value) if self.spend() => values.push(value),
                Some(_) => {}
                None => {
                    let before = self.place;
                    match self.token() {
                        // What closes something else closes nothing here.
                        Token::DictionaryEnd if depth == 0 => continue,
                        Token::ArrayEnd => {}
                        _ => self.place = before,
                    }
                    return Value::Array(values);
                }
            }
        }
    }

    fn dictionary(&mut self, depth: u32) -> Value<'a> {
        let mut entries = Vec::new();
        loop {
            let before = self.place;
            let key = match self.token() {
                Token::Value(Value::Name(name)) => name,
                Token::DictionaryEnd => break,
                Token::Word(word) if ends_object(word) => {
                    self.place = before;
                    break;
                }
                Token::End => {
                    self.short = true;
                    break;
                }
                // A value without a key: whatever is in it is looked at.
                Token::ArrayStart | Token::DictionaryStart => {
                    self.place = before;
                    Cow::Borrowed(&b""[..])
                }
                _ => continue,
            };
            let value = match self.value_at(depth.saturating_add(1)) {
                Some(value) => value,
                None if self.short => break,
                None => Value::Other,
            };
            if self.spend() {
                entries.push((key, value));
            }
        }
        Value::Dictionary(Dictionary(entries))
    }

    fn token(&mut self) -> Token<'a> {
        self.skip_space();
        let Some(first) = self.peek() else { return Token::End };
        match first {
            b'/' => {
                self.forward(1);
                Token::Value(Value::Name(self.name()))
            }
            b'(' => Token::Value(Value::Text(self.text())),
            b'<' if self.rest().starts_with(b"<<") => {
                self.forward(2);
                Token::DictionaryStart
            }
            b'<' => Token::Value(Value::Text(self.hexadecimal())),
            b'>' => {
                self.forward(if self.rest().starts_with(b">>") { 2 } else { 1 });
                Token::DictionaryEnd
            }
            b'[' => {
                self.forward(1);
                Token::ArrayStart
            }
            b']' => {
                self.forward(1);
                Token::ArrayEnd
            }
            b')' | b'{' | b'}' => {
                self.forward(1);
                Token::Value(Value::Other)
            }
            _ => {
                let word = self.regular();
                integer(word).map_or(Token::Word(word), |number| Token::Value(Value::Integer(number)))
            }
        }
    }

    fn regular(&mut self) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|byte| !is_regular(*byte)).unwrap_or(rest.len());
        self.forward(length);
        rest.get(..length).unwrap_or_default()
    }

    fn name(&mut self) -> Cow<'a, [u8]> {
        let raw = self.regular();
        if memchr::memchr(b'#', raw).is_none() {
            return Cow::Borrowed(raw);
        }
        let mut name = Vec::with_capacity(raw.len());
        let mut rest = raw;
        while let Some((byte, after)) = rest.split_first() {
            rest = after;
            if let (b'#', [high, low, behind @ ..]) = (byte, after)
                && let (Some(high), Some(low)) = (digit(*high), digit(*low))
            {
                name.push(high << 4 | low);
                rest = behind;
            } else {
                name.push(*byte);
            }
        }
        Cow::Owned(name)
    }

    fn hexadecimal(&mut self) -> Cow<'a, [u8]> {
        self.forward(1);
        let rest = self.rest();
        let end = memchr::memchr(b'>', rest);
        self.short |= end.is_none();
        let length = end.unwrap_or(rest.len());
        self.forward(length.saturating_add(1));
        let mut digits = rest.get(..length).unwrap_or_default().iter().filter_map(|byte| digit(*byte));
        let mut text = Vec::with_capacity(length / 2);
        while let Some(high) = digits.next() {
            text.push(high << 4 | digits.next().unwrap_or(0));
        }
        Cow::Owned(text)
    }

    fn text(&mut self) -> Cow<'a, [u8]> {
        self.forward(1);
        let rest = self.rest();
        let special = |byte: &u8| matches!(byte, b'(' | b')' | b'\\' | b'\r');
        let plain = rest.iter().position(special).unwrap_or(rest.len());
        if rest.get(plain) == Some(&b')') {
            self.forward(plain.saturating_add(1));
            return Cow::Borrowed(rest.get(..plain).unwrap_or_default());
        }
        let mut text = rest.get(..plain).unwrap_or_default().to_vec();
        self.forward(plain);
        let mut open: u32 = 1;
        loop {
            let rest = self.rest();
            let plain = rest.iter().position(special).unwrap_or(rest.len());
            text.extend_from_slice(rest.get(..plain).unwrap_or_default());
            self.forward(plain.saturating_add(1));
            match rest.get(plain) {
                Some(b'(') => {
                    open = open.saturating_add(1);
                    text.push(b'(');
                }
                Some(b')') => {
                    open = open.saturating_sub(1);
                    if open == 0 {
                        return Cow::Owned(text);
                    }
                    text.push(b')');
                }
                Some(b'\\') => text.extend(self.escape()),
                Some(_) => {
                    if self.peek() == Some(b'\n') {
                        self.forward(1);
                    }
                    text.push(b'\n');
                }
                None => break,
            }
        }
        self.short = true;
        Cow::Owned(text)
    }

    /// The byte that is escaped, behind the backslash; none for a line that goes on.
    fn escape(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.forward(1);
        Some(match byte {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 8,
            b'f' => 12,
            b'0'..=b'7' => {
                let mut number = u32::from(byte & 7);
                for _ in 0..2 {
                    let Some(next @ b'0'..=b'7') = self.peek() else { break };
                    self.forward(1);
                    number = number << 3 | u32::from(next & 7);
                }
                let [.., low] = number.to_be_bytes();
                low
            }
            b'\n' => return None,
            b'\r' => {
                if self.peek() == Some(b'\n') {
                    self.forward(1);
                }
                return None;
            }
            other => other,
        })
    }
}

/// Words that cannot stand in a value.
fn ends_object(word: &[u8]) -> bool {
    matches!(word, b"endobj" | b"obj" | b"stream" | b"endstream" | b"xref" | b"trailer" | b"startxref")
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// A whole number. Readers take a real number where an integer has to be, without its fraction.
fn integer(word: &[u8]) -> Option<i64> {
    let whole = word.split(|byte| *byte == b'.').next()?;
    std::str::from_utf8(whole).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Value<'_> {
        Parser::new(bytes).value()
    }

    fn text(bytes: &[u8]) -> Value<'_> {
        Value::Text(Cow::Borrowed(bytes))
    }

    #[test]
    fn strings() {
        assert_eq!(parse(b"(plain)"), text(b"plain"));
        assert_eq!(parse(b"(a(b)c)"), text(b"a(b)c"));
        assert_eq!(parse(b"(\\101\\7z\\)\\\r\nx\\n\\q)"), text(b"A\x07z)x\nq"));
        assert_eq!(parse(b"(a\r\nb\rc)"), text(b"a\nb\nc"));
        assert_eq!(parse(b"<48 65 6C6c6>"), text(b"Hell`"));
        assert_eq!(parse(b"(never closed"), text(b"never closed"));
    }

    #[test]
    fn names_numbers_and_references() {
        assert_eq!(parse(b"/J#61v#61Script"), Value::Name(Cow::Borrowed(b"JavaScript")));
        assert_eq!(parse(b"/a#z"), Value::Name(Cow::Borrowed(b"a#z")));
        assert_eq!(parse(b" % comment\n 12"), Value::Integer(12));
        assert_eq!(parse(b"+17.5"), Value::Integer(17));
        assert_eq!(parse(b"12 0 R"), Value::Reference(12));
        assert_eq!(parse(b"[1 2 3 0 R 4]").clone(), {
            let numbers = [Value::Integer(1), Value::Integer(2), Value::Reference(3), Value::Integer(4)];
            Value::Array(numbers.to_vec())
        });
    }

    #[test]
    fn broken_dictionaries_give_what_they_have() {
        let Value::Dictionary(found) = parse(b"<</A 1 junk /B(x)/C[1 2/D<</E/F>> endobj") else {
            panic!("no dictionary")
        };
        assert_eq!(found.integer(b"A"), Some(1));
        assert_eq!(found.text(b"B"), Some(&b"x"[..]));
        let Value::Dictionary(found) = parse(b"<</A/B/A/C/Length 5 stream") else { panic!("no dictionary") };
        assert!(found.is(b"A", b"B") && found.is(b"A", b"C"));
        assert_eq!(found.get(b"A").and_then(Value::name), Some(&b"C"[..]));
    }

    #[test]
    fn depth_and_number_are_bounded() {
        let mut parser = Parser::new(&[b'['; 300_000]);
        parser.value();
        assert!(parser.cut);
        let many = b"[0"
            .iter()
            .copied()
            .chain(std::iter::repeat_n(*b" 0", MOST as usize + 9).flatten())
            .collect::<Vec<u8>>();
        let mut parser = Parser::new(&many);
        let Value::Array(values) = parser.value() else { panic!("no array") };
        assert!(parser.cut && values.len() == MOST as usize);
    }
}
