//! Every outcome with every action, and hostile names.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use candor_object::{
    Category, FileType, Finding, Gap, Limit, ObjectId, Relation, Report, Seen as Object, Strength,
};
use candor_policy::Policy;

use super::*;
use crate::service::DatabaseInUse;

fn examined(findings: &[&str], gaps: &[Reason]) -> Examined {
    let object = |name: &str, parent| Object {
        parent,
        name: name.into(),
        relation: if parent.is_none() { Relation::Root } else { Relation::Part },
        file_type: FileType::DATA,
        size: 1,
        sha256: None,
    };
    let report = Report {
        objects: vec![object("", None), object("a\r\nX-Evil: 1.zip", Some(ObjectId(0)))],
        findings: findings.iter().map(|name| finding(name)).collect(),
        gaps: gaps
            .iter()
            .map(|reason| Gap { object: ObjectId(1), reason: *reason, detail: "\u{1b}[2J".into() })
            .collect(),
        ..Report::default()
    };
    with(report, &Policy::default())
}

/// What the service says of such a report.
pub(in super::super) fn with(report: Report, policy: &Policy) -> Examined {
    Examined {
        decision: Arc::new(policy.decide(&report)),
        report: Arc::new(report),
        database: DatabaseInUse {
            identity: [0xab; 32],
            signatures: 1,
            size: 1,
            since: SystemTime::UNIX_EPOCH,
        },
        remembered: false,
        time: Duration::ZERO,
        report_only: false,
    }
}

fn finding(name: &str) -> Finding {
    Finding {
        object: ObjectId(1),
        detector: "hash",
        name: name.into(),
        source: String::new(),
        category: Category::Malware,
        strength: Strength::Strong,
        text: String::new(),
        evidence: Vec::new(),
    }
}

fn replies(outcome: &Outcome, settings: &Settings) -> Vec<Reply> {
    answer(outcome, Forged::default(), "4F1", settings).replies
}

#[test]
fn what_was_examined_and_undetected_says_so() {
    let outcome = Outcome::Examined(examined(&[], &[]));
    let status = Reply::Add(STATUS, "undetected; database=abababababababab".into());
    assert_eq!(replies(&outcome, &Settings::default()), [status.clone(), Reply::Continue]);
    let both = Settings { clamav_headers: true, ..Settings::default() };
    let scanned = Reply::Add(CLAMAV_SCANNED, "candor".into());
    let clean = Reply::Add(CLAMAV_STATUS, "Clean".into());
    assert_eq!(replies(&outcome, &both), [status, scanned, clean, Reply::Continue]);
}

#[test]
fn detections_take_their_action() {
    let outcome = Outcome::Examined(examined(&["Win.Test\r\n250 ok%s"], &[Reason::Encrypted]));
    let act = |on_detection| replies(&outcome, &Settings { on_detection, ..Settings::default() });
    let line = "this message was not accepted: Win.Test??250 ok%s".to_owned();
    assert_eq!(act(Action::Reject), [Reply::Refuse(vec![line.clone()])]);
    assert_eq!(act(Action::Defer), [Reply::Defer(vec![line.clone()])]);
    assert_eq!(act(Action::Discard), [Reply::Discard]);
    let tagged = act(Action::Tag);
    let status = "malicious; not-fully-examined; database=abababababababab";
    assert_eq!(tagged[0], Reply::Add(STATUS, status.into()));
    assert_eq!(tagged[1], Reply::Add(DETECTION, "Win.Test??250 ok%s".into()));
    let gap = "encrypted: <root> > a??X-Evil: 1.zip (?[2J)";
    assert_eq!(tagged[2..], [Reply::Add(GAP, gap.into()), Reply::Continue]);
    let held = act(Action::Quarantine);
    assert_eq!(held[3..], [Reply::Hold(format!("candor: {line}")), Reply::Continue]);
}

#[test]
fn what_is_only_reported_is_delivered_and_gaps_act_as_ever() {
    let reported =
        |gaps: &[Reason]| Outcome::Examined(Examined { report_only: true, ..examined(&["Win.Test"], gaps) });
    let acting =
        Settings { on_detection: Action::Reject, on_encrypted: Action::Defer, ..Settings::default() };
    let delivered = replies(&reported(&[]), &acting);
    let status = "malicious; report-only=breaker; database=abababababababab";
    assert_eq!(delivered[0], Reply::Add(STATUS, status.into()));
    assert_eq!(delivered[1..], [Reply::Add(DETECTION, "Win.Test".into()), Reply::Continue]);
    assert!(matches!(&replies(&reported(&[Reason::Encrypted]), &acting)[..], [Reply::Defer(_)]));
}

