//! Compiles patterns: equal ones once, each with its programs and anchors.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "the numbers are our own: places in tables that this writes, which `Compiler::is_full` bounds"
)]

use std::collections::HashMap;

use zerocopy::little_endian as le;

use super::anchor::{Anchor, NO_ANCHOR, choose};
use super::model::{Group, Pattern};
use super::needle;
use super::prefilter_compile::FilterWriter;
use super::program::encode;
use super::section::{GroupRecord, PatternRecord, flags};
use crate::image::{Kind, Writer};

/// What a pattern gives its signature to start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Compiled {
    /// Number of the pattern in the image.
    pub(crate) number: u32,
    /// How common its anchor is; less is better.
    pub(crate) quality: u8,
    /// Whether it has a literal in each group to be looked for by; without, every place of the content is tried.
    pub(crate) has_literals: bool,
}

/// Collects patterns.
#[derive(Default)]
pub(crate) struct Compiler {
    known: HashMap<(u32, Pattern), u32>,
    records: Vec<PatternRecord>,
    best: Vec<Option<(u32, Anchor)>>,
    triggers: Vec<Vec<u32>>,
    groups: Vec<GroupRecord>,
    programs: Vec<u8>,
}

impl Compiler {
    /// Bytes of the largest table.
    pub(crate) fn size(&self) -> usize {
        self.programs.len().max(self.groups.len()).max(self.records.len())
    }

    /// Adds a pattern, or finds the equal one that is there for the same group of file types. Others must not
    /// share it: it would start signatures that are not for the type, and those for a type in which it is not
    /// anchored would take its absence for granted.
    pub(crate) fn add(&mut self, pattern: &Pattern, types: u32) -> Compiled {
        if let Some(number) = self.known.get(&(types, pattern.clone())) {
            return self.compiled(*number);
        }
        let number = self.records.len() as u32;
        let mut record = PatternRecord::new(pattern.place);
        record.first_group = (self.groups.len() as u32).into();
        record.groups = (pattern.groups.len() as u32).into();
        let mut best: Option<(u32, Anchor)> = None;
        for group in &pattern.groups {
            if let Some(anchor) = choose(group)
                && best.is_none_or(|(_, best)| anchor.quality < best.quality)
            {
                best = Some((self.groups.len() as u32, anchor));
            }
            self.add_group(number, group);
        }
        self.records.push(record);
        self.best.push(best);
        self.triggers.push(Vec::new());
        self.known.insert((types, pattern.clone()), number);
        self.compiled(number)
    }

    fn compiled(&self, number: u32) -> Compiled {
        let anchor = self.best.get(number as usize).copied().flatten();
        let quality = anchor.map_or(NO_ANCHOR, |(_, anchor)| anchor.quality);
        let record = &self.records[number as usize];
        let first = record.first_group.get() as usize;
        let groups = &self.groups[first..first + record.groups.get() as usize];
        let has_literals = groups.iter().all(|group| group.needle_length.get() as usize >= needle::SHORTEST);
        Compiled { number, quality, has_literals }
    }

    fn add_group(&mut self, pattern: u32, group: &Group) {
        let program = self.programs.len() as u32;
        encode(&group.elements, &mut self.programs);
        let program_length = self.programs.len() as u32 - program;
        let literal = needle::choose(&group.elements);
        let needle = self.programs.len() as u32;
        self.programs.extend_from_slice(&literal.bytes);
        self.groups.push(GroupRecord {
            pattern: pattern.into(),
            gap: group.gap.into(),
            program: program.into(),
            program_length: program_length.into(),
            needle: needle.into(),
            needle_length: (literal.bytes.len() as u32).into(),
            needle_distance: literal.distance.into(),
            needle_is_folded: u8::from(literal.folded),
        });
    }

    /// A signature asks how often the pattern matches.
    pub(crate) fn count(&mut self, number: u32) {
        if let Some(record) = self.records.get_mut(number as usize) {
            record.flags |= flags::COUNTED;
        }
    }

    /// The pattern is looked for in every object of a group of file types. Does nothing without an anchor.
    pub(crate) fn anchor(&mut self, number: u32, types: u32, filters: &mut FilterWriter) {
        let place = number as usize;
        if let Some((group, anchor)) = self.best.get(place).copied().flatten()
            && let Some(record) = self.records.get_mut(place)
        {
            record.flags |= flags::EAGER;
            filters.add(types, group, &anchor);
        }
    }

    /// The signature is evaluated when the pattern matched.
    pub(crate) fn trigger(&mut self, number: u32, signature: u32) {
        if let Some(triggers) = self.triggers.get_mut(number as usize) {
            triggers.push(signature);
        }
    }

    /// Writes the sections.
    pub(crate) fn finish(mut self, writer: &mut Writer) {
        let mut all: Vec<le::U32> = Vec::new();
        for (record, triggers) in self.records.iter_mut().zip(&self.triggers) {
            record.first_trigger = (all.len() as u32).into();
            record.triggers = (triggers.len() as u32).into();
            all.extend(triggers.iter().map(|signature| le::U32::new(*signature)));
        }
        writer.section(Kind::Patterns, 0, &self.records);
        writer.section(Kind::Groups, 0, &self.groups);
        writer.section(Kind::Programs, 0, &self.programs);
        writer.section(Kind::Triggers, 0, &all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::model::{Element, Place};

    #[test]
    fn equal_patterns_for_equal_types_are_one() {
        let group = Group { gap: 0, elements: b"hello".iter().copied().map(Element::literal).collect() };
        let pattern = Pattern { place: Place::ANYWHERE, groups: vec![group] };
        let mut compiler = Compiler::default();
        let first = compiler.add(&pattern, 0);
        assert_eq!(compiler.add(&pattern, 0), first);
        assert_ne!(compiler.add(&pattern, 1).number, first.number);
        let elsewhere = Pattern { place: Place::at(7), ..pattern };
        assert_ne!(compiler.add(&elsewhere, 0).number, first.number);
    }
}
