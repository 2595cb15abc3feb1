//! What is answered about a file: the record of the command line's reports, and what the service adds.
//!
//! The member `root` has the shape of `#/$defs/root` in `docs/report.schema.json`. It is written piece by piece,
//! since a report may have a hundred thousand objects and the client decides how fast it reads.

use std::collections::HashSet;
use std::iter;
use std::sync::Arc;

use candor_object::{Decision, Finding, Gap, ObjectId, Reason, Report, utc};
use serde::Serialize;

use super::answer::Pieces;
use crate::service::{DatabaseInUse, Examined};

/// An examined file.
#[derive(Debug)]
pub(super) struct Scanned {
    /// What the client calls it; hostile.
    pub(super) name: String,
    /// Its size in bytes.
    pub(super) size: u64,
    /// What came of it.
    pub(super) examined: Examined,
}

impl Scanned {
    /// Bytes of memory that it takes, about.
    pub(super) fn weight(&self) -> usize {
        let report = &self.examined.report;
        let objects = report.objects.iter().map(|seen| size_of_val(seen) + seen.name.len());
        let findings = report.findings.iter().map(|finding| {
            let evidence = finding.evidence.iter();
            let evidence: usize =
                evidence.map(|place| size_of_val(place) + place.what.len() + place.excerpt.len()).sum();
            size_of_val(finding) + finding.name.len() + finding.source.len() + finding.text.len() + evidence
        });
        let gaps = report.gaps.iter().map(|gap| size_of_val(gap) + gap.detail.len());
        self.name.len() + objects.sum::<usize>() + findings.sum::<usize>() + gaps.sum::<usize>()
    }

    /// The object path, beginning with the client's name for the file.
    fn path(&self, id: ObjectId) -> String {
        self.examined.report.path_from(&self.name, id)
    }
}

/// The database that was used.
#[derive(Serialize)]
pub(super) struct Database {
    identity: String,
    signatures: u64,
    since: String,
}

impl Database {
    /// The record of a database.
    pub(super) fn new(database: &DatabaseInUse) -> Self {
        let identity = hex::encode(database.identity);
        Self { identity, signatures: database.signatures, since: utc(database.since) }
    }
}

#[derive(Serialize)]
struct Object<'a> {
    id: u32,
    parent: Option<u32>,
    name: &'a str,
    relation: &'static str,
    file_type: &'static str,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

#[derive(Serialize)]
struct FindingRecord<'a> {
    object: u32,
    path: String,
    name: &'a str,
    category: &'static str,
    strength: &'static str,
    detection: bool,
    detector: &'static str,
    source: &'a str,
    signature: &'a str,
    evidence: Vec<Evidence<'a>>,
}

#[derive(Serialize)]
struct Evidence<'a> {
    what: &'a str,
    offset: u64,
    size: u64,
    excerpt_hex: String,
}

#[derive(Serialize)]
struct GapRecord<'a> {
    object: u32,
    path: String,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'static str>,
    detail: &'a str,
}

/// The result for one file, in pieces. All objects are listed if there are at most `all_up_to`; else the file,
/// the objects with findings or gaps, and their containers.
pub(super) fn result(scanned: Arc<Scanned>, all_up_to: usize) -> Pieces {
    let Scanned { name, size, examined } = &*scanned;
    let Examined { report, decision, database, remembered, time } = examined;
    let Decision { verdict, action, fully_examined, .. } = **decision;
    let count = report.objects.len();
    let head = format!(
        "{{\"root\":{{\"path\":{},\"verdict\":{},\"action\":{},\"fully_examined\":{fully_examined},\
         \"size\":{size},\"object_count\":{count},\"objects\":[",
        text(name),
        text(verdict.name()),
        text(action.name()),
    );
    let names = bytes(&examined.names());
    let database = bytes(&Database::new(database));
    let mut end = b"]},\"names\":".to_vec();
    end.extend(names);
    end.extend(b",\"database\":");
    end.extend(database);
    end.extend(format!(",\"remembered\":{remembered},\"seconds\":{:.6}}}", time.as_secs_f64()).into_bytes());
    let shown = shown(report, all_up_to);
    let (findings, gaps) = (report.findings.len(), report.gaps.len());
    let (for_objects, for_findings, for_gaps) =
        (Arc::clone(&scanned), Arc::clone(&scanned), Arc::clone(&scanned));
    let objects = shown.into_iter().filter_map(move |id| object(&for_objects, id));
    let counted: HashSet<usize> = decision.detections.iter().copied().collect();
    let findings =
        (0..findings).filter_map(move |number| finding(&for_findings, number, counted.contains(&number)));
    let gaps =
        (0..gaps).filter_map(move |number| Some(gap(&for_gaps, for_gaps.examined.report.gaps.get(number)?)));
    Box::new(
        iter::once(head.into_bytes())
            .chain(listed(objects))
            .chain(iter::once(b"],\"findings\":[".to_vec()))
            .chain(listed(findings))
            .chain(iter::once(b"],\"gaps\":[".to_vec()))
            .chain(listed(gaps))
            .chain(iter::once(end)),
    )
}

/// Pieces with commas between them.
pub(super) fn listed(pieces: impl Iterator<Item = Vec<u8>>) -> impl Iterator<Item = Vec<u8>> {
    pieces.enumerate().map(|(number, piece)| match number {
        0 => piece,
        _ => [b",", piece.as_slice()].concat(),
    })
}

/// A record in JSON.
pub(super) fn bytes(record: &impl Serialize) -> Vec<u8> {
    // Records are made of texts and numbers, whose writing cannot fail.
    serde_json::to_vec(record).unwrap_or_else(|_| b"null".to_vec())
}

fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn shown(report: &Report, all_up_to: usize) -> Vec<ObjectId> {
    let count = report.objects.len();
    if count > all_up_to {
        return report.concerned().into_iter().collect();
    }
    (0..).take(count).map(ObjectId).collect()
}

fn object(scanned: &Scanned, id: ObjectId) -> Option<Vec<u8>> {
    let seen = scanned.examined.report.object(id)?;
    let root = id == ObjectId::ROOT && !scanned.name.is_empty();
    Some(bytes(&Object {
        id: id.0,
        parent: seen.parent.map(|parent| parent.0),
        name: if root { &scanned.name } else { &seen.name },
        relation: seen.relation.name(),
        file_type: seen.file_type.name(),
        size: seen.size,
        sha256: seen.sha256.map(hex::encode),
    }))
}

fn finding(scanned: &Scanned, number: usize, detection: bool) -> Option<Vec<u8>> {
    let finding: &Finding = scanned.examined.report.findings.get(number)?;
    let evidence = finding.evidence.iter().map(|evidence| Evidence {
        what: &evidence.what,
        offset: evidence.offset,
        size: evidence.size,
        excerpt_hex: hex::encode(&evidence.excerpt),
    });
    Some(bytes(&FindingRecord {
        object: finding.object.0,
        path: scanned.path(finding.object),
        name: &finding.name,
        category: finding.category.name(),
        strength: finding.strength.name(),
        detection,
        detector: finding.detector,
        source: &finding.source,
        signature: &finding.text,
        evidence: evidence.collect(),
    }))
}

fn gap(scanned: &Scanned, gap: &Gap) -> Vec<u8> {
    bytes(&GapRecord {
        object: gap.object.0,
        path: scanned.path(gap.object),
        reason: gap.reason.name(),
        limit: match gap.reason {
            Reason::Limit(limit) => Some(limit.name()),
            _ => None,
        },
        detail: &gap.detail,
    })
}
