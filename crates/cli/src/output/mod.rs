//! What people and programs are shown: one file per format, all behind [`Output`].

pub(crate) mod human;
pub(crate) mod tree;

pub(crate) mod json;
pub(crate) mod record;

pub(crate) mod html;
mod sarif;

pub(crate) mod progress;

use std::collections::BTreeMap;
use std::env;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use candor_object::{Limits, Reason};

use crate::databases::Used;
use crate::examine::{Quarantine, Scanned};
use crate::exit_status::Outcome;
use crate::numbers;
use crate::replacement::{self, Replacement};

/// How a scan is reported.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Text for people.
    Human,
    /// One JSON document; see docs/report.schema.json.
    Json,
    /// One JSON object for each file with something to tell, and one at the end.
    Jsonl,
    /// SARIF 2.1.0, for code scanning tools.
    Sarif,
    /// One HTML file for people.
    Html,
}

/// How much is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Detail {
    /// Only what was found.
    Quiet,
    /// What was found, what was not examined, a summary.
    Normal,
    /// Everything.
    Verbose,
}

/// Takes what a scan sees, in the order it is seen, and keeps little of it.
pub(crate) trait Output {
    /// Takes an examined root object.
    fn scanned(&mut self, scanned: &Scanned) -> io::Result<()>;

    /// Takes an error that kept a path from being examined.
    fn error(&mut self, message: &str) -> io::Result<()>;

    /// Writes what is left.
    fn finish(&mut self, summary: &Summary, outcome: Outcome) -> io::Result<()>;
}

/// What is known before the scan begins.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// When it began.
    pub(crate) started: SystemTime,
    /// The databases that are used.
    pub(crate) databases: Vec<Used>,
    /// How much is reported.
    pub(crate) detail: Detail,
    /// The options, by name.
    pub(crate) options: Vec<(&'static str, String)>,
}

impl Run {
    /// Signatures of all databases together.
    pub(crate) fn signatures(&self) -> u64 {
        self.databases.iter().map(|used| used.signatures).sum()
    }
}

/// What is known at the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary {
    /// Root objects examined, or tried to.
    pub(crate) files: u64,
    /// All objects: the root objects and what came out of them.
    pub(crate) objects: u64,
    /// Bytes of the root objects.
    pub(crate) bytes: u64,
    /// Root objects that are reported, by verdict.
    pub(crate) verdicts: BTreeMap<&'static str, u64>,
    /// Root objects that are reported.
    pub(crate) found: u64,
    /// Root objects that were taken into the vault.
    pub(crate) taken: u64,
    /// Root objects with gaps.
    pub(crate) incomplete: u64,
    /// Gaps by reason.
    pub(crate) gaps: BTreeMap<String, u64>,
    /// Paths that could not be used.
    pub(crate) errors: u64,
    /// FIFOs, sockets and devices that were left out.
    pub(crate) special: u64,
    /// Symbolic links that were left out.
    pub(crate) links: u64,
    /// Files and folders that the user did not want.
    pub(crate) excluded: u64,
    /// How long it took.
    pub(crate) time: Duration,
}

impl Summary {
    /// Counts an examined root object.
    pub(crate) fn add(&mut self, scanned: &Scanned) {
        self.files += 1;
        self.objects += scanned.report.objects.len() as u64;
        self.bytes = self.bytes.saturating_add(scanned.size());
        if scanned.decision.action == candor_object::Action::Report {
            self.found += 1;
            *self.verdicts.entry(scanned.decision.verdict.name()).or_default() += 1;
        }
        match scanned.quarantine {
            Some(Quarantine::Taken(_)) => self.taken += 1,
            Some(Quarantine::Left(_)) => self.errors += 1,
            None => {}
        }
        if !scanned.decision.fully_examined {
            self.incomplete += 1;
        }
        for gap in &scanned.report.gaps {
            *self.gaps.entry(reason_name(gap.reason)).or_default() += 1;
        }
    }

    /// Gaps of all kinds together.
    pub(crate) fn all_gaps(&self) -> u64 {
        self.gaps.values().sum()
    }

    /// Bytes for each second, for people.
    pub(crate) fn rate(&self) -> String {
        let seconds = self.time.as_secs_f64().max(0.001);
        format!("{}/s", numbers::size((self.bytes as f64 / seconds) as u64))
    }
}

/// The reason of a gap for people, with the limit where it is one.
pub(crate) fn reason_name(reason: Reason) -> String {
    match reason {
        Reason::Limit(limit) => format!("limit {}", limit.name()),
        other => other.name().to_owned(),
    }
}

/// The limits as options of the report.
pub(crate) fn described_limits(limits: &Limits) -> Vec<(&'static str, String)> {
    vec![
        ("max-objects", limits.objects.to_string()),
        ("max-depth", limits.depth.to_string()),
        ("max-unpacked-bytes", limits.unpacked_bytes.to_string()),
        ("max-object-bytes", limits.object_bytes.to_string()),
        ("max-held-bytes", limits.held_bytes.to_string()),
        ("max-time", format!("{}s", limits.time.as_secs_f64())),
        ("max-program-time", format!("{}s", limits.program_time.as_secs_f64())),
    ]
}

/// Whether the environment allows colours; the terminal is asked elsewhere.
pub(crate) fn colours_wanted() -> bool {
    let unset = |name| env::var_os(name).is_none_or(|value| value.is_empty());
    unset("NO_COLOR") && env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether writing failed because nobody reads any more.
pub(crate) fn is_broken_pipe(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

/// Where reports are written to.
pub(crate) struct Target {
    /// A file or standard output, buffered.
    pub(crate) writer: Box<dyn Write>,
    /// Whether colours are fit for it.
    pub(crate) colours: Colours,
}

/// Whether to write colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colours {
    /// On a terminal.
    On,
    /// Anywhere else.
    Off,
}

impl Target {
    /// The file, or standard output where none is named.
    pub(crate) fn open(path: Option<&Path>) -> anyhow::Result<(Self, Option<Replacement>)> {
        if let Some(path) = path {
            let (file, replacement) = replacement::report(path)
                .with_context(|| format!("the report cannot go to {}", path.display()))?;
            let writer = Box::new(BufWriter::new(file));
            return Ok((Self { writer, colours: Colours::Off }, replacement));
        }
        let colours = if io::stdout().is_terminal() && colours_wanted() { Colours::On } else { Colours::Off };
        Ok((Self { writer: Box::new(BufWriter::new(io::stdout())), colours }, None))
    }
}

/// A report that is being written, and what gives its file the name at the end.
type Opened = (Box<dyn Output>, Option<Replacement>);

/// Opens the report.
pub(crate) fn open(format: Format, path: Option<&Path>, run: &Run) -> anyhow::Result<Opened> {
    let (target, replacement) = Target::open(path)?;
    let output: Box<dyn Output> = match format {
        Format::Human => Box::new(human::Human::new(target, run)),
        Format::Json => Box::new(json::Json::new(target, run, json::Shape::Document)?),
        Format::Jsonl => Box::new(json::Json::new(target, run, json::Shape::Lines)?),
        Format::Sarif => Box::new(sarif::Sarif::new(target, run)?),
        Format::Html => Box::new(html::Html::new(target, run)),
    };
    Ok((output, replacement))
}
