//! What the JSON formats write, as plain records; documented in `docs/report.schema.json`.

use std::collections::BTreeMap;

use candor_object::{ObjectId, utc};
use candor_protocol::{FindingRecord, GapRecord, ObjectRecord};
use serde::Serialize;

use super::{Detail, Run, Summary};
use crate::examine::{Quarantine, Scanned};
use crate::exit_status::Outcome;
use crate::version;

/// Version of the records. A new field does not raise it; a field that goes or changes its meaning does.
pub(crate) const VERSION: u32 = 1;

/// The beginning of a report.
#[derive(Serialize)]
pub(crate) struct Head {
    report_version: u32,
    program: Program,
    started: String,
    options: BTreeMap<&'static str, String>,
    databases: Vec<Database>,
}

#[derive(Serialize)]
struct Program {
    name: &'static str,
    version: &'static str,
    commit: Option<&'static str>,
}

#[derive(Serialize)]
struct Database {
    origin: String,
    identity: String,
    size: u64,
    signatures: u64,
    skipped_signatures: u64,
}

impl Head {
    /// The beginning of a run's report.
    pub(crate) fn new(run: &Run) -> Self {
        Self {
            report_version: VERSION,
            program: Program { name: "candor", version: version::VERSION, commit: version::COMMIT },
            started: utc(run.started),
            options: run.options.iter().cloned().collect(),
            databases: run
                .databases
                .iter()
                .map(|used| Database {
                    origin: used.origin.clone(),
                    identity: hex::encode(used.identity),
                    size: used.size,
                    signatures: used.signatures,
                    skipped_signatures: used.skipped,
                })
                .collect(),
        }
    }
}

/// An examined root object.
#[derive(Serialize)]
pub(crate) struct Root<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    verdict: &'static str,
    action: &'static str,
    fully_examined: bool,
    size: u64,
    object_count: usize,
    objects: Vec<ObjectRecord<'a>>,
    findings: Vec<FindingRecord<'a>>,
    gaps: Vec<GapRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quarantine: Option<QuarantineRecord<'a>>,
}

/// What became of a file that was to be taken.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum QuarantineRecord<'a> {
    Id(&'a str),
    Error(&'a str),
}

impl<'a> Root<'a> {
    /// The record of an examined root object.
    pub(crate) fn new(scanned: &'a Scanned, detail: Detail) -> Self {
        let report = &scanned.report;
        let shown = match detail {
            Detail::Verbose => (0..report.objects.len() as u32).map(ObjectId).collect(),
            _ => report.concerned(),
        };
        let findings = report
            .findings
            .iter()
            .enumerate()
            .map(|(number, finding)| {
                let detection = scanned.decision.detections.contains(&number);
                let disabled = scanned.decision.disabled.contains(&number);
                FindingRecord::new(report, "", finding, detection).disabled(disabled)
            })
            .collect();
        let gaps = report.gaps.iter().map(|gap| GapRecord::new(report, "", gap)).collect();
        Self {
            path: &scanned.path,
            path_hex: scanned.raw_path.as_ref().map(hex::encode),
            verdict: scanned.decision.verdict.name(),
            action: scanned.decision.action.name(),
            fully_examined: scanned.decision.fully_examined,
            size: scanned.size(),
            object_count: report.objects.len(),
            objects: shown.iter().filter_map(|id| ObjectRecord::new(report, "", *id)).collect(),
            findings,
            gaps,
            quarantine: scanned.quarantine.as_ref().map(|quarantine| match quarantine {
                Quarantine::Taken(id) => QuarantineRecord::Id(id),
                Quarantine::Left(reason) => QuarantineRecord::Error(reason),
            }),
        }
    }
}

/// The end of a report.
#[derive(Serialize)]
pub(crate) struct End<'a> {
    files: u64,
    objects: u64,
    bytes: u64,
    seconds: f64,
    signatures: u64,
    found: u64,
    verdicts: &'a BTreeMap<&'static str, u64>,
    not_fully_examined: u64,
    gaps: &'a BTreeMap<String, u64>,
    errors: u64,
    skipped_special_files: u64,
    skipped_symbolic_links: u64,
    excluded: u64,
    exit_status: u8,
}

impl<'a> End<'a> {
    /// The record of a summary.
    pub(crate) fn new(summary: &'a Summary, signatures: u64, outcome: Outcome) -> Self {
        Self {
            files: summary.files,
            objects: summary.objects,
            bytes: summary.bytes,
            seconds: summary.time.as_secs_f64(),
            signatures,
            found: summary.found,
            verdicts: &summary.verdicts,
            not_fully_examined: summary.incomplete,
            gaps: &summary.gaps,
            errors: summary.errors,
            skipped_special_files: summary.special,
            skipped_symbolic_links: summary.links,
            excluded: summary.excluded,
            exit_status: outcome.status(),
        }
    }
}
