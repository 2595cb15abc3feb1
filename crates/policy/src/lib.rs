//! What the organisation wants: a [`Policy`] turns a report into a decision, and nothing else judges.
//!
//! [`Policy::decide`] is pure: the same report and the same policy give the same decision. It is also
//! monotone: one more finding never makes the decision milder, unless the finding is of trust.

#![forbid(unsafe_code)]

mod disabled;

use std::collections::{BTreeSet, HashSet};

use candor_object::{Action, Category, Decision, Finding, ObjectId, Report, Strength, Verdict};
use serde::Deserialize;

pub use disabled::{Disabled, FILE as DISABLED};

/// What counts, as the organisation wants it. Written in TOML; what is not written has its default.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Whether unwanted programs (PUA) are reported. Default: yes.
    pub report_unwanted: bool,
    /// Whether an object that could not be examined in full is suspicious. Default: no; it is always shown.
    pub gaps_are_suspicious: bool,
    /// Whether a digest on a trusted list overrides findings in the object and all that came out of it.
    /// Default: yes.
    pub trust_lists: bool,
    /// Whether links in mails that show one address and lead to another are reported, and those to addresses on lists.
    /// Default: yes.
    pub report_links: bool,
    /// Whether a link in a mail that shows `https` and leads elsewhere counts even if no list protects the host that is
    /// shown. Default: no.
    pub report_unencrypted_links: bool,
    /// The same for a link whose target hides its host behind a control character. Default: no.
    pub report_cloaked_links: bool,
    /// Names of rules whose findings do not count, whatever they are. Default: none.
    pub disabled: BTreeSet<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            report_unwanted: true,
            gaps_are_suspicious: false,
            trust_lists: true,
            report_links: true,
            report_unencrypted_links: false,
            report_cloaked_links: false,
            disabled: BTreeSet::new(),
        }
    }
}

/// The technique whose findings are about links.
const LINKS: &str = "phishing";

/// Why a policy could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not TOML or has unknown keys; the message names line and column.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
}

impl Policy {
    /// The policy that a TOML text describes.
    ///
    /// # Errors
    /// [`Error::Toml`] where the text is no TOML, a key is unknown or a value has the wrong type.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        Ok(toml::from_str(text)?)
    }

    /// What the report means.
    pub fn decide(&self, report: &Report) -> Decision {
        let is_disabled = |finding: &Finding| self.disabled.contains(&finding.name);
        let trusted: HashSet<ObjectId> = report
            .findings
            .iter()
            .filter(|finding| self.trust_lists && finding.category == Category::Trusted)
            .filter(|finding| !is_disabled(finding))
            .map(|finding| finding.object)
            .collect();
        let overridden = |finding: &Finding| report.chain(finding.object).any(|id| trusted.contains(&id));
        let judged: Vec<(usize, Verdict)> = report
            .findings
            .iter()
            .enumerate()
            .filter(|(_, finding)| !is_disabled(finding) && (trusted.is_empty() || !overridden(finding)))
            .filter_map(|(number, finding)| Some((number, self.judge(finding)?)))
            .collect();
        // Weak evidence never alerts alone: it takes a second signature that agrees.
        let names: HashSet<&str> = judged
            .iter()
            .filter_map(|(number, _)| report.findings.get(*number))
            .map(|f| f.name.as_str())
            .collect();
        let alone = names.len() < 2 && judged.iter().all(|(_, verdict)| *verdict == Verdict::Suspicious);
        let counted = if alone { Vec::new() } else { judged };
        let mut verdict = counted.iter().map(|(_, verdict)| *verdict).max().unwrap_or(Verdict::Undetected);
        let detections = counted.into_iter().map(|(number, _)| number).collect();
        let numbered = report.findings.iter().enumerate();
        let disabled =
            numbered.filter(|(_, finding)| is_disabled(finding)).map(|(number, _)| number).collect();
        let fully_examined = report.gaps.is_empty();
        if verdict == Verdict::Undetected {
            if trusted.contains(&ObjectId::ROOT) {
                verdict = Verdict::Trusted;
            } else if self.gaps_are_suspicious && !fully_examined {
                verdict = Verdict::Suspicious;
            }
        }
        let action = if verdict > Verdict::Undetected { Action::Report } else { Action::Allow };
        Decision { verdict, action, fully_examined, detections, disabled }
    }

    /// What one finding alone means, if anything.
    fn judge(&self, finding: &Finding) -> Option<Verdict> {
        match (finding.category, finding.strength) {
            _ if finding.detector == LINKS && !self.report_links => None,
            (Category::Anomaly, _) if self.wants_link(finding) => Some(Verdict::Malicious),
            (Category::Trusted | Category::Anomaly, _) => None,
            (Category::Unwanted, _) if !self.report_unwanted => None,
            // What a law may forbid is no sign of harm, and for whom it is forbidden only `candor check` can say.
            (Category::Prohibited, Strength::Weak) => None,
            (_, Strength::Weak) => Some(Verdict::Suspicious),
            (Category::Unwanted, _) => Some(Verdict::Unwanted),
            (Category::Prohibited, _) => Some(Verdict::Prohibited),
            // Malware, and whatever category a later version adds.
            _ => Some(Verdict::Malicious),
        }
    }

    /// Whether an anomaly of a link counts.
    fn wants_link(&self, finding: &Finding) -> bool {
        let is = |kind: &str| finding.detector == LINKS && finding.name.contains(kind);
        (self.report_unencrypted_links && is(".SSL-")) || (self.report_cloaked_links && is(".Cloaked."))
    }
}

