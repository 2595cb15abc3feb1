//! Evaluates the signatures that something started.

use candor_object::{Evidence, Finding, Limit, MAX_EXCERPT, Reason};

use super::evaluation::{Evaluation, MAX_SUBJECT};
use super::section::{
    CONTAINERS, ConditionRecord, EMBEDDED, ENTRY_POINT, FILE_SIZE, HANDLE_AS, ICONS, PROGRAM, ROOT, RULES,
    SECTIONS, SignatureTables, strength,
};
use crate::hash::{Hashers, category, wanted};
use crate::pattern::{Hit, Matcher, View};
use crate::{Database, Embedded, Error, Found, Inspection, bytecode, icon, picture, yara};

/// Most findings of one object. Stops content that is made to match every signature from filling memory.
const MAX_FINDINGS: usize = 256;

/// Most places of a pattern at which content of another type may begin.
const MAX_EMBEDDED: usize = 10;

/// Adds a finding for every signature that is true of the object.
pub(crate) fn inspect(
    database: &Database,
    inspection: &Inspection<'_>,
    found: &mut Found,
) -> Result<(), Error> {
    let filters = database.filters(inspection.object.file_type.name())?;
    let tables = database.signature_tables()?;
    let view = View::new(&inspection.object.content, inspection.deadline);
    let mut matcher = Matcher::new(database.pattern_tables()?, view, inspection.layout);
    let size = inspection.object.content.size();
    let wanted = if inspection.hashed { wanted(database, size, inspection.digests)? } else { [false; 3] };
    let mut hashers = Hashers::resume(wanted, inspection.digests);
    let mut started = matcher.search(&filters, &mut hashers)?;
    hashers.leave(inspection.digests);
    picture::start(database, inspection, &mut started, found)?;
    let mut evaluation =
        Evaluation::new(database.regexes(), tables, matcher, inspection.pictures, inspection.deadline);
    let mut rule_sets = Vec::new();
    if inspection.object.content.as_slice().is_none() {
        look_ahead(database, inspection, tables, &mut evaluation, &started)?;
    }
    for number in started {
        if found.findings.len() >= MAX_FINDINGS {
            break;
        }
        evaluate_one(database, inspection, tables, &mut evaluation, number, found, &mut rule_sets)?;
    }
    // Several signatures may lead to one set.
    rule_sets.sort_unstable();
    rule_sets.dedup();
    run_rules(database, inspection, &mut evaluation, &rule_sets, found)
}

/// Looks for what the signatures will ask for, as far as possible for all together.
fn look_ahead<'d>(
    database: &'d Database,
    inspection: &Inspection<'_>,
    tables: SignatureTables<'d>,
    evaluation: &mut Evaluation<'d, '_>,
    started: &[u32],
) -> Result<(), Error> {
    let mut signatures = Vec::new();
    for number in started {
        let signature = tables.signature(*number)?;
        let (conditions, code) = tables.code(signature)?;
        if conditions.iter().all(|condition| holds(database, inspection, condition)) {
            signatures.push((tables.patterns(signature)?, code));
        }
    }
    evaluation.look_ahead(signatures)
}

/// Runs the sets of YARA rules that signatures led to.
fn run_rules(
    database: &Database,
    inspection: &Inspection<'_>,
    evaluation: &mut Evaluation<'_, '_>,
    sets: &[u32],
    found: &mut Found,
) -> Result<(), Error> {
    if sets.is_empty() {
        return Ok(());
    }
    let Some(content) = evaluation.whole()? else {
        let detail = format!("YARA rules are not run on more than {MAX_SUBJECT} bytes");
        found.gaps.push((Reason::Limit(Limit::ObjectBytes), detail));
        return Ok(());
    };
    let tables = database.rule_tables()?;
    for set in sets {
        if found.findings.len() >= MAX_FINDINGS {
            break;
        }
        yara::inspect(database, &tables, inspection, *set, content.as_ref(), found)?;
    }
    Ok(())
}

fn evaluate_one<'d>(
    database: &'d Database,
    inspection: &Inspection<'_>,
    tables: SignatureTables<'d>,
    evaluation: &mut Evaluation<'d, '_>,
    number: u32,
    found: &mut Found,
    rule_sets: &mut Vec<u32>,
) -> Result<(), Error> {
    let signature = tables.signature(number)?;
    let (conditions, code) = tables.code(signature)?;
    if !conditions.iter().all(|condition| holds(database, inspection, condition)) {
        return Ok(());
    }
    let judged = evaluation.judge(tables.patterns(signature)?, code)?;
    let name = database.text(signature.name);
    found.gaps.extend(judged.cut.map(|(reason, what)| (reason, format!("{name}: {what}"))));
    if !judged.truth {
        return Ok(());
    }
    for condition in conditions.iter().filter(|condition| condition.kind == ICONS) {
        let groups = database.text(condition.containers);
        if !icon::has_icon_of(database, inspection, groups, found)? {
            return Ok(());
        }
    }
    if signature.outcome == PROGRAM {
        let matches = evaluation.matches(tables.patterns(signature)?, code)?;
        return bytecode::inspect(database, inspection, signature.leads_to.get(), &matches, found);
    }
    if signature.outcome == RULES {
        rule_sets.push(signature.leads_to.get());
        return Ok(());
    }
    if signature.outcome == HANDLE_AS {
        found.handle_as.push(database.text(signature.handle_as).to_owned());
        return Ok(());
    }
    if signature.outcome == EMBEDDED {
        let offsets = evaluation.starts(tables.patterns(signature)?, MAX_EMBEDDED)?;
        found.embedded.push(Embedded { file_type: database.text(signature.handle_as).to_owned(), offsets });
        return Ok(());
    }
    let evidence = |(place, hit): (u16, Hit)| evidence(evaluation.view(), place, hit);
    found.findings.push(Finding {
        object: inspection.id,
        detector: "logical",
        name: name.to_owned(),
        source: database.source(signature.source.get()).to_owned(),
        category: category(signature.category),
        strength: strength(signature.strength),
        text: database.text(tables.text(number)).to_owned(),
        evidence: judged.hits.into_iter().map(evidence).collect(),
    });
    Ok(())
}

fn evidence(view: &mut View<'_>, place: u16, hit: Hit) -> Evidence {
    let (start, end) = hit.first;
    let size = end.saturating_sub(start);
    let most = usize::try_from(size).unwrap_or(MAX_EXCERPT).min(MAX_EXCERPT);
    let excerpt = view.bytes(start, most).unwrap_or_default().to_vec();
    let times = if hit.count > 1 { format!(", {} times", hit.count) } else { String::new() };
    Evidence { what: format!("subsignature {place}{times}"), offset: start, size, excerpt }
}

fn holds(database: &Database, inspection: &Inspection<'_>, condition: &ConditionRecord) -> bool {
    let within = |value: u64| condition.low.get() <= value && value <= condition.high.get();
    let layout = inspection.layout;
    match condition.kind {
        FILE_SIZE => within(inspection.object.content.size()),
        ENTRY_POINT => layout.and_then(|layout| layout.entry_point).is_some_and(within),
        SECTIONS => layout.is_some_and(|layout| within(layout.sections.len() as u64)),
        CONTAINERS => {
            let mut around = inspection.containers.iter().rev();
            database
                .text(condition.containers)
                .rsplit(',')
                .all(|wanted| around.next().is_some_and(|kind| wanted.is_empty() || kind.is(wanted)))
        }
        ROOT => inspection.containers.is_empty(),
        // Asked when the expression is true.
        ICONS => true,
        // A condition of a later version cannot be judged, so it does not hold.
        _ => false,
    }
}
