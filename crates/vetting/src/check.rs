//! Sends files to workers and hears what they find.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Instant;

use candor_jail::{Job, Opened, Pool};
use candor_object::{Reason, Report, Verdict};
use candor_policy::Policy;

use crate::candidates::{Candidate, Rank};

/// What came of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A worker looked at it.
    Scanned {
        /// Its size in bytes.
        size: u64,
        /// What is found, each name once, unwanted programs apart; in brackets what went wrong.
        found: Vec<String>,
        /// Whether it is taken for an unwanted program only.
        unwanted: bool,
    },
    /// It has other content than is vouched for.
    Modified,
    /// It is not there.
    Missing,
    /// It could not be read.
    Unread,
    /// There was no time for it, or no bytes.
    Left,
}

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Until {
    pub(crate) deadline: Instant,
    pub(crate) sampled_bytes: u64,
}

/// A file on its way.
struct Check {
    number: usize,
    candidate: Candidate,
    size: u64,
    shared: Arc<Shared>,
    tell: Sender<(usize, Seen)>,
}

struct Shared {
    until: Until,
    sampled: AtomicU64,
    policy: Policy,
}

/// Scans all, in this order, and calls `each` with what came of each.
pub(crate) fn all<'c>(
    pool: &Pool,
    candidates: impl ExactSizeIterator<Item = &'c Candidate>,
    until: &Until,
    policy: &Policy,
    mut each: impl FnMut(&'c Candidate, Seen),
) {
    let candidates: Vec<&Candidate> = candidates.collect();
    let shared = Arc::new(Shared { until: *until, sampled: AtomicU64::new(0), policy: policy.clone() });
    let (tell, hear) = channel();
    thread::scope(|scope| {
        let jobs = &candidates;
        scope.spawn(move || {
            for (number, candidate) in jobs.iter().enumerate() {
                let candidate = Candidate::clone(candidate);
                let (shared, tell) = (Arc::clone(&shared), tell.clone());
                pool.submit(Box::new(Check { number, candidate, size: 0, shared, tell }));
            }
        });
        // It ends when the last job is gone.
        for (number, seen) in hear {
            if let Some(candidate) = candidates.get(number) {
                each(candidate, seen);
            }
        }
    });
}

impl Check {
    fn file(&mut self) -> Result<File, Seen> {
        let until = self.shared.until;
        let sampled = self.candidate.rank == Rank::Sampled;
        if Instant::now() >= until.deadline
            || (sampled && self.shared.sampled.load(Ordering::Relaxed) >= until.sampled_bytes)
        {
            return Err(Seen::Left);
        }
        let unread = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Seen::Missing,
            _ => Seen::Unread,
        };
        let file = self.candidate.open().map_err(unread)?;
        if let Some(digest) = &self.candidate.digest
            && !digest.is_of(&file).map_err(unread)?
        {
            return Err(Seen::Modified);
        }
        self.size = file.metadata().map_err(unread)?.len();
        if sampled {
            self.shared.sampled.fetch_add(self.size, Ordering::Relaxed);
        }
        Ok(file)
    }

    fn tell(&self, seen: Seen) {
        // Who asked hears until the last one.
        let _ = self.tell.send((self.number, seen));
    }
}

impl Job for Check {
    fn open(&mut self) -> Option<Opened> {
        match self.file() {
            Ok(file) => Some(Opened::new(Arc::new(file), self.size)),
            Err(seen) => {
                self.tell(seen);
                None
            }
        }
    }

    fn done(self: Box<Self>, report: Report) {
        let (found, unwanted) = found(&report, &self.shared.policy);
        self.tell(Seen::Scanned { size: self.size, found, unwanted });
    }
}

/// What a report has against a file, and whether it is only that the program is unwanted.
pub(crate) fn found(report: &Report, policy: &Policy) -> (Vec<String>, bool) {
    let mut found: Vec<String> = Vec::new();
    let decision = policy.decide(report);
    let unwanted = decision.verdict == Verdict::Unwanted;
    if decision.verdict > Verdict::Undetected && !unwanted {
        let counted = decision.detections.iter().filter_map(|number| report.findings.get(*number));
        found.extend(counted.map(|finding| finding.name.clone()));
        if found.is_empty() {
            found.push(format!("[{} without a finding]", decision.verdict.name()));
        }
    }
    let failed = |reason: Reason| matches!(reason, Reason::Crashed | Reason::Database);
    for gap in report.gaps.iter().filter(|gap| failed(gap.reason)) {
        found.push(format!("[{}]", gap.reason.name()));
    }
    found.sort();
    found.dedup();
    (found, unwanted)
}
