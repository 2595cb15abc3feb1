//! Evaluates the signatures that something started.

use candor_object::{Evidence, Finding, MAX_EXCERPT};

use super::expression::{MAX_EXPRESSION_DEPTH, evaluate};
use super::section::{
    CONTAINER, ConditionRecord, ENTRY_POINT, FILE_SIZE, ROOT, SECTIONS, SignatureTables, strength,
};
use crate::hash::{Hashers, category, wanted};
use crate::pattern::{Matcher, View};
use crate::{Database, Error, Inspection};

/// Most findings of one object. Stops content that is made to match every signature from filling memory.
const MAX_FINDINGS: usize = 256;

/// Adds a finding for every signature that is true of the object.
pub(crate) fn inspect(
    database: &Database,
    inspection: &Inspection<'_>,
    found: &mut Vec<Finding>,
) -> Result<(), Error> {
    let filters = database.filters(inspection.object.file_type.name())?;
    let tables = database.signature_tables()?;
    let view = View::new(&inspection.object.content, inspection.deadline);
    let mut matcher = Matcher::new(database.pattern_tables()?, view, inspection.layout);
    let mut hashers = Hashers::new(match inspection.digests.0.get() {
        // Another database left its digests; what this one wants beside them is computed where it is asked.
        Some(_) => [false; 3],
        None if !inspection.hashed => [false; 3],
        None => wanted(database, inspection.object.content.size())?,
    });
    let started = matcher.search(&filters, &mut hashers)?;
    let _ = inspection.digests.0.set(hashers.finish());
    for number in started {
        if found.len() >= MAX_FINDINGS {
            break;
        }
        if let Some(finding) = evaluate_one(database, inspection, &tables, &mut matcher, number)? {
            found.push(finding);
        }
    }
    Ok(())
}

fn evaluate_one(
    database: &Database,
    inspection: &Inspection<'_>,
    tables: &SignatureTables<'_>,
    matcher: &mut Matcher<'_, '_>,
    number: u32,
) -> Result<Option<Finding>, Error> {
    let signature = tables.signature(number)?;
    let (conditions, code) = tables.code(signature)?;
    if !conditions.iter().all(|condition| holds(database, inspection, condition)) {
        return Ok(None);
    }
    let patterns = tables.patterns(signature)?;
    let mut hits = Vec::new();
    let value = evaluate(code, MAX_EXPRESSION_DEPTH.saturating_mul(4), &mut |place| {
        let pattern = patterns.get(usize::from(place)).ok_or(Error::Damaged("a subsignature is missing"))?;
        let hit = matcher.hit(pattern.get())?;
        if hit.count > 0 {
            hits.push((place, hit));
        }
        Ok::<_, Error>(hit.count)
    })?;
    if !value.ok_or(Error::Damaged("an expression cannot be read"))?.truth {
        return Ok(None);
    }
    hits.sort_unstable_by_key(|(place, _)| *place);
    hits.dedup_by_key(|(place, _)| *place);
    let evidence = hits
        .into_iter()
        .map(|(place, hit)| {
            let (start, end) = hit.first;
            let size = end.saturating_sub(start);
            let most = usize::try_from(size).unwrap_or(MAX_EXCERPT).min(MAX_EXCERPT);
            let excerpt = matcher.view().bytes(start, most).unwrap_or_default().to_vec();
            let times = if hit.count > 1 { format!(", {} times", hit.count) } else { String::new() };
            Evidence { what: format!("subsignature {place}{times}"), offset: start, size, excerpt }
        })
        .collect();
    Ok(Some(Finding {
        object: inspection.id,
        detector: "logical",
        name: database.text(signature.name).to_owned(),
        source: database.source(signature.source.get()).to_owned(),
        category: category(signature.category),
        strength: strength(signature.strength),
        text: database.text(tables.text(number)).to_owned(),
        evidence,
    }))
}

fn holds(database: &Database, inspection: &Inspection<'_>, condition: &ConditionRecord) -> bool {
    let within = |value: u64| condition.low.get() <= value && value <= condition.high.get();
    let layout = inspection.layout;
    match condition.kind {
        FILE_SIZE => within(inspection.object.content.size()),
        ENTRY_POINT => layout.and_then(|layout| layout.entry_point).is_some_and(within),
        SECTIONS => layout.is_some_and(|layout| within(layout.sections.len() as u64)),
        CONTAINER => {
            inspection.container.is_some_and(|kind| kind.name() == database.text(condition.container))
        }
        ROOT => inspection.object.depth == 0,
        // A condition of a later version cannot be judged, so it does not hold.
        _ => false,
    }
}
