//! `candor prove network`: scans files with unique texts in them and watches every way out meanwhile, with an update
//! beside it.

mod recorder;
mod trace;
mod update;
mod watch;

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use candor_object::Escaped;
use serde_json::json;
use tempfile::TempDir;

use super::{Format, is_root};
use crate::exit_status::Outcome;

use trace::Trace;
use update::{Fetcher, Ground, Run, Update};
use watch::Watched;

/// Files of a tree that is made for the proof.
const FILES: usize = 64;
/// How long workers may take to be there.
const STARTING: Duration = Duration::from_secs(60);
/// How often the processes are looked at, at least.
const LOOKS: usize = 50;

/// What to scan, and how to write the proof.
#[derive(clap::Args, Debug)]
#[command(after_help = "Exit status: 0 no way out was seen, 1 one was, 2 the proof could not be made.")]
pub(super) struct Options {
    /// What to scan [default: a tree with unique texts, made for the proof].
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,
    /// How the proof is written.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Makes the proof.
pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let tree = match &options.path {
        Some(_) => None,
        None => Some(make_tree()?),
    };
    let path = match (&options.path, &tree) {
        (Some(path), _) => path.as_path(),
        (None, Some((folder, _))) => folder.path(),
        (None, None) => Path::new("."),
    };
    let canaries = tree.as_ref().map_or(&[][..], |(_, canaries)| canaries.as_slice());
    let (watched, update) = watched_scan(path, canaries)?;
    let trace = trace::traced_scan(path, canaries)?;
    let mut holes = watched.holes();
    if let Ok(trace) = &trace {
        holes.extend(trace.holes.iter().cloned());
    }
    if let Some(update) = &update {
        holes.extend(update.holes.iter().cloned());
    }
    match options.format {
        Format::Human => write_text(path, &watched, &trace, update.as_ref(), &holes)?,
        Format::Json => write_json(path, &watched, &trace, update.as_ref(), &holes)?,
    }
    Ok(if holes.is_empty() { Outcome::default() } else { Outcome::found() })
}

/// A tree of files, each with a text that is nowhere else in the world.
fn make_tree() -> anyhow::Result<(TempDir, Vec<String>)> {
    let folder = tempfile::Builder::new().prefix("candor-canaries-").tempdir()?;
    let mut random = fs::File::open("/dev/urandom")?;
    let mut canaries = Vec::new();
    for number in 0..FILES {
        let mut bytes = [0; 16];
        random.read_exact(&mut bytes)?;
        let canary = hex::encode(bytes);
        fs::write(folder.path().join(format!("{number}.txt")), format!("canary {canary}\n"))?;
        canaries.push(canary);
    }
    Ok((folder, canaries))
}

/// `candor scan` of a path and of standard input, which keeps the workers alive until it is closed.
fn scan(path: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["scan", "--alone", "--no-clamav", "--quiet"]).arg(path).arg("-");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command)
}

/// Scans, and looks at all processes of the scan until the workers were looked into. Where there is a fetcher, it
/// fetches from a mirror of ours meanwhile, and once more afterwards.
fn watched_scan(path: &Path, canaries: &[String]) -> anyhow::Result<(Watched, Option<Update>)> {
    let ground = Ground::new()?;
    let mut beside = ground.as_ref().map(Beside::start).transpose()?;
    let mut scan = scan(path)?.spawn().context("the scan cannot be started")?;
    let watched = watch_all(&mut scan, beside.as_mut());
    if watched.is_err() {
        // It fails only for who has ended.
        let _ = scan.kill();
        if let Some(beside) = &mut beside {
            beside.fetcher.end();
        }
    }
    drop(scan.stdin.take());
    let status = scan.wait()?;
    let watched = watched?;
    ensure!(matches!(status.code(), Some(0 | 1 | 3)), "the scan failed: {status}");
    let Some(Beside { ground, fetcher, facts }) = beside else { return Ok((watched, None)) };
    let beside = Run::with(facts, ground.finish(fetcher)?);
    let alone = ground.run_alone()?;
    let update = Update::compare(beside, &alone, &watched.channels, canaries);
    Ok((watched, Some(update)))
}

/// The fetcher that runs beside the scan.
struct Beside<'g> {
    ground: &'g Ground,
    fetcher: Fetcher,
    facts: (Vec<String>, Vec<String>),
}

impl<'g> Beside<'g> {
    /// Starts it; it waits for its first answer until the workers are there.
    fn start(ground: &'g Ground) -> anyhow::Result<Self> {
        let mut fetcher = ground.start()?;
        let facts = fetcher.facts();
        if facts.is_err() {
            fetcher.end();
        }
        Ok(Self { ground, fetcher, facts: facts? })
    }
}

