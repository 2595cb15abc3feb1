//! Counters of the whole service. Labels are words of ours, so their number is bounded.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::service::{Examined, Refusal};

/// Upper bounds of the histogram of scan times, in seconds.
pub(super) const BOUNDS: [f64; 12] =
    [0.001, 0.0025, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 25.0, 60.0, 120.0];

/// What was counted so far; cloning it is cheap, and all clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts(Arc<Mutex<Numbers>>);

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// As wanted.
    Done,
    /// Not.
    Failed,
}

/// The numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    /// By front-end and verdict.
    pub(super) scans: BTreeMap<(&'static str, &'static str), u64>,
    /// By front-end and reason.
    pub(super) gaps: BTreeMap<(&'static str, &'static str), u64>,
    /// By front-end and reason.
    pub(super) refusals: BTreeMap<(&'static str, &'static str), u64>,
    /// Scans that nobody waited for any more, by front-end.
    pub(super) abandoned: BTreeMap<&'static str, u64>,
    /// Bytes of root objects, by front-end.
    pub(super) bytes: BTreeMap<&'static str, u64>,
    /// Answers that were remembered, by front-end.
    pub(super) remembered: BTreeMap<&'static str, u64>,
    /// Times of scans that were not remembered.
    pub(super) times: Histogram,
    /// Reloads of the databases that were done, and that failed.
    pub(super) reloads: (u64, u64),
    /// When the files of the databases in use were written last; embedded ones have no date.
    pub(super) database_date: Option<SystemTime>,
    /// Whether the service is about to end.
    pub(super) stopping: bool,
}

/// Durations by size.
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram {
    /// How many were at most as long as each of [`BOUNDS`], and longer than the one before.
    pub(super) buckets: [u64; BOUNDS.len()],
    /// How many there were.
    pub(super) count: u64,
    /// Their sum.
    pub(super) sum: Duration,
}

impl Histogram {
    fn observe(&mut self, time: Duration) {
        let seconds = time.as_secs_f64();
        let place = BOUNDS.iter().position(|bound| seconds <= *bound);
        if let Some(bucket) = place.and_then(|place| self.buckets.get_mut(place)) {
            *bucket += 1;
        }
        self.count += 1;
        self.sum = self.sum.saturating_add(time);
    }
}

impl Counts {
    fn lock(&self) -> MutexGuard<'_, Numbers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an answer.
    pub(crate) fn scanned(&self, frontend: &'static str, examined: &Examined) {
        let mut numbers = self.lock();
        *numbers.scans.entry((frontend, examined.decision.verdict.name())).or_default() += 1;
        for gap in &examined.report.gaps {
            *numbers.gaps.entry((frontend, gap.reason.name())).or_default() += 1;
        }
        let size = examined.report.objects.first().map_or(0, |root| root.size);
        *numbers.bytes.entry(frontend).or_default() += size;
        let remembered = numbers.remembered.entry(frontend).or_default();
        *remembered += u64::from(examined.remembered);
        if !examined.remembered {
            numbers.times.observe(examined.time);
        }
    }

    /// Counts a question that got no answer.
    pub(crate) fn refused(&self, frontend: &'static str, refusal: &Refusal) {
        let reason = match refusal {
            Refusal::Stopping => "stopping",
            Refusal::NoFile => "no-file",
            Refusal::Io(_) => "io",
        };
        *self.lock().refusals.entry((frontend, reason)).or_default() += 1;
    }

    /// Counts a question whose answer nobody waits for any more.
    pub(crate) fn abandoned(&self, frontend: &'static str) {
        *self.lock().abandoned.entry(frontend).or_default() += 1;
    }

    /// Notes that databases with files of this date are in use.
    pub(crate) fn database_dated(&self, date: Option<SystemTime>) {
        self.lock().database_date = date;
    }

    /// Counts an attempt to open the databases again.
    pub(crate) fn reloaded(&self, outcome: Outcome) {
        let reloads = &mut self.lock().reloads;
        match outcome {
            Outcome::Done => reloads.0 += 1,
            Outcome::Failed => reloads.1 += 1,
        }
    }

    /// Notes that the service is about to end.
    pub(crate) fn stopping(&self) {
        self.lock().stopping = true;
    }

    /// All of it, at one moment.
    pub(super) fn now(&self) -> Numbers {
        self.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_counts_in_its_bucket_only() {
        let mut histogram = Histogram::default();
        for milliseconds in [0, 1, 2, 120_000, 120_001] {
            histogram.observe(Duration::from_millis(milliseconds));
        }
        assert_eq!(histogram.buckets, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!((histogram.count, histogram.sum), (5, Duration::from_millis(240_004)));
    }
}
