//! Compares signatures with what an archive says of a member.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use candor_object::{Finding, Listed, Object, ObjectId, Strength};
use regex_automata::meta::{self, Regex};
use regex_automata::util::syntax;

use super::MemberRecord;
use crate::hash::category;
use crate::{Database, Error};

/// Most expressions that stay compiled, and most bytes of each.
const MOST_KEPT: usize = 1024;
const MAX_AUTOMATON: usize = 256 << 10;

/// Expressions for names, compiled when they were first needed; those that cannot be are nothing.
#[derive(Default)]
pub(crate) struct Names(Mutex<HashMap<usize, Option<Arc<Regex>>>>);

impl Names {
    fn get(&self, signature: usize, text: &str) -> Option<Arc<Regex>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(&signature) {
            return known.clone();
        }
        let compiled = compile(text).map(Arc::new);
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(signature, compiled.clone());
        compiled
    }
}

fn compile(text: &str) -> Option<Regex> {
    let syntax = syntax::Config::new().unicode(false).utf8(false).nest_limit(100);
    let config = meta::Config::new()
        .utf8_empty(false)
        .nfa_size_limit(Some(MAX_AUTOMATON))
        .hybrid_cache_capacity(MAX_AUTOMATON)
        .onepass(false)
        // Otherwise the number of processors is asked for, which a jailed worker may not.
        .pool_capacity(1);
    meta::Builder::new().syntax(syntax).configure(config).build(text).ok()
}

/// The findings that a member makes in its archive.
///
/// # Errors
/// When the time is up or the database is damaged.
pub(crate) fn inspect(
    database: &Database,
    records: &[MemberRecord],
    archive: &Object,
    id: ObjectId,
    listed: &Listed<'_>,
    deadline: Instant,
) -> Result<Vec<Finding>, Error> {
    let mut found = Vec::new();
    for (number, record) in records.iter().enumerate() {
        if number % 256 == 0 && Instant::now() >= deadline {
            return Err(Error::TimeIsUp);
        }
        if !record.fits(archive, listed) {
            continue;
        }
        let container = database.text(record.container);
        if !container.is_empty() && !archive.file_type.is(container) {
            continue;
        }
        let expression = database.text(record.file_name);
        if !expression.is_empty() {
            let regex = database.names.get(number, expression);
            let regex = regex.ok_or(Error::Damaged("an expression for names cannot be compiled"))?;
            if !regex.is_match(listed.name.as_bytes()) {
                continue;
            }
        }
        found.push(Finding {
            object: id,
            detector: "member",
            name: database.text(record.name).to_owned(),
            source: database.source(record.source.get()).to_owned(),
            category: category(record.category),
            strength: Strength::Strong,
            text: database.text(record.text).to_owned(),
            evidence: Vec::new(),
        });
    }
    Ok(found)
}
