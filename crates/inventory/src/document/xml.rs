//! XML 1.0, as far as data needs it: elements, attributes and text. What a document type declares is passed over, so that no entity can
//! grow.

use std::collections::VecDeque;

use super::{DEEPEST, Event, Events};
use crate::text::{Input, LONGEST};
use crate::{Error, Subject};

/// Most attributes of an element that are told.
const ATTRIBUTES: usize = 128;

/// Reads XML.
pub(crate) struct Xml<'s> {
    input: Input<'s>,
    around: Vec<String>,
    ready: VecDeque<Event>,
}

impl<'s> Xml<'s> {
    pub(crate) fn new(subject: &'s Subject<'s>) -> Result<Self, Error> {
        Ok(Self { input: Input::new(subject)?, around: Vec::new(), ready: VecDeque::new() })
    }

    /// What stands between a `<` and its `>`.
    fn tag(&mut self) -> Result<(), Error> {
        match self.input.peek()? {
            Some(b'/') => {
                let mut name = Vec::new();
                self.through(b'>', &mut name)?;
                let name = local(&String::from_utf8_lossy(&name[1..])).to_owned();
                if self.around.pop().as_ref() != Some(&name) {
                    return Err(self.input.damaged("an element ends that did not begin"));
                }
                self.ready.push_back(Event::Close);
                Ok(())
            }
            Some(b'?') => self.past(b"?>"),
            Some(b'!') => self.declaration(),
            _ => self.element(),
        }
    }

    fn through(&mut self, end: u8, into: &mut Vec<u8>) -> Result<(), Error> {
        if self.input.until(end, into)? {
            Ok(())
        } else {
            Err(self.input.damaged("the text ends within a tag"))
        }
    }

    /// Passes over all up to an end.
    fn past(&mut self, end: &[u8]) -> Result<(), Error> {
        self.taken(end).map(|_| ())
    }

    fn taken(&mut self, end: &[u8]) -> Result<Vec<u8>, Error> {
        let mut last: VecDeque<u8> = VecDeque::with_capacity(end.len() + 1);
        let mut kept = Vec::new();
        while let Some(byte) = self.input.next()? {
            last.push_back(byte);
            if last.len() > end.len()
                && let Some(first) = last.pop_front()
                && kept.len() < LONGEST
            {
                kept.push(first);
            }
            if last.iter().eq(end) {
                return Ok(kept);
            }
        }
        Err(self.input.damaged("the text ends within a tag"))
    }

    fn declaration(&mut self) -> Result<(), Error> {
        let mut start = Vec::new();
        while start.len() < 8 && !matches!(self.input.peek()?, Some(b'>') | None) {
            start.extend(self.input.next()?);
            if start == b"!--" {
                return self.past(b"-->");
            }
        }
        if start == b"![CDATA[" {
            let text = self.taken(b"]]>")?;
            self.say(String::from_utf8_lossy(&text).into_owned());
            return Ok(());
        }
        // A document type may hold declarations, each in brackets of its own.
        let mut depth = 1_u32;
        while depth > 0 {
            match self.input.next()? {
                Some(b'<') => depth = depth.saturating_add(1),
                Some(b'>') => depth -= 1,
                Some(_) => {}
                None => return Err(self.input.damaged("the text ends within a declaration")),
            }
        }
        Ok(())
    }

