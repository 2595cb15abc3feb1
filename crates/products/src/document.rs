//! Reads TOML so that each complaint names the file, the line and the reason, and a bad table costs no other.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Most bytes of a file.
pub const MOST_BYTES: usize = 4 << 20;

/// What is wrong with a file of rules or products.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was named.
    pub file: String,
    /// The line, counted from 1; 0 if it is about the file as a whole.
    pub line: usize,
    /// What is wrong. May quote the file, which may be hostile.
    pub reason: String,
    /// What would be right, where that is known.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.reason)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, " ({hint})"))
    }
}

/// One file that is read, with what was found wrong in it so far.
#[derive(Debug)]
pub struct Document<'d> {
    file: &'d str,
    text: &'d str,
    problems: RefCell<Vec<Problem>>,
}

impl<'d> Document<'d> {
    /// Reads a file by `with`, which gets its root table. What is wrong comes back beside the result.
    pub fn read<T: Default>(
        file: &'d str,
        text: &'d str,
        with: impl FnOnce(&Section<'_>) -> T,
    ) -> (T, Vec<Problem>) {
        let document = Self { file, text, problems: RefCell::default() };
        if text.len() > MOST_BYTES {
            document.complain(None, format!("longer than {MOST_BYTES} bytes"), None);
            return (T::default(), document.problems.into_inner());
        }
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            document.complain(error.span(), error.message().to_owned(), None);
        }
        if !document.problems.borrow().is_empty() {
            // What a broken file says otherwise may not be what was meant.
            return (T::default(), document.problems.into_inner());
        }
        let section = Section::new(&document, root.get_ref(), 0..0);
        let result = with(&section);
        section.finish();
        drop(section);
        (result, document.problems.into_inner())
    }

    fn complain(&self, span: Option<Range<usize>>, reason: String, hint: Option<String>) {
        let line = span.map_or(1, |span| self.line(span.start));
        self.problems.borrow_mut().push(Problem { file: self.file.to_owned(), line, reason, hint });
    }

    fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }
}

/// A table of a document.
#[derive(Debug)]
pub struct Section<'d> {
    document: &'d Document<'d>,
    table: &'d DeTable<'d>,
    span: Range<usize>,
    asked: RefCell<BTreeSet<String>>,
}

impl<'d> Section<'d> {
    fn new(document: &'d Document<'d>, table: &'d DeTable<'d>, span: Range<usize>) -> Self {
        Self { document, table, span, asked: RefCell::default() }
    }

