//! An update beside the scan, and one without it: both must ask for the same, byte for byte.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use candor_jail::{fetch_program, filters_of};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::recorder::Recorder;
use crate::prove::{calls, is_root, process};

/// How long the fetcher may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program and the mirror that it is to fetch.
#[derive(Debug)]
pub(super) struct Ground {
    program: PathBuf,
    recorder: Recorder,
}

/// A fetcher that runs.
#[derive(Debug)]
pub(super) struct Fetcher {
    child: Child,
    staging: TempDir,
    /// What it has open, at any look; pipes and sockets with their numbers.
    open: BTreeSet<String>,
    looks: usize,
}

/// A run that has ended.
#[derive(Debug)]
pub(super) struct Run {
    /// What came over each connection.
    requests: Vec<Vec<u8>>,
    /// Pipes and sockets that it had.
    channels: BTreeSet<String>,
    looks: usize,
    holes: Vec<String>,
    /// What the kernel says of it.
    facts: Vec<String>,
}

/// Both runs, compared.
#[derive(Debug)]
pub(super) struct Update {
    /// The lines with which the requests begin.
    asked: Vec<String>,
    /// The lines that follow, the same for all.
    headers: Vec<String>,
    bytes: usize,
    sent: usize,
    known: usize,
    facts: Vec<String>,
    /// What should not have been seen.
    pub(super) holes: Vec<String>,
}

impl Ground {
    /// Nothing where there is no fetcher.
    pub(super) fn new() -> anyhow::Result<Option<Self>> {
        let Ok(program) = fetch_program() else { return Ok(None) };
        Ok(Some(Self { program, recorder: Recorder::new().context("no port of this machine can be had")? }))
    }

