//! What a scan comes to in clamd's three words: FOUND, OK, ERROR.

use super::settings::{Gaps, Settings};
use crate::service::{Examined, Refusal};
use candor_object::{Action, Report, harmless};

/// What is found if policy reports a file for its gaps alone.
const ONLY_GAPS: &str = "Candor.NotFullyExamined";

/// The answer for one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Policy reports it; the names, the worst first, at least one.
    Found(Vec<String>),
    /// Nothing was seen. There may be gaps that settings let pass; then the log has them.
    Undetected,
    /// Nothing can be said, with the reason.
    Failed(String),
}

impl Answer {
    /// The answer for a file.
    pub(super) fn of(examined: Result<Examined, Refusal>, settings: &Settings) -> Self {
        match examined {
            Ok(examined) => judged(&examined, settings),
            Err(Refusal::NoFile) => Self::Failed("Not a regular file".into()),
            Err(refusal) => {
                let because = refusal.to_string();
                let mut letters = because.chars();
                let first = letters.next().map(|letter| letter.to_ascii_uppercase());
                Self::Failed(first.into_iter().chain(letters).chain(['.']).collect())
            }
        }
    }

    /// The lines for it: one, but one for each name where all are wanted.
    pub(super) fn lines(&self, subject: &[u8], names: Names) -> Vec<Vec<u8>> {
        let line = |text: &[u8]| [&harmless(subject), &b": "[..], text].concat();
        match self {
            Self::Found(found) => {
                let wanted = if names == Names::All { found.len() } else { 1 };
                let name = |name: &String| line(&[&harmless(name.as_bytes()), &b" FOUND"[..]].concat());
                found.iter().take(wanted).map(name).collect()
            }
            Self::Undetected => vec![line(b"OK")],
            Self::Failed(because) => vec![line(&[&harmless(because.as_bytes()), &b" ERROR"[..]].concat())],
        }
    }
}

/// How many names of a file are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// The worst.
    First,
    /// Each.
    All,
}

fn judged(examined: &Examined, settings: &Settings) -> Answer {
    let Examined { report, decision, .. } = examined;
    if decision.action != Action::Allow {
        let mut names: Vec<String> = examined.names().into_iter().map(str::to_owned).collect();
        if names.is_empty() {
            names.push(ONLY_GAPS.into());
        }
        return Answer::Found(names);
    }
    if report.gaps.is_empty() {
        return Answer::Undetected;
    }
    let names = found_gaps(report, settings);
    if !names.is_empty() {
        return Answer::Found(names);
    }
    if settings.gaps == Gaps::Report || report.gaps.iter().any(|gap| gap.reason.is_failure()) {
        return Answer::Failed(format!("Not fully examined: {}.", reasons(report)));
    }
    // The log has the gaps of every scan.
    Answer::Undetected
}

/// The reasons of the gaps, each once.
fn reasons(report: &Report) -> String {
    let mut reasons: Vec<&str> = report.gaps.iter().map(|gap| gap.reason.name()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    reasons.join(", ")
}

fn found_gaps(report: &Report, settings: &Settings) -> Vec<String> {
    let mut names = Vec::new();
    for gap in &report.gaps {
        let of = report.object(gap.object).map_or("", |seen| seen.file_type.family());
        for name in settings.found.iter().filter_map(|kind| kind.name(gap, of)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    use candor_object::{
        Category, FileType, Finding, Gap, Limit, ObjectId, Reason, Relation, Seen, Strength,
    };
    use candor_policy::Policy;

    use super::*;
    use crate::frontends::clamd::settings::FoundGap;
    use crate::service::DatabaseInUse;

    fn examined(names: &[&str], gaps: &[Reason]) -> Result<Examined, Refusal> {
        let finding = |name: &&str| Finding {
            object: ObjectId::ROOT,
            detector: "hash",
            name: (*name).to_owned(),
            source: String::new(),
            category: Category::Malware,
            strength: Strength::Strong,
            text: String::new(),
            evidence: Vec::new(),
        };
        let gap = |reason: &Reason| Gap { object: ObjectId::ROOT, reason: *reason, detail: String::new() };
        let root = Seen {
            parent: None,
            name: String::new(),
            relation: Relation::Root,
            file_type: FileType::DATA,
            size: 1,
            sha256: None,
        };
        let report = Report {
            objects: vec![root],
            findings: names.iter().map(finding).collect(),
            gaps: gaps.iter().map(gap).collect(),
            ..Report::default()
        };
        let database =
            DatabaseInUse { identity: [0; 32], signatures: 0, size: 0, since: SystemTime::UNIX_EPOCH };
        let decision = Arc::new(Policy::default().decide(&report));
        let report = Arc::new(report);
        Ok(Examined {
            report,
            decision,
            database,
            remembered: false,
            time: Duration::ZERO,
            report_only: false,
        })
    }

    fn told(examined: Result<Examined, Refusal>, settings: &Settings, names: Names) -> Vec<String> {
        let lines = Answer::of(examined, settings).lines(b"x", names);
        lines.into_iter().map(|line| String::from_utf8(line).unwrap()).collect()
    }

    #[test]
    fn findings_are_found() {
        let settings = Settings::default();
        let both = || examined(&["One", "Two\n"], &[Reason::Encrypted]);
        assert_eq!(told(both(), &settings, Names::First), ["x: One FOUND"]);
        assert_eq!(told(both(), &settings, Names::All), ["x: One FOUND", "x: Two\\n FOUND"]);
        assert_eq!(told(examined(&[], &[]), &settings, Names::All), ["x: OK"]);
    }

    #[test]
    fn gaps_are_told_as_the_settings_say_but_a_scan_that_failed_always() {
        let pass = Settings::default();
        let report = Settings { gaps: Gaps::Report, ..Settings::default() };
        let found = Settings { found: vec![FoundGap::Encrypted, FoundGap::Limit], ..Settings::default() };
        let told = |reasons: &[Reason], settings| told(examined(&[], reasons), settings, Names::All);
        let deep = Reason::Limit(Limit::Depth);
        assert_eq!(told(&[deep, Reason::Encrypted], &pass), ["x: OK"]);
        assert_eq!(
            told(&[deep, Reason::Encrypted, Reason::Encrypted], &report),
            ["x: Not fully examined: encrypted, limit. ERROR"]
        );
        assert_eq!(told(&[deep], &found), ["x: Heuristics.Limits.Exceeded.MaxRecursion FOUND"]);
        assert_eq!(told(&[Reason::Damaged], &found), ["x: OK"]);
        for reason in [Reason::Crashed, Reason::Unreadable, Reason::Database] {
            let told = told(&[Reason::Damaged, reason], &pass);
            assert!(told[0].ends_with(". ERROR") && told[0].contains(reason.name()), "{told:?}");
        }
    }

    #[test]
    fn refusals_are_errors() {
        let settings = Settings::default();
        let told = |refusal| told(Err(refusal), &settings, Names::First);
        assert_eq!(told(Refusal::Stopping), ["x: The service is stopping. ERROR"]);
        assert_eq!(told(Refusal::NoFile), ["x: Not a regular file ERROR"]);
    }
}
