//! Runs sets of rules on content.

use std::sync::Arc;
use std::time::Instant;

use boreal::scanner::{
    CallbackEvents, EvaluatedRule, ScanCallbackResult, ScanError, ScanEvent, ScanParams, Scanner,
};
use candor_object::{Evidence, Finding, Limit, MAX_EXCERPT, Reason};

use super::SHELTER;
use super::section::{RuleRecord, RuleTables, UnitRecord};
use crate::hash::category;
use crate::logical::strength;
use crate::{Database, Error, Found, Inspection};

/// Most matches of a string that are counted. Stops content made of matches from filling memory; rules that ask
/// for more are a gap.
const MAX_MATCHES: usize = 1 << 15;
/// As many are counted of a string of any set, however many strings it has.
const MIN_MATCHES: usize = 1 << 10;
/// About so many matches are kept of all strings of a set, each some hundred bytes.
const ALL_MATCHES: usize = 1 << 21;
/// Bytes of text of a string, at least, when their number is guessed.
const STRING: usize = 32;
/// Most strings whose matches a finding shows.
const MAX_EVIDENCE: usize = 64;
/// Bytes of each match that are kept while a set runs.
const KEPT: usize = 32;

/// What a scan of one set saw.
#[derive(Default)]
struct Seen<'s> {
    rules: Vec<EvaluatedRule<'s>>,
    /// Unit and name of rules one of whose strings matches too often.
    cut: Vec<(String, String)>,
}

/// Runs a set on the whole content, and adds a finding for every rule that matches.
pub(crate) fn inspect(
    database: &Database,
    tables: &RuleTables<'_>,
    inspection: &Inspection<'_>,
    set: u32,
    content: &[u8],
    found: &mut Found,
) -> Result<(), Error> {
    let units = tables.units(set)?;
    let (scanner, size) = database.rule_sets().get(tables, set, units)?;
    let most = ALL_MATCHES.saturating_mul(STRING).checked_div(size).unwrap_or(MAX_MATCHES);
    let most = most.clamp(MIN_MATCHES, MAX_MATCHES);
    let scanner = prepared(&scanner, most, inspection.deadline)?;
    let mut seen = Seen::default();
    let result = scanner.scan_mem_with_callback(content, |event| {
        match event {
            ScanEvent::RuleMatch(rule) => seen.rules.push(rule),
            ScanEvent::StringReachedMatchLimit(string) => {
                seen.cut.push((string.rule_namespace.to_owned(), string.rule_name.to_owned()));
            }
            _ => {}
        }
        ScanCallbackResult::Continue
    });
    let Seen { rules, cut } = seen;
    for (unit, name) in &cut {
        // What was cut can make a rule miss, and not match.
        if !rules.iter().any(|rule| rule.name == name && rule.namespace == unit)
            && let Some(rule) = record(database, tables, units, unit, name)?
        {
            let name = database.text(rule.name);
            let detail = format!("{name}: one of its strings matches more than {most} times");
            found.gaps.push((Reason::Limit(Limit::Time), detail));
        }
    }
    for rule in &rules {
        if let Some(record) = record(database, tables, units, rule.namespace, rule.name)? {
            found.findings.push(finding(database, inspection, record, rule, content));
        }
    }
    match result {
        Err(ScanError::Timeout) => Err(Error::TimeIsUp),
        _ => Ok(()),
    }
}

/// The scanner with what this scan allows.
fn prepared(scanner: &Arc<Scanner>, most: usize, deadline: Instant) -> Result<Scanner, Error> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(Error::TimeIsUp);
    }
    // A copy shares everything that is large.
    let mut scanner = Scanner::clone(scanner);
    scanner.set_scan_params(
        ScanParams::default()
            .compute_full_matches(true)
            .match_max_length(KEPT)
            .string_max_nb_matches(u32::try_from(most).unwrap_or(u32::MAX))
            .timeout_duration(Some(left))
            .callback_events(CallbackEvents::RULE_MATCH | CallbackEvents::STRING_REACHED_MATCH_LIMIT),
    );
    Ok(scanner)
}

/// What the database says of a rule; nothing for rules that only others ask for.
fn record<'d>(
    database: &Database,
    tables: &RuleTables<'d>,
    units: &[UnitRecord],
    unit: &str,
    name: &str,
) -> Result<Option<&'d RuleRecord>, Error> {
    let unit = unit.parse().ok().and_then(|number: usize| units.get(number));
    let unit = unit.ok_or(Error::Damaged("a rule is missing"))?;
    let name = name.strip_prefix(SHELTER).unwrap_or(name);
    Ok(tables.rules(unit)?.iter().find(|rule| database.text(rule.name) == name))
}

fn finding(
    database: &Database,
    inspection: &Inspection<'_>,
    record: &RuleRecord,
    rule: &EvaluatedRule<'_>,
    content: &[u8],
) -> Finding {
    let evidence = rule.matches.iter().take(MAX_EVIDENCE).filter_map(|string| {
        let first = string.matches.first()?;
        let times = match string.matches.len() {
            1 => String::new(),
            count => format!(", {count} times"),
        };
        let end = first.offset.saturating_add(first.length.min(MAX_EXCERPT)).min(content.len());
        Some(Evidence {
            what: format!("string ${}{times}", string.name),
            offset: first.offset as u64,
            size: first.length as u64,
            excerpt: content.get(first.offset..end).unwrap_or_default().to_vec(),
        })
    });
    Finding {
        object: inspection.id,
        detector: "yara",
        name: database.text(record.name).to_owned(),
        source: database.source(record.source.get()).to_owned(),
        category: category(record.category),
        strength: strength(record.strength),
        text: database.text(record.text).to_owned(),
        evidence: evidence.collect(),
    }
}
