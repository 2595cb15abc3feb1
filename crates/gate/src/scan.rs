//! One scan of a file that somebody opened.

use std::fs::File;
use std::sync::Arc;

use candor_jail::{Job, Opened};
use candor_object::{Limit, Reason, Report, Verdict as Judged};

use crate::gate::{Gate, path_of};
use crate::pending::Count;
use crate::verdicts::{Detection, Identity, Verdict};

/// A scan, and what is known of the file.
#[derive(Debug)]
pub(crate) struct Scan {
    gate: Arc<Gate>,
    /// The file as those see it that wait.
    asked: Identity,
    file: Arc<File>,
    /// The file as it was when the scan began, if nobody could write to it then.
    before: Option<Identity>,
    /// Why it may take the time that it needs, since nobody waits for it; nothing if somebody does.
    patient: Option<&'static str>,
    /// How often it was tried before: a worker may be killed by others.
    attempts: u8,
    /// That of the workers that it was given to.
    pub(crate) generation: u64,
}

/// How often a scan that failed is tried again.
const MOST_ATTEMPTS: u8 = 2;

impl Scan {
    /// A scan that somebody waits for. `is_unwritten` says that nobody could write to the file after it was looked at.
    pub(crate) fn new(gate: &Arc<Gate>, asked: Identity, file: Arc<File>, is_unwritten: bool) -> Self {
        let before = Some(asked).filter(|asked| is_unwritten && identity_of(&file) == Some(*asked));
        Self { gate: Arc::clone(gate), asked, file, before, patient: None, attempts: 0, generation: 0 }
    }

    /// A scan that nobody waits for.
    pub(crate) fn patient(gate: &Arc<Gate>, asked: Identity, file: Arc<File>, why: &'static str) -> Self {
        Self { patient: Some(why), ..Self::new(gate, asked, file, false) }
    }

    /// Whether nobody waits for it.
    pub(crate) fn is_patient(&self) -> bool {
        self.patient.is_some()
    }

    /// Whether the file is what it was when the scan began, and will have another identity when it changes.
    fn is_stable(&self) -> bool {
        self.before.is_some_and(|before| {
            self.gate.supervisor.unwritten(&self.file)
                && identity_of(&self.file) == Some(before)
                && before.is_telling(&self.file, self.gate.has_fine_times)
        })
    }
}

fn identity_of(file: &File) -> Option<Identity> {
    Identity::of(file).ok().flatten()
}

impl Job for Scan {
    fn open(&mut self) -> Option<Opened> {
        let identity = identity_of(&self.file)?;
        if self.before.is_none() {
            self.before = self.gate.supervisor.unwritten(&self.file).then_some(identity).filter(|identity| {
                // It may have been written just before it was looked at.
                identity_of(&self.file) == Some(*identity)
            });
        }
        Some(Opened::new(Arc::clone(&self.file), identity.size()).named(&path_of(&self.file)))
    }

    fn done(self: Box<Self>, report: Report) {
        let gate = Arc::clone(&self.gate);
        let decision = gate.decide(&report);
        let mut names: Vec<String> = Vec::new();
        for finding in decision.detections.iter().filter_map(|number| report.findings.get(*number)) {
            if !names.contains(&finding.name) {
                names.push(finding.name.clone());
            }
        }
        let verdict = match decision.verdict {
            Judged::Undetected | Judged::Trusted => Verdict::Undetected,
            other => Verdict::Detected(Arc::new(Detection { verdict: other.name(), names })),
        };
        gate.table.count(Count::Scanned);
        if !report.gaps.is_empty() {
            gate.table.count(Count::Gaps);
        }
        let failed = report.gaps.iter().any(|gap| gap.reason.is_failure());
        if failed && verdict == Verdict::Undetected && self.attempts < MOST_ATTEMPTS {
            let attempts = self.attempts.saturating_add(1);
            return gate.submit(Self { attempts, before: None, ..*self });
        }
        let ran_out = failed || report.gaps.iter().any(|gap| gap.reason == Reason::Limit(Limit::Time));
        let is_final = verdict != Verdict::Undetected || !ran_out || self.is_patient() && !failed;
        if self.patient.is_none() {
            gate.answer_first(self.asked, is_final.then_some(&verdict));
        }
        let is_stable = is_final && self.is_stable();
        match (self.before, gate.generation()) {
            // Older databases prove nothing for newer ones.
            (Some(before), Some(generation)) if is_stable && generation.number == self.generation => {
                generation.verdicts.remember(before, verdict.clone());
                gate.table.set(Count::Remembered, generation.verdicts.len() as u64);
                if verdict == Verdict::Undetected {
                    gate.allowed.scanned(before, path_of(&self.file));
                }
            }
            _ => gate.table.count(Count::Unstable),
        }
        match (self.patient, &verdict) {
            (None, _) => gate.answer_others(self.asked, is_final.then_some(&verdict), is_stable),
            (Some(why), Verdict::Detected(detection)) => gate.found(&self.file, detection, why),
            (Some(_), Verdict::Undetected) => {}
        }
        if !is_final && self.patient.is_none() {
            gate.submit(Self { patient: Some("again"), before: None, ..*self });
        }
    }
}
