//! YAML as tools write it: maps and lists by indentation, quoted and plain scalars, lists and maps within a line, and
//! blocks of text. No anchors, no tags, no keys of several lines.

use std::collections::VecDeque;

use super::{DEEPEST, Event, Events, flow};
use crate::text::{Input, LONGEST};
use crate::{Error, Subject};

/// Reads YAML.
pub(crate) struct Yaml<'s> {
    input: Input<'s>,
    ready: VecDeque<Event>,
    /// Indentation of what is open, and whether it is an element of a list.
    around: Vec<(usize, bool)>,
    /// A line that was read ahead.
    next: Option<String>,
    ended: bool,
}

impl<'s> Yaml<'s> {
    pub(crate) fn new(subject: &'s Subject<'s>) -> Result<Self, Error> {
        let ready = VecDeque::from([Event::Open(String::new())]);
        Ok(Self { input: Input::new(subject)?, ready, around: Vec::new(), next: None, ended: false })
    }

    fn line_of(&mut self) -> Result<Option<String>, Error> {
        if let Some(line) = self.next.take() {
            return Ok(Some(line));
        }
        let mut line = Vec::new();
        let more = self.input.until(b'\n', &mut line)?;
        Ok((more || !line.is_empty()).then(|| String::from_utf8_lossy(&line).trim_end().to_owned()))
    }

    fn close_to(&mut self, stays: impl Fn(usize, bool) -> bool) {
        while let Some((indent, element)) = self.around.last().copied() {
            if stays(indent, element) {
                break;
            }
            self.around.pop();
            self.ready.push_back(Event::Close);
        }
    }

    fn line_read(&mut self, line: &str) -> Result<(), Error> {
        let mut rest = line.trim_start();
        let mut indent = line.len() - rest.len();
        if rest.is_empty() || rest.starts_with(['#', '%']) || rest == "---" || rest == "..." {
            return Ok(());
        }
        while rest == "-" || rest.starts_with("- ") {
            self.close_to(|there, element| there < indent || (there == indent && !element));
            self.open("item".to_owned(), indent, true)?;
            let inner = rest[1..].trim_start();
            indent += rest.len() - inner.len();
            rest = inner;
        }
        let Some((name, value)) = member(rest) else {
            if self.around.last().is_some_and(|(_, element)| *element) {
                flow::value(rest, ':', &mut self.ready);
            }
            return Ok(());
        };
        self.close_to(|there, _| there < indent);
        self.open(flow::scalar(name), indent, false)?;
        if value.starts_with(['|', '>']) {
            return self.block(indent);
        }
        flow::value(value, ':', &mut self.ready);
        Ok(())
    }

    fn open(&mut self, name: String, indent: usize, element: bool) -> Result<(), Error> {
        if self.around.len() >= DEEPEST {
            return Err(self.input.damaged("nested too deeply"));
        }
        self.around.push((indent, element));
        self.ready.push_back(Event::Open(name));
        Ok(())
    }

    /// The lines that are indented more than the key before them.
    fn block(&mut self, indent: usize) -> Result<(), Error> {
        let mut text = String::new();
        while let Some(line) = self.line_of()? {
            let inner = line.trim_start();
            if !inner.is_empty() && line.len() - inner.len() <= indent {
                self.next = Some(line);
                break;
            }
            if text.len() + inner.len() < LONGEST {
                text.push_str(inner);
                text.push('\n');
            }
        }
        self.ready.push_back(Event::Text(text.trim_end().to_owned()));
        Ok(())
    }
}

/// A key and its value.
fn member(text: &str) -> Option<(&str, &str)> {
    let from = match text.as_bytes().first()? {
        quote @ (b'"' | b'\'') => text[1..].find(char::from(*quote))? + 2,
        b'{' | b'[' => return None,
        _ => 0,
    };
    let rest = &text[from..];
    let at = from + rest.find(": ").or_else(|| rest.ends_with(':').then(|| rest.len() - 1))?;
    Some((&text[..at], text[at + 1..].trim()))
}

impl Events for Yaml<'_> {
    fn next(&mut self) -> Result<Option<Event>, Error> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            if let Some(line) = self.line_of()? {
                self.line_read(&line)?;
            } else if !std::mem::replace(&mut self.ended, true) {
                self.close_to(|_, _| false);
                self.ready.push_back(Event::Close);
            } else {
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
    fn indentation_lists_and_flows_nest() {
        let yaml = b"# c\nname: kesl # d\nlist:\n- a: 1\n  b: 'x: y'\n- plain\nmap:\n    '@s/p@1':\n        resolution: {integrity: sha, t: [1]}\n\
                     text: |\n  one\n  two\nend: \"q\"\n";
        assert_eq!(
            told(yaml, |subject| Box::new(Yaml::new(subject).unwrap())),
            "<<name:kesl><list:<item:<a:1><b:x: y>><item:plain>><map:<@s/p@1:<resolution:<integrity:sha><t:[1]>>>>\
             <text:one\ntwo><end:q>>"
        );
    }
}
