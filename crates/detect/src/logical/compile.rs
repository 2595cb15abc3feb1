//! Compiles signatures: decides which patterns start one, and which are looked for only then.

use std::ops::Range;

use zerocopy::{IntoBytes, little_endian as le};

use super::section::{ConditionRecord, SignatureRecord, strength_byte};
use super::{LogicalSignature, MAX_SUBSIGNATURES, MAX_VARIANTS};
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
        let signature_number = self.records.len() as u32;
        let mut patterns: Vec<Compiled> = Vec::new();
        let mut places: Vec<Range<u8>> = Vec::new();
        for subsignature in signature.subsignatures.iter().take(MAX_SUBSIGNATURES) {
            let first = patterns.len() as u8;
            patterns.extend(subsignature.iter().take(MAX_VARIANTS).map(|pattern| self.patterns.add(pattern)));
            places.push(first..patterns.len() as u8);
        }
        let place_of = |number: u8| places.get(usize::from(number)).cloned().unwrap_or_default();
        let of = |number: u8| place_of(number).filter_map(|place| patterns.get(usize::from(place)).copied());
        let quality = |number: u8| of(number).map(|pattern| pattern.quality).max().unwrap_or(NO_ANCHOR);
        let types = self.filters.types(&signature.types);

        signature.expression.counted(&mut |number| {
            for pattern in of(number) {
                self.patterns.count(pattern.number);
            }
        });
        // A set of triggers costs what its commonest members cost together; one without an anchor, all there is.
        let trigger_cost = |number: u8| match quality(number) {
            NO_ANCHOR => 1 << 24,
            quality => 1_u32 << (quality / 12),
        };
        let triggers = signature.expression.triggers(&trigger_cost);
        let started =
            triggers.filter(|set| !set.is_empty() && set.iter().all(|number| quality(*number) != NO_ANCHOR));
        let mut eager: Vec<u8> = Vec::new();
        match started {
            Some(set) => {
                for pattern in set.iter().flat_map(|number| of(*number)) {
                    self.patterns.trigger(pattern.number, signature_number);
                }
                eager.extend(set);
                signature.expression.members(&mut |number| {
                    if quality(number) < COMMON {
                        eager.push(number);
                    }
                });
            }
            None => self.filters.always(types, signature_number),
        }
        for pattern in eager.iter().flat_map(|number| of(*number)) {
            self.patterns.anchor(pattern.number, types, &mut self.filters);
        }

        let code = self.code.len() as u32;
        for condition in &signature.conditions {
            self.code.extend_from_slice(ConditionRecord::new(condition, strings).as_bytes());
        }
        let cost = |number: u8| if eager.contains(&number) { 0 } else { LATER };
        signature.expression.encode(&|number| (place_of(number), cost(number)), &mut self.code);
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
