//! One rule, read.

use std::collections::BTreeMap;
use std::ops::Bound;

use boreal_parser::expression::Expression;
use boreal_parser::file::YaraFileComponent;
use boreal_parser::rule::VariableDeclaration;
use candor_detect::yara::{SHELTER, is_too_deep};

use super::clamav;
use super::meta::{self, Meta};
use super::need::Need;
use super::split::{RuleText, sheltered};
use crate::problem::Complaint;

/// Longest rule in bytes, without what it says of itself.
const MAX_RULE: usize = 1 << 20;

/// A rule as it is kept until the file is read.
pub(super) struct Loaded {
    /// Its name in the text.
    pub(super) name: String,
    /// The file that it is in.
    pub(super) source: String,
    /// The rule without what it says of itself.
    pub(super) text: String,
    pub(super) meta: Meta,
    pub(super) strings: Vec<VariableDeclaration>,
    pub(super) condition: Expression,
    pub(super) is_private: bool,
    pub(super) is_global: bool,
    /// It makes no finding; others may refer to it.
    pub(super) silent: bool,
    pub(super) need: Need,
    /// Bytes that it needs besides its strings.
    pub(super) literals: Vec<Vec<u8>>,
    /// Where places of `text` are in the file: from the first number on, plus the second.
    places: [(usize, usize); 2],
    /// Words of the text that may be names of rules, and how names of rules begin in sets with `*`.
    words: Vec<String>,
    prefixes: Vec<String>,
}

impl Loaded {
    /// Its name as its author wrote it.
    pub(super) fn shown(&self) -> &str {
        self.name.strip_prefix(SHELTER).unwrap_or(&self.name)
    }

    /// Reads a rule; otherwise where in the file it is wrong, and why.
    pub(super) fn read(
        file: &[u8],
        part: &RuleText,
        source: &str,
        clamav: bool,
    ) -> Result<Self, (usize, Complaint)> {
        let start = part.all.start;
        let malformed = |reason: String| (start, Complaint::Malformed(reason));
        let meta = part.meta.clone().unwrap_or(part.all.end..part.all.end);
        let before = file.get(start..meta.start).unwrap_or_default();
        let after = file.get(meta.end..part.all.end).unwrap_or_default();
        let text = [before, after].concat();
        if text.len() > MAX_RULE {
            return Err(malformed(format!("the rule is longer than {MAX_RULE} bytes")));
        }
        let text = String::from_utf8(text).map_err(|_| malformed("the rule is not UTF-8".into()))?;
        let text = sheltered(text);
        if is_too_deep(&text) {
            return Err(malformed("the condition nests too deeply".into()));
        }
        let places = [(0, start), (before.len(), start.saturating_add(meta.len()))];
        let parsed = boreal_parser::parse(&text).map_err(|error| {
            let label = error.to_diagnostic().labels.first().map_or(0, |label| label.range.start);
            (position(&places, label), Complaint::malformed(reason(&error)))
        })?;
        let [YaraFileComponent::Rule(rule)] = &parsed.components[..] else {
            return Err(malformed("this is no rule".into()));
        };
        let mut rule = rule.clone();
        let mut loaded = Self {
            name: std::mem::take(&mut rule.name),
            source: source.to_owned(),
            text: String::new(),
            meta: meta::read(file.get(meta).unwrap_or_default(), &rule.tags).map_err(malformed)?,
            strings: std::mem::take(&mut rule.variables),
            is_private: rule.is_private,
            is_global: rule.is_global && !clamav,
            silent: false,
            need: Need::Nothing,
            literals: Vec::new(),
            places,
            words: Vec::new(),
            prefixes: Vec::new(),
            condition: rule.condition,
        };
        if clamav {
            clamav::check(&loaded.strings, &loaded.condition)
                .map_err(|(at, complaint)| (position(&places, at), complaint))?;
        }
        loaded.find_names(text.get(loaded.condition.span.start..).unwrap_or_default());
        loaded.text = match text.get(rule.name_span.start..) {
            // The word means nothing to ClamAV.
            Some(rest) if clamav && rule.is_global => {
                let private = if rule.is_private { "private " } else { "" };
                format!("{private}rule {rest}")
            }
            _ => text,
        };
        Ok(loaded)
    }

    /// Where a place of the text is in the file.
    pub(super) fn position(&self, offset: usize) -> usize {
        position(&self.places, offset)
    }

    /// The rules that its condition may name, of all whose numbers are given.
    pub(super) fn named<'a>(
        &'a self,
        numbers: &'a BTreeMap<String, usize>,
    ) -> impl Iterator<Item = usize> + 'a {
        let words = self.words.iter().filter_map(|word| numbers.get(word));
        let sets = self.prefixes.iter().flat_map(|prefix| {
            let from = (Bound::Included(prefix.as_str()), Bound::Unbounded);
            let named = numbers.range::<str, _>(from);
            named.take_while(move |(name, _)| name.starts_with(prefix.as_str())).map(|(_, number)| number)
        });
        words.chain(sets).copied()
    }

    /// Collects the words of the condition, of which those that are names of rules matter.
    fn find_names(&mut self, condition: &str) {
        let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let mut rest = condition;
        while let Some(at) = rest.find(is_word) {
            let word = rest.get(at..).unwrap_or_default();
            let end = word.find(|letter: char| !is_word(letter));
            let (word, behind) = word.split_at(end.unwrap_or(word.len()));
            if behind.starts_with('*') {
                self.prefixes.push(word.to_owned());
            }
            self.words.push(word.to_owned());
            rest = behind;
        }
        self.words.sort_unstable();
        self.words.dedup();
    }
}

fn position(places: &[(usize, usize)], offset: usize) -> usize {
    let (_, moved) = places.iter().rev().find(|(from, _)| *from <= offset).copied().unwrap_or_default();
    offset.saturating_add(moved)
}

/// The parser's word for what is wrong, one line.
pub(super) fn reason(error: &boreal_parser::error::Error) -> String {
    error.to_diagnostic().message
}
