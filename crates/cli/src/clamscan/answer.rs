//! What a report comes to in clamscan's words: names that are FOUND, OK, or ERROR.

use std::collections::HashSet;

use candor_object::{Category, Decision, Finding, Gap, Limit, ObjectId, Reason, Report, Strength};
use candor_signatures::is_for_unwanted;

use super::loading::is_rules;
use super::options::{Alerts, Signatures};

/// Most places of gaps that one line names.
const MOST_PLACES: usize = 3;

/// The anomaly of an archive whose member a password opened.
const DECRYPTED: &str = "zip-decrypted";
/// How names begin of what needs no signature.
const HEURISTIC: &str = "Heuristics.";

/// What is said of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// These names were found, each with the object that it is about; at least one.
    Found(Vec<(String, ObjectId)>),
    /// Nothing was found; what was not examined, if anything, in words.
    Ok(Option<String>),
    /// The scan failed; why.
    Failed(String),
}

/// How reports are read.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    /// Which signatures are wanted.
    pub(super) signatures: &'a Signatures,
    /// Signature files whose publisher signed them.
    pub(super) official: &'a HashSet<String>,
    /// Which gaps are told as findings.
    pub(super) alerts: Alerts,
    /// Whether those come before what signatures found.
    pub(super) alerts_first: bool,
}

impl Reading<'_> {
    /// What a report comes to.
    pub(super) fn answer(&self, report: &Report, decision: &Decision) -> Answer {
        let mut found = self.names(report, decision);
        let alerts = self.alerts(report);
        let place = if self.alerts_first { 0 } else { found.len() };
        found.splice(place..place, alerts);
        if !found.is_empty() {
            Answer::Found(found)
        } else if report.failed() {
            Answer::Failed(format!("Not fully examined: {}.", reasons(report)))
        } else {
            Answer::Ok((!report.gaps.is_empty()).then(|| gaps(report)))
        }
    }

    /// Names of what signatures found, each once: ClamAV tells what is malicious before what is merely suspicious
    /// or unwanted.
    fn names(&self, report: &Report, decision: &Decision) -> Vec<(String, ObjectId)> {
        let mut findings: Vec<&Finding> = decision
            .detections
            .iter()
            .filter_map(|number| report.findings.get(*number))
            .filter(|finding| self.wants(finding))
            .collect();
        findings.sort_by_key(|finding| {
            let later = finding.strength == Strength::Weak || finding.category < Category::Prohibited;
            if finding.name.starts_with(HEURISTIC) { !self.alerts_first } else { later }
        });
        let mut known = HashSet::new();
        let names = findings.into_iter().map(|finding| (self.name(finding), finding.object));
        names.filter(|(name, _)| known.insert(name.clone())).collect()
    }

    /// A name as clamscan shows it.
    fn name(&self, finding: &Finding) -> String {
        let Finding { name, source, detector, .. } = finding;
        let prefix = if is_rules(source) && !name.starts_with("YARA.") { "YARA." } else { "" };
        // Names of publishers and heuristics, and those that programs give themselves, are shown as they are.
        let official = source.is_empty()
            || matches!(*detector, "trust" | "bytecode" | "phishing")
            || self.official.contains(source);
        format!("{prefix}{name}{}", if official { "" } else { ".UNOFFICIAL" })
    }

    /// Whether a signature is wanted: a compiled database may hold more for unwanted programs, and for phishing.
    fn wants(&self, finding: &Finding) -> bool {
        let is_phishing =
            ["HTML.Phishing", "Email.Phishing"].iter().any(|start| finding.name.starts_with(start));
        if is_phishing && !self.signatures.phishing {
            return false;
        }
        !is_for_unwanted(&finding.source) || self.signatures.categories().takes(&finding.name)
    }

    fn alerts(&self, report: &Report) -> Vec<(String, ObjectId)> {
        let mut known = HashSet::new();
        let alerts = report.gaps.iter().filter_map(|gap| {
            let of = report.object(gap.object).map_or("", |seen| seen.file_type.family());
            Some((self.alert(gap, of)?, gap.object))
        });
        // ClamAV tells what is encrypted whether or not a password opens it.
        let decrypted =
            report.findings.iter().filter(|finding| finding.name == DECRYPTED).filter_map(|finding| {
                let of = report.object(finding.object).map_or("", |seen| seen.file_type.family());
                Some((self.encrypted(of)?, finding.object))
            });
        alerts.chain(decrypted).filter(|(name, _)| known.insert(name.clone())).collect()
    }

    /// ClamAV's name for an encrypted object of this type, where that is told as a finding.
    fn encrypted(&self, of: &str) -> Option<String> {
        let (name, document) = encrypted(of);
        let wanted = if document { self.alerts.encrypted_documents } else { self.alerts.encrypted_archives };
        wanted.then(|| format!("Heuristics.Encrypted.{name}"))
    }

    /// ClamAV's name for a gap that is told as a finding, in an object of this type.
    fn alert(&self, gap: &Gap, of: &str) -> Option<String> {
        let Alerts { limits, broken_programs, .. } = self.alerts;
        match gap.reason {
            Reason::Limit(limit) if limits => {
                Some(format!("Heuristics.Limits.Exceeded.{}", limit_name(limit)))
            }
            Reason::Encrypted => self.encrypted(of),
            Reason::Damaged | Reason::Truncated
                if broken_programs && matches!(of, "pe" | "elf" | "macho") =>
            {
                Some("Heuristics.Broken.Executable".to_owned())
            }
            _ => None,
        }
    }
}