    /// Starts the fetcher with an empty staging folder, and waits until it asks for something: by then it has
    /// confined itself.
    pub(super) fn start(&self) -> anyhow::Result<Fetcher> {
        let staging = tempfile::Builder::new().prefix("candor-staging-").tempdir()?;
        let mut command = Command::new(&self.program);
        command
            .args(["mirror", "--patience", "120", "--from", &self.recorder.url(), "--into"])
            .arg(staging.path().join("staging"));
        command.env_clear().current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let child =
            command.spawn().with_context(|| format!("{} cannot be started", self.program.display()))?;
        let mut fetcher = Fetcher { child, staging, open: BTreeSet::new(), looks: 0 };
        let started = Instant::now();
        while !self.recorder.is_asked() {
            if !fetcher.is_running()? {
                bail!("the fetcher asked for nothing: {}", fetcher.said());
            }
            if started.elapsed() > PATIENCE {
                fetcher.end();
                bail!("the fetcher asked for nothing");
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(fetcher)
    }

    /// Lets the fetcher have its answers.
    pub(super) fn answer(&self) {
        self.recorder.open();
    }

    /// Waits for its end.
    pub(super) fn finish(&self, mut fetcher: Fetcher) -> anyhow::Result<Run> {
        let started = Instant::now();
        while fetcher.is_running()? {
            if started.elapsed() > PATIENCE {
                fetcher.end();
                bail!("the fetcher did not end");
            }
            fetcher.look();
            thread::sleep(Duration::from_millis(2));
        }
        let status = fetcher.child.wait()?;
        ensure!(status.success(), "the fetcher failed: {}", fetcher.said());
        let Fetcher { open, staging, looks, .. } = fetcher;
        let requests = self.recorder.take();
        let (channels, files): (BTreeSet<_>, BTreeSet<_>) =
            open.into_iter().partition(|what| what.starts_with("pipe:") || what.starts_with("socket:"));
        let own = staging.path().display().to_string();
        let holes = files
            .into_iter()
            .filter(|file| file != "/dev/null" && !file.starts_with(&own))
            .map(|file| format!("the fetcher had {file} open"))
            .collect();
        Ok(Run { requests, channels, looks, holes, facts: Vec::new() })
    }

    /// The fetcher once more, without a scan.
    pub(super) fn run_alone(&self) -> anyhow::Result<Run> {
        let fetcher = self.start()?;
        self.answer();
        self.finish(fetcher)
    }
}

impl Fetcher {
    /// Whether it has not ended yet.
    pub(super) fn is_running(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Looks at what it has open.
    pub(super) fn look(&mut self) {
        let Ok(descriptors) = fs::read_dir(format!("/proc/{}/fd", self.child.id())) else { return };
        self.looks += 1;
        let targets = descriptors.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
        self.open.extend(targets.map(|target| target.to_string_lossy().into_owned()));
    }

    /// What the kernel says of it, and what of that should not be.
    pub(super) fn facts(&self) -> anyhow::Result<(Vec<String>, Vec<String>)> {
        let pid = self.child.id();
        let facts = process::facts(pid)?;
        let mut lines = Vec::new();
        let mut holes = Vec::new();
        for (name, wanted) in [("NoNewPrivs", "1"), ("Seccomp", "2"), ("CapEff", "0000000000000000")] {
            let value = facts.line(name);
            lines.push(format!("{name} {value}"));
            if value != wanted {
                holes.push(format!("of the fetcher {name} is {value:?} and not {wanted}"));
            }
        }
        lines.push(format!("Uid {}", facts.line("Uid")));
        if is_root() {
            match filters_of(i32::try_from(pid)?) {
                Ok(filters) => {
                    let possible = calls::possible_for_a_fetcher(&filters)?;
                    holes.extend(possible.iter().map(|call| format!("the fetcher can make the call {call}")));
                    if possible.is_empty() {
                        lines.push(
                            "no call that starts a program or a process, traces one, or listens".to_owned(),
                        );
                    }
                }
                Err(why) => lines.push(format!("its filters cannot be read back: {why}")),
            }
        }
        Ok((lines, holes))
    }

    /// The last thing that it said.
    fn said(&mut self) -> String {
        let mut text = String::new();
        if let Some(output) = &mut self.child.stdout {
            // What is no text is not shown.
            let _ = output.take(64 << 10).read_to_string(&mut text);
        }
        text.trim().to_owned()
    }

    /// Ends it, for want of patience.
    pub(super) fn end(&mut self) {
        // Both fail only for who has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Run {
    /// The same run, with what the kernel says of the process.
    pub(super) fn with((lines, holes): (Vec<String>, Vec<String>), mut run: Self) -> Self {
        run.facts = lines;
        run.holes.extend(holes);
        run
    }
}

impl Update {
    /// Compares a run beside a scan, whose processes had `channels`, with one without.
    pub(super) fn compare(
        beside: Run,
        alone: &Run,
        channels: &BTreeSet<String>,
        canaries: &[String],
    ) -> Self {
        let mut holes = beside.holes;
        holes.extend(alone.holes.iter().cloned());
        if beside.requests != alone.requests {
            holes.push("an update beside a scan asked for something else than one without".to_owned());
        }
        for channel in beside.channels.intersection(channels) {
            holes.push(format!("a process of the scan and the fetcher share {channel}"));
        }
        let all = beside.requests.concat();
        let text = String::from_utf8_lossy(&all).into_owned();
        let mut asked = Vec::new();
        let mut headers: Option<Vec<String>> = None;
        for request in text.split("\r\n\r\n").filter(|request| !request.is_empty()) {
            let mut lines = request.lines().map(str::to_owned);
            asked.extend(lines.next());
            let rest: Vec<String> = lines.collect();
            if headers.get_or_insert_with(|| rest.clone()) != &rest {
                holes.push("the requests of an update have different headers".to_owned());
            }
        }
        if asked.is_empty() {
            holes.push("the fetcher asked for nothing".to_owned());
        }
        let sent = canaries.iter().filter(|canary| text.contains(canary.as_str())).count();
        if sent > 0 {
            holes.push(format!("{sent} unique texts of files are in what the fetcher asked for"));
        }
        let mut facts = beside.facts;
        facts.push(match beside.looks {
            0 => "what it has open only root can see".to_owned(),
            looks => format!(
                "{} pipes and sockets in {looks} looks, none of which a process of the scan has; no files but its own",
                beside.channels.len()
            ),
        });
        let headers = headers.unwrap_or_default();
        Self { asked, headers, bytes: all.len(), sent, known: canaries.len(), facts, holes }
    }

    /// What was seen, in lines for people. A server sees no more of a machine than this.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.asked.clone();
        lines.push(format!("each with the lines: {}", self.headers.join(" | ")));
        lines.push(format!(
            "{} bytes in all; {} of {} unique texts in them",
            self.bytes, self.sent, self.known
        ));
        lines.extend(self.facts.iter().map(|fact| format!("candor-fetch: {fact}")));
        lines
    }

    /// What was seen, for programs.
    pub(super) fn json(&self) -> Value {
        json!({
            "shown": true,
            "asked": self.asked,
            "headers": self.headers,
            "bytes": self.bytes,
            "canaries_sent": self.sent,
            "fetcher": self.facts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(request: &str) -> Run {
        Run {
            requests: vec![request.as_bytes().to_vec()],
            channels: BTreeSet::from(["pipe:[7]".to_owned()]),
            looks: 1,
            holes: Vec::new(),
            facts: Vec::new(),
        }
    }

    fn holes(beside: &str, alone: &str, channels: &[&str]) -> Vec<String> {
        let channels = channels.iter().map(|channel| (*channel).to_owned()).collect();
        Update::compare(run(beside), &run(alone), &channels, &["canary".to_owned()]).holes
    }

    #[test]
    fn any_difference_is_a_hole() {
        let same = "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n";
        assert!(holes(same, same, &["pipe:[8]"]).is_empty());
        assert_eq!(holes(same, same, &["pipe:[7]"]).len(), 1);
        assert_eq!(holes(same, &same.replace("/b", "/c"), &[]).len(), 1);
        let canary = same.replace("/b", "/canary");
        assert_eq!(holes(&canary, &canary, &[]).len(), 1);
        let headers = format!("{same}GET /c HTTP/1.1\r\nHost: x\r\nX: y\r\n\r\n");
        assert_eq!(holes(&headers, &headers, &[]).len(), 1);
        assert_eq!(holes("", "", &[]).len(), 1);
    }
}
