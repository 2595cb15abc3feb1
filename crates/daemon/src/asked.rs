//! Who asks for a scan, for the log and the counts; and the scan itself, logged and counted.

use std::sync::Arc;

use candor_object::{Gap, Verdict};
use tracing::{debug, info, warn};

use crate::listener::Peer;
use crate::metrics::Counts;
use crate::service::{Examined, Refusal, Service};
use crate::spool::Spooled;

/// Names and gaps that one event of the log shows.
const MOST_SHOWN: usize = 10;

/// Who asks, as far as it is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    frontend: &'static str,
    peer: Option<Peer>,
    name: Option<Arc<str>>,
    counts: Counts,
}

impl Service {
    /// The same service, for a front-end.
    pub(crate) fn of_frontend(&self, frontend: &'static str) -> Self {
        self.with_asked(Asked { frontend, ..self.asked().clone() })
    }

    /// The same service, for a client. Call it for each connection, so that the log names who sent something.
    pub(crate) fn asked_by(&self, peer: Peer) -> Self {
        self.with_asked(Asked { peer: Some(peer), ..self.asked().clone() })
    }

    /// The same service, for content of this name: a path, an URL, a queue identifier. It is only shown, and may
    /// be hostile.
    pub(crate) fn about(&self, name: &str) -> Self {
        self.with_asked(Asked { name: Some(name.into()), ..self.asked().clone() })
    }

    /// What was counted so far.
    pub(crate) fn counted(&self) -> &Counts {
        &self.asked().counts
    }

    /// Scans content, a file from its beginning, whatever its cursor says. Waits while too many scans are under
    /// way, and dropping the future takes the file out of the queue.
    ///
    /// # Errors
    /// When nothing was scanned.
    pub(crate) async fn scan(&self, content: impl Into<Spooled>) -> Result<Examined, Refusal> {
        let mut waited_for = WaitedFor { asked: self.asked(), answered: false };
        let answer = self.examine(content.into()).await;
        waited_for.answered = true;
        self.asked().note(&answer);
        answer
    }
}

/// Counts a question whose future was dropped.
struct WaitedFor<'a> {
    asked: &'a Asked,
    answered: bool,
}

impl Drop for WaitedFor<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.asked.counts.abandoned(self.asked.frontend);
        }
    }
}

impl Asked {
    fn note(&self, answer: &Result<Examined, Refusal>) {
        match answer {
            Ok(examined) => {
                self.counts.scanned(self.frontend, examined);
                self.tell(examined);
            }
            Err(refusal) => {
                self.counts.refused(self.frontend, refusal);
                let (peer, name) = (self.peer(), self.name.as_deref());
                warn!(frontend = self.frontend, peer, name, reason = %refusal, "refused");
            }
        }
    }

    fn peer(&self) -> Option<String> {
        self.peer.map(|peer| peer.to_string())
    }

    /// One event for each scan that has something to tell; the others are for those who debug.
    fn tell(&self, examined: &Examined) {
        let verdict = examined.decision.verdict;
        let root = examined.report.objects.first();
        let frontend = self.frontend;
        let peer = self.peer();
        let name = self.name.as_deref();
        let bytes = root.map(|root| root.size);
        let sha256 = root.and_then(|root| root.sha256).map(hex::encode);
        let milliseconds = u64::try_from(examined.time.as_millis()).unwrap_or(u64::MAX);
        let remembered = examined.remembered;
        let names = listed(examined.names().into_iter());
        let gaps = listed(examined.report.gaps.iter().map(gap));
        let verdict_name = verdict.name();
        if verdict > Verdict::Undetected || !examined.decision.fully_examined {
            info!(
                frontend,
                peer,
                name,
                verdict = verdict_name,
                names,
                gaps,
                sha256,
                bytes,
                milliseconds,
                remembered,
                "scan"
            );
        } else {
            debug!(frontend, peer, name, verdict = verdict_name, bytes, milliseconds, remembered, "scan");
        }
    }
}

fn gap(gap: &Gap) -> &'static str {
    match gap.reason {
        candor_object::Reason::Limit(limit) => limit.name(),
        reason => reason.name(),
    }
}

/// Each once, with commas; nothing if there is none.
fn listed<'a>(all: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut shown: Vec<&str> = Vec::new();
    for one in all {
        if shown.contains(&one) {
            continue;
        }
        if shown.len() == MOST_SHOWN {
            shown.push("…");
            break;
        }
        shown.push(one);
    }
    (!shown.is_empty()).then(|| shown.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_short_and_have_everything_once() {
        assert_eq!(listed([].into_iter()), None);
        assert_eq!(listed(["a", "b", "a"].into_iter()).as_deref(), Some("a,b"));
        let many: Vec<String> = (0..MOST_SHOWN + 5).map(|number| number.to_string()).collect();
        assert!(listed(many.iter().map(String::as_str)).unwrap().ends_with(",9,…"));
    }
}
