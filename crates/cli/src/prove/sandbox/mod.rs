//! `candor prove sandbox`: every attempt to break out, and what the kernel says of a running worker.

mod json;
mod text;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use candor_jail::{NOBODY, filters_of, sealed, worker_program};
use candor_object::Limits;
use candor_protocol::{Channel, Ready, Request, Start};
use std::os::fd::AsFd;

use super::calls::{self, Reachable};
use super::process::{self, Facts};
use super::trial::{self, Attempt, Control, Expected, Range, Refusal};
use super::{Format, is_root, spawn};
use crate::exit_status::Outcome;

/// What to prove, and how to write it.
#[derive(clap::Args, Debug)]
#[command(after_help = "Exit status: 0 nothing got through, 1 something did, 2 the proof could not be made.")]
pub(super) struct Options {
    /// Look into this running worker instead of one that is started for it (needs root).
    #[arg(long, value_name = "NUMBER")]
    pid: Option<u32>,
    /// Confine workers with these mechanisms only (descriptors, limits, namespaces, identity, landlock, syscalls;
    /// with commas between them, or none), and show what they do not refuse.
    #[arg(long, value_name = "MECHANISMS")]
    only: Option<String>,
    /// How the proof is written.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// An attempt and all that came of it.
struct Row {
    attempt: Attempt,
    /// With all mechanisms, or those that were asked for.
    refusal: Refusal,
    /// With the filter of system calls and nothing else.
    filter: Option<Refusal>,
    /// With one mechanism and nothing else.
    alone: Vec<(String, Alone)>,
    /// Without any.
    control: Option<Refusal>,
}

/// What one mechanism did.
enum Alone {
    /// It was there.
    There(Refusal),
    /// The system lacks it.
    Lacking,
}

/// All that was seen.
struct Proof {
    worker: PathBuf,
    user: Option<(u32, u32)>,
    only: Option<String>,
    missing: Vec<String>,
    rows: Vec<Row>,
    inspected: Option<Inspected>,
    holes: Vec<String>,
}

/// A running worker, looked at from outside.
struct Inspected {
    pid: u32,
    facts: Facts,
    /// What its filters let through, or why that is not shown.
    reachable: Result<Reachable, String>,
}

/// Makes the proof.
pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let worker = worker_program()?;
    let user = is_root().then_some(NOBODY);
    let mut proof = Proof {
        worker,
        user,
        only: options.only.clone(),
        missing: Vec::new(),
        rows: Vec::new(),
        inspected: None,
        holes: Vec::new(),
    };
    proof.attempt_all()?;
    if options.only.is_none() {
        proof.inspect(options.pid)?;
    }
    match options.format {
        Format::Human => text::write(&proof)?,
        Format::Json => json::write(&proof)?,
    }
    Ok(if proof.holes.is_empty() { Outcome::default() } else { Outcome::found() })
}

impl Proof {
    fn attempt_all(&mut self) -> anyhow::Result<()> {
        let worker = self.worker.clone();
        let range = Range::new(&worker, self.user).context("no port to listen on")?;
        for attempt in trial::attempts(&worker)? {
            // Without confinement only what does no harm is tried.
            if self.only.is_some() && attempt.control == Control::Skip {
                continue;
            }
            let row = self.attempt(&range, attempt)?;
            self.rows.push(row);
        }
        Ok(())
    }

    fn attempt(&mut self, range: &Range<'_>, attempt: Attempt) -> anyhow::Result<Row> {
        let name = format!("{} ({})", attempt.what, attempt.call);
        if let Some(only) = &self.only {
            let trial = range.make(&attempt, only)?;
            let refusal = trial.judge_alone();
            self.hole(&name, "", &refusal);
            self.missing.extend(trial.missing);
            self.missing.dedup();
            return Ok(Row { attempt, refusal, filter: None, alone: Vec::new(), control: None });
        }
        let trial = range.make(&attempt, "all")?;
        let refusal = trial.judge(attempt.expected);
        self.hole(&name, "", &refusal);
        if self.missing.is_empty() {
            self.missing = trial.missing;
        }
        let filter = match attempt.expected {
            Expected::Filter | Expected::FilterOrFault => {
                let refusal = range.make(&attempt, "descriptors,syscalls")?.judge(attempt.expected);
                self.hole(&name, " of the filter alone", &refusal);
                Some(refusal)
            }
            _ => None,
        };
        let mut alone = Vec::new();
        for mechanism in &attempt.alone {
            let trial = range.make(&attempt, mechanism)?;
            let refusal = trial.judge_alone();
            let lacking = !trial.missing.is_empty() && matches!(refusal, Refusal::Through(_));
            if lacking {
                alone.push((mechanism.clone(), Alone::Lacking));
                continue;
            }
            self.hole(&name, &format!(" of {mechanism} alone"), &refusal);
            alone.push((mechanism.clone(), Alone::There(refusal)));
        }
        let control = match attempt.control {
            Control::Run => Some(range.make(&attempt, "none")?.judge_alone()),
            Control::Skip => None,
        };
        Ok(Row { attempt, refusal, filter, alone, control })
    }

