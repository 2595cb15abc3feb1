//! Splits a rule file into its parts without reading them, so that a rule which is broken costs no other.

use std::ops::Range;

use candor_detect::yara::SHELTER;

/// A part of a rule file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// `import "name"`.
    Import(Range<usize>),
    /// `include "path"`.
    Include(Range<usize>),
    /// A rule with its modifiers.
    Rule(RuleText),
    /// Something else; one for all that lies together.
    Unknown(usize),
}

/// Where a rule lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RuleText {
    /// All of it.
    pub(super) all: Range<usize>,
    /// From `meta:` up to the next section.
    pub(super) meta: Option<Range<usize>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(Range<usize>),
    /// What lies between the quotes.
    Text(Range<usize>),
    Other(u8),
}

/// Reads tokens; broken ones end with their line, as they do in YARA.
struct Tokens<'t> {
    text: &'t [u8],
    at: usize,
}

impl Tokens<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at.saturating_add(ahead)).copied()
    }

    fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }

    fn skip_until(&mut self, found: impl Fn(&[u8]) -> bool) {
        while self.at < self.text.len() && !found(self.text.get(self.at..).unwrap_or_default()) {
            self.skip(1);
        }
    }

    /// The next token and where it begins.
    fn next(&mut self) -> Option<(usize, Token)> {
        loop {
            let start = self.at;
            let byte = self.peek(0)?;
            match (byte, self.peek(1)) {
                (b'/', Some(b'/')) => self.skip_until(|rest| rest.starts_with(b"\n")),
                (b'/', Some(b'*')) => {
                    self.skip(2);
                    self.skip_until(|rest| rest.starts_with(b"*/"));
                    self.skip(2);
                }
                (b'"' | b'/', _) => {
                    self.skip(1);
                    self.skip_quoted(byte);
                    let text = start.saturating_add(1)..self.at;
                    if self.peek(0) == Some(byte) {
                        self.skip(1);
                    }
                    return Some((start, Token::Text(text)));
                }
                // Names of strings may be keywords, and so may fields of modules.
                (b'$' | b'#' | b'@' | b'!' | b'.', _) => {
                    self.skip(1);
                    self.skip_word();
                    return Some((start, Token::Other(byte)));
                }
                _ if is_word(byte) => {
                    self.skip_word();
                    return Some((start, Token::Word(start..self.at)));
                }
                _ if byte.is_ascii_whitespace() => self.skip(1),
                _ => {
                    self.skip(1);
                    return Some((start, Token::Other(byte)));
                }
            }
        }
    }

    fn skip_word(&mut self) {
        while self.peek(0).is_some_and(is_word) {
            self.skip(1);
        }
    }

    /// Goes to the end of a text or a regular expression.
    fn skip_quoted(&mut self, quote: u8) {
        while let Some(byte) = self.peek(0).filter(|byte| *byte != quote && *byte != b'\n') {
            let escaped = byte == b'\\' && self.peek(1).is_some_and(|next| next != b'\n');
            self.skip(if escaped { 2 } else { 1 });
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The text with [`SHELTER`] before names that begin with `not`: the parser would take `not_this` for
/// `not _this`.
/// Names of strings and of fields have another byte before them and are safe.
pub(super) fn sheltered(text: String) -> String {
    let mut tokens = Tokens { text: text.as_bytes(), at: 0 };
    let mut places = Vec::new();
    while let Some((start, token)) = tokens.next() {
        if let Token::Word(word) = token
            && word.len() > 3
            && text.get(word).is_some_and(|word| word.starts_with("not"))
        {
            places.push(start);
        }
    }
    let mut text = text;
    for place in places.into_iter().rev() {
        text.insert_str(place, SHELTER);
    }
    text
}

/// What is being read.
#[derive(Default)]
struct Splitter {
    parts: Vec<Part>,
    /// Where the modifiers before a `rule` that may follow begin.
    modifiers: Option<usize>,
    rule: Option<Open>,
}

/// A rule that has not ended.
struct Open {
    start: usize,
    depth: u32,
    meta: Option<usize>,
    body: Option<usize>,
    /// The word just read and where it begins, if it may name a section.
    section: Option<(bool, usize)>,
}

/// The parts of a rule file, in order.
pub(super) fn split(text: &[u8]) -> Vec<Part> {
    let mut tokens = Tokens { text, at: 0 };
    let mut splitter = Splitter::default();
    while let Some((start, token)) = tokens.next() {
        let word = match &token {
            Token::Word(range) => text.get(range.clone()).unwrap_or_default(),
            _ => &[],
        };
        match word {
            b"rule" => {
                let from = splitter.modifiers.take().unwrap_or(start);
                // The rule before lacks its end, if there is one.
                splitter.close(from);
                splitter.rule = Some(Open { start: from, depth: 0, meta: None, body: None, section: None });
                continue;
            }
            b"private" | b"global" => {
                splitter.modifiers.get_or_insert(start);
                if splitter.rule.is_none() {
                    continue;
                }
            }
            _ => splitter.modifiers = None,
        }
        match &mut splitter.rule {
            Some(rule) => {
                if rule.takes(start, &token, word) {
                    splitter.close(tokens.at);
                }
            }
            None => splitter.outside(start, word, &mut tokens),
        }
    }
    splitter.close(text.len());
    splitter.parts
}

impl Splitter {
    fn close(&mut self, end: usize) {
        let Some(rule) = self.rule.take() else { return };
        let meta = rule.meta.zip(rule.body).map(|(start, end)| start..end);
        self.parts.push(Part::Rule(RuleText { all: rule.start..end, meta }));
    }

    /// Takes a token outside of rules.
    fn outside(&mut self, start: usize, word: &[u8], tokens: &mut Tokens<'_>) {
        if matches!(word, b"import" | b"include") {
            let before = tokens.at;
            if let Some((_, Token::Text(text))) = tokens.next() {
                let part = if word == b"import" { Part::Import(text) } else { Part::Include(text) };
                return self.parts.push(part);
            }
            tokens.at = before;
        }
        if !matches!(self.parts.last(), Some(Part::Unknown(_))) {
            self.parts.push(Part::Unknown(start));
        }
    }
}

impl Open {
    /// Takes a token of the rule; true if it is the last.
    fn takes(&mut self, start: usize, token: &Token, word: &[u8]) -> bool {
        let before = self.section.take();
        match token {
            Token::Other(b'{') => self.depth = self.depth.saturating_add(1),
            Token::Other(b'}') => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            Token::Other(b':') if self.depth == 1 => match before {
                Some((true, at)) => self.meta = self.meta.or(Some(at)),
                Some((false, at)) => self.body = self.body.or(Some(at)),
                None => {}
            },
            Token::Word(_) => match word {
                b"meta" => self.section = Some((true, start)),
                b"strings" | b"condition" => self.section = Some((false, start)),
                _ => {}
            },
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<String> {
        let show = |part: Part| match part {
            Part::Import(range) => format!("import {}", &text[range]),
            Part::Include(range) => format!("include {}", &text[range]),
            Part::Rule(rule) => match rule.meta {
                Some(meta) => format!("{} [{}]", text[rule.all].trim(), text[meta].trim()),
                None => text[rule.all].trim().to_owned(),
            },
            Part::Unknown(at) => format!("? {}", &text[at..]),
        };
        split(text.as_bytes()).into_iter().map(show).collect()
    }

    #[test]
    fn a_file_is_split_into_its_parts() {
        let text = "/* rule */ import \"pe\" // rule\ninclude \"a/b.yar\"\nprivate global rule a : t u { condition: true }\n\
                    rule b { strings: $rule = \"}\\\"\" private $x = { 00 [2] (41|42) } $r = /\\/}/ condition: #rule > 1 }";
        assert_eq!(
            parts(text),
            [
                "import pe",
                "include a/b.yar",
                "private global rule a : t u { condition: true }",
                "rule b { strings: $rule = \"}\\\"\" private $x = { 00 [2] (41|42) } $r = /\\/}/ condition: #rule > 1 }"
            ]
        );
    }

    #[test]
    fn names_are_no_operators() {
        let sheltered = |text: &str| sheltered(text.to_owned());
        assert_eq!(
            sheltered("rule not_a { condition: not_b and not c }"),
            "rule sheltered_not_a { condition: sheltered_not_b and not c }"
        );
        assert_eq!(sheltered("$not_a \"not_b\" x.note"), "$not_a \"not_b\" x.note");
    }

    #[test]
    fn meta_ends_where_the_next_section_begins() {
        assert_eq!(
            parts("rule a { meta: x = \"strings:\" y = true strings: $a = \"b\" condition: $a }"),
            [
                "rule a { meta: x = \"strings:\" y = true strings: $a = \"b\" condition: $a } [meta: x = \"strings:\" y = true]"
            ]
        );
    }

    #[test]
    fn a_broken_rule_ends_where_the_next_begins() {
        assert_eq!(
            parts(
                "rule a { strings: $a = \"x\n condition: { $a \n private rule b { condition: true } x y rule c {}"
            ),
            [
                "rule a { strings: $a = \"x\n condition: { $a",
                "private rule b { condition: true }",
                "? x y rule c {}",
                "rule c {}"
            ]
        );
        assert_eq!(parts("import pe"), ["? import pe"]);
        assert_eq!(parts("rule"), ["rule"]);
        assert!(parts("").is_empty());
    }
}
