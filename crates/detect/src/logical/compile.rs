//! Compiles signatures: decides which patterns start one, and which are looked for only then.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "the numbers are our own: places in tables that this writes, which `Compiler::is_full` bounds"
)]

use std::ops::Range;

use zerocopy::{IntoBytes, little_endian as le};

use super::check::{
    NearRecord, Places, RegexRecord, encode_compare, encode_fixed, encode_near, encode_picture, encode_regex,
};
use super::expression::Members;
use super::section::{
    CHECK, ConditionRecord, EMBEDDED, FINDING, HANDLE_AS, PROGRAM, RULES, SignatureRecord, strength_byte,
};
use super::{Expression, LogicalSignature, MAX_NEAR, MAX_SUBSIGNATURES, MAX_VARIANTS, Outcome, Subsignature};
use crate::hash::category_byte;
use crate::image::{Kind, Writer};
use crate::pattern::{
    COMMON, Compiled, Compiler as Patterns, FilterWriter, NO_ANCHOR, Pattern, PlaceRecord, RARE,
};
use crate::picture;
use crate::strings::{Strings, Text};

/// What looking for a pattern through the whole content costs beside an anchor that is there anyway.
const LATER: u32 = 1000;
/// What decoding a picture costs beside anchors, when it is to be decided what starts a signature.
const DECODED: u32 = 1 << 12;
/// What a regular expression costs.
const LATEST: u32 = 1_000_000;

/// Collects signatures.
#[derive(Default)]
pub(crate) struct Compiler {
    records: Vec<SignatureRecord>,
    texts: Vec<Text>,
    code: Vec<u8>,
    pattern_refs: Vec<le::U32>,
    checks: Vec<u8>,
    patterns: Patterns,
    filters: FilterWriter,
    pictures: picture::Compiler,
}

/// The subsignatures of the signature that is being added.
struct Parts<'s> {
    subsignatures: &'s [Subsignature],
    /// The patterns of all of them.
    patterns: Vec<Compiled>,
    /// Those of each.
    places: Vec<Range<usize>>,
}

impl Parts<'_> {
    /// The patterns of a subsignature.
    fn of(&self, number: u8) -> &[Compiled] {
        let range = self.places.get(usize::from(number)).cloned().unwrap_or_default();
        &self.patterns[range]
    }

    fn get(&self, number: u8) -> Option<&Subsignature> {
        self.subsignatures.get(usize::from(number))
    }

    /// How common its commonest anchor is.
    fn quality(&self, number: u8) -> u8 {
        if matches!(self.get(number), Some(Subsignature::Picture(_))) {
            // It is looked up, and no signature is started that does not name it.
            return 0;
        }
        self.of(number).iter().map(|pattern| pattern.quality).max().unwrap_or(NO_ANCHOR)
    }

    fn places(&self, number: u8) -> Places {
        let range = self.places.get(usize::from(number)).cloned().unwrap_or_default();
        Places { first: (range.start as u16).into(), end: (range.end as u16).into() }
    }

    /// Calls `visit` for the subsignatures of patterns that an expression rests upon, through the triggers of
    /// its regular expressions.
    fn patterns_below(&self, expression: &Expression, visit: &mut dyn FnMut(u8)) {
        expression.members(&mut |number| match self.get(number) {
            Some(Subsignature::Regex { trigger, .. }) if precedes(trigger, number) => {
                self.patterns_below(trigger, visit);
            }
            Some(Subsignature::Compare { reference, .. }) => visit(*reference),
            Some(Subsignature::Near { .. }) => visit(number.saturating_sub(1)),
            _ => visit(number),
        });
    }
}

impl Members for Parts<'_> {
    fn cost(&self, number: u8) -> u32 {
        if matches!(self.get(number), Some(Subsignature::Picture(_))) {
            return DECODED;
        }
        // A set of triggers costs what its commonest members cost together; one without an anchor, all there is.
        match self.quality(number) {
            NO_ANCHOR => 1 << 24,
            quality => 1_u32 << (quality / 12),
        }
    }

    fn implied(&self, number: u8) -> Option<Vec<u8>> {
        match self.get(number)? {
            Subsignature::Patterns(_) | Subsignature::Picture(_) => Some(vec![number]),
            Subsignature::Regex { trigger, .. } if precedes(trigger, number) => trigger.triggers(self),
            Subsignature::Regex { .. } => None,
            Subsignature::Compare { reference, .. } => Some(vec![*reference]),
            Subsignature::Near { .. } => Some(vec![number.checked_sub(1)?]),
            Subsignature::Fixed(_) => None,
        }
    }
}

/// Whether an expression names only subsignatures before a number; others would run in circles.
fn precedes(expression: &Expression, number: u8) -> bool {
    let mut all = true;
    expression.members(&mut |member| all &= member < number);
    all
}

