//! The same item at all instants at which something changes.

use std::collections::BTreeSet;

use candor_products::{Catalogue, Item};
use jiff::Timestamp;

use crate::judge::{changes, judge};
use crate::moment::Moment;
use crate::rule::Rules;
use crate::ruling::Ruling;
use crate::situation::Situation;

/// What is so from an instant on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// From when.
    pub from: Moment,
    /// The rulings.
    pub rulings: Vec<Ruling>,
}

/// The rulings on an item at each instant at which they change, of a situation whose own instant does not count. The
/// first stage is before anything was in force.
pub fn timeline(rules: &Rules, catalogue: &Catalogue, item: &Item, situation: &Situation) -> Vec<Stage> {
    let mut instants: BTreeSet<Timestamp> = BTreeSet::from([Timestamp::UNIX_EPOCH]);
    let mut zones = std::collections::BTreeMap::new();
    for rule in &rules.rules {
        let announced = rule.announced.iter().cloned();
        for at in changes(rule).into_iter().map(|change| change.at).chain(announced) {
            zones.insert(at.instant(), at.clone());
            instants.insert(at.instant());
        }
        for text in &rule.texts {
            if let Ok(at) = crate::moment::parse_moment(&text.valid_from, &rule.zone) {
                instants.insert(at.instant());
            }
        }
    }
    let mut stages: Vec<Stage> = Vec::new();
    for at in instants {
        let rulings = judge(rules, catalogue, item, &Situation { at, ..situation.clone() });
        let said = |rulings: &[Ruling]| {
            let said = rulings
                .iter()
                .map(|ruling| (ruling.rule.clone(), ruling.headline(), ruling.severity, ruling.citation()));
            said.collect::<Vec<_>>()
        };
        if stages.last().is_none_or(|last| said(&last.rulings) != said(&rulings)) {
            let from = zones.get(&at).cloned().unwrap_or_else(|| Moment::of(at));
            stages.push(Stage { from, rulings });
        }
    }
    stages
}
