//! What is covered, what is not, and what happened.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use candor_object::Escaped;

use super::ask;
use crate::notes::Note;
use crate::status::Status;

/// Things that happened which are told to people.
const RECENT: usize = 10;

/// Tells it.
pub(super) fn tell(socket: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let answer = match ask(socket, "status") {
        Ok(answer) => answer,
        Err(error) => {
            if json {
                writeln!(io::stdout(), "{{\"protection\":\"off\"}}")?;
            }
            eprintln!("{error:#}");
            return Ok(ExitCode::FAILURE);
        }
    };
    let status: Status = serde_json::from_slice(&answer).context("the answer of the supervisor")?;
    if json {
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&status)?)?;
    } else {
        io::stdout().write_all(text(&status).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn text(status: &Status) -> String {
    let mode = match status.mode.as_str() {
        "block" => "what was detected can be neither opened nor executed",
        "executions" => "what was detected cannot be executed",
        _ => "what was detected is told, and nothing is refused",
    };
    let count =
        |name: &str| status.counts.iter().find(|(other, _)| other == name).map_or(0, |(_, count)| *count);
    let mut lines = vec![
        format!("Protection is on ({}): {mode}.", status.mode),
        format!(
            "{} signatures; on for {}; the gate began again {} times.",
            status.signatures,
            duration(status.seconds),
            status.restarts
        ),
        format!(
            "{} opens and {} executions, {} of them with a verdict that was known; {} files scanned.",
            count("opens"),
            count("executions"),
            count("known"),
            count("scanned")
        ),
        format!(
            "{} refused, {} told, {} without a verdict in time.",
            count("denied"),
            count("reported"),
            count("late")
        ),
        String::new(),
        "Covered:".to_owned(),
    ];
    let place = |point: &str, kind: &str| format!("  {} ({})", Escaped(point), Escaped(kind));
    let (covered, left): (Vec<_>, Vec<_>) = status.file_systems.iter().partition(|one| one.left.is_none());
    lines.extend(covered.iter().map(|one| place(&one.point, &one.kind)));
    lines.extend(["".to_owned(), "Not covered:".to_owned()]);
    let why =
        |why: &Option<String>| why.as_deref().map(|why| format!(": {}", Escaped(why))).unwrap_or_default();
    lines.extend(left.iter().map(|one| place(&one.point, &one.kind) + &why(&one.left)));
    lines.extend(status.uncovered.iter().map(|what| format!("  {}", Escaped(what))));
    let happened: Vec<String> = status.recent.iter().filter_map(sentence).collect();
    if !happened.is_empty() {
        lines.extend(["".to_owned(), "Last:".to_owned()]);
        lines.extend(happened.iter().skip(happened.len().saturating_sub(RECENT)).cloned());
    }
    lines.join("\n") + "\n"
}

fn sentence(note: &Note) -> Option<String> {
    Some(match note {
        Note::Detected { path, names, refused, access, process, user, .. } => {
            let names = names.iter().map(|name| Escaped(name).to_string()).collect::<Vec<_>>().join(", ");
            let what = if *refused { "refused" } else { "told" };
            format!("  {what}: {} ({names}), {access} by process {process} of user {user}", Escaped(path))
        }
        Note::Late { path, refused } => {
            let what = if *refused { "refused" } else { "let through" };
            format!("  {what} without a verdict: {}", Escaped(path))
        }
        Note::Quarantined { path, id } => {
            format!(
                "  in quarantine: {}; `candor quarantine restore {}` brings it back",
                Escaped(path),
                Escaped(id)
            )
        }
        Note::Left { path, reason } => format!("  not in quarantine: {}: {}", Escaped(path), Escaped(reason)),
        Note::Running { process, name, path, ended } => {
            let what = if *ended { "ended" } else { "still running" };
            format!("  {what}: process {process} ({}) executes {}", Escaped(name), Escaped(path))
        }
        Note::Failed { reason } => format!("  failed: {}", Escaped(reason)),
        Note::Ready { .. } | Note::Started { .. } => return None,
    })
}

fn duration(seconds: u64) -> String {
    match Duration::from_secs(seconds).as_secs() {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::FileSystem;

    #[test]
    fn people_are_told_what_is_covered_and_what_is_not() {
        let status = Status {
            mode: "block".to_owned(),
            seconds: 7300,
            restarts: 1,
            signatures: 93,
            database: String::new(),
            processes: (1, 2),
            file_systems: vec![
                FileSystem { point: "/".to_owned(), kind: "ext4".to_owned(), left: None },
                FileSystem {
                    point: "/n\x1b".to_owned(),
                    kind: "nfs4".to_owned(),
                    left: Some("far".to_owned()),
                },
            ],
            uncovered: vec!["memfd".to_owned()],
            counts: vec![("opens".to_owned(), 5)],
            recent: vec![Note::Late { path: "/a".to_owned(), refused: false }],
        };
        let text = text(&status);
        for part in [
            "on for 2 h",
            "5 opens",
            "  / (ext4)\n",
            "(nfs4): far",
            "  memfd\n",
            "let through without a verdict: /a",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains('\x1b'));
    }
}
