//! JSON ([RFC 8259](https://www.rfc-editor.org/rfc/rfc8259)), one document or many after each other.

use super::{DEEPEST, Event, Events};
use crate::text::{Input, LONGEST};
use crate::{Error, Subject};

enum State {
    /// Before a document.
    Start,
    /// Before a value whose name was told.
    Value,
    /// After a value.
    Close,
    /// In an object or a list, before its first or its next member.
    Member { first: bool },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Object,
    List,
}

/// Reads JSON.
pub(crate) struct Json<'s> {
    input: Input<'s>,
    around: Vec<Kind>,
    state: State,
    /// The line on which the document begins.
    began: u64,
    /// Whether every document so far stood on a line of its own; none before one has ended.
    by_line: Option<bool>,
}

impl<'s> Json<'s> {
    pub(crate) fn new(subject: &'s Subject<'s>) -> Result<Self, Error> {
        Ok(Self {
            input: Input::new(subject)?,
            around: Vec::new(),
            state: State::Start,
            began: 1,
            by_line: None,
        })
    }

    fn open(&mut self, name: String) -> Result<Option<Event>, Error> {
        if self.around.len() >= DEEPEST {
            return Err(self.input.damaged("nested too deeply"));
        }
        self.state = State::Value;
        Ok(Some(Event::Open(name)))
    }

    /// Passes over white space in a document, and shows the byte after it. Where every line is a document, none goes
    /// on behind its line, so that a broken one loses only itself.
    fn space(&mut self) -> Result<Option<u8>, Error> {
        while let Some(byte) = self.input.peek()? {
            if byte == b'\n' && self.by_line == Some(true) {
                return Err(self.input.damaged("a document is cut off"));
            }
            if !byte.is_ascii_whitespace() {
                return Ok(Some(byte));
            }
            self.input.next()?;
        }
        Ok(None)
    }

    fn value(&mut self) -> Result<Option<Event>, Error> {
        match self.space()? {
            Some(b'{') => self.enter(Kind::Object),
            Some(b'[') => self.enter(Kind::List),
            Some(b'"') => {
                self.state = State::Close;
                Ok(Some(Event::Text(self.string()?)))
            }
            Some(byte) if byte.is_ascii_alphanumeric() || byte == b'-' => {
                self.state = State::Close;
                let word = self.word()?;
                if word == "null" { self.next() } else { Ok(Some(Event::Text(word))) }
            }
            _ => Err(self.input.damaged("a value is missing")),
        }
    }

    fn enter(&mut self, kind: Kind) -> Result<Option<Event>, Error> {
        self.input.next()?;
        self.around.push(kind);
        self.member(true)
    }

    fn member(&mut self, first: bool) -> Result<Option<Event>, Error> {
        let kind = self.around.last().copied().unwrap_or(Kind::List);
        let end = if kind == Kind::Object { b'}' } else { b']' };
        let mut byte = self.space()?;
        if !first && byte == Some(b',') {
            self.input.next()?;
            // A comma too many is a frequent error of hand-written files, and harms nobody.
            byte = self.space()?;
        } else if !first && byte != Some(end) {
            return Err(self.input.damaged("a comma is missing"));
        }
        if byte == Some(end) {
            self.input.next()?;
            self.around.pop();
            return Ok(Some(self.closed()));
        }
        if kind == Kind::List {
            return self.open("item".to_owned());
        }
        if byte != Some(b'"') {
            return Err(self.input.damaged("a name is missing"));
        }
        let name = self.string()?;
        if self.space()? != Some(b':') {
            return Err(self.input.damaged("a colon is missing"));
        }
        self.input.next()?;
        self.open(name)
    }

    fn closed(&mut self) -> Event {
        self.state = if self.around.is_empty() { State::Start } else { State::Member { first: false } };
        if self.around.is_empty() {
            self.by_line = Some(self.by_line != Some(false) && self.began == self.input.line);
        }
        Event::Close
    }