    /// The file.
    pub fn file(&self) -> &'d str {
        self.document.file
    }

    /// The line that the table begins at.
    pub fn line(&self) -> usize {
        self.document.line(self.span.start)
    }

    /// The line of a key, or of the table where there is no such key.
    pub fn line_of(&self, key: &str) -> usize {
        self.table.get(key).map_or_else(|| self.line(), |value| self.document.line(value.span().start))
    }

    /// Whether the key is there.
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Adds a complaint about a key, or about the table if it has no such key.
    pub fn complain(&self, key: &str, reason: impl Into<String>, hint: Option<String>) {
        let span = self.table.get(key).map_or_else(|| self.span.clone(), Spanned::span);
        self.document.complain(Some(span), reason.into(), hint);
    }

    fn value(&self, key: &str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.asked.borrow_mut().insert(key.to_owned());
        self.table.get(key)
    }

    fn wrong(&self, key: &str, found: &DeValue<'_>, expected: &str) {
        self.complain(key, format!("{key} is a {}, not {expected}", found.type_str()), None);
    }

    /// A text; empty ones are complained about.
    pub fn text(&self, key: &str) -> Option<String> {
        let value = self.value(key)?.get_ref();
        let Some(text) = value.as_str() else {
            self.wrong(key, value, "a text in quotes");
            return None;
        };
        if text.trim().is_empty() {
            self.complain(key, format!("{key} is empty"), None);
        }
        Some(text.to_owned())
    }

    /// A text that must be there.
    pub fn needed(&self, key: &str) -> String {
        if !self.has(key) {
            self.complain(key, format!("{key} is missing"), None);
        }
        self.text(key).unwrap_or_default()
    }

    /// Texts: an array of them, or one alone.
    pub fn texts(&self, key: &str) -> Vec<String> {
        let Some(value) = self.value(key).map(Spanned::get_ref) else { return Vec::new() };
        let Some(array) = value.as_array() else { return self.text(key).into_iter().collect() };
        let mut texts = Vec::new();
        for value in array.iter() {
            match value.get_ref().as_str() {
                Some(text) if !text.trim().is_empty() => texts.push(text.to_owned()),
                _ => self.complain(key, format!("{key} is to have texts only, none of them empty"), None),
            }
        }
        texts
    }

    /// A truth value.
    pub fn flag(&self, key: &str) -> bool {
        let Some(value) = self.value(key).map(Spanned::get_ref) else { return false };
        value.as_bool().unwrap_or_else(|| {
            self.wrong(key, value, "true or false");
            false
        })
    }

    /// A number that is not negative.
    pub fn number(&self, key: &str) -> Option<u32> {
        let value = self.value(key)?.get_ref();
        let number =
            value.as_integer().and_then(|number| u32::from_str_radix(number.as_str(), number.radix()).ok());
        if number.is_none() {
            self.wrong(key, value, "a whole number from 0 on");
        }
        number
    }

    /// A date such as `2024-06-24`, in this form.
    pub fn date(&self, key: &str) -> Option<String> {
        let value = self.value(key)?.get_ref();
        let date = value.as_datetime().filter(|moment| moment.time.is_none()).and_then(|moment| moment.date);
        if date.is_none() {
            self.complain(
                key,
                format!("{key} is not a date"),
                Some("as in 2024-06-24, without quotes".to_owned()),
            );
        }
        date.map(|date| date.to_string())
    }

    /// One of some words.
    pub fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.complain(
                key,
                format!("{key} cannot be {text:?}"),
                Some(format!("one of {}", all.join(", "))),
            );
        }
        found.map(|(_, value)| *value)
    }

    /// A table.
    pub fn table(&self, key: &str) -> Option<Self> {
        let value = self.value(key)?;
        match value.get_ref().as_table() {
            Some(table) => Some(Section::new(self.document, table, value.span())),
            None => {
                self.wrong(key, value.get_ref(), "a table");
                None
            }
        }
    }

    /// Tables: an array of them, or one alone.
    pub fn tables(&self, key: &str) -> Vec<Self> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else { return self.table(key).into_iter().collect() };
        let mut tables = Vec::new();
        for value in array.iter() {
            match value.get_ref().as_table() {
                Some(table) => tables.push(Section::new(self.document, table, value.span())),
                None => self.wrong(key, value.get_ref(), "a list of tables"),
            }
        }
        tables
    }

    /// The keys that nobody asked for yet.
    pub fn rest(&self) -> Vec<String> {
        let asked = self.asked.borrow();
        self.table.keys().map(|key| key.get_ref().to_string()).filter(|key| !asked.contains(key)).collect()
    }

    /// Complains about keys that nobody asked for: a slip of the pen must not make a rule silently weaker.
    pub fn finish(&self) {
        for key in self.rest() {
            let asked = self.asked.borrow();
            let near = asked.iter().min_by_key(|known| distance(known, &key));
            let hint =
                near.filter(|known| distance(known, &key) <= 3).map(|known| format!("did you mean {known}?"));
            self.complain(&key, format!("unknown key {key:?}"), hint);
        }
    }
}

/// Levenshtein's distance, of short words; long ones are far from everything.
pub fn distance(a: &str, b: &str) -> usize {
    if a.len() > 64 || b.len() > 64 {
        return usize::MAX;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in b.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str, with: impl FnOnce(&Section<'_>)) -> Vec<String> {
        let ((), problems) = Document::read("a.toml", text, with);
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_complaint_names_file_line_and_reason() {
        let text = "id = 1\n\n[[part]]\nname = \"\"\nnmae = 2\n[[part]]\nday = 2024-01-01T00:00:00Z\n";
        let found = problems(text, |root| {
            root.needed("id");
            root.needed("title");
            for part in root.tables("part") {
                part.text("name");
                part.date("day");
                part.finish();
            }
        });
        assert_eq!(
            found,
            [
                "a.toml:1: id is a integer, not a text in quotes",
                "a.toml:1: title is missing",
                "a.toml:4: name is empty",
                "a.toml:5: unknown key \"nmae\" (did you mean name?)",
                "a.toml:7: day is not a date (as in 2024-06-24, without quotes)",
            ]
        );
    }

    #[test]
    fn broken_text_is_told_with_its_line() {
        let found = problems("a = 1\nb = [\n", |_| {});
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("a.toml:"), "{found:?}");
    }

    #[test]
    fn distances() {
        assert_eq!((distance("grade", "grade"), distance("grade", "gade"), distance("a", "xyz")), (0, 1, 3));
    }
}