#[cfg(test)]
mod tests {
    use candor_object::{FileType, Gap, Reason, Relation, Seen};
    use proptest::prelude::*;

    use super::*;

    fn finding(object: u32, category: Category, strength: Strength) -> Finding {
        Finding {
            object: ObjectId(object),
            detector: "hash",
            name: "Test".into(),
            source: String::new(),
            category,
            strength,
            text: String::new(),
            evidence: Vec::new(),
        }
    }

    /// A root object with one member, which has one member.
    fn report(findings: Vec<Finding>) -> Report {
        let objects = (0..3_u32)
            .map(|number| Seen {
                parent: number.checked_sub(1).map(ObjectId),
                name: String::new(),
                relation: Relation::Member,
                file_type: FileType::DATA,
                size: 1,
                sha256: None,
            })
            .collect();
        Report { objects, findings, ..Report::default() }
    }

    #[test]
    fn the_worst_finding_decides() {
        let both = report(vec![
            finding(2, Category::Unwanted, Strength::Strong),
            finding(1, Category::Malware, Strength::Strong),
        ]);
        let decision = Policy::default().decide(&both);
        assert_eq!((decision.verdict, decision.action), (Verdict::Malicious, Action::Report));
        assert_eq!(decision.detections, [0, 1]);
    }

    #[test]
    fn weak_evidence_never_alerts_alone() {
        let weak =
            |name: &str| Finding { name: name.into(), ..finding(0, Category::Malware, Strength::Weak) };
        let verdict = |findings| Policy::default().decide(&report(findings)).verdict;
        assert_eq!(verdict(vec![weak("One"), weak("One")]), Verdict::Undetected);
        assert_eq!(verdict(vec![weak("One"), weak("Two")]), Verdict::Suspicious);
        let strong = finding(0, Category::Unwanted, Strength::Strong);
        assert_eq!(verdict(vec![weak("One"), strong]), Verdict::Unwanted);
    }

    #[test]
    fn trust_speaks_for_what_is_inside_and_not_for_what_is_around() {
        let inside = report(vec![
            finding(2, Category::Malware, Strength::Strong),
            finding(1, Category::Trusted, Strength::Strong),
        ]);
        assert_eq!(Policy::default().decide(&inside).verdict, Verdict::Undetected);
        let around = report(vec![
            finding(0, Category::Malware, Strength::Strong),
            finding(1, Category::Trusted, Strength::Strong),
        ]);
        assert_eq!(Policy::default().decide(&around).verdict, Verdict::Malicious);
        let distrust = Policy { trust_lists: false, ..Policy::default() };
        assert_eq!(distrust.decide(&inside).verdict, Verdict::Malicious);
        let root = report(vec![finding(0, Category::Trusted, Strength::Strong)]);
        assert_eq!(Policy::default().decide(&root).verdict, Verdict::Trusted);
    }

