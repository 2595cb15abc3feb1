//! TOML as lock files use it: tables, lists of tables, and values of one or several lines. Every table of the file is a record at the top,
//! named by its path.

use std::collections::VecDeque;

use super::{Event, Events, flow};
use crate::text::Input;
use crate::{Error, Subject};

/// Reads TOML.
pub(crate) struct Toml<'s> {
    input: Input<'s>,
    ready: VecDeque<Event>,
    in_table: bool,
    ended: bool,
}

impl<'s> Toml<'s> {
    pub(crate) fn new(subject: &'s Subject<'s>) -> Result<Self, Error> {
        let ready = VecDeque::from([Event::Open(String::new())]);
        Ok(Self { input: Input::new(subject)?, ready, in_table: false, ended: false })
    }

    fn line_of(&mut self) -> Result<Option<String>, Error> {
        let mut line = Vec::new();
        let more = self.input.until(b'\n', &mut line)?;
        Ok((more || !line.is_empty()).then(|| String::from_utf8_lossy(&line).trim().to_owned()))
    }

    fn leave(&mut self) {
        if std::mem::take(&mut self.in_table) {
            self.ready.push_back(Event::Close);
        }
    }

    fn assignment(&mut self, line: &str) -> Result<(), Error> {
        let halves = flow::parts(line, '=');
        let [name, ..] = halves.as_slice() else { return Ok(()) };
        if halves.len() < 2 {
            return Ok(());
        }
        let mut value = line[name.len() + 1..].trim().to_owned();
        for quotes in ["\"\"\"", "'''"] {
            if value.starts_with(quotes) && !value[3..].contains(quotes) {
                return self.past(quotes);
            }
        }
        if value.starts_with('[') && flow::parts(&value, ']').len() < 2 && !value.ends_with(']') {
            while let Some(more) = self.line_of()? {
                if value.len() < crate::text::LONGEST {
                    value.push_str(&more);
                }
                if more.starts_with(']') {
                    break;
                }
            }
        }
        self.ready.push_back(Event::Open(flow::scalar(name)));
        flow::value(&value, '=', &mut self.ready);
        self.ready.push_back(Event::Close);
        Ok(())
    }

    /// Passes over a text of several lines.
    fn past(&mut self, quotes: &str) -> Result<(), Error> {
        while let Some(line) = self.line_of()? {
            if line.contains(quotes) {
                return Ok(());
            }
        }
        Err(self.input.damaged("a text has no end"))
    }
}

impl Events for Toml<'_> {
    fn next(&mut self) -> Result<Option<Event>, Error> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            let Some(line) = self.line_of()? else {
                self.leave();
                if !std::mem::replace(&mut self.ended, true) {
                    self.ready.push_back(Event::Close);
                    continue;
                }
                return Ok(None);
            };
            if line.starts_with('[') {
                self.leave();
                let name = line.split('#').next().unwrap_or("").trim().trim_matches(['[', ']']).trim();
                self.ready.push_back(Event::Open(name.to_owned()));
                self.in_table = true;
            } else if !line.starts_with('#') {
                self.assignment(&line)?;
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
    fn tables_are_named_by_their_path() {
        let toml = b"version = 3 # c\n[[package]]\nname = \"a\"\nsource = { registry = \"u=v\" }\nlist = [\n \"x\",\n \"y\",\n]\n\
                     text = '''\n[no]\n'''\n\n[package.metadata]\nb = [\"z\"]\n";
        assert_eq!(
            told(toml, |subject| Box::new(Toml::new(subject).unwrap())),
            "<<version:3><package:<name:a><source:<registry:u=v>><list:<item:x><item:y>>><package.metadata:<b:<item:z>>>>"
        );
    }
}