impl Compiler {
    /// Whether there is no room for another signature's anchors.
    pub(crate) fn is_full(&self) -> bool {
        self.filters.is_full()
    }

    /// Bytes of the largest table.
    pub(crate) fn size(&self) -> usize {
        self.patterns.size().max(self.code.len()).max(self.pattern_refs.len()).max(self.checks.len() * 2)
    }

    /// Adds a signature.
    pub(crate) fn add(&mut self, signature: &LogicalSignature, strings: &mut Strings) {
        let signature_number = self.records.len() as u32;
        let types = self.filters.types(&signature.types);
        let parts = self.parts(signature, types);
        self.count(signature, &parts);

        // All of them, not only those that are needed to start it: objects are decoded if there is any for their type.
        for subsignature in parts.subsignatures {
            if let Subsignature::Picture(hash) = subsignature {
                self.pictures.add(*hash, signature_number, &signature.types, strings);
            }
        }
        let triggers = signature.expression.triggers(&parts);
        let started = triggers
            .filter(|set| !set.is_empty() && set.iter().all(|number| parts.quality(*number) != NO_ANCHOR));
        let mut eager: Vec<u8> = Vec::new();
        match started {
            Some(set) => {
                for pattern in set.iter().flat_map(|number| parts.of(*number)) {
                    self.patterns.trigger(pattern.number, signature_number);
                }
                let started_often = set.iter().any(|number| parts.quality(*number) > RARE);
                eager.extend(set);
                parts.patterns_below(&signature.expression, &mut |number| {
                    let dear = parts.of(number).iter().any(|pattern| !pattern.has_literals);
                    if (started_often || dear) && parts.quality(number) < COMMON {
                        eager.push(number);
                    }
                });
            }
            None => self.filters.always(types, signature_number),
        }
        for pattern in eager.iter().flat_map(|number| parts.of(*number)) {
            self.patterns.anchor(pattern.number, types, &mut self.filters);
        }

        let first_pattern = self.pattern_refs.len() as u32;
        let cost = |number: u8| match parts.get(number) {
            Some(Subsignature::Regex { .. } | Subsignature::Picture(_)) => LATEST,
            Some(Subsignature::Fixed(_)) => 0,
            _ if eager.contains(&number) => 0,
            _ => LATER,
        };
        let (references, checked) = self.references(&parts, &cost);
        let code = self.code.len() as u32;
        for condition in &signature.conditions {
            self.code.extend_from_slice(ConditionRecord::new(condition, strings).as_bytes());
        }
        signature
            .expression
            .encode(&|number| (checked[usize::from(number)].clone(), cost(number)), &mut self.code);
        let (outcome, handle_as, leads_to) = match &signature.outcome {
            Outcome::Finding => (FINDING, "", 0),
            Outcome::HandleAs(name) => (HANDLE_AS, name.as_str(), 0),
            Outcome::Embedded(name) => (EMBEDDED, name.as_str(), 0),
            Outcome::Rules(set) => (RULES, "", set.0),
            Outcome::Program(number) => (PROGRAM, "", *number),
        };
        self.records.push(SignatureRecord {
            name: strings.add(&signature.name),
            source: strings.source(&signature.source),
            category: category_byte(signature.category),
            strength: strength_byte(signature.strength),
            first_pattern: first_pattern.into(),
            patterns: (references.len() as u16).into(),
            conditions: (signature.conditions.len() as u16).into(),
            code: code.into(),
            code_length: (self.code.len() as u32 - code).into(),
            outcome,
            handle_as: strings.add(handle_as),
            leads_to: leads_to.into(),
        });
        self.pattern_refs.extend(references);
        self.texts.push(strings.add(&signature.text));
    }

