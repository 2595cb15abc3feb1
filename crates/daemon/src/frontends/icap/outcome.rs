//! What becomes of content, and the headers that say so.
//!
//! Undetected content with gaps is never told as simply undetected: `X-Candor-Gaps` counts and names the gaps
//! in every answer about it, and the log has them as well. Blocked content has the headers that others send:
//! `X-Infection-Found` and `X-Violations-Found` (draft-stecher-icap-subid), `X-Virus-ID`, `X-Response-Info`.

use std::collections::BTreeSet;

use candor_object::{Category, ObjectId, Report, Verdict};
use serde::{Deserialize, Serialize};

use crate::service::Examined;

/// Most findings that are listed.
const MAX_LISTED: usize = 20;
/// Most characters of a name in a header.
const MAX_NAME: usize = 200;

/// What to do with content that was examined in part and is undetected so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Gaps {
    /// Let it pass and tell, unless the examination as a whole failed.
    #[default]
    Pass,
    /// Block it.
    Block,
}

/// Why content is blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Something was detected in it.
    Detected,
    /// It is forbidden by the organisation.
    Prohibited,
    /// It could not be examined in full.
    NotExamined,
    /// It is larger than allowed.
    TooLong,
}

impl Cause {
    /// The type in `X-Infection-Found`: 0 virus infection, 1 policy violation, 2 container violation.
    fn number(self) -> u8 {
        match self {
            Self::Detected => 0,
            Self::Prohibited => 1,
            Self::NotExamined | Self::TooLong => 2,
        }
    }

    /// A sentence for the page.
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::Detected => "Something that is known to be harmful or unwanted was detected in it.",
            Self::Prohibited => "Your organisation does not allow it.",
            Self::NotExamined => {
                "It could not be examined in full, and your organisation does not allow that."
            }
            Self::TooLong => "It is too large to be examined, and your organisation does not allow that.",
        }
    }
}

/// Something detected, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Violation {
    path: String,
    name: String,
}

/// What becomes of content.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    /// What policy says.
    pub(super) verdict: Verdict,
    /// Why it is blocked, if it is.
    pub(super) cause: Option<Cause>,
    /// Detection names, the worst first.
    pub(super) names: Vec<String>,
    violations: Vec<Violation>,
    gaps: BTreeSet<String>,
    gap_count: usize,
    /// Whether something detected is let through, since the breaker is tripped.
    report_only: bool,
}

impl Outcome {
    /// Of content that is not there, or that was not looked at.
    pub(super) fn undetected(gaps: Vec<String>) -> Self {
        Self {
            verdict: Verdict::Undetected,
            cause: None,
            names: Vec::new(),
            violations: Vec::new(),
            gap_count: gaps.len(),
            gaps: gaps.into_iter().collect(),
            report_only: false,
        }
    }

    /// Adds what came of one examination of the content, which is called `file_name`.
    pub(super) fn add(&mut self, examined: &Examined, file_name: &str) {
        let report = &examined.report;
        self.verdict = self.verdict.max(examined.decision.verdict);
        for gap in &report.gaps {
            self.gaps.insert(gap.reason.name().to_owned());
        }
        self.gap_count = self.gap_count.saturating_add(report.gaps.len());
        if !examined.decision.fully_examined && report.gaps.is_empty() {
            self.add_gap("unknown");
        }
        let mut is_only_prohibited = true;
        for number in &examined.decision.detections {
            let Some(finding) = report.findings.get(*number) else { continue };
            is_only_prohibited &= finding.category == Category::Prohibited;
            if self.violations.len() < MAX_LISTED {
                let path = path(report, finding.object, file_name);
                self.violations.push(Violation { path, name: finding.name.clone() });
            }
        }
        for name in examined.names() {
            if self.names.len() < MAX_LISTED && self.names.iter().all(|known| known != name) {
                self.names.push(name.to_owned());
            }
        }
        self.report_only |= examined.report_only;
        if examined.is_acted_upon() {
            self.cause = Some(match (examined.decision.detections.is_empty(), is_only_prohibited) {
                (true, _) => Cause::NotExamined,
                (false, true) => Cause::Prohibited,
                (false, false) => Cause::Detected,
            });
        }
        // What took its examination down is not let through as if it had been looked at.
        if report.failed() {
            self.cause.get_or_insert(Cause::NotExamined);
        }
    }

