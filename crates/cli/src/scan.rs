//! `candor scan`: one thread walks, some examine, and this one writes the report.

use std::fs::File;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Instant, SystemTime};

use anyhow::Context;
use candor_jail::{MOST_WORKERS, Pool};
use candor_object::{Action, Limits};
use candor_policy::Policy;
use crossbeam_channel::{Sender, bounded};

use crate::complain;
use crate::databases::Notes;
use crate::examine::{self, Candidate, Place, Quarantine, Scanned, Tell};
use crate::exit_status::Outcome;
use crate::isolation::Isolation;
use crate::output::progress::Progress;
use crate::output::{self, Detail, Format, Run, Summary, is_broken_pipe};
use crate::scanners::{self, Scanners, processors};
use crate::walk::{self, Next, Step, Walk};

/// Reports that wait to be written. They may be large; but with very few, threads wait for each other all the time.
const UNWRITTEN: usize = 32;

/// What to scan, and how.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Options {
    /// Files and folders; `-` is standard input.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    walk: walk::Options,
    /// Number of workers that scan at once [default: one for each processor].
    #[arg(long, value_name = "NUMBER")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=MOST_WORKERS as i64))]
    threads: Option<u16>,
    /// What counts, as a TOML file.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// How to report.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Write the report to this file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Only what was found.
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Everything: files without findings, all gaps, weak evidence.
    #[arg(short, long)]
    verbose: bool,
    /// Take what is reported out of its folder and into the vault; see `candor quarantine`.
    #[arg(long)]
    quarantine: bool,
    /// The vault's folder [default: that of `candor quarantine`].
    #[arg(long, value_name = "DIR", requires = "quarantine")]
    vault: Option<PathBuf>,
    #[command(flatten)]
    scanners: scanners::Options,
}

