//! Rules of which no string must be there, from all files: those with one guard are run together.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use candor_detect::Compiler;
use candor_detect::yara::{RuleSet, RuleUnit};

use super::need::Need;
use super::plan;

/// What the files of rules have in common while a database is built.
#[derive(Default)]
pub(crate) struct Shared {
    groups: BTreeMap<String, (Need, RuleSet)>,
    /// Digests of the units that are there, so that a file which is read on its own and included counts once.
    seen: HashSet<u64>,
}

impl Shared {
    /// Whether these rules are not there yet.
    pub(super) fn is_new(&mut self, unit: &RuleUnit) -> bool {
        let mut hasher = DefaultHasher::new();
        unit.text.hash(&mut hasher);
        for rule in &unit.rules {
            (&rule.name, &rule.source).hash(&mut hasher);
        }
        self.seen.insert(hasher.finish())
    }

    /// Adds rules that are run when the need holds.
    pub(super) fn add(&mut self, need: Need, unit: RuleUnit) {
        if self.is_new(&unit) {
            let (_, set) =
                self.groups.entry(format!("{need:?}")).or_insert_with(|| (need, RuleSet::default()));
            set.units.push(unit);
        }
    }

    /// Writes the rules.
    pub(crate) fn finish(self, compiler: &mut Compiler) {
        for (need, set) in self.groups.into_values() {
            let number = compiler.rules(&set);
            let first = set.units.iter().flat_map(|unit| &unit.rules).next();
            let source = first.map_or("", |rule| &rule.source);
            compiler.logical(&plan::guard(source, &need, number));
        }
    }
}