    /// Notes that something was not examined.
    pub(super) fn add_gap(&mut self, what: &str) {
        self.gaps.insert(what.to_owned());
        self.gap_count = self.gap_count.saturating_add(1);
    }

    /// Applies the setting for gaps.
    pub(super) fn decide(mut self, gaps: Gaps) -> Self {
        if gaps == Gaps::Block && self.gap_count > 0 {
            self.cause.get_or_insert(Cause::NotExamined);
        }
        self
    }

    /// The same, blocked for its length.
    pub(super) fn too_long(mut self) -> Self {
        self.cause = Some(Cause::TooLong);
        self
    }

    /// What was not examined, such as `2; encrypted, limit`; empty if all was.
    pub(super) fn gaps(&self) -> String {
        if self.gap_count == 0 {
            return String::new();
        }
        let kinds: Vec<&str> = self.gaps.iter().map(String::as_str).collect();
        format!("{}; {}", self.gap_count, kinds.join(", "))
    }

    /// Whether something was not examined.
    pub(super) fn has_gaps(&self) -> bool {
        self.gap_count > 0
    }

    /// The name for those who take one only.
    fn name(&self) -> String {
        match (self.names.first(), self.cause) {
            (Some(name), _) => name.clone(),
            (None, Some(Cause::TooLong)) => "Too long to be examined".to_owned(),
            (None, _) => "Not examined in full".to_owned(),
        }
    }

    /// The header fields about this outcome, harmless for any reader.
    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = Vec::new();
        if let Some(cause) = self.cause {
            let name = visible(&self.name());
            let number = cause.number();
            fields.push(("X-Infection-Found", format!("Type={number}; Resolution=2; Threat={name};")));
            fields.push(("X-Violations-Found", self.violations_field()));
            fields.push(("X-Virus-ID", name));
            fields.push(("X-Response-Info", "Blocked".to_owned()));
            fields.push(("X-Response-Desc", cause.sentence().to_owned()));
        } else {
            fields.push(("X-Response-Info", "Allowed".to_owned()));
        }
        if self.report_only {
            let names: Vec<String> = self.names.iter().take(5).map(|name| visible(name)).collect();
            fields.push(("X-Candor-Report-Only", format!("breaker; {}", names.join(", "))));
        }
        if self.gap_count > 0 {
            fields.push(("X-Candor-Gaps", self.gaps()));
        }
        fields
    }

    /// The number of violations, and for each a folded line with the file, the name, the number of the problem
    /// (0: there is none) and the resolution (2: blocked).
    fn violations_field(&self) -> String {
        let whole = Violation { path: "-".to_owned(), name: self.name() };
        let listed = if self.violations.is_empty() { std::slice::from_ref(&whole) } else { &self.violations };
        let mut field = listed.len().to_string();
        for violation in listed {
            for line in [visible(&violation.path), visible(&violation.name), "0".to_owned(), "2".to_owned()] {
                field.push_str("\r\n\t");
                field.push_str(&line);
            }
        }
        field
    }
}

/// The path of an object in what the file is called.
fn path(report: &Report, object: ObjectId, file_name: &str) -> String {
    let mut names: Vec<&str> = report
        .chain(object)
        .filter(|id| *id != ObjectId::ROOT)
        .filter_map(|id| report.object(id))
        .map(|seen| if seen.name.is_empty() { seen.relation.name() } else { &seen.name })
        .collect();
    names.push(file_name);
    names.reverse();
    names.join(" > ")
}