const AFTER_HELP: &str = "\
Examples:
  candor scan ~/Downloads                        what is in a folder
  candor scan --exclude '*.iso' --exclude /proc/** /
  curl -s https://example.org/file | candor scan -
  candor scan --format html --output report.html /srv/upload
  candor scan --signatures mine.hdb --quiet .    only what my own list knows
  candor scan --quarantine ~/Downloads           keep what is found where it can do no harm

Exit status: 0 nothing found and everything examined, 1 something found,
2 usage or environment error, 3 nothing found but not everything examined.";

/// What the threads tell the one that writes.
enum News {
    /// The file itself comes with what is reported.
    Scanned(Box<Scanned>, Option<Arc<File>>),
    Unusable(String),
    Special,
    Link,
    Excluded,
    /// The walk is over; so many reports were or will be sent.
    Walked(u64),
}

/// What reports are made with.
struct Examination {
    pool: Pool,
    policy: Arc<Policy>,
    limits: Limits,
    tell: Sender<News>,
    /// Set when nobody listens any more.
    over: Arc<AtomicBool>,
}

/// Scans what the options name.
pub(crate) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let walk = options.walk.walk()?;
    let policy = options.scanners.policy(options.policy.as_deref())?;
    let notes = if options.quiet { Notes::Hidden } else { Notes::Shown };
    let threads = options.threads.and_then(|threads| NonZeroUsize::new(threads.into()));
    let Scanners { pool, databases, verification, limits } = options.scanners.start(threads, notes)?;
    let threads = threads.unwrap_or_else(processors);
    let run = Run {
        started: SystemTime::now(),
        databases,
        detail: options.detail(),
        options: options.described(threads.get(), &limits),
    };
    let isolation = options.isolation(&run)?;
    let (mut report, replacement) = output::open(options.format, options.output.as_deref(), &run)?;
    let progress = Progress::start(&walk, &options.paths, options.detail());
    let clock = Instant::now();
    let (tell, news) = bounded(UNWRITTEN);
    let over = Arc::new(AtomicBool::new(false));
    let examination = Examination { pool, policy: Arc::new(policy), limits, tell, over };
    start(examination, &walk, &options.paths)?;
    let mut summary = Summary::default();
    let mut outcome = Outcome::default();
    let mut expected = None;
    for piece in news {
        let written = match piece {
            News::Scanned(mut scanned, file) => {
                if let Some((isolation, file)) = isolation.as_ref().zip(file) {
                    isolation.take(&mut scanned, &file);
                }
                summary.add(&scanned);
                if let Some(Quarantine::Left(_)) = scanned.quarantine {
                    outcome.failed();
                }
                outcome.decided(&scanned.decision);
                progress.advance(scanned.size());
                progress.suspend(|| report.scanned(&scanned))
            }
            News::Unusable(message) => {
                outcome.failed();
                summary.errors += 1;
                progress.suspend(|| {
                    complain(&message);
                    report.error(&message)
                })
            }
            News::Special => {
                summary.special += 1;
                Ok(())
            }
            News::Link => {
                summary.links += 1;
                Ok(())
            }
            News::Excluded => {
                summary.excluded += 1;
                Ok(())
            }
            News::Walked(reports) => {
                expected = Some(reports);
                Ok(())
            }
        };
        if let Err(error) = written {
            if is_broken_pipe(&error) {
                outcome.stopped_early();
                return Ok(outcome);
            }
            return Err(error).context("the report could not be written");
        }
    }
    progress.finish();
    // A thread that died would otherwise be silence about the files that it held.
    if expected != Some(summary.files) {
        outcome.failed();
        summary.errors += 1;
        let message = "a thread died and left files unexamined; please report it";
        complain(message);
        report.error(message).context("the report could not be written")?;
    }
    for message in verification.finish() {
        outcome.failed();
        summary.errors += 1;
        complain(&message);
        report.error(&message).context("the report could not be written")?;
    }
    summary.time = clock.elapsed();
    match report.finish(&summary, outcome) {
        Err(error) if !is_broken_pipe(&error) => {
            return Err(error).context("the report could not be written");
        }
        _ => {}
    }
    if let Some(replacement) = replacement {
        replacement.finish().context("the report could not get its name")?;
    }
    Ok(outcome)
}

/// Starts the thread that walks. It ends when everything is examined, or when the receiver is dropped.
fn start(examination: Examination, walk: &Walk, paths: &[PathBuf]) -> anyhow::Result<()> {
    let (walk, paths) = (walk.clone(), paths.to_vec());
    thread::Builder::new()
        .name("walk".to_owned())
        .spawn(move || examination.walk(&walk, &paths))
        .context("the walking thread could not be started")?;
    Ok(())
}

impl Examination {
    fn walk(self, walk: &Walk, paths: &[PathBuf]) {
        let mut reports = 0;
        walk.run(paths, |step| {
            let heard = match step {
                Step::File(path, links, _) => {
                    reports += 1;
                    self.submit(Place::File(path, links));
                    true
                }
                Step::StandardInput => {
                    reports += 1;
                    self.submit(Place::StandardInput(self.limits.unpacked_bytes));
                    true
                }
                Step::Unreadable(path, error) => {
                    reports += 1;
                    self.teller()(&path, examine::unreadable(&error), None);
                    true
                }
                Step::Unusable(message) => self.tell.send(News::Unusable(message)).is_ok(),
                Step::Special => self.tell.send(News::Special).is_ok(),
                Step::Link => self.tell.send(News::Link).is_ok(),
                Step::Excluded => self.tell.send(News::Excluded).is_ok(),
            };
            if heard && !self.over.load(Ordering::Relaxed) { Next::Walk } else { Next::Stop }
        });
        // Where nobody listens any more, nobody counts either.
        let _ = self.tell.send(News::Walked(reports));
    }

    fn submit(&self, place: Place) {
        self.pool.submit(Candidate::job(place, self.teller()));
    }

    /// What takes a report to the thread that writes.
    fn teller(&self) -> impl Tell + use<> {
        let (policy, tell, over) = (Arc::clone(&self.policy), self.tell.clone(), Arc::clone(&self.over));
        move |path: &Path, report, file: Option<Arc<File>>| {
            let scanned = examine::decided(&policy, path, report);
            let file = file.filter(|_| scanned.decision.action == Action::Report);
            if tell.send(News::Scanned(Box::new(scanned), file)).is_err() {
                over.store(true, Ordering::Relaxed);
            }
        }
    }
}

impl Options {
    fn detail(&self) -> Detail {
        match (self.quiet, self.verbose) {
            (true, _) => Detail::Quiet,
            (_, true) => Detail::Verbose,
            _ => Detail::Normal,
        }
    }

    /// The vault, if files are to be taken; opened before anything is scanned.
    fn isolation(&self, run: &Run) -> anyhow::Result<Option<Isolation>> {
        self.quarantine.then(|| Isolation::open(self.vault.as_deref(), run)).transpose()
    }

    fn described(&self, threads: usize, limits: &Limits) -> Vec<(&'static str, String)> {
        let policy =
            self.policy.as_ref().map_or_else(|| "default".to_owned(), |path| path.display().to_string());
        let paths: Vec<String> = self.paths.iter().map(|path| path.display().to_string()).collect();
        let mut options =
            vec![("paths", paths.join(" ")), ("policy", policy), ("threads", threads.to_string())];
        options.extend(self.walk.described());
        options.extend(output::described_limits(limits));
        options
    }
}
