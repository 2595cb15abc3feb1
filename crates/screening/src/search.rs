//! Finds the entries of lists that a name may mean.

use crate::entry::{Entry, Match, Part, Profile, Query, Ruling};
use crate::name::fold;

/// A searchable list.
pub struct Search<'e> {
    names: Vec<(usize, usize, String)>,
    entries: &'e [Entry],
}

impl<'e> Search<'e> {
    /// Prepares entries for being searched.
    pub fn new(entries: &'e [Entry]) -> Self {
        let names = entries.iter().enumerate().flat_map(|(at, entry)| entry.names.iter().enumerate().map(move |(name, text)| (at, name, fold(text))));
        Self { names: names.collect(), entries }
    }

    /// What the query may mean, best first, at most 20.
    pub fn find(&self, query: &Query, _: Profile) -> Vec<Match> {
        let wanted = fold(&query.name);
        let hits = self.names.iter().filter(|(entry, _, name)| *name == wanted && self.entries.get(*entry).is_some());
        hits.take(20)
            .map(|(entry, name, _)| Match {
                entry: *entry,
                name: *name,
                score: 1.0,
                parts: vec![Part { what: "same", value: 1.0, weight: 1.0 }],
                ruling: Ruling::Match,
                flags: Vec::new(),
            })
            .collect()
    }
}
