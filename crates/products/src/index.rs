//! Finds the marks that a fact may match, so that a million facts do not meet every mark.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder};
use candor_object::{Attribute, FactKind};

use crate::pattern::Pattern;
use crate::product::Need;

/// For each kind of fact, what to look for in which attribute.
#[derive(Debug, Default)]
pub(crate) struct Index {
    by_kind: HashMap<FactKind, Vec<(Attribute, Finder)>>,
}

/// Finds marks by the value of one attribute.
#[derive(Debug)]
struct Finder {
    exact: HashMap<String, Vec<usize>>,
    literals: Option<AhoCorasick>,
    of_literal: Vec<usize>,
    /// Those that have nothing to look for.
    always: Vec<usize>,
}

#[derive(Default)]
struct Keys {
    exact: HashMap<String, Vec<usize>>,
    literals: Vec<(String, usize)>,
    always: Vec<usize>,
}

impl Index {
    /// Indexes marks, which are named by their number.
    pub(crate) fn new<'m>(marks: impl Iterator<Item = (FactKind, &'m [Need])>) -> Self {
        let mut all: HashMap<FactKind, HashMap<Attribute, Keys>> = HashMap::new();
        for (number, (kind, needs)) in marks.enumerate() {
            // The need whose patterns say most is the one to look for.
            let Some(need) = needs.iter().max_by_key(|need| weight(need)) else { continue };
            for (attribute, patterns) in need {
                let keys = all.entry(kind).or_default().entry(*attribute).or_default();
                for pattern in patterns {
                    if let Some(text) = pattern.exact() {
                        keys.exact.entry(text.to_owned()).or_default().push(number);
                    } else if let Some(text) = pattern.literal() {
                        keys.literals.push((text.to_owned(), number));
                    } else {
                        keys.always.push(number);
                    }
                }
            }
        }
        let finders = |keys: HashMap<Attribute, Keys>| {
            let mut finders: Vec<_> =
                keys.into_iter().map(|(attribute, keys)| (attribute, Finder::new(keys))).collect();
            finders.sort_by_key(|(attribute, _)| *attribute);
            finders
        };
        Self { by_kind: all.into_iter().map(|(kind, keys)| (kind, finders(keys))).collect() }
    }

    /// The attributes that decide about facts of a kind.
    pub(crate) fn attributes(&self, kind: FactKind) -> impl Iterator<Item = Attribute> {
        self.by_kind.get(&kind).into_iter().flatten().map(|(attribute, _)| *attribute)
    }

    /// Adds the marks that may match a fact with this value, in normal form. Some may come twice.
    pub(crate) fn candidates(
        &self,
        kind: FactKind,
        attribute: Attribute,
        value: &str,
        found: &mut Vec<usize>,
    ) {
        let finders = self.by_kind.get(&kind).map_or(&[][..], Vec::as_slice);
        for (_, finder) in finders.iter().filter(|(wanted, _)| *wanted == attribute) {
            found.extend_from_slice(&finder.always);
            found.extend(finder.exact.get(value).into_iter().flatten());
            let matches = finder.literals.iter().flat_map(|literals| literals.find_overlapping_iter(value));
            found.extend(matches.map(|found| finder.of_literal[found.pattern().as_usize()]));
        }
    }
}

impl Finder {
    fn new(keys: Keys) -> Self {
        let (texts, of_literal): (Vec<String>, Vec<usize>) = keys.literals.into_iter().unzip();
        let literals = (!texts.is_empty()).then(|| AhoCorasickBuilder::new().build(&texts).ok()).flatten();
        let mut always = keys.always;
        if literals.is_none() {
            // Too many for one automaton, which no catalogue has; they are tried one by one then.
            always.extend(&of_literal);
        }
        Self { exact: keys.exact, literals, of_literal, always }
    }
}

/// How much patterns narrow down the facts: by the one that does least.
fn weight(need: &Need) -> usize {
    let weight = |pattern: &Pattern| match (pattern.exact(), pattern.literal()) {
        (Some(text), _) => 1000 + text.len(),
        (None, Some(text)) => text.len(),
        (None, None) => 0,
    };
    need.iter().flat_map(|(_, patterns)| patterns).map(weight).min().unwrap_or(0)
}
