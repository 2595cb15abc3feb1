//! What the witness counts, and the text that Prometheus reads, format 0.0.4.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::state::State;

/// What happened since the program began. Labels are words of ours, so their number is bounded.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    /// By page and status.
    requests: BTreeMap<(&'static str, u16), u64>,
    /// By kind.
    evidence: BTreeMap<&'static str, u64>,
    failed_writes: u64,
}

impl Counts {
    fn lock(&self) -> MutexGuard<'_, Numbers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn answered(&self, page: &'static str, status: u16) {
        *self.lock().requests.entry((page, status)).or_default() += 1;
    }

    pub(crate) fn evidence(&self, kind: &'static str) {
        *self.lock().evidence.entry(kind).or_default() += 1;
    }

    pub(crate) fn write_failed(&self) {
        self.lock().failed_writes += 1;
    }

    /// All metrics.
    pub(crate) fn text(&self, state: &State, healthy: bool) -> String {
        let numbers = self.lock();
        let mut page = Page(String::new());
        page.begin("candor_witness_info", "gauge", "The program that answers");
        page.sample("candor_witness_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        page.begin("candor_witness_healthy", "gauge", "Whether it can cosign");
        page.sample("candor_witness_healthy", &[], u8::from(healthy));
        page.begin("candor_witness_requests_total", "counter", "Requests that were answered");
        for ((place, status), count) in &numbers.requests {
            let labels = [("page", *place), ("status", &status.to_string())];
            page.sample("candor_witness_requests_total", &labels, count);
        }
        page.begin(
            "candor_witness_evidence_total",
            "counter",
            "Checkpoints that do not continue the last one",
        );
        for kind in ["fork", "question"] {
            let count = numbers.evidence.get(kind).copied().unwrap_or_default();
            page.sample("candor_witness_evidence_total", &[("kind", kind)], count);
        }
        page.begin("candor_witness_failed_writes_total", "counter", "States that could not be written");
        page.sample("candor_witness_failed_writes_total", &[], numbers.failed_writes);
        page.begin("candor_witness_state_generation", "gauge", "How often the state was written");
        page.sample("candor_witness_state_generation", &[], state.generation);
        page.begin("candor_witness_log_size", "gauge", "Entries of the log at the last cosignature");
        for (origin, kept) in &state.logs {
            page.sample("candor_witness_log_size", &[("origin", origin)], kept.checkpoint.size);
        }
        page.begin(
            "candor_witness_log_cosigned_timestamp_seconds",
            "gauge",
            "When the log was cosigned last",
        );
        for (origin, kept) in &state.logs {
            page.sample("candor_witness_log_cosigned_timestamp_seconds", &[("origin", origin)], kept.time);
        }
        page.0
    }
}

struct Page(String);

impl Page {
    fn begin(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}.\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        if !labels.is_empty() {
            let label = |(name, value): &(&str, &str)| {
                format!("{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
            };
            let labels: Vec<String> = labels.iter().map(label).collect();
            let _ = write!(self.0, "{{{}}}", labels.join(","));
        }
        let _ = writeln!(self.0, " {value}");
    }
}