/// Text that fits into a header field and cannot end it or a parameter of it.
fn visible(text: &str) -> String {
    let harmless = |character| match character {
        ' '..='~' if character != ';' => character,
        _ => '?',
    };
    let text: String = text.chars().take(MAX_NAME).map(harmless).collect();
    let text = text.trim();
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    use candor_object::{FileType, Finding, Gap, Reason, Relation, Seen, Strength};
    use candor_policy::Policy;

    use super::*;
    use crate::service::DatabaseInUse;

    fn examined(findings: &[(&str, Category)], gaps: &[Reason]) -> Examined {
        let seen = |parent, name: &str, relation| Seen {
            parent,
            name: name.into(),
            relation,
            file_type: FileType::DATA,
            size: 1,
            sha256: None,
        };
        let objects =
            vec![seen(None, "", Relation::Root), seen(Some(ObjectId::ROOT), "a;\r\nX: y", Relation::Member)];
        let finding = |(name, category): &(&str, Category)| Finding {
            object: ObjectId(1),
            detector: "hash",
            name: (*name).into(),
            source: String::new(),
            category: *category,
            strength: Strength::Strong,
            text: String::new(),
            evidence: Vec::new(),
        };
        let gap = |reason: &Reason| Gap { object: ObjectId::ROOT, reason: *reason, detail: "\r\n".into() };
        let report = Report {
            objects,
            findings: findings.iter().map(finding).collect(),
            gaps: gaps.iter().map(gap).collect(),
            ..Report::default()
        };
        let decision = Arc::new(Policy::default().decide(&report));
        let database =
            DatabaseInUse { identity: [0; 32], signatures: 1, size: 1, since: SystemTime::UNIX_EPOCH };
        Examined {
            report: Arc::new(report),
            decision,
            database,
            remembered: false,
            time: Duration::ZERO,
            report_only: false,
        }
    }

    fn outcome(findings: &[(&str, Category)], gaps: &[Reason]) -> Outcome {
        let mut outcome = Outcome::undetected(Vec::new());
        outcome.add(&examined(findings, gaps), "x.zip");
        outcome
    }

    fn field(outcome: &Outcome, name: &str) -> Option<String> {
        outcome.fields().into_iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    #[test]
    fn what_others_send_is_sent() {
        let found = outcome(&[("Evil;\r\nX: y", Category::Malware)], &[]).decide(Gaps::Pass);
        assert_eq!(field(&found, "X-Infection-Found").unwrap(), "Type=0; Resolution=2; Threat=Evil???X: y;");
        let violations = "1\r\n\tx.zip > a???X: y\r\n\tEvil???X: y\r\n\t0\r\n\t2";
        assert_eq!(field(&found, "X-Violations-Found").unwrap(), violations);
        let prohibited = outcome(&[("Game", Category::Prohibited)], &[]);
        assert!(field(&prohibited, "X-Infection-Found").unwrap().starts_with("Type=1;"));
    }

    #[test]
    fn what_is_only_reported_is_let_through_and_told() {
        let reported = |gaps: &[Reason]| {
            let examined = examined(&[("Evil;\r\nX: y", Category::Malware)], gaps);
            let mut outcome = Outcome::undetected(Vec::new());
            outcome.add(&Examined { report_only: true, ..examined }, "x.zip");
            outcome
        };
        let outcome = reported(&[]).decide(Gaps::Block);
        assert_eq!((outcome.cause, outcome.verdict), (None, Verdict::Malicious));
        assert_eq!(field(&outcome, "X-Candor-Report-Only").unwrap(), "breaker; Evil???X: y");
        assert_eq!(field(&outcome, "X-Infection-Found"), None);
        // What is not examined is none of the breaker's business.
        assert!(reported(&[Reason::Encrypted]).decide(Gaps::Block).cause.is_some());
    }

    #[test]
    fn gaps_are_told_and_block_where_wanted() {
        let gapped = outcome(&[], &[Reason::Encrypted, Reason::Encrypted, Reason::Damaged]);
        assert_eq!(field(&gapped, "X-Candor-Gaps").unwrap(), "3; damaged, encrypted");
        assert_eq!(gapped.clone().decide(Gaps::Pass).cause, None);
        let blocked = gapped.decide(Gaps::Block);
        assert_eq!(blocked.cause, Some(Cause::NotExamined));
        assert!(field(&blocked, "X-Infection-Found").unwrap().starts_with("Type=2;"));
        assert_eq!(outcome(&[], &[]).decide(Gaps::Block).cause, None);
    }

    #[test]
    fn a_failed_examination_lets_nothing_through() {
        assert_eq!(outcome(&[], &[Reason::Crashed]).decide(Gaps::Pass).cause, Some(Cause::NotExamined));
        let found = outcome(&[("Evil", Category::Malware)], &[Reason::Crashed]);
        assert_eq!(found.cause, Some(Cause::Detected));
    }
}