#[test]
fn gaps_are_never_silent() {
    for (gaps, acting) in [
        (&[Reason::Encrypted][..], Settings { on_encrypted: Action::Reject, ..Settings::default() }),
        (&[Reason::Damaged], Settings { on_gap: Action::Reject, ..Settings::default() }),
        (
            &[Reason::Encrypted, Reason::Limit(Limit::Depth)],
            Settings { on_gap: Action::Reject, ..Settings::default() },
        ),
    ] {
        let outcome = Outcome::Examined(examined(&[], gaps));
        assert!(matches!(&replies(&outcome, &acting)[..], [Reply::Refuse(_)]), "{gaps:?}");
        let told = replies(&outcome, &Settings { clamav_headers: true, ..Settings::default() });
        assert_eq!(told[0], Reply::Add(STATUS, "not-fully-examined; database=abababababababab".into()));
        assert_eq!(told.iter().filter(|reply| matches!(reply, Reply::Add(GAP, _))).count(), gaps.len());
        assert!(told.contains(&Reply::Add(CLAMAV_STATUS, "Not Fully Scanned".into())));
    }
    let cut = Outcome::Cut(examined(&[], &[]));
    let acting = Settings { on_too_long: Action::Defer, ..Settings::default() };
    assert!(matches!(&replies(&cut, &acting)[..], [Reply::Defer(lines)] if lines[0].ends_with("too long")));
    assert!(
        matches!(&replies(&cut, &Settings::default())[1], Reply::Add(GAP, gap) if gap.contains("104857600"))
    );
    let many = Outcome::Examined(examined(&[], &[Reason::Damaged; 1000]));
    let told = replies(&many, &Settings::default());
    assert_eq!(told.len(), 1 + GAPS_TOLD + 1 + 1);
    assert_eq!(told[GAPS_TOLD + 1], Reply::Add(GAP, "and 990 more".into()));
}

#[test]
fn failures_are_no_gaps_of_the_message() {
    let dead = Outcome::Examined(examined(&[], &[Reason::Crashed]));
    let nothing = Outcome::Examined(with(Report::default(), &Policy::default()));
    let refused = Outcome::Failed("too many scans".into());
    for outcome in [&dead, &nothing, &refused] {
        assert!(matches!(&replies(outcome, &Settings::default())[..], [Reply::Defer(_)]), "{outcome:?}");
        let accepting = Settings { on_failure: Action::Tag, ..Settings::default() };
        assert_eq!(
            replies(outcome, &accepting)[0],
            Reply::Add(STATUS, "not-examined; reason=failure".into())
        );
    }
    // What was seen before the worker died counts.
    let both = Outcome::Examined(examined(&["X"], &[Reason::Crashed]));
    assert!(matches!(&replies(&both, &Settings::default())[..], [Reply::Refuse(_)]));
}

#[test]
fn what_is_exempt_says_so() {
    let told = replies(&Outcome::Exempt(Exemption::Authenticated), &Settings::default());
    let status = Reply::Add(STATUS, "not-examined; reason=authenticated-sender".into());
    assert_eq!(told, [status, Reply::Continue]);
}

#[test]
fn suspicion_by_policy_has_a_name() {
    let gapped = examined(&[], &[Reason::Encrypted]);
    let strict = Policy { gaps_are_suspicious: true, ..Policy::default() };
    let outcome = Outcome::Examined(with(gapped.report.as_ref().clone(), &strict));
    let line = "this message was not accepted: suspicious".to_owned();
    assert_eq!(replies(&outcome, &Settings::default()), [Reply::Refuse(vec![line])]);
}

#[test]
fn forged_fields_go_first_and_last_to_first() {
    let forged = Forged { own: [2, 0, 1], clamav: [0, 1] };
    let outcome = Outcome::Examined(examined(&[], &[]));
    let told = answer(&outcome, forged, "", &Settings::default()).replies;
    assert_eq!(told[..3], [Reply::Remove(STATUS, 2), Reply::Remove(STATUS, 1), Reply::Remove(GAP, 1)]);
    let both = Settings { clamav_headers: true, ..Settings::default() };
    assert_eq!(answer(&outcome, forged, "", &both).replies[3], Reply::Remove(CLAMAV_STATUS, 1));
    let flood = Forged { own: [u32::MAX, 1, 1], clamav: [0, 0] };
    assert!(matches!(answer(&outcome, flood, "", &Settings::default()).replies[..], [Reply::Refuse(_)]));
}
