//! Compiles signatures: decides which patterns start one, and which are looked for only then.

use zerocopy::{IntoBytes, little_endian as le};

use super::LogicalSignature;
use super::section::{ConditionRecord, SignatureRecord, strength_byte};
use crate::hash::category_byte;
use crate::image::{Kind, Writer};
use crate::pattern::{COMMON, Compiled, Compiler as Patterns, FilterWriter, NO_ANCHOR};
use crate::strings::{Strings, Text};

/// What looking for a pattern through the whole content costs beside an anchor that is there anyway.
const LATER: u32 = 1000;

/// Collects signatures.
#[derive(Default)]
pub(crate) struct Compiler {
    records: Vec<SignatureRecord>,
    texts: Vec<Text>,
    code: Vec<u8>,
    pattern_refs: Vec<le::U32>,
    patterns: Patterns,
    filters: FilterWriter,
}

impl Compiler {
    /// Adds a signature.
    pub(crate) fn add(&mut self, signature: &LogicalSignature, strings: &mut Strings) {
        let number = self.records.len() as u32;
        let patterns: Vec<Compiled> =
            signature.patterns.iter().map(|pattern| self.patterns.add(pattern)).collect();
        let of = |place: u8| patterns.get(usize::from(place)).copied();
        let types = self.filters.types(&signature.types);

        signature.expression.counted(&mut |place| {
            if let Some(pattern) = of(place) {
                self.patterns.count(pattern.number);
            }
        });
        // A set of triggers costs what its commonest members cost together; one without an anchor, all there is.
        let trigger_cost = |place: u8| match of(place).map(|pattern| pattern.quality) {
            Some(NO_ANCHOR) | None => 1 << 24,
            Some(quality) => 1_u32 << (quality / 12),
        };
        let triggers = signature.expression.triggers(&trigger_cost);
        let started = triggers.filter(|set| {
            !set.is_empty()
                && set.iter().all(|place| of(*place).is_some_and(|pattern| pattern.quality != NO_ANCHOR))
        });
        let mut eager: Vec<u8> = Vec::new();
        match &started {
            Some(set) => {
                for pattern in set.iter().filter_map(|place| of(*place)) {
                    self.patterns.trigger(pattern.number, number);
                }
                eager.clone_from(set);
                signature.expression.members(&mut |place| {
                    if of(place).is_some_and(|pattern| pattern.quality < COMMON) {
                        eager.push(place);
                    }
                });
            }
            None => self.filters.always(types, number),
        }
        for pattern in eager.iter().filter_map(|place| of(*place)) {
            self.patterns.anchor(pattern.number, types, &mut self.filters);
        }

        let code = self.code.len() as u32;
        for condition in &signature.conditions {
            self.code.extend_from_slice(ConditionRecord::new(condition, strings).as_bytes());
        }
        let cost = |place: u8| if eager.contains(&place) { 0 } else { LATER };
        signature.expression.encode(&cost, &mut self.code);
        self.records.push(SignatureRecord {
            name: strings.add(&signature.name),
            source: strings.source(&signature.source),
            category: category_byte(signature.category),
            strength: strength_byte(signature.strength),
            first_pattern: (self.pattern_refs.len() as u32).into(),
            patterns: (patterns.len() as u16).into(),
            conditions: (signature.conditions.len() as u16).into(),
            code: code.into(),
            code_length: (self.code.len() as u32 - code).into(),
        });
        self.pattern_refs.extend(patterns.iter().map(|pattern| le::U32::new(pattern.number)));
        self.texts.push(strings.add(&signature.text));
    }

    /// Writes the sections.
    pub(crate) fn finish(self, strings: &mut Strings, writer: &mut Writer) {
        writer.section(Kind::Signatures, 0, &self.records);
        writer.section(Kind::Expressions, 0, &self.code);
        writer.section(Kind::PatternRefs, 0, &self.pattern_refs);
        writer.section(Kind::Texts, 0, &self.texts);
        self.patterns.finish(writer);
        self.filters.finish(strings, writer);
    }
}