    fn element(&mut self) -> Result<(), Error> {
        let mut name = Vec::new();
        while let Some(byte) = self.input.peek()? {
            if byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>') || name.len() > 1024 {
                break;
            }
            name.extend(self.input.next()?);
        }
        let name = local(&String::from_utf8_lossy(&name)).to_owned();
        if name.is_empty() || self.around.len() >= DEEPEST {
            return Err(self.input.damaged(if name.is_empty() {
                "an element has no name"
            } else {
                "nested too deeply"
            }));
        }
        self.ready.push_back(Event::Open(name.clone()));
        for number in 0.. {
            match self.input.past_space()? {
                Some(b'>') => {
                    self.input.next()?;
                    self.around.push(name);
                    return Ok(());
                }
                Some(b'/') => {
                    self.input.next()?;
                    if self.input.next()? != Some(b'>') {
                        return Err(self.input.damaged("a slash in a tag"));
                    }
                    self.ready.push_back(Event::Close);
                    return Ok(());
                }
                Some(_) => self.attribute(number < ATTRIBUTES)?,
                None => break,
            }
        }
        Err(self.input.damaged("the text ends within a tag"))
    }

    fn attribute(&mut self, told: bool) -> Result<(), Error> {
        let mut name = Vec::new();
        self.through(b'=', &mut name)?;
        let quote = match self.input.past_space()? {
            Some(quote @ (b'"' | b'\'')) => quote,
            _ => return Err(self.input.damaged("an attribute has no value")),
        };
        self.input.next()?;
        let mut value = Vec::new();
        self.through(quote, &mut value)?;
        let name = String::from_utf8_lossy(&name).trim().to_owned();
        if told && !name.starts_with("xmlns") {
            let value = decoded(&String::from_utf8_lossy(&value));
            self.ready.extend([Event::Open(local(&name).to_owned()), Event::Text(value), Event::Close]);
        }
        Ok(())
    }

    fn say(&mut self, text: String) {
        if !text.trim().is_empty() && !self.around.is_empty() {
            self.ready.push_back(Event::Text(text));
        }
    }
}

/// A name without its prefix.
fn local(name: &str) -> &str {
    let name = name.trim();
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// A text with the characters that its references stand for. Others stay as they are.
fn decoded(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        all.push_str(&rest[..at]);
        rest = &rest[at..];
        let reference = rest.find(';').filter(|end| *end < 12).map(|end| &rest[1..end]);
        match reference.and_then(character) {
            Some(character) => {
                all.push(character);
                rest = &rest[reference.map_or(1, |reference| reference.len() + 2)..];
            }
            None => {
                all.push('&');
                rest = &rest[1..];
            }
        }
    }
    all.push_str(rest);
    all
}

fn character(reference: &str) -> Option<char> {
    let number = reference.strip_prefix('#');
    match reference {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let code = match number?.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
                None => number?.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

impl Events for Xml<'_> {
    fn next(&mut self) -> Result<Option<Event>, Error> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            let mut text = Vec::new();
            let more = self.input.until(b'<', &mut text)?;
            self.say(decoded(&String::from_utf8_lossy(&text)));
            if more {
                self.tag()?;
            } else if !self.around.is_empty() {
                self.around.clear();
                return Err(self.input.damaged("the text ends within an element"));
            } else if self.ready.is_empty() {
                return Ok(None);
            }
        }
    }

    fn line(&self) -> u64 {
        self.input.line
    }
}

#[cfg(test)]
mod tests {
    use crate::document::tests::told;

    use super::*;

    #[test]
    fn elements_attributes_and_text_are_told_alike() {
        let xml = b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x 'y'>]><!-- c -- -><a>--><p:a x:id='1&#38;2' xmlns='u'>\
                    t&lt;<![CDATA[<b>]]><c/>&x;</p:a>";
        assert_eq!(told(xml, |subject| Box::new(Xml::new(subject).unwrap())), "<a:<id:1&2>t<<b><c:>&x;>");
    }

    #[test]
    fn damage_is_told() {
        for (xml, expected) in [
            ("<a><b></a>", "<a:<b:!line 1: an element ends that did not begin!"),
            ("<a>\n<b", "<a:!line 2: the text ends within a tag!"),
            ("<a>\n", "<a:!line 2: the text ends within an element!"),
        ] {
            assert_eq!(told(xml.as_bytes(), |subject| Box::new(Xml::new(subject).unwrap())), expected);
        }
    }
}