    /// Compiles the patterns of all subsignatures.
    fn parts<'s>(&mut self, signature: &'s LogicalSignature, types: u32) -> Parts<'s> {
        let most = signature.subsignatures.len().min(MAX_SUBSIGNATURES);
        let subsignatures = &signature.subsignatures[..most];
        let mut parts = Parts { subsignatures, patterns: Vec::new(), places: Vec::new() };
        for subsignature in subsignatures {
            let patterns: &[Pattern] = match subsignature {
                Subsignature::Patterns(patterns) => &patterns[..patterns.len().min(MAX_VARIANTS)],
                Subsignature::Near { patterns, .. } => &patterns[..patterns.len().min(MAX_NEAR)],
                Subsignature::Regex { .. }
                | Subsignature::Compare { .. }
                | Subsignature::Fixed(_)
                | Subsignature::Picture(_) => &[],
            };
            let first = parts.patterns.len();
            parts.patterns.extend(patterns.iter().map(|pattern| self.patterns.add(pattern, types)));
            parts.places.push(first..parts.patterns.len());
        }
        // The expression may name what is not there: such a subsignature never matches.
        parts.places.resize(MAX_SUBSIGNATURES, 0..0);
        parts
    }

    /// Notes which patterns are counted: those whose number, or whose last match, somebody asks for.
    fn count(&mut self, signature: &LogicalSignature, parts: &Parts<'_>) {
        let mut counted = Vec::new();
        match signature.outcome {
            // A program may ask for each number.
            Outcome::Program(_) => signature.expression.members(&mut |number| counted.push(number)),
            _ => signature.expression.counted(&mut |number| counted.push(number)),
        }
        for subsignature in parts.subsignatures {
            match subsignature {
                Subsignature::Regex { trigger, .. } => trigger.counted(&mut |number| counted.push(number)),
                Subsignature::Compare { reference, .. } => counted.push(*reference),
                Subsignature::Patterns(_)
                | Subsignature::Near { .. }
                | Subsignature::Fixed(_)
                | Subsignature::Picture(_) => {}
            }
        }
        for pattern in counted.iter().flat_map(|number| parts.of(*number)) {
            self.patterns.count(pattern.number);
        }
    }

    /// What the signature refers to, patterns first and checks behind; and for each subsignature, where among
    /// them is what the expression asks.
    fn references(
        &mut self,
        parts: &Parts<'_>,
        cost: &impl Fn(u8) -> u32,
    ) -> (Vec<le::U32>, Vec<Range<u16>>) {
        let mut references: Vec<le::U32> =
            parts.patterns.iter().map(|pattern| pattern.number.into()).collect();
        let mut asked: Vec<Range<u16>> =
            parts.places.iter().map(|range| range.start as u16..range.end as u16).collect();
        for (number, subsignature) in parts.subsignatures.iter().enumerate() {
            let at = self.checks.len() as u32;
            match subsignature {
                Subsignature::Patterns(_) => continue,
                Subsignature::Regex { trigger, regex } => {
                    let mut code = Vec::new();
                    trigger.encode(&|number| (asked[usize::from(number)].clone(), cost(number)), &mut code);
                    let record = RegexRecord {
                        place: PlaceRecord::new(regex.place),
                        flags: regex.flags.bits().into(),
                        trigger: (code.len() as u32).into(),
                        text: (regex.text.len() as u32).into(),
                    };
                    encode_regex(record, &code, &regex.text, &mut self.checks);
                }
                Subsignature::Compare { reference, comparison } => {
                    encode_compare(parts.places(*reference), comparison, &mut self.checks);
                }
                Subsignature::Fixed(rows) => encode_fixed(rows, &mut self.checks),
                Subsignature::Picture(hash) => encode_picture(*hash, &mut self.checks),
                Subsignature::Near { low, high, .. } => {
                    let before = (number as u8).saturating_sub(1);
                    let (low, high) = ((*low).into(), (*high).into());
                    let these = parts.places(number as u8);
                    encode_near(
                        NearRecord { before: parts.places(before), these, low, high },
                        &mut self.checks,
                    );
                }
            }
            asked[number] = references.len() as u16..references.len() as u16 + 1;
            references.push((at | CHECK).into());
        }
        (references, asked)
    }

    /// Writes the sections.
    pub(crate) fn finish(self, strings: &mut Strings, writer: &mut Writer) {
        writer.section(Kind::Signatures, 0, &self.records);
        writer.section(Kind::Expressions, 0, &self.code);
        writer.section(Kind::PatternRefs, 0, &self.pattern_refs);
        writer.section(Kind::Checks, 0, &self.checks);
        writer.section(Kind::Texts, 0, &self.texts);
        self.patterns.finish(writer);
        self.filters.finish(strings, writer);
        self.pictures.finish(writer);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use candor_object::{Category, Content, FileType, Object, Strength};

    use crate::logical::{Expression, LogicalSignature, Outcome, Subsignature};
    use crate::pattern::{Element, Group, Pattern, Place};
    use crate::{Compiler, Database, Digests, Found, Inspection};

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
            subsignatures: texts.iter().map(|text| Subsignature::Patterns(vec![pattern(text)])).collect(),
            outcome: Outcome::Finding,
        }
    }

    fn found(database: &Database, file_type: &'static str, content: &[u8]) -> Vec<String> {
        let object = Object::root(Content::from_vec(content.to_vec()), FileType::new(file_type));
        let digests = Digests::default();
        let inspection = Inspection::of(&object, &digests, Instant::now() + Duration::from_secs(60));
        let mut found = Found::default();
        crate::logical::inspect(database, &inspection, &mut found).unwrap();
        found.findings.into_iter().map(|finding| finding.name).collect()
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
