//! Keeps one complaint from filling the disk: each kind is told a few times, then counted.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::{Level, Metadata};

/// Complaints of one kind that are written in one [`PERIOD`].
const TOLD: u64 = 20;
/// After it the counting begins again.
const PERIOD: Duration = Duration::from_secs(30);

/// How often each kind of complaint came.
#[derive(Debug, Default)]
pub(super) struct Repetitions(Mutex<HashMap<Identifier, Kind>>);

#[derive(Debug)]
struct Kind {
    since: Instant,
    count: u64,
}

impl Repetitions {
    /// Whether an event is to be written, and then how many of its kind were not written before it. Only warnings
    /// and errors are counted: what scans find is told in any case.
    pub(super) fn count(&self, metadata: &Metadata<'_>, now: Instant) -> Option<u64> {
        if *metadata.level() > Level::WARN {
            return Some(0);
        }
        self.count_of(metadata.callsite(), now)
    }

    fn count_of(&self, kind: Identifier, now: Instant) -> Option<u64> {
        // There are as many kinds as places in the program that complain.
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = kinds.entry(kind).or_insert(Kind { since: now, count: 0 });
        let mut unsaid = 0;
        if now.duration_since(kind.since) >= PERIOD {
            unsaid = kind.count.saturating_sub(TOLD);
            *kind = Kind { since: now, count: 0 };
        }
        kind.count += 1;
        (kind.count <= TOLD).then_some(unsaid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_itself_is_counted() {
        let repetitions = Repetitions::default();
        let kind = tracing::callsite!(name: "test", kind: tracing::metadata::Kind::EVENT, fields: message);
        let kind = tracing::callsite::Callsite::metadata(kind).callsite();
        let start = Instant::now();
        let told = (0..TOLD + 5).filter_map(|_| repetitions.count_of(kind.clone(), start)).count();
        assert_eq!(told as u64, TOLD);
        assert_eq!(repetitions.count_of(kind.clone(), start + PERIOD), Some(5));
        assert_eq!(repetitions.count_of(kind, start + PERIOD), Some(0));
    }
}
