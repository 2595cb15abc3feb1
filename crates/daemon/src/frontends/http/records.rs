//! What is answered about a file: the record of the command line's reports, and what the service adds.
//!
//! The member `root` has the shape of `#/$defs/root` in `docs/report.schema.json`. It is written piece by piece,
//! since a report may have a hundred thousand objects and the client decides how fast it reads.

use std::collections::HashSet;
use std::iter;
use std::sync::Arc;

use candor_object::{Decision, ObjectId, Report, utc};
use candor_protocol::{FindingRecord, GapRecord, ObjectRecord};
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
        self.name.len().saturating_add(self.examined.report.weight())
    }

    fn object(&self, id: ObjectId) -> Option<Vec<u8>> {
        Some(bytes(&ObjectRecord::new(&self.examined.report, &self.name, id)?))
    }

    fn finding(&self, number: usize, detection: bool) -> Option<Vec<u8>> {
        let report = &self.examined.report;
        let record = FindingRecord::new(report, &self.name, report.findings.get(number)?, detection);
        Some(bytes(&record.disabled(self.examined.decision.disabled.contains(&number))))
    }

    fn gap(&self, number: usize) -> Option<Vec<u8>> {
        let report = &self.examined.report;
        Some(bytes(&GapRecord::new(report, &self.name, report.gaps.get(number)?)))
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

/// The result for one file, in pieces. All objects are listed if there are at most `all_up_to`; else the file,
/// the objects with findings or gaps, and their containers.
pub(super) fn result(scanned: Arc<Scanned>, all_up_to: usize) -> Pieces {
    let Scanned { name, size, examined } = &*scanned;
    let Examined { report, decision, database, remembered, time, .. } = examined;
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
    let objects = shown.into_iter().filter_map(move |id| for_objects.object(id));
    let counted: HashSet<usize> = decision.detections.iter().copied().collect();
    let findings =
        (0..findings).filter_map(move |number| for_findings.finding(number, counted.contains(&number)));
    let gaps = (0..gaps).filter_map(move |number| for_gaps.gap(number));
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
