//! What becomes of a message: from what was seen, and the settings, to replies.

use candor_object::{Action as Wanted, Reason, Verdict};
use serde::{Deserialize, Serialize};

use super::Settings;
use super::envelope::Exemption;
use super::message::{
    CLAMAV_FIELDS, CLAMAV_SCANNED, CLAMAV_STATUS, DETECTION, Forged, GAP, OWN_FIELDS, STATUS,
};
use super::reply::Reply;
use super::text::{list, printable};
use crate::service::Examined;

/// Gaps that get a header field each.
const GAPS_TOLD: usize = 10;
/// Detection names that are told.
const NAMES_TOLD: usize = 10;
/// Our fields that may come with a message. A server searches its queue file for each that is to be removed,
/// so a message of nothing else would keep it busy for long.
const MAX_FORGED: u32 = 100;

/// What becomes of a message, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    /// It is delivered; its header fields tell what was seen.
    #[serde(alias = "accept")]
    Tag,
    /// The mail server holds it until somebody decides.
    Quarantine,
    /// The sender is asked to try again later.
    Defer,
    /// It is taken and thrown away, and nobody is told.
    Discard,
    /// The sender is told that it is not taken.
    Reject,
}

impl Action {
    /// The word of the configuration.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::Quarantine => "quarantine",
            Self::Defer => "defer",
            Self::Discard => "discard",
            Self::Reject => "reject",
        }
    }
}

/// What came of a message.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It was examined.
    Examined(Examined),
    /// What may be examined of it was.
    Cut(Examined),
    /// It was not, as the settings want it.
    Exempt(Exemption),
    /// It was not, since something failed here; the text is for our log only.
    Failed(String),
}

/// What the mail server is told, and what the log is.
#[derive(Debug)]
pub(super) struct Answer {
    /// All packets, the last of which ends the message.
    pub(super) replies: Vec<Reply>,
    /// What becomes of the message.
    pub(super) action: Action,
    /// The word for the header field and the log.
    pub(super) status: String,
    /// The detection names.
    pub(super) names: Vec<String>,
    /// What was not examined, made harmless; at most a dozen lines.
    pub(super) gaps: Vec<String>,
}

/// What was seen, in the words of the header fields.
struct Seen {
    action: Action,
    status: String,
    names: Vec<String>,
    gaps: Vec<String>,
    /// For the sender, if the message is not delivered.
    lines: Vec<String>,
    /// In the words of clamav-milter.
    clamav: String,
}

/// The answer to a message that came with `forged` fields. `queue` is what the server calls it.
pub(super) fn answer(outcome: &Outcome, forged: Forged, queue: &str, settings: &Settings) -> Answer {
    let seen = match outcome {
        Outcome::Examined(examined) => examined_whole(examined, &[], queue, settings),
        Outcome::Cut(examined) => {
            let gap = format!("limit: only the first {} bytes were examined", settings.message_limit.0);
            examined_whole(examined, &[(settings.on_too_long, gap)], queue, settings)
        }
        Outcome::Exempt(exemption) => Seen {
            action: Action::Tag,
            status: format!("not-examined; reason={}", exemption.name()),
            names: Vec::new(),
            gaps: Vec::new(),
            lines: Vec::new(),
            clamav: "Not Scanned".to_owned(),
        },
        Outcome::Failed(_) => failed(Vec::new(), settings),
    };
    let Seen { action, status, names, gaps, lines, clamav } = seen;
    let all = forged.own.into_iter().chain(forged.clamav.into_iter().filter(|_| settings.clamav_headers));
    if all.fold(0, u32::saturating_add) > MAX_FORGED {
        let lines = vec![format!("this message has too many header fields {STATUS} and the like")];
        let replies = vec![Reply::Refuse(lines)];
        return Answer { replies, action: Action::Reject, status, names, gaps };
    }
    let replies = match action {
        Action::Reject => vec![Reply::Refuse(lines)],
        Action::Defer => vec![Reply::Defer(lines)],
        Action::Discard => vec![Reply::Discard],
        Action::Tag | Action::Quarantine => {
            let mut replies = removals(forged, settings);
            replies.push(Reply::Add(STATUS, status.clone()));
            if !names.is_empty() {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                replies.push(Reply::Add(DETECTION, list(&names, NAMES_TOLD)));
            }
            replies.extend(gaps.iter().map(|gap| Reply::Add(GAP, gap.clone())));
            if settings.clamav_headers {
                replies.push(Reply::Add(CLAMAV_SCANNED, "candor".to_owned()));
                replies.push(Reply::Add(CLAMAV_STATUS, clamav));
            }
            if action == Action::Quarantine {
                replies.push(Reply::Hold(printable(&format!("candor: {}", lines.join(" ")), 200)));
            }
            replies.push(Reply::Continue);
            replies
        }
    };
    Answer { replies, action, status, names, gaps }
}

