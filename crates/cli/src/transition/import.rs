//! `candor transition import`: what the settings of another product come to.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use candor_transition::import::exclusion::danger_of;
use candor_transition::import::{Dangerous, Fate, Imported, Remark, Value, freshclam, kesl};
use candor_transition::ini;
use serde_json::json;

use super::read;
use crate::config;
use crate::escape::Escaped;
use crate::exit_status::Outcome;

/// Which settings, and where to.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Options {
    /// Whose settings they are.
    #[arg(long, value_enum)]
    from: From,
    /// Files with settings. Of kesl: what --export-settings, --get-settings, --get-schedule, --get-app-settings,
    /// --get-net-settings and --get-task-list of kesl-control print, and the file of kesl-setup.pl --autoinstall.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Write the new configuration and the report into this folder, which must not have them yet.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also take exclusions that hide everything, a whole folder of the system, or a kind of malware.
    #[arg(long)]
    dangerous_exclusions: bool,
    /// The report as JSON.
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Examples:
  kesl-control --export-settings --file kesl.ini
  candor transition import --from kesl kesl.ini --out new
  candor transition import --from kesl Nightly.ini Nightly.schedule.ini
  candor transition import --from clamav /etc/clamav/clamd.conf /etc/clamav/freshclam.conf

The settings of a task and its schedule belong together if their files are named alike.
Nothing is put into use. Exit status: 0 everything was taken over, 1 something protects less
than before or hides too much, 2 nothing could be read, 3 lines could not be read.";

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    /// Kaspersky Endpoint Security for Linux.
    Kesl,
    /// ClamAV.
    Clamav,
}

pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let imported = match options.from {
        From::Kesl => from_kesl(options)?,
        From::Clamav => from_clamav(options)?,
    };
    if let Some(folder) = &options.out {
        write_all(folder, &imported)?;
    }
    let mut out = io::stdout().lock();
    if options.json {
        serde_json::to_writer_pretty(&mut out, &document(&imported))?;
        writeln!(out)?;
    } else {
        out.write_all(text(&imported).as_bytes())?;
    }
    let hides = imported.remarks.iter().any(|remark| remark.danger.is_some());
    let mut outcome = Outcome::default();
    if imported.count(Fate::LessProtection) > 0 || hides {
        outcome.also(Outcome::found());
    }
    if imported.count(Fate::Unreadable) > 0 {
        outcome.stopped_early();
    }
    Ok(outcome)
}

fn from_kesl(options: &Options) -> anyhow::Result<Imported> {
    let mut texts = Vec::new();
    for path in &options.files {
        let bytes = read(path, ini::MOST_BYTES)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = String::from_utf8(bytes).with_context(|| format!("{}: it is no UTF-8", path.display()))?;
        texts.push((name, text));
    }
    let dangerous = if options.dangerous_exclusions { Dangerous::Taken } else { Dangerous::LeftOut };
    let sources: Vec<_> = texts.iter().map(|(name, text)| kesl::Source { name, text }).collect();
    Ok(kesl::import(&sources, dangerous))
}

fn from_clamav(options: &Options) -> anyhow::Result<Imported> {
    let mut all = Imported::default();
    for path in &options.files {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let imported = if name.contains("freshclam") {
            let bytes = read(path, 1 << 20)?;
            freshclam::import(&name, &String::from_utf8_lossy(&bytes))
        } else {
            from_clamd(&name, path, options.dangerous_exclusions)?
        };
        all.daemon.extend(imported.daemon);
        all.update.extend(imported.update);
        all.remarks.extend(imported.remarks);
    }
    Ok(all)
}

/// What candord itself says about a clamd.conf.
fn from_clamd(name: &str, path: &Path, dangerous: bool) -> anyhow::Result<Imported> {
    let told = Command::new(config::program()?)
        .args(["config", "translated", "--clamd-config"])
        .arg(path)
        .output()
        .context("candord could not be started")?;
    if !told.status.success() {
        bail!("{}", String::from_utf8_lossy(&told.stderr).trim());
    }
    let told: Translated = serde_json::from_slice(&told.stdout).context("what candord said of clamd.conf")?;
    let mut imported = Imported::default();
    for (key, value) in told.keys {
        imported.daemon.insert(key, toml_of(value)?);
    }
    for note in told.notes {
        let fate = match note.kind.as_str() {
            "used" => Fate::Changed,
            "wrong" | "unknown" => Fate::Unreadable,
            _ => Fate::LeftOut,
        };
        let on_access = note.option.starts_with("OnAccess") && fate == Fate::LeftOut;
        let fate = if on_access { Fate::LessProtection } else { fate };
        imported.remarks.push(Remark {
            file: name.to_owned(),
            line: note.line,
            setting: note.option,
            fate,
            text: note.text,
            danger: None,
        });
    }
    exclusions(&mut imported, name, dangerous);
    let taken = imported.daemon.keys().cloned().collect::<Vec<_>>().join(", ");
    remark(&mut imported, name, "", Fate::Taken, format!("keys of candord.toml: {taken}"));
    Ok(imported)
}

