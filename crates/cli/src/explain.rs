//! `candor explain`: all that is in one file, and why it is judged as it is.

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use anyhow::{Context, bail};
use crossbeam_channel::bounded;

use crate::complain;
use crate::databases::Notes;
use crate::examine::{self, Candidate, Links, Place};
use crate::exit_status::Outcome;
use crate::output::human::Paint;
use crate::output::json::{Json, Shape};
use crate::output::{Detail, Output, Run, Summary, Target, described_limits, tree};
use crate::scanners::{self, Scanners};

/// What to explain, and how.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Options {
    /// The file; `-` is standard input.
    #[arg(value_name = "FILE")]
    path: PathBuf,
    /// What counts, as a TOML file.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// How to report.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    #[command(flatten)]
    scanners: scanners::Options,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// A tree for people.
    Human,
    /// One JSON document; see docs/report.schema.json.
    Json,
}

const AFTER_HELP: &str = "\
Examples:
  candor explain invoice.zip
  candor explain --signatures mine.hdb --format json sample.exe
  cat mail.eml | candor explain -

Exit status: 0 nothing found and everything examined, 1 something found,
2 usage or environment error, 3 nothing found but not everything examined.";

/// Explains what the options name.
pub(crate) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let stdin = examine::is_stdin(&options.path);
    if !stdin {
        let path = options.path.display();
        if let Some(kind) = examine::special(&options.path).with_context(|| path.to_string())? {
            bail!("{path}: it is {kind}; pipe it to `candor explain -`");
        }
        if options.path.is_dir() {
            bail!("{path}: it is a folder; use `candor scan` and explain one of its files");
        }
    }
    let policy = options.scanners.policy(options.policy.as_deref())?;
    let Scanners { pool, databases, verification, limits } =
        options.scanners.start(Some(NonZeroUsize::MIN), Notes::Shown)?;
    let run = Run {
        started: SystemTime::now(),
        detail: Detail::Verbose,
        options: described_limits(&limits),
        databases,
    };
    let clock = Instant::now();
    let place = if stdin {
        Place::StandardInput(limits.unpacked_bytes)
    } else {
        Place::File(options.path.clone(), Links::Followed)
    };
    let (tell, told) = bounded(1);
    pool.submit(Candidate::job(place, move |path, report, _| {
        // The receiver waits below.
        let _ = tell.send(examine::decided(&policy, path, report));
    }));
    let scanned = told.recv().context("the examination failed; please report it")?;
    let mut outcome = Outcome::default();
    outcome.decided(&scanned.decision);
    for message in verification.finish() {
        outcome.failed();
        complain(&message);
    }
    let (mut target, _) = Target::open(None)?;
    match options.format {
        Format::Human => {
            tree::write(&mut target.writer, Paint(target.colours), &scanned)?;
            target.writer.flush()?;
        }
        Format::Json => {
            let mut summary = Summary { time: clock.elapsed(), ..Summary::default() };
            summary.add(&scanned);
            let mut report = Json::new(target, &run, Shape::Document)?;
            report.scanned(&scanned)?;
            report.finish(&summary, outcome)?;
        }
    }
    Ok(outcome)
}