fn limit_name(limit: Limit) -> &'static str {
    match limit {
        Limit::Objects => "MaxFiles",
        Limit::Depth => "MaxRecursion",
        Limit::UnpackedBytes | Limit::HeldBytes => "MaxScanSize",
        Limit::ObjectBytes => "MaxFileSize",
        Limit::Time => "MaxScanTime",
    }
}

/// ClamAV's word for an encrypted object of this type, and whether it is a document.
fn encrypted(of: &str) -> (String, bool) {
    match of {
        "7z" => ("7Zip".to_owned(), false),
        "rar" => ("RAR".to_owned(), false),
        "egg" => ("EGG".to_owned(), false),
        "pdf" => ("PDF".to_owned(), true),
        "ole2" => ("OLE2".to_owned(), true),
        _ => {
            let letters = of.chars().filter(char::is_ascii_alphanumeric).enumerate();
            let capital =
                letters.map(|(place, letter)| if place == 0 { letter.to_ascii_uppercase() } else { letter });
            (capital.collect(), false)
        }
    }
}

/// The reasons of all gaps, each once.
fn reasons(report: &Report) -> String {
    let mut reasons: Vec<&str> = report.gaps.iter().map(|gap| gap.reason.name()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    reasons.join(", ")
}

/// The gaps in words: the first few with their places, and how many there are.
fn gaps(report: &Report) -> String {
    let mut words: Vec<String> =
        report.gaps.iter().take(MOST_PLACES).map(|gap| gap_words(report, gap)).collect();
    let more = report.gaps.len().saturating_sub(MOST_PLACES);
    if more > 0 {
        words.push(format!("and {more} more"));
    }
    words.join("; ")
}

fn gap_words(report: &Report, gap: &Gap) -> String {
    let reason = match gap.reason {
        Reason::Limit(limit) => limit_name(limit),
        other => other.name(),
    };
    let names: Vec<String> = {
        let chain: Vec<ObjectId> = report.chain(gap.object).filter(|id| *id != ObjectId::ROOT).collect();
        let seen = chain.into_iter().rev().filter_map(|id| report.object(id));
        seen.map(|seen| seen.name.clone()).filter(|name| !name.is_empty()).collect()
    };
    let place = if names.is_empty() { String::new() } else { format!(" in {}", names.join(" > ")) };
    if gap.detail.is_empty() {
        format!("{reason}{place}")
    } else {
        format!("{reason}{place} ({})", gap.detail)
    }
}

/// Where in a file an object lies, as `--archive-verbose` shows it: `!ZIP:a.zip!(2)ZIP:b`.
pub(super) fn position(report: &Report, object: ObjectId) -> String {
    let mut chain: Vec<ObjectId> = report.chain(object).collect();
    chain.reverse();
    let depth = chain.len().saturating_sub(1);
    if depth == 0 {
        return "!(0)".to_owned();
    }
    let mut position = String::new();
    for (level, pair) in chain.windows(2).enumerate() {
        let [outer, inner] = pair else { continue };
        let (Some(outer), Some(inner)) = (report.object(*outer), report.object(*inner)) else { continue };
        let last = level + 1 == depth;
        let number = if last { format!("({depth})") } else { String::new() };
        if !inner.name.is_empty() {
            position.push_str(&format!("!{number}{}:{}", type_name(outer.file_type.family()), inner.name));
        } else if last {
            position.push_str(&format!("!{number}"));
        }
    }
    position
}

/// ClamAV's word for a container's type.
fn type_name(of: &str) -> String {
    match of {
        "tar" => "POSIX_TAR".to_owned(),
        "cab" => "MSCAB".to_owned(),
        "chm" => "MSCHM".to_owned(),
        "ole2" => "MSOLE2".to_owned(),
        "pe" => "MSEXE".to_owned(),
        "gzip" => "GZ".to_owned(),
        "bzip2" => "BZ".to_owned(),
        other => other.to_ascii_uppercase(),
    }
}

#[cfg(test)]
mod tests {
    use candor_object::{FileType, Relation, Seen};
    use candor_policy::Policy;

    use super::*;

    fn finding(name: &str, source: &str, category: Category) -> Finding {
        Finding {
            object: ObjectId(2),
            detector: "hash",
            name: name.to_owned(),
            source: source.to_owned(),
            category,
            strength: Strength::Strong,
            text: String::new(),
            evidence: Vec::new(),
        }
    }

    fn report(findings: Vec<Finding>, gaps: &[(u32, Reason)]) -> Report {
        let types = ["zip", "zip", "pe"].into_iter().zip(["", "in.zip", "a.exe"]).zip(0_u32..);
        let seen = |((file_type, name), number): ((&'static str, &str), u32)| Seen {
            parent: number.checked_sub(1).map(ObjectId),
            name: name.to_owned(),
            relation: Relation::Member,
            file_type: FileType::new(file_type),
            size: 1,
            sha256: None,
        };
        let gap = |(object, reason): &(u32, Reason)| Gap {
            object: ObjectId(*object),
            reason: *reason,
            detail: "why".to_owned(),
        };
        Report {
            objects: types.map(seen).collect(),
            findings,
            gaps: gaps.iter().map(gap).collect(),
            ..Report::default()
        }
    }

    fn signatures(excluded: &[&str], included: &[&str]) -> Signatures {
        let owned = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect();
        Signatures {
            paths: Vec::new(),
            official_only: false,
            programs: candor_signatures::Programs::Signed,
            most_days: None,
            publishers: true,
            certificates: false,
            unwanted: true,
            excluded: owned(excluded),
            included: owned(included),
            phishing: true,
        }
    }

    fn told(signatures: &Signatures, alerts: Alerts, alerts_first: bool, report: &Report) -> Vec<String> {
        let reading =
            Reading { signatures, official: &HashSet::from(["main.ldb".to_owned()]), alerts, alerts_first };
        match reading.answer(report, &Policy::default().decide(report)) {
            Answer::Found(names) => names.into_iter().map(|(name, _)| name).collect(),
            Answer::Ok(gaps) => vec![gaps.map_or_else(|| "OK".to_owned(), |gaps| format!("OK {gaps}"))],
            Answer::Failed(why) => vec![why],
        }
    }

    #[test]
    fn names_are_those_of_clamscan() {
        let findings = vec![
            finding("PUA.Win.A", "x.ndb", Category::Unwanted),
            finding("Evil", "x.ndb", Category::Malware),
            finding("Evil", "x.ndb", Category::Malware),
            finding("rule", "x.yar", Category::Malware),
            finding("Official", "main.ldb", Category::Malware),
        ];
        let all = told(&signatures(&[], &[]), Alerts::default(), false, &report(findings, &[]));
        assert_eq!(all, ["Evil.UNOFFICIAL", "YARA.rule.UNOFFICIAL", "Official", "PUA.Win.A.UNOFFICIAL"]);
        assert_eq!(told(&signatures(&[], &[]), Alerts::default(), false, &report(Vec::new(), &[])), ["OK"]);
    }

    #[test]
    fn categories_of_unwanted_programs_can_be_left_out() {
        let told = |excluded: &[&str], included: &[&str]| {
            let findings = ["PUA.Win.A", "PUA.Linux.B", "Other"]
                .map(|name| finding(name, "x.ndu", Category::Unwanted))
                .to_vec();
            told(&signatures(excluded, included), Alerts::default(), false, &report(findings, &[]))
        };
        assert_eq!(told(&["Win"], &[]), ["PUA.Linux.B.UNOFFICIAL"]);
        assert_eq!(told(&[], &["Win"]), ["PUA.Win.A.UNOFFICIAL"]);
        assert_eq!(told(&[], &["wi"]), ["OK"]);
        assert_eq!(told(&[], &["B"]), ["OK"]);
        assert_eq!(told(&[], &[]).len(), 3);
    }

    #[test]
    fn gaps_are_told_and_found_only_if_that_is_wanted() {
        let gaps = [
            (1, Reason::Encrypted),
            (2, Reason::Limit(Limit::Depth)),
            (2, Reason::Truncated),
            (1, Reason::Encrypted),
        ];
        let signatures = signatures(&[], &[]);
        let quiet = told(&signatures, Alerts::default(), false, &report(Vec::new(), &gaps));
        assert_eq!(
            quiet,
            [
                "OK encrypted in in.zip (why); MaxRecursion in in.zip > a.exe (why); truncated in in.zip > a.exe (why); and 1 more"
            ]
        );
        let alerts = Alerts {
            limits: true,
            encrypted_archives: true,
            encrypted_documents: false,
            broken_programs: true,
        };
        let names = [
            "Heuristics.Encrypted.Zip",
            "Heuristics.Limits.Exceeded.MaxRecursion",
            "Heuristics.Broken.Executable",
        ];
        assert_eq!(told(&signatures, alerts, false, &report(Vec::new(), &gaps)), names);
        let evil = || report(vec![finding("Evil", "x.ndb", Category::Malware)], &gaps);
        assert_eq!(told(&signatures, alerts, false, &evil())[0], "Evil.UNOFFICIAL");
        assert_eq!(told(&signatures, alerts, true, &evil())[0], names[0]);
        let documents = Alerts { encrypted_documents: true, ..Alerts::default() };
        assert!(told(&signatures, documents, false, &report(Vec::new(), &gaps))[0].starts_with("OK "));
    }

    #[test]
    fn what_a_password_opens_is_told_as_encrypted_too() {
        let findings = || vec![finding("zip-decrypted", "", Category::Anomaly)];
        let signatures = signatures(&[], &[]);
        assert_eq!(told(&signatures, Alerts::default(), false, &report(findings(), &[])), ["OK"]);
        let alerts = Alerts { encrypted_archives: true, ..Alerts::default() };
        let told = told(&signatures, alerts, false, &report(findings(), &[]));
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with("Heuristics.Encrypted."), "{told:?}");
    }

    #[test]
    fn a_scan_that_failed_is_never_ok() {
        for reason in [Reason::Crashed, Reason::Unreadable, Reason::Database] {
            let answer =
                told(&signatures(&[], &[]), Alerts::default(), false, &report(Vec::new(), &[(0, reason)]));
            assert_eq!(answer, [format!("Not fully examined: {}.", reason.name())]);
        }
    }

    #[test]
    fn positions_name_containers() {
        let report = report(Vec::new(), &[]);
        assert_eq!(position(&report, ObjectId(2)), "!ZIP:in.zip!(2)ZIP:a.exe");
        assert_eq!(position(&report, ObjectId(0)), "!(0)");
    }
}