/// Tells each exclusion, and leaves out those that hide too much unless somebody insists.
fn exclusions(imported: &mut Imported, name: &str, dangerous: bool) {
    let key = "clamd.exclude".to_owned();
    let patterns = imported.daemon.get(&key).and_then(|value| value.as_array()).cloned().unwrap_or_default();
    let mut taken = Vec::new();
    for pattern in patterns {
        let text = pattern.as_str().unwrap_or_default().to_owned();
        let danger = danger_of(&text);
        let (fate, text) = match danger.filter(|danger| danger.is_refused() && !dangerous) {
            Some(danger) => (Fate::LeftOut, format!("{text} is examined: {}", danger.described())),
            None => (Fate::Taken, format!("{text} is not examined for clients of candord")),
        };
        remark(imported, name, "ExcludePath", fate, text).danger = danger;
        if fate == Fate::Taken {
            taken.push(pattern);
        }
    }
    imported.daemon.insert(key, Value::Array(taken));
}

fn remark<'i>(
    imported: &'i mut Imported,
    file: &str,
    setting: &str,
    fate: Fate,
    text: String,
) -> &'i mut Remark {
    let (file, setting) = (file.to_owned(), setting.to_owned());
    imported.remarks.push(Remark { file, line: 0, setting, fate, text, danger: None });
    let last = imported.remarks.len() - 1;
    &mut imported.remarks[last]
}

#[derive(serde::Deserialize)]
struct Translated {
    keys: BTreeMap<String, serde_json::Value>,
    notes: Vec<Note>,
}

#[derive(serde::Deserialize)]
struct Note {
    line: usize,
    option: String,
    kind: String,
    text: String,
}

fn toml_of(value: serde_json::Value) -> anyhow::Result<Value> {
    serde_json::from_value(value).context("a value of candord has no form in TOML")
}

/// Writes the configuration and the report, and replaces nothing.
fn write_all(folder: &Path, imported: &Imported) -> anyhow::Result<()> {
    let mut files = imported.files();
    files.push(("report.txt".to_owned(), text(imported)));
    files.push(("report.json".to_owned(), format!("{:#}\n", document(imported))));
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for (name, _) in &files {
        let path = folder.join(name);
        ensure!(!path.exists(), "{}: it is there already; name another folder with --out", path.display());
    }
    for (name, text) in files {
        let path = folder.join(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// What is told first: what protects less, and what hides too much.
const ORDER: [(Fate, &str); 5] = [
    (Fate::LessProtection, "Protects less than before"),
    (Fate::Unreadable, "Could not be read"),
    (Fate::LeftOut, "Left out"),
    (Fate::Changed, "Changed"),
    (Fate::Taken, "Taken over"),
];

fn text(imported: &Imported) -> String {
    let mut text = String::new();
    let dangerous: Vec<&Remark> = imported.remarks.iter().filter(|remark| remark.danger.is_some()).collect();
    let _ = writeln!(text, "Exclusions that hide more than they should: {}", dangerous.len());
    dangerous.iter().for_each(|remark| line(&mut text, remark, &format!("{}: ", remark.fate.name())));
    for (fate, title) in ORDER {
        let remarks: Vec<&Remark> = imported.remarks.iter().filter(|remark| remark.fate == fate).collect();
        let _ = writeln!(text, "\n{title}: {}", remarks.len());
        remarks.iter().for_each(|remark| line(&mut text, remark, ""));
    }
    let files: Vec<String> = imported.files().into_iter().map(|(name, _)| name).collect();
    let _ = writeln!(
        text,
        "\nNew files: {}",
        if files.is_empty() { "none".to_owned() } else { files.join(", ") }
    );
    text
}

fn line(text: &mut String, remark: &Remark, before: &str) {
    let place = match (remark.file.as_str(), remark.line) {
        ("", _) => String::new(),
        (file, 0) => format!("{file}: "),
        (file, line) => format!("{file}:{line}: "),
    };
    let setting = if remark.setting.is_empty() { String::new() } else { format!("{}: ", remark.setting) };
    let all = format!("{place}{setting}{before}{}", remark.text);
    let _ = writeln!(text, "  {}", Escaped(&all));
}

fn document(imported: &Imported) -> serde_json::Value {
    let counts: BTreeMap<&str, usize> =
        ORDER.iter().map(|(fate, _)| (fate.name(), imported.count(*fate))).collect();
    json!({
        "counts": counts,
        "remarks": imported.remarks,
        "scans": imported.scans,
        "exclusions": imported.exclusions,
        "files": imported.files().into_iter().map(|(name, text)| json!({"name": name, "text": text})).collect::<Vec<_>>(),
    })
}