    fn hole(&mut self, name: &str, what: &str, refusal: &Refusal) {
        if let Refusal::Through(how) = refusal {
            self.holes.push(format!("{name}: not refused as it has to be{what}: {how}"));
        }
    }

    /// Looks into a running worker.
    fn inspect(&mut self, pid: Option<u32>) -> anyhow::Result<()> {
        // It lives as long as its socket is open.
        let started = if pid.is_none() { Some(start(&self.worker, self.user)?) } else { None };
        let Some(pid) = pid.or_else(|| started.as_ref().map(|started| started.process.id())) else {
            return Ok(());
        };
        let facts = process::facts(pid).with_context(|| format!("there is no process {pid}"))?;
        self.holes.extend(facts.holes.iter().map(|hole| format!("process {pid}: {hole}")));
        let reachable = read_back(pid, &facts);
        if let Ok(reachable) = &reachable {
            self.holes.extend(reachable.holes.iter().map(|hole| format!("filter of process {pid}: {hole}")));
        }
        if let Some(started) = started {
            self.missing.clone_from(&started.missing);
            started.end()?;
        }
        self.inspected = Some(Inspected { pid, facts, reachable });
        Ok(())
    }
}

/// What the filters let through, or why it is not known.
fn read_back(pid: u32, facts: &Facts) -> Result<Reachable, String> {
    if !is_root() {
        return Err(
            "only root may read filters back from a process: run `sudo candor prove sandbox`".to_owned()
        );
    }
    let number = i32::try_from(pid).map_err(|error| error.to_string())?;
    let filters = filters_of(number).map_err(|error| {
        format!("the system refuses to read filters back ({error}); it takes root of the whole system and CONFIG_CHECKPOINT_RESTORE")
    })?;
    if filters.is_empty() {
        let holes = vec!["there is no filter".to_owned()];
        return Ok(Reachable { holes, ..Reachable::default() });
    }
    let socket = facts.socket().ok_or("the worker's socket is not seen")?;
    calls::reachable(&filters, socket).map_err(|error| error.to_string())
}

/// A worker that waits for files, as scans have them.
struct Started {
    process: std::process::Child,
    channel: Channel,
    missing: Vec<String>,
}

/// Bytes of memory that the worker may use, and its time on the processor.
const MEMORY: u64 = 1 << 30;
const PROCESSOR_TIME: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(60);

fn start(worker: &Path, user: Option<(u32, u32)>) -> anyhow::Result<Started> {
    let (mut channel, theirs) = Channel::pair()?;
    let mut process = spawn(worker, &[], Stdio::from(theirs))?;
    channel.set_patience(Some(PATIENCE))?;
    let database = sealed(candor_rules::database().as_slice())?;
    let mut packet = Vec::new();
    Request::Start(Start::new(&Limits::default(), user, MEMORY, PROCESSOR_TIME)).write(&mut packet);
    channel.send(&packet, &[database.as_fd()])?;
    let ready = channel.receive()?.map(|packet| Ready::read(packet.bytes));
    match ready {
        Some(Ok(Ready::Confined { missing })) => Ok(Started { process, channel, missing }),
        Some(Ok(Ready::Refused { reason })) => bail!("the worker refused to work: {reason}"),
        _ => {
            // It fails only for who has ended.
            let _ = process.kill();
            bail!("the worker did not become ready: {}", process.wait()?)
        }
    }
}

impl Started {
    /// Has the worker end, by itself.
    fn end(mut self) -> anyhow::Result<()> {
        drop(self.channel);
        let status = self.process.wait()?;
        anyhow::ensure!(status.success(), "the worker ended with {status}");
        Ok(())
    }
}
