//! What other programs read of a report, as plain records: `object`, `finding` and `gap` of
//! `docs/report.schema.json`. Every text in them may be hostile.

use candor_object::{Evidence, Finding, Gap, ObjectId, Reason, Report};
use serde::Serialize;

/// An object that was seen.
#[derive(Debug, Serialize)]
pub struct ObjectRecord<'a> {
    id: u32,
    parent: Option<u32>,
    name: &'a str,
    relation: &'static str,
    file_type: &'static str,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

/// A finding.
#[derive(Debug, Serialize)]
pub struct FindingRecord<'a> {
    object: u32,
    path: String,
    name: &'a str,
    category: &'static str,
    strength: &'static str,
    /// Whether it counts for the verdict.
    detection: bool,
    /// Whether it does not count since its rule was switched off.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    disabled: bool,
    detector: &'static str,
    source: &'a str,
    signature: &'a str,
    evidence: Vec<EvidenceRecord<'a>>,
}

#[derive(Debug, Serialize)]
struct EvidenceRecord<'a> {
    what: &'a str,
    offset: u64,
    size: u64,
    excerpt_hex: String,
}

/// Something that was not examined.
#[derive(Debug, Serialize)]
pub struct GapRecord<'a> {
    object: u32,
    path: String,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'static str>,
    detail: &'a str,
}

impl<'a> ObjectRecord<'a> {
    /// The record of an object of a report. `root` is what the root object is called, unless it is empty.
    pub fn new(report: &'a Report, root: &'a str, id: ObjectId) -> Option<Self> {
        let seen = report.object(id)?;
        Some(Self {
            id: id.0,
            parent: seen.parent.map(|parent| parent.0),
            name: if id == ObjectId::ROOT && !root.is_empty() { root } else { &seen.name },
            relation: seen.relation.name(),
            file_type: seen.file_type.name(),
            size: seen.size,
            sha256: seen.sha256.map(hex::encode),
        })
    }
}

impl<'a> FindingRecord<'a> {
    /// The record of a finding of a report, and whether it counts for the verdict.
    pub fn new(report: &Report, root: &str, finding: &'a Finding, detection: bool) -> Self {
        let Finding { object, detector, name, source, category, strength, text, evidence } = finding;
        Self {
            object: object.0,
            path: report.path_from(root, *object),
            name,
            category: category.name(),
            strength: strength.name(),
            detection,
            disabled: false,
            detector,
            source,
            signature: text,
            evidence: evidence.iter().map(EvidenceRecord::new).collect(),
        }
    }

    /// Says whether its rule was switched off.
    pub fn disabled(self, disabled: bool) -> Self {
        Self { disabled, ..self }
    }
}

impl<'a> EvidenceRecord<'a> {
    fn new(Evidence { what, offset, size, excerpt }: &'a Evidence) -> Self {
        Self { what, offset: *offset, size: *size, excerpt_hex: hex::encode(excerpt) }
    }
}

impl<'a> GapRecord<'a> {
    /// The record of a gap of a report.
    pub fn new(report: &Report, root: &str, Gap { object, reason, detail }: &'a Gap) -> Self {
        let limit = match reason {
            Reason::Limit(limit) => Some(limit.name()),
            _ => None,
        };
        Self { object: object.0, path: report.path_from(root, *object), reason: reason.name(), limit, detail }
    }
}
