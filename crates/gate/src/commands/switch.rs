//! On and off.

use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::ask;

/// The service, where systemd has it.
const UNIT: &str = "candor-gate.service";
/// Where the log goes of a supervisor that nobody else starts.
const LOG: &str = "/var/log/candor/gate.log";
/// How long it may take until it is on or off.
const PATIENCE: Duration = Duration::from_secs(40);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Switches it on.
pub(super) fn on(config: Option<&Path>, socket: &Path) -> anyhow::Result<ExitCode> {
    if is_on(socket) {
        return say("protection is on already");
    }
    let mut started = None;
    if config.is_none() && has_unit() {
        systemctl("enable")?;
    } else {
        started = Some(start(config)?);
    }
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if is_on(socket) {
            return say("protection is on; `candor protect status` tells what is covered");
        }
        if let Some(Ok(Some(status))) = started.as_mut().map(Child::try_wait) {
            bail!("protection did not begin: candor-gate ended with {status}; {LOG} says why");
        }
        sleep(BETWEEN_LOOKS);
    }
    bail!("protection did not begin; the log says why: `journalctl -u {UNIT}`, or {LOG}")
}

/// Switches it off.
pub(super) fn off(socket: &Path) -> anyhow::Result<ExitCode> {
    if has_unit() {
        systemctl("disable")?;
    }
    if !is_on(socket) {
        return say("protection is off");
    }
    ask(socket, "stop")?;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if !is_on(socket) {
            return say("protection is off");
        }
        sleep(BETWEEN_LOOKS);
    }
    bail!("protection did not end")
}

/// Whether the supervisor answers, and so watches.
fn is_on(socket: &Path) -> bool {
    ask(socket, "status").is_ok_and(|answer| !answer.is_empty())
}

fn has_unit() -> bool {
    let known =
        || Command::new("systemctl").args(["cat", UNIT]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    Path::new("/run/systemd/system").is_dir() && known().is_ok_and(|status| status.success())
}

fn systemctl(verb: &str) -> anyhow::Result<()> {
    let status =
        Command::new("systemctl").args([verb, "--now", "--quiet", UNIT]).status().context("systemctl")?;
    if !status.success() {
        bail!("`systemctl {verb} --now {UNIT}` failed: {status}");
    }
    Ok(())
}

/// Starts a supervisor that goes on when the terminal is closed.
fn start(config: Option<&Path>) -> anyhow::Result<Child> {
    let log = fs::create_dir_all("/var/log/candor")
        .and_then(|()| File::options().create(true).append(true).open(LOG));
    let log = log.context(LOG)?;
    let mut command = Command::new(env::current_exe().context("the path of candor-gate")?);
    command.arg("run").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).process_group(0);
    if let Some(config) = config {
        command.arg("--config").arg(config);
    }
    command.spawn().context("candor-gate")
}

fn say(what: &str) -> anyhow::Result<ExitCode> {
    writeln!(io::stdout(), "{what}")?;
    Ok(ExitCode::SUCCESS)
}