/// Takes out what a sender claims in our name, the last field first, so that the others keep their number.
fn removals(forged: Forged, settings: &Settings) -> Vec<Reply> {
    let own = OWN_FIELDS.into_iter().zip(forged.own);
    let clamav = CLAMAV_FIELDS.into_iter().zip(forged.clamav).filter(|_| settings.clamav_headers);
    own.chain(clamav)
        .flat_map(|(name, count)| (1..=count).rev().map(move |number| Reply::Remove(name, number)))
        .collect()
}

fn failed(gaps: Vec<String>, settings: &Settings) -> Seen {
    Seen {
        action: settings.on_failure,
        status: "not-examined; reason=failure".to_owned(),
        names: Vec::new(),
        gaps,
        lines: vec!["this message could not be examined; try again later".to_owned()],
        clamav: "Not Scanned".to_owned(),
    }
}

/// What an examination says, with gaps that it does not know of and the actions for them.
fn examined_whole(examined: &Examined, more: &[(Action, String)], queue: &str, settings: &Settings) -> Seen {
    let Examined { report, decision, database, .. } = examined;
    let database: String = database.identity.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let mut gaps: Vec<String> = more.iter().map(|(_, gap)| gap.clone()).collect();
    for gap in report.gaps.iter().take(GAPS_TOLD) {
        let detail = if gap.detail.is_empty() { String::new() } else { format!(" ({})", gap.detail) };
        let path = report.path(gap.object);
        gaps.push(format!("{}: {}{}", gap.reason.name(), printable(&path, 200), printable(&detail, 100)));
    }
    if report.gaps.len() > GAPS_TOLD {
        gaps.push(format!("and {} more", report.gaps.len() - GAPS_TOLD));
    }
    let encrypted = report.gaps.iter().any(|gap| gap.reason == Reason::Encrypted);
    let others = report.gaps.iter().any(|gap| gap.reason != Reason::Encrypted);
    let actions = more.iter().map(|(action, _)| *action);
    let actions = actions.chain(encrypted.then_some(settings.on_encrypted));
    let for_gaps = actions.chain(others.then_some(settings.on_gap)).max();
    if decision.action != Wanted::Allow {
        let names: Vec<&str> = examined.names();
        let names = if names.is_empty() { vec![decision.verdict.name()] } else { names };
        let report_only = !examined.is_acted_upon();
        let held_back = if report_only { "; report-only=breaker" } else { "" };
        let fully = if gaps.is_empty() { "" } else { "; not-fully-examined" };
        return Seen {
            // What is only reported is delivered, unless it would not be without the detection either.
            action: if report_only { for_gaps.unwrap_or(Action::Tag) } else { settings.on_detection },
            status: format!("{}{fully}{held_back}; database={database}", decision.verdict.name()),
            lines: settings.reply.lines(&names, decision.verdict.name(), queue),
            clamav: format!("Infected ({})", list(&names, NAMES_TOLD)),
            names: names.into_iter().map(str::to_owned).collect(),
            gaps,
        };
    }
    // A report without its root object, or one that a worker did not live to finish, is no examination.
    if report.failed() {
        return failed(gaps, settings);
    }
    if gaps.is_empty() && decision.fully_examined {
        let word = if decision.verdict == Verdict::Trusted { "trusted" } else { "undetected" };
        return Seen {
            action: Action::Tag,
            status: format!("{word}; database={database}"),
            names: Vec::new(),
            gaps,
            lines: Vec::new(),
            clamav: "Clean".to_owned(),
        };
    }
    let action = for_gaps.unwrap_or(settings.on_gap);
    let mut reasons: Vec<&str> = more.iter().map(|_| "too long").collect();
    reasons.extend(report.gaps.iter().map(|gap| gap.reason.name()));
    reasons.sort_unstable();
    reasons.dedup();
    Seen {
        action,
        status: format!("not-fully-examined; database={database}"),
        names: Vec::new(),
        gaps,
        lines: vec![format!("parts of this message could not be examined: {}", list(&reasons, NAMES_TOLD))],
        clamav: "Not Fully Scanned".to_owned(),
    }
}

#[cfg(test)]
pub(super) mod tests;