fn watch_all(scan: &mut Child, mut beside: Option<&mut Beside<'_>>) -> anyhow::Result<Watched> {
    let mut watched = Watched::default();
    let started = Instant::now();
    while watched.looks < LOOKS || !watched.has_workers() {
        ensure!(started.elapsed() < STARTING, "the scan started no workers");
        ensure!(scan.try_wait()?.is_none(), "the scan ended before it was seen");
        watched.look(scan.id())?;
        if let Some(beside) = &mut beside {
            beside.fetcher.look();
        }
        thread::sleep(Duration::from_millis(2));
    }
    watched.look_into_workers();
    if let Some(beside) = beside {
        beside.ground.answer();
        // The scan waits for its standard input meanwhile.
        while beside.fetcher.is_running()? {
            ensure!(started.elapsed() < STARTING, "the fetcher does not end");
            beside.fetcher.look();
            watched.look(scan.id())?;
        }
    }
    if let Some(input) = &mut scan.stdin {
        input.write_all(b"canary on standard input\n")?;
    }
    drop(scan.stdin.take());
    // What is still to come: the end of the scan, as long as it lasts.
    while scan.try_wait()?.is_none() {
        watched.look(scan.id())?;
    }
    Ok(watched)
}

fn write_text(
    path: &Path,
    watched: &Watched,
    trace: &Result<Trace, String>,
    update: Option<&Update>,
    holes: &[String],
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "Scanned  {} and standard input", Escaped(&path.display().to_string()))?;
    writeln!(out, "\n1. What was open, by looking at /proc {} times", watched.looks)?;
    writeln!(
        out,
        "   (a look sees what is there at that moment; shorter lives than between two looks are not seen)"
    )?;
    for process in watched.processes.values() {
        writeln!(out, "    {}", Escaped(&process.to_string()))?;
    }
    writeln!(out, "\n2. What the kernel lets workers do, read out of the running workers")?;
    writeln!(out, "   (this misses nothing: it holds from before the first byte of a file until the end)")?;
    if is_root() {
        for (pid, text) in &watched.filters {
            writeln!(out, "    worker {pid}: {}", Escaped(text))?;
        }
    } else {
        writeln!(out, "    not shown: only root may read filters back; run `sudo candor prove network`")?;
    }
    writeln!(out, "\n3. Every system call that has to do with sockets, of all processes, in a second scan")?;
    writeln!(out, "   (this misses nothing of that scan; it comes from strace, which is not ours)")?;
    match trace {
        Ok(trace) => {
            for (call, count) in &trace.calls {
                writeln!(out, "    {count:>6} {}", Escaped(call))?;
            }
            writeln!(out, "    {}", trace.canaries())?;
        }
        Err(why) => writeln!(out, "    not shown: {}", Escaped(why))?,
    }
    writeln!(
        out,
        "\n4. What an update asks for: candor-fetch ran beside the scan, and once more without one"
    )?;
    writeln!(out, "   (it asked a recorder of this proof; what it asks a mirror for has the same form)")?;
    match update {
        Some(update) => {
            for line in update.lines() {
                writeln!(out, "    {}", Escaped(&line))?;
            }
        }
        None => {
            writeln!(out, "    nothing: there is no candor-fetch here, so no program of ours has a network")?
        }
    }
    writeln!(out)?;
    for hole in holes {
        writeln!(out, "OUT      {}", Escaped(hole))?;
    }
    match holes.len() {
        0 if update.is_some() => writeln!(
            out,
            "Result   no process of the scan had a way to a network; the update asked for the same with and without it"
        )?,
        0 => writeln!(out, "Result   no process of the scan had a way to a network")?,
        count => writeln!(out, "Result   {count} ways out were seen; report it")?,
    }
    out.flush()
}

fn write_json(
    path: &Path,
    watched: &Watched,
    trace: &Result<Trace, String>,
    update: Option<&Update>,
    holes: &[String],
) -> io::Result<()> {
    let trace = match trace {
        Ok(trace) => json!({ "shown": true, "calls": trace.calls, "canaries_sent": trace.sent }),
        Err(why) => json!({ "shown": false, "why": why }),
    };
    let document = json!({
        "schema": 1,
        "path": path.display().to_string(),
        "looks": watched.looks,
        "processes": watched.processes.values().map(ToString::to_string).collect::<Vec<_>>(),
        "filters": if is_root() { json!(watched.filters) } else { json!(null) },
        "trace": trace,
        "update": update.map_or_else(|| json!({ "shown": false }), Update::json),
        "out": holes,
    });
    let mut out = io::stdout().lock();
    out.write_all(&crate::output::json::pretty(&document)?)?;
    out.flush()
}
