//! `candor vet`: tries databases on files that are known to be good, before they are used.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use candor_detect::Database;
use candor_jail::{NOBODY, shareable, worker_program};
use candor_object::Limits;
use candor_packages::Packages;
use candor_policy::Policy;
use candor_signatures::segment::Segment;
use candor_vetting::{Counts, Progress, Sample, Settings, TIME, Verdict};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::complain;
use crate::escape::Escaped;
use crate::exit_status::Outcome;
use crate::numbers::{grouped, parse_duration, parse_size, size};
use crate::scanners::processors;

/// What to try, and on what.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Options {
    /// Compiled databases, all that would be used together.
    #[arg(value_name = "DATABASE", required = true)]
    databases: Vec<PathBuf>,
    /// A database that is used now; what it finds as well is no news (repeatable).
    #[arg(long, value_name = "FILE")]
    current: Vec<PathBuf>,
    /// A segment whose witnesses must be found (repeatable).
    #[arg(long, value_name = "FILE")]
    segment: Vec<PathBuf>,
    /// A folder of files that are good, or a list of them as sha256sum writes it (repeatable).
    #[arg(long, value_name = "PATH")]
    known_good: Vec<PathBuf>,
    /// The root of the system whose packages' files are tried.
    #[arg(long, value_name = "FOLDER", default_value = "/")]
    root: PathBuf,
    /// Do not demand that the EICAR test file is found.
    #[arg(long)]
    no_eicar: bool,
    /// Most files of packages besides the critical ones [default: 5000].
    #[arg(long, value_name = "NUMBER")]
    files: Option<usize>,
    /// Most bytes of them [default: 2G].
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    bytes: Option<u64>,
    /// Try all files of packages.
    #[arg(long, conflicts_with_all = ["files", "bytes"])]
    all: bool,
    /// Which of them are tried: the same number chooses the same files [default: a random one].
    #[arg(long, value_name = "NUMBER")]
    place: Option<u64>,
    /// Most time for everything [default: 15m].
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    time: Option<Duration>,
    /// How many workers scan at once [default: one for each processor].
    #[arg(long, value_name = "NUMBER")]
    workers: Option<NonZeroUsize>,
}

const AFTER_HELP: &str = "\
Examples:
  candor vet new.cdb
  candor vet --current old.cdb --known-good /srv/software new.cdb

Files of packages (dpkg, rpm) count only with the content that their package
brought. Those that the system cannot do without are tried whole, the others by
a random sample. Nothing is written.
Exit status: 0 passed, 1 held, 2 it could not be tried or fails the self-test.";

/// Tries databases.
pub(crate) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let mut witnesses = Vec::new();
    for path in &options.segment {
        let segment = File::open(path).map_err(Into::into).and_then(Segment::open);
        let segment = segment.with_context(|| format!("the segment {}", path.display()))?;
        witnesses.extend(candor_vetting::witnesses(&segment)?);
    }
    let all = options.all.then_some(u64::MAX);
    let default = Sample::default();
    let sample = Sample {
        files: all.map_or_else(|| options.files.unwrap_or(default.files), |_| usize::MAX),
        bytes: all.or(options.bytes).unwrap_or(default.bytes),
        place: options.place.map_or_else(random, Ok)?,
    };
    let settings = Settings {
        worker: worker_program()?,
        user: Some(NOBODY),
        databases: opened(&options.databases)?,
        current: opened(&options.current)?,
        limits: Limits::default(),
        policy: Policy::default(),
        workers: options.workers.unwrap_or_else(processors),
        eicar: !options.no_eicar,
        witnesses,
        packages: Some(Packages::at(&options.root)),
        root: options.root.clone(),
        known_good: options.known_good.clone(),
        sample,
        time: options.time.unwrap_or(TIME),
    };
    let bar = bar();
    let verdict = candor_vetting::vet(&settings, &mut |Progress { done, chosen }| {
        bar.set_length(chosen as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    tell(&verdict, sample.place)
}

fn tell(verdict: &Verdict, place: u64) -> anyhow::Result<Outcome> {
    let mut stdout = io::stdout().lock();
    let outcome = match verdict {
        Verdict::Passed(counts) => {
            writeln!(stdout, "passed")?;
            write_counts(&mut stdout, counts, place)?;
            Outcome::default()
        }
        Verdict::Held { hits, all, counts } => {
            writeln!(stdout, "held: it finds something in files that are known to be good")?;
            for hit in hits {
                let (path, package) = (hit.path.to_string_lossy(), Escaped(&hit.package));
                writeln!(stdout, "  {}: {} ({package})", Escaped(&path), Escaped(&hit.signature))?;
            }
            if let Some(more) = all.checked_sub(hits.len()).filter(|more| *more > 0) {
                writeln!(stdout, "  and {} more", grouped(more as u64))?;
            }
            write_counts(&mut stdout, counts, place)?;
            Outcome::found()
        }
        Verdict::Failed(reason) => {
            complain(reason);
            Outcome::error()
        }
    };
    stdout.flush()?;
    Ok(outcome)
}

fn write_counts(out: &mut impl Write, counts: &Counts, place: u64) -> io::Result<()> {
    let rows = [
        ("self-test", counts.self_test, "found, as they must be"),
        ("critical", counts.critical, "files that the system cannot do without"),
        ("known good", counts.known_good, "files of yours"),
        ("sample", counts.sampled, "other files of packages"),
        ("modified", counts.modified, "passed over: they are not as their package brought them"),
        ("missing", counts.missing, "passed over: they are not there"),
        ("unread", counts.unread, "not scanned: they could not be read"),
        ("left", counts.left, "not scanned: time or bytes were used up"),
        ("unwanted", counts.unwanted, "with programs that may be unwanted, which holds nothing"),
        ("known before", counts.known_before, "findings that the current databases have as well"),
    ];
    for (name, count, meaning) in rows.into_iter().filter(|(_, count, _)| *count > 0) {
        writeln!(out, "{name:<13}{:>10}  {meaning}", grouped(count as u64))?;
    }
    let vouched = grouped(counts.vouched as u64);
    writeln!(out, "{} scanned; packages vouch for {vouched} files; --place {place}", size(counts.bytes))
}

/// Databases as workers get them, read whole: one that is damaged is not tried.
fn opened(paths: &[PathBuf]) -> anyhow::Result<Vec<File>> {
    let mut files = Vec::new();
    for path in paths {
        let context = || format!("the database {}", path.display());
        if !std::fs::metadata(path).with_context(context)?.is_file() {
            bail!("{}: it is no regular file", context());
        }
        let file = File::open(path).and_then(shareable).with_context(context)?;
        Database::from_file(&file).and_then(|database| database.verify()).with_context(context)?;
        files.push(file);
    }
    Ok(files)
}

fn random() -> anyhow::Result<u64> {
    let mut bytes = [0; 8];
    File::open("/dev/urandom")
        .and_then(|mut random| random.read_exact(&mut bytes))
        .context("no random number can be had; give one with --place")?;
    Ok(u64::from_le_bytes(bytes))
}

fn bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
    let style = ProgressStyle::with_template("{spinner} {pos} of {len} files, {elapsed}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar
}
