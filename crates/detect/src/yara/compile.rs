//! Writes sets of rules.

#![allow(
    clippy::cast_possible_truncation,
    reason = "the numbers are our own: places in tables that this writes, which `Compiler::is_full` bounds"
)]

use super::section::{RuleRecord, SetRecord, UnitRecord};
use super::{MAX_UNIT, RuleSet, RuleSetNumber};
use crate::hash::category_byte;
use crate::image::{Kind, Writer};
use crate::logical::strength_byte;
use crate::strings::Strings;

/// Collects sets of rules.
#[derive(Default)]
pub(crate) struct Compiler {
    sets: Vec<SetRecord>,
    units: Vec<UnitRecord>,
    rules: Vec<RuleRecord>,
    texts: Vec<u8>,
}

impl Compiler {
    /// Bytes of the largest table.
    pub(crate) fn size(&self) -> usize {
        self.texts.len()
    }

    /// Adds a set. Units that are too long are left out: nobody could compile them.
    pub(crate) fn add(&mut self, set: &RuleSet, strings: &mut Strings) -> RuleSetNumber {
        let number = RuleSetNumber(self.sets.len() as u32);
        let first = self.units.len() as u32;
        for unit in set.units.iter().filter(|unit| unit.text.len() <= MAX_UNIT) {
            self.units.push(UnitRecord {
                text: (self.texts.len() as u32).into(),
                length: (unit.text.len() as u32).into(),
                first: (self.rules.len() as u32).into(),
                count: (unit.rules.len() as u32).into(),
            });
            self.texts.extend_from_slice(unit.text.as_bytes());
            for rule in &unit.rules {
                self.rules.push(RuleRecord {
                    name: strings.add(&rule.name),
                    text: strings.add(&rule.text),
                    source: strings.source(&rule.source),
                    category: category_byte(rule.category),
                    strength: strength_byte(rule.strength),
                });
            }
        }
        let count = (self.units.len() as u32).saturating_sub(first);
        self.sets.push(SetRecord { first: first.into(), count: count.into() });
        number
    }

    /// Writes the sections.
    pub(crate) fn finish(self, writer: &mut Writer) {
        writer.section(Kind::RuleSets, 0, &self.sets);
        writer.section(Kind::RuleUnits, 0, &self.units);
        writer.section(Kind::RuleTexts, 0, &self.texts);
        writer.section(Kind::Rules, 0, &self.rules);
    }
}
