//! Regular expressions of a list, some of them compiled into one.
//!
//! They are searched for in linear time. Nothing is compiled before a link asks for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use regex_automata::meta::{self, Regex};
use regex_automata::util::syntax;

use super::section::{About, ExpressionRecord, LinkTables};
use crate::{Database, Error};

/// Expressions that are compiled into one.
const TOGETHER: usize = 32;
/// Most bytes of the automaton of one expression.
const MAX_AUTOMATON: usize = 128 << 10;
/// Bytes of states that an automaton may remember during a search.
const STATES: usize = 1 << 20;
/// Most automata that stay compiled. Stops lists that are made for it from filling memory.
const MOST_KEPT: usize = 32;

/// Automata by list and place.
type Kept = HashMap<(About, usize), Option<Arc<Regex>>>;

/// Automata that were compiled; those that cannot be are nothing.
#[derive(Default)]
pub(crate) struct Expressions(Mutex<Kept>);

impl Expressions {
    fn get(&self, key: (About, usize), texts: &[String]) -> Option<Arc<Regex>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(&key) {
            return known.clone();
        }
        let compiled = compile(texts).ok().map(Arc::new);
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(key, compiled.clone());
        compiled
    }
}

/// The first expression of a list that matches the end of one of the subjects.
pub(super) fn find<'d>(
    database: &'d Database,
    tables: &LinkTables<'d>,
    about: About,
    subjects: &[Vec<u8>],
    deadline: Instant,
) -> Result<Option<&'d ExpressionRecord>, Error> {
    for (place, records) in tables.expressions(about).chunks(TOGETHER).enumerate() {
        if Instant::now() >= deadline {
            return Err(Error::TimeIsUp);
        }
        let texts: Vec<String> =
            records.iter().map(|record| to_the_end(database.text(record.translated))).collect();
        let regex = database.links.get((about, place), &texts);
        let regex = regex.ok_or(Error::Damaged("an expression for links cannot be compiled"))?;
        let found = subjects.iter().find_map(|subject| regex.find(subject.as_slice()));
        if let Some(found) = found {
            return Ok(records.get(found.pattern().as_usize()));
        }
    }
    Ok(None)
}

/// Compiles an expression and throws the result away.
pub(super) fn check(text: &str) -> Result<(), String> {
    compile(&[to_the_end(text)]).map(drop).map_err(|_| "the expression is malformed or too large".to_owned())
}

fn to_the_end(text: &str) -> String {
    format!("(?s-u:(?:{text})/\\z)")
}

fn compile(texts: &[String]) -> Result<Regex, Box<meta::BuildError>> {
    let syntax = syntax::Config::new().unicode(false).utf8(false).nest_limit(100);
    let config = meta::Config::new()
        .utf8_empty(false)
        .nfa_size_limit(Some(MAX_AUTOMATON.saturating_mul(texts.len().saturating_add(1))))
        .hybrid_cache_capacity(STATES)
        .onepass(false)
        // Otherwise the number of processors is asked for, which a jailed worker may not.
        .pool_capacity(1);
    meta::Builder::new().syntax(syntax).configure(config).build_many(texts).map_err(Box::new)
}
