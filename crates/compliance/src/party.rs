//! Rulings on dealings with a party.

use candor_products::{Catalogue, Checked, Grade};

use crate::judge::{add_duties, bare, clean, elsewhere, place, with_article};
use crate::moment::Moment;
use crate::rule::{Forbid, Rule, Rules, Status};
use crate::ruling::{Kind, Ruling, Severity};
use crate::situation::Situation;
use crate::subject::{Standing, of_entity};

/// What the rules about dealings say of an entity of the catalogue that a screening found. `grade` is how sure it is
/// that the party is that entity; below B nothing is prohibited.
pub fn judge_party(
    rules: &Rules,
    catalogue: &Catalogue,
    entity: &str,
    grade: Grade,
    situation: &Situation,
) -> Vec<Ruling> {
    let mut rulings = Vec::new();
    for rule in rules.rules.iter().filter(|rule| rule.object.parties && rule.status != Status::Repealed) {
        let at = Moment { at: situation.at.to_zoned(rule.zone.clone()) };
        let Some(standing) = of_entity(rule, catalogue, entity, &at, true) else { continue };
        let say = |kind, severity, why| bare(rule, &at, grade, kind, severity, why);
        let (how, doubt) = match standing {
            Standing::Flagged { how } => {
                rulings.push(say(Kind::Advisory, Severity::Medium, format!("red flag: {how}")));
                continue;
            }
            Standing::Subject { how, doubt } => (how, doubt),
        };
        if place(rule, situation) == Some(false) {
            rulings.push(say(Kind::NotCovered, Severity::None, elsewhere(rule)));
            continue;
        }
        let unplaced =
            place(rule, situation).is_none().then(|| "it was not said where and by whom".to_owned());
        let weak = (grade > Grade::B).then(|| format!("who the party is, is of grade {grade} only"));
        let doubts: Vec<String> = [doubt, unplaced, weak].into_iter().flatten().collect();
        for activity in situation.done() {
            rulings.push(dealing(rule, situation, &at, grade, &activity, &how, &doubts));
        }
    }
    if rulings.is_empty() {
        rulings.push(clean(situation, grade, "no rule is about this party".to_owned()));
    }
    rulings.sort_by_key(|ruling| ruling.kind);
    rulings
}

fn dealing(
    rule: &Rule,
    situation: &Situation,
    at: &Moment,
    grade: Grade,
    activity: &str,
    how: &str,
    doubts: &[String],
) -> Ruling {
    let binds = |forbid: &&Forbid| {
        forbid.activities.iter().any(|word| word == activity)
            && forbid.bound.iter().any(|party| situation.is(party))
    };
    let Some(forbid) = rule.forbids.iter().find(binds) else {
        let why = format!("it does not forbid a {} to {activity}", situation.role);
        return bare(rule, at, grade, Kind::NotCovered, Severity::None, why);
    };
    let now = at.instant();
    if now < forbid.from.instant() || forbid.until.as_ref().is_some_and(|until| until.instant() <= now) {
        let why = format!("it is in force from {}", forbid.from);
        return bare(rule, at, grade, Kind::NotCovered, Severity::None, why);
    }
    let mut doubts = doubts.to_vec();
    if forbid.checked == Checked::Memory {
        doubts.push("this part of the rule was not looked up".to_owned());
    }
    let said = forbid.says.clone().unwrap_or_else(|| format!("to {activity}"));
    let mut why = format!("{} may not: {said}; {how}", with_article(&situation.role));
    if !doubts.is_empty() {
        why = format!("{why}, but {}", doubts.join("; "));
    }
    let kind = if doubts.is_empty() { Kind::Prohibited } else { Kind::Review };
    let mut ruling = bare(rule, at, grade, kind, Severity::High, why);
    ruling.activity = Some(activity.to_owned());
    ruling.since = Some(forbid.from.clone());
    ruling.clause.clone_from(&forbid.clause);
    ruling.binds.clone_from(&forbid.bound);
    add_duties(rule, situation, at, &mut ruling);
    ruling
}
