//! Compiles signatures: decides which patterns start one, and which are looked for only then.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "the numbers are our own: places in tables that this writes, which `Compiler::is_full` bounds"
)]

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
    /// Bytes of the largest table.
    pub(crate) fn size(&self) -> usize {
        self.patterns.size().max(self.code.len()).max(self.pattern_refs.len())
    }

    /// Adds a signature.
    pub(crate) fn add(&mut self, signature: &LogicalSignature, strings: &mut Strings) {
        let signature_number = self.records.len() as u32;
        let types = self.filters.types(&signature.types);
        let mut patterns: Vec<Compiled> = Vec::new();
        let mut places: Vec<Range<u8>> = Vec::new();
        for subsignature in signature.subsignatures.iter().take(MAX_SUBSIGNATURES) {
            let first = patterns.len() as u8;
            patterns.extend(
                subsignature.iter().take(MAX_VARIANTS).map(|pattern| self.patterns.add(pattern, types)),
            );
            places.push(first..patterns.len() as u8);
        }
        let place_of = |number: u8| places.get(usize::from(number)).cloned().unwrap_or_default();
        let of = |number: u8| place_of(number).filter_map(|place| patterns.get(usize::from(place)).copied());
        let quality = |number: u8| of(number).map(|pattern| pattern.quality).max().unwrap_or(NO_ANCHOR);

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

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use candor_object::{Category, Content, FileType, Object, ObjectId, Relation, Strength};

    use crate::logical::{Expression, LogicalSignature};
    use crate::pattern::{Element, Group, Pattern, Place};
    use crate::{Compiler, Database, Digests, Inspection};

    fn signature(file_type: &str, texts: &[&str]) -> LogicalSignature {
        let pattern = |text: &str| Pattern {
            place: Place::ANYWHERE,
            groups: vec![Group { gap: 0, elements: text.bytes().map(Element::literal).collect() }],
        };
        LogicalSignature {
            name: format!("for-{file_type}"),
            source: String::new(),
            text: String::new(),
            category: Category::Malware,
            strength: Strength::Strong,
            types: vec![file_type.to_owned()],
            conditions: Vec::new(),
            expression: (0..texts.len() as u8)
                .map(Expression::Pattern)
                .reduce(|left, right| Expression::And(Box::new(left), Box::new(right)))
                .unwrap(),
            subsignatures: texts.iter().map(|text| vec![pattern(text)]).collect(),
        }
    }

    fn found(database: &Database, file_type: &'static str, content: &[u8]) -> Vec<String> {
        let object = Object {
            content: Content::from_vec(content.to_vec()),
            file_type: FileType::new(file_type),
            name: String::new(),
            relation: Relation::Root,
            depth: 0,
        };
        let inspection = Inspection {
            object: &object,
            id: ObjectId::ROOT,
            layout: None,
            container: None,
            deadline: Instant::now() + Duration::from_secs(60),
            hashed: true,
            digests: &Digests::default(),
        };
        let mut found = Vec::new();
        crate::logical::inspect(database, &inspection, &mut found).unwrap();
        found.into_iter().map(|finding| finding.name).collect()
    }

    #[test]
    fn a_pattern_for_two_types_keeps_them_apart() {
        let mut compiler = Compiler::default();
        // In "one" the spaces are the only anchor there is; in "two" they are looked for when the rest is found.
        compiler.logical(&signature("one", &["        "]));
        compiler.logical(&signature("two", &["        ", "qzKJxw#9"]));
        let database = Database::from_vec(compiler.finish()).unwrap();
        let content = b"        qzKJxw#9";
        assert_eq!(found(&database, "one", content), ["for-one"]);
        assert_eq!(found(&database, "two", content), ["for-two"]);
        assert_eq!(found(&database, "three", content), [""; 0]);
    }
}
