//! What is noted about an archive, bounded: gaps cost memory in the report but spend no budget, and an archive
//! can hold millions of entries that earn one each.

use std::collections::BTreeMap;

use candor_object::{Reason, Sink};

const MAX_GAPS: u64 = 1000;
const MAX_ANOMALIES: u64 = 20;

/// A sink together with what has been noted in it.
pub(super) struct Notes<'a> {
    pub(super) sink: &'a mut dyn Sink,
    gaps: u64,
    further_gaps: Vec<(Reason, u64)>,
    anomalies: BTreeMap<&'static str, u64>,
}

impl<'a> Notes<'a> {
    pub(super) fn new(sink: &'a mut dyn Sink) -> Self {
        Self { sink, gaps: 0, further_gaps: Vec::new(), anomalies: BTreeMap::new() }
    }

    /// Notes a gap; beyond the first thousand only the number of each reason.
    pub(super) fn gap(&mut self, reason: Reason, detail: &str) {
        self.gaps = self.gaps.saturating_add(1);
        if self.gaps <= MAX_GAPS {
            return self.sink.gap(reason, detail);
        }
        match self.further_gaps.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.further_gaps.push((reason, 1)),
        }
    }

    /// Notes an anomaly; beyond the first twenty of a name only their number.
    pub(super) fn anomaly(&mut self, name: &'static str, detail: &str) {
        let count = self.anomalies.entry(name).or_default();
        *count = count.saturating_add(1);
        if *count <= MAX_ANOMALIES {
            self.sink.anomaly(name, detail);
        }
    }

    /// Tells how much was noted beyond the bounds.
    pub(super) fn finish(self) {
        for (reason, count) in self.further_gaps {
            self.sink.gap(reason, &format!("{count} further gaps of this kind"));
        }
        for (name, count) in self.anomalies {
            if let Some(further) = count.checked_sub(MAX_ANOMALIES).filter(|further| *further > 0) {
                self.sink.anomaly(name, &format!("{further} further entries"));
            }
        }
    }
}