    fn word(&mut self) -> Result<String, Error> {
        let mut word = String::new();
        while let Some(byte) = self.input.peek()? {
            if !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')) || word.len() > 64 {
                break;
            }
            word.push(char::from(byte));
            self.input.next()?;
        }
        Ok(word)
    }

    fn string(&mut self) -> Result<String, Error> {
        self.input.next()?;
        let mut text = Vec::new();
        let mut high = None;
        loop {
            let Some(byte) = self.input.peek()?.filter(|byte| *byte != b'\n') else {
                return Err(self.input.damaged("a text has no end"));
            };
            self.input.next()?;
            let character = match byte {
                b'"' => break,
                b'\\' => self.escape(&mut high)?,
                _ => {
                    push(&mut text, &[byte]);
                    continue;
                }
            };
            if let Some(character) = character {
                push(&mut text, character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// The character behind a backslash; none for the first half of a pair.
    fn escape(&mut self, high: &mut Option<u32>) -> Result<Option<char>, Error> {
        let simple = match self.input.next()? {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b' | b'f') => ' ',
            Some(b'u') => {
                let unit = self.unit()?;
                let whole = match high.take() {
                    Some(high) if (0xdc00..0xe000).contains(&unit) => {
                        0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00)
                    }
                    _ => unit,
                };
                if (0xd800..0xdc00).contains(&whole) {
                    *high = Some(whole);
                    return Ok(None);
                }
                char::from_u32(whole).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            Some(other) => char::from(other),
            None => return Err(self.input.damaged("a text has no end")),
        };
        Ok(Some(simple))
    }

    fn unit(&mut self) -> Result<u32, Error> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.input.next()?.and_then(|byte| char::from(byte).to_digit(16));
            unit = unit * 16 + digit.ok_or_else(|| self.input.damaged("no hexadecimal digit"))?;
        }
        Ok(unit)
    }
}

/// Keeps the first [`LONGEST`] bytes of a text.
fn push(text: &mut Vec<u8>, bytes: &[u8]) {
    if text.len() + bytes.len() <= LONGEST {
        text.extend_from_slice(bytes);
    }
}

impl Events for Json<'_> {
    fn next(&mut self) -> Result<Option<Event>, Error> {
        match self.state {
            State::Start => match self.input.past_space()? {
                None => Ok(None),
                Some(_) => {
                    self.began = self.input.line;
                    self.open(String::new())
                }
            },
            State::Value => self.value(),
            State::Close => Ok(Some(self.closed())),
            State::Member { first } => self.member(first),
        }
    }

    fn line(&self) -> u64 {
        self.input.line
    }

    /// Where every line is a document, the next one may be whole.
    fn recover(&mut self) -> Result<bool, Error> {
        self.around.clear();
        self.state = State::Start;
        let on_one_line = self.began == self.input.line;
        if self.by_line == Some(false) || !on_one_line || !self.input.until(b'\n', &mut Vec::new())? {
            return Ok(false);
        }
        // A first line that is broken tells by what follows whether the lines are documents.
        if self.by_line.is_none() && self.input.peek()? != Some(b'{') {
            return Ok(false);
        }
        self.by_line = Some(true);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use crate::document::tests::told;

    use super::*;

    #[test]
    fn members_and_elements_are_names() {
        let json = br#"{"a": "x\u00e9\ud83d\ude00\n", "b": [1, null, {"c": true}], "d": {}}"#;
        let expected = "<<a:xé😀\n><b:<item:1><item:><item:<c:true>>><d:>>";
        assert_eq!(told(json, |subject| Box::new(Json::new(subject).unwrap())), expected);
    }

    #[test]
    fn damage_is_told_with_its_line_and_later_lines_are_read() {
        let json = b"{\"a\": 1}\n{\"a\" 2}\n{\"a\": 3}\n";
        let expected = "<<a:1>><!line 2: a colon is missing!<<a:3>>";
        assert_eq!(told(json, |subject| Box::new(Json::new(subject).unwrap())), expected);
    }

    #[test]
    fn depth_is_bounded() {
        let json = "[".repeat(1 << 20);
        let told = told(json.as_bytes(), |subject| Box::new(Json::new(subject).unwrap()));
        assert!(told.ends_with("!line 1: nested too deeply!"), "{}", told.len());
    }
}