    #[test]
    fn disabled_names_do_not_count_and_are_told() {
        let other = Finding { name: "Other".into(), ..finding(1, Category::Unwanted, Strength::Strong) };
        let both = report(vec![finding(0, Category::Malware, Strength::Strong), other]);
        let policy = Policy::from_toml("disabled = ['Test']").unwrap();
        let decision = policy.decide(&both);
        assert_eq!((decision.verdict, decision.disabled), (Verdict::Unwanted, vec![0]));
        assert_eq!(decision.detections, [1]);
        // Trust that was switched off excuses nothing.
        let known = Finding { name: "Known".into(), ..finding(0, Category::Trusted, Strength::Strong) };
        let excused = report(vec![known, finding(0, Category::Malware, Strength::Strong)]);
        let verdict = |text: &str| Policy::from_toml(text).unwrap().decide(&excused).verdict;
        assert_eq!((verdict(""), verdict("disabled = ['Known']")), (Verdict::Trusted, Verdict::Malicious));
    }

    #[test]
    fn odd_links_count_where_it_is_wanted() {
        let link = |name: &str| Finding {
            detector: "phishing",
            name: format!("Heuristics.Phishing.Email.{name}"),
            ..finding(0, Category::Anomaly, Strength::Weak)
        };
        let verdict = |policy: &str, name: &str| {
            Policy::from_toml(policy).unwrap().decide(&report(vec![link(name)])).verdict
        };
        let (unencrypted, cloaked) = ("report_unencrypted_links = true", "report_cloaked_links = true");
        assert_eq!(verdict("", "SSL-Spoof"), Verdict::Undetected);
        assert_eq!(verdict(unencrypted, "SSL-Spoof"), Verdict::Malicious);
        assert_eq!(verdict(unencrypted, "Cloaked.Null"), Verdict::Undetected);
        assert_eq!(verdict(cloaked, "Cloaked.Null"), Verdict::Malicious);
        let spoofed =
            Finding { category: Category::Malware, strength: Strength::Strong, ..link("SpoofedDomain") };
        let decided =
            |policy: &str| Policy::from_toml(policy).unwrap().decide(&report(vec![spoofed.clone()]));
        assert_eq!(decided("").verdict, Verdict::Malicious);
        assert_eq!(decided("report_links = false").verdict, Verdict::Undetected);
        let other = finding(0, Category::Anomaly, Strength::Weak);
        assert_eq!(
            Policy::from_toml(cloaked).unwrap().decide(&report(vec![other])).verdict,
            Verdict::Undetected
        );
    }

    #[test]
    fn a_gap_is_never_silent() {
        let mut gapped = report(Vec::new());
        gapped.gaps.push(Gap { object: ObjectId(0), reason: Reason::Encrypted, detail: String::new() });
        let decision = Policy::default().decide(&gapped);
        assert_eq!((decision.verdict, decision.fully_examined), (Verdict::Undetected, false));
        let strict = Policy::from_toml("gaps_are_suspicious = true").unwrap();
        assert_eq!(strict.decide(&gapped).verdict, Verdict::Suspicious);
    }

    #[test]
    fn a_wrong_policy_is_refused_with_its_line() {
        let error = Policy::from_toml("\nreport_unwantd = false").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("report_unwantd"), "{error}");
    }

    fn any_finding() -> impl Strategy<Value = Finding> {
        let category = prop::sample::select(vec![
            Category::Trusted,
            Category::Anomaly,
            Category::Unwanted,
            Category::Prohibited,
            Category::Malware,
        ]);
        let strength = prop::sample::select(vec![Strength::Weak, Strength::Strong]);
        (0_u32..3, category, strength)
            .prop_map(|(object, category, strength)| finding(object, category, strength))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn one_more_finding_never_softens(findings in prop::collection::vec(any_finding(), 0..6), more in any_finding()) {
            prop_assume!(more.category != Category::Trusted);
            let before = report(findings.clone());
            let after = report(findings.into_iter().chain([more]).collect());
            let policy = Policy::default();
            prop_assert_eq!(policy.decide(&before), policy.decide(&before));
            prop_assert!(policy.decide(&before).verdict <= policy.decide(&after).verdict);
        }
    }
}
