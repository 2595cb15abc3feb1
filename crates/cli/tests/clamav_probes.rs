//! One signature line, one sample, the verdict that ClamAV gave: ours is the same.
//!
//! The table is not part of the repository; the test runs where `CANDOR_SHARED` names the folder that holds
//! `data/probes/clamav-1.4.6.tsv`, and says so where it does not.

#![expect(clippy::print_stdout, reason = "a test that skips says so")]

use std::path::Path;
use std::sync::Arc;

use candor_engine::{Content, Database, Engine, Limits};
use candor_signatures::{Complaint, Sources};

/// What our reading of a line leads to.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Found,
    NotFound,
    Refused(String),
    Unsupported(String),
}

fn outcome(extension: &str, line: &str, sample: &[u8]) -> Outcome {
    let mut sources = Sources::default();
    sources.add_text(&format!("probe.{extension}"), &format!("{line}\n"));
    sources.clamav_rules(true);
    let mut complaint = None;
    let built = sources.build(|problem| complaint = Some(problem.complaint)).unwrap();
    match complaint {
        Some(Complaint::Malformed(reason)) => return Outcome::Refused(reason),
        Some(Complaint::Unsupported(reason)) => return Outcome::Unsupported(reason),
        _ => {}
    }
    let database = Database::from_vec(built.image).unwrap();
    let engine = Engine::new(vec![Arc::new(database)], Limits::default());
    let report = engine.scan("sample", Content::from_vec(sample.to_vec()));
    if report.findings.is_empty() { Outcome::NotFound } else { Outcome::Found }
}

#[test]
fn every_probe_gives_the_same_verdict() {
    let Some(shared) = std::env::var_os("CANDOR_SHARED") else {
        println!("skipped: CANDOR_SHARED does not name the probes");
        return;
    };
    let table = std::fs::read_to_string(Path::new(&shared).join("data/probes/clamav-1.4.6.tsv")).unwrap();
    let (mut same, mut unsupported, mut different) = (0, Vec::new(), Vec::new());
    for row in table.lines() {
        let columns: Vec<&str> = row.split('\t').collect();
        let [extension, line, sample, verdict] = columns.as_slice() else { panic!("{row}") };
        let ours = outcome(extension, line, &hex::decode(sample).unwrap());
        match (&ours, *verdict) {
            (Outcome::Found, verdict) if verdict.ends_with("FOUND") => same += 1,
            (Outcome::NotFound, "OK") => same += 1,
            // What we cannot do yet is reported, which is all that a line ClamAV refuses needs.
            (Outcome::Refused(_) | Outcome::Unsupported(_), "LOAD-ERROR" | "OK (rule rejected)") => same += 1,
            (Outcome::Unsupported(_), _) => unsupported.push(row),
            _ => different.push(format!("{verdict} but {ours:?}: {line}")),
        }
    }
    println!("{same} the same, {} with features of a later version", unsupported.len());
    assert!(different.is_empty(), "{different:#?}");
    assert!(same > 90);
}
