//! The text that Prometheus reads, format 0.0.4.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

use std::fmt::{Display, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::counts::{BOUNDS, Numbers};
use crate::service::{Counts, DatabaseInUse};

/// The media type of the text.
pub(super) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is not counted, but seen at the moment of the question.
pub(super) struct Moment {
    /// Scans that wait or are under way.
    pub(super) waiting: usize,
    /// Reports that are remembered.
    pub(super) remembered: usize,
    /// How many workers scan at once.
    pub(super) workers: usize,
    /// What happened to workers.
    pub(super) counts: Counts,
    /// Mechanisms that their confinement lacks.
    pub(super) missing: usize,
    /// The databases in use.
    pub(super) database: DatabaseInUse,
    /// Whether the breaker is tripped, and how often it was.
    pub(super) breaker: (bool, u64),
    /// When it is.
    pub(super) now: SystemTime,
}

/// All metrics.
pub(super) fn text(numbers: &Numbers, moment: &Moment) -> String {
    let mut page = Page(String::with_capacity(4096));
    page.begin("candor_info", "gauge", "The program that answers");
    page.sample("candor_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    page.two_labels("candor_scans_total", "Scans that were answered", "verdict", &numbers.scans);
    page.two_labels("candor_gaps_total", "Content that was not examined", "reason", &numbers.gaps);
    page.two_labels("candor_refusals_total", "Scans that were refused", "reason", &numbers.refusals);
    let abandoned = numbers.abandoned.iter();
    page.one_label("candor_abandoned_scans_total", "Scans whose client went away", abandoned);
    page.one_label("candor_scanned_bytes_total", "Bytes of scanned root objects", numbers.bytes.iter());
    page.one_label("candor_cache_hits_total", "Scans that were remembered", numbers.remembered.iter());
    page.histogram(numbers);
    page.begin("candor_waiting_scans", "gauge", "Scans that wait or are under way");
    page.sample("candor_waiting_scans", &[], moment.waiting);
    page.begin("candor_remembered_reports", "gauge", "Reports that are remembered");
    page.sample("candor_remembered_reports", &[], moment.remembered);
    page.begin("candor_workers", "gauge", "Workers that scan at once");
    page.sample("candor_workers", &[], moment.workers);
    page.begin("candor_workers_started_total", "counter", "Workers that were started");
    page.sample("candor_workers_started_total", &[], moment.counts.started);
    page.begin("candor_workers_lost_total", "counter", "Workers that crashed or were killed");
    page.sample("candor_workers_lost_total", &[("reason", "failed")], moment.counts.failed);
    page.sample("candor_workers_lost_total", &[("reason", "hung")], moment.counts.hung);
    page.begin(
        "candor_confinement_missing",
        "gauge",
        "Mechanisms that the confinement of workers lacks here",
    );
    page.sample("candor_confinement_missing", &[], moment.missing);
    page.begin("candor_database_info", "gauge", "The identity of the databases in use");
    page.sample("candor_database_info", &[("identity", &hex::encode(moment.database.identity))], 1);
    page.begin("candor_database_signatures", "gauge", "Signatures in use");
    page.sample("candor_database_signatures", &[], moment.database.signatures);
    page.begin("candor_database_loaded_timestamp_seconds", "gauge", "When the databases were put into use");
    page.sample("candor_database_loaded_timestamp_seconds", &[], since_epoch(moment.database.since));
    if let Some(date) = numbers.database_date {
        page.begin("candor_database_age_seconds", "gauge", "Age of the newest database file in use");
        let age = moment.now.duration_since(date).unwrap_or(Duration::ZERO);
        page.sample("candor_database_age_seconds", &[], age.as_secs());
    }
    page.begin("candor_reloads_total", "counter", "Attempts to open the databases again");
    page.sample("candor_reloads_total", &[("outcome", "done")], numbers.reloads.0);
    page.sample("candor_reloads_total", &[("outcome", "failed")], numbers.reloads.1);
    page.begin(
        "candor_breaker_tripped",
        "gauge",
        "Whether new databases detected so much that they are not trusted",
    );
    page.sample("candor_breaker_tripped", &[], u8::from(moment.breaker.0));
    page.begin("candor_breaker_trips_total", "counter", "How often that happened");
    page.sample("candor_breaker_trips_total", &[], moment.breaker.1);
    page.0
}

fn since_epoch(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

struct Page(String);

impl Page {
    fn begin(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}.\n# TYPE {name} {kind}");
    }

    /// Label values are words, digits and points, which need no escapes.
    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        if !labels.is_empty() {
            let labels: Vec<String> =
                labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
            let _ = write!(self.0, "{{{}}}", labels.join(","));
        }
        let _ = writeln!(self.0, " {value}");
    }

    fn two_labels<'a>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        counts: impl IntoIterator<Item = (&'a (&'static str, &'static str), &'a u64)>,
    ) {
        self.begin(name, "counter", help);
        for ((frontend, value), count) in counts {
            self.sample(name, &[("frontend", frontend), (label, value)], count);
        }
    }

    fn one_label<'a>(
        &mut self,
        name: &str,
        help: &str,
        counts: impl Iterator<Item = (&'a &'static str, &'a u64)>,
    ) {
        self.begin(name, "counter", help);
        for (frontend, count) in counts {
            self.sample(name, &[("frontend", frontend)], count);
        }
    }

    fn histogram(&mut self, numbers: &Numbers) {
        let name = "candor_scan_seconds";
        self.begin(
            name,
            "histogram",
            "Time from the question to the answer, of scans that were not remembered",
        );
        let mut sum = 0;
        for (bound, count) in BOUNDS.iter().zip(&numbers.times.buckets) {
            sum += count;
            self.sample(&format!("{name}_bucket"), &[("le", &bound.to_string())], sum);
        }
        self.sample(&format!("{name}_bucket"), &[("le", "+Inf")], numbers.times.count);
        self.sample(&format!("{name}_sum"), &[], numbers.times.sum.as_secs_f64());
        self.sample(&format!("{name}_count"), &[], numbers.times.count);
    }
}
