//! What the page and the PDF say, before it has a form.

use super::Evidence;
use crate::status::Standing;

/// Rows of a table that are written; all are in the document.
const MOST_ROWS: usize = 5000;

/// A report.
#[derive(Clone, Debug, Default)]
pub(super) struct Sheet {
    pub(super) title: String,
    pub(super) subtitle: String,
    /// Whether somebody should look at it.
    pub(super) alarm: bool,
    /// Whether nothing is left to do.
    pub(super) done: bool,
    pub(super) tiles: Vec<(String, String)>,
    pub(super) parts: Vec<Part>,
    pub(super) footer: String,
}

/// A part with a table, or with lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    pub(super) title: String,
    /// One sentence below the title.
    pub(super) note: String,
    pub(super) head: Vec<&'static str>,
    /// Widths of the columns in hundredths.
    pub(super) widths: Vec<u32>,
    pub(super) rows: Vec<Vec<String>>,
}

/// What a report says.
pub(super) fn sheet(evidence: &Evidence<'_>) -> Sheet {
    let (plan, status) = (evidence.plan, evidence.status);
    let over = status.tasks.iter().filter(|task| task.standing.is_over()).count();
    let late = status
        .tasks
        .iter()
        .filter(|task| matches!(task.standing, Standing::Late | Standing::Contradicted))
        .count();
    let title = match late {
        0 if over == status.tasks.len() => "The move is done".to_owned(),
        0 => format!("{over} of {} tasks are done, and none is late", status.tasks.len()),
        late => format!("{late} of {} tasks are late or not done as said", status.tasks.len()),
    };
    let counts =
        status.counts.iter().map(|(standing, count)| (standing.name().to_owned(), count.to_string()));
    let mut parts = Vec::new();
    let attention = [Standing::Contradicted, Standing::Late, Standing::Blocked];
    parts.push(tasks(
        evidence,
        "To be looked at",
        "Late, blocked, or said to be done and still seen.",
        &attention,
    ));
    parts.push(Part {
        title: "Stages".to_owned(),
        note: format!("The plan ends {}: {}.", plan.end, plan.end_because),
        head: vec!["Stage", "Until", "Owner", "Done", "Late", "Why then"],
        widths: vec![29, 18, 12, 8, 6, 27],
        rows: status
            .stages
            .iter()
            .zip(&plan.stages)
            .map(|(stage, planned)| {
                vec![
                    stage.title.clone(),
                    stage.to.clone(),
                    stage.owner.clone(),
                    format!("{} of {}", stage.over, stage.tasks),
                    stage.late.to_string(),
                    planned.because.clone(),
                ]
            })
            .collect(),
    });
    parts.push(Part {
        title: "Hosts".to_owned(),
        note: "A host that no inventory looked at is done only as far as people say.".to_owned(),
        head: vec!["Host", "Ring", "Done", "Late", "Last looked at"],
        widths: vec![40, 10, 14, 10, 26],
        rows: status
            .hosts
            .iter()
            .map(|host| {
                vec![
                    host.name.clone(),
                    host.ring.clone().unwrap_or_default(),
                    format!("{} of {}", host.over, host.tasks),
                    host.late.to_string(),
                    host.seen.clone().unwrap_or_else(|| "never".to_owned()),
                ]
            })
            .collect(),
    });
    parts.push(Part {
        title: "Waivers".to_owned(),
        note: "What is left undone, by whose leave and until when.".to_owned(),
        head: vec!["Of", "Until", "Standing", "By", "Reason"],
        widths: vec![24, 14, 12, 16, 34],
        rows: status
            .waivers
            .iter()
            .map(|waiver| {
                let texts = [&waiver.of, &waiver.until, &waiver.standing, &waiver.by, &waiver.reason];
                texts.map(Clone::clone).to_vec()
            })
            .collect(),
    });
    let rest = [Standing::Open, Standing::Waived, Standing::Done, Standing::Confirmed];
    parts.push(tasks(
        evidence,
        "All other tasks",
        "Confirmed: an inventory shows it. Done: people say so.",
        &rest,
    ));
    parts.push(Part {
        title: "Remarks".to_owned(),
        note: String::new(),
        head: vec!["Remark"],
        widths: vec![100],
        rows: status.remarks.iter().map(|remark| vec![remark.clone()]).collect(),
    });
    parts.push(Part {
        title: "Made from".to_owned(),
        note: "Copies are in the folder inputs.".to_owned(),
        head: vec!["File", "Bytes", "SHA-256"],
        widths: vec![30, 12, 58],
        rows: evidence
            .inputs
            .iter()
            .map(|(name, bytes)| vec![name.clone(), bytes.len().to_string(), super::digest(bytes)])
            .collect(),
    });
    let [program, version, commit] = evidence.tool;
    Sheet {
        title,
        subtitle: format!("Transition evidence · {}", status.at),
        alarm: status.alarms(),
        done: over == status.tasks.len(),
        tiles: counts.collect(),
        parts: parts.into_iter().filter(|part| !part.rows.is_empty()).collect(),
        footer: format!(
            "{program} {version}, commit {commit}. This page belongs to pack.json, which is signed: \
             `candor transition verify` says whether both are untouched."
        ),
    }
}

fn tasks(evidence: &Evidence<'_>, title: &str, note: &str, standings: &[Standing]) -> Part {
    let mut tasks: Vec<_> =
        evidence.status.tasks.iter().filter(|task| standings.contains(&task.standing)).collect();
    tasks.sort_by_key(|task| task.standing);
    let more = tasks.len().saturating_sub(MOST_ROWS);
    let note = if more > 0 { format!("{note} {more} more are in pack.json.") } else { note.to_owned() };
    let rows = tasks.into_iter().take(MOST_ROWS).map(|task| {
        let why = if task.why.is_empty() { String::new() } else { format!(" ({})", task.why) };
        vec![
            task.standing.name().to_owned(),
            task.host.clone().unwrap_or_default(),
            format!("{}{why}", task.what),
            task.owner.clone(),
            task.due.clone(),
        ]
    });
    Part {
        title: title.to_owned(),
        note,
        head: vec!["Standing", "Host", "What", "Owner", "Until"],
        widths: vec![12, 15, 44, 11, 18],
        rows: rows.collect(),
    }
}
