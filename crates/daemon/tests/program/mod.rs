//! Starts `candord` with a configuration, tells where it listens and what it logs, and ends it.
//!
//! `{folder}` in the configuration stands for a folder of the test's own. Ports are chosen by the kernel: write
//! `tcp:127.0.0.1:0` and ask [`Program::tcp`].

#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// After it a test that waits has failed; nothing is that slow.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A service that runs; it is killed when it is dropped.
pub struct Program {
    child: Child,
    folder: TempDir,
    log: Arc<Log>,
    reading: Option<JoinHandle<()>>,
}

/// The lines of standard error so far.
#[derive(Default)]
struct Log {
    lines: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    ended: bool,
}

/// The path of `candord`; its worker must lie beside it.
pub fn candord() -> PathBuf {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_candord"));
    let worker = program.with_file_name("candor-worker");
    assert!(worker.is_file(), "{} is missing: cargo build -p candor-worker", worker.display());
    program
}

impl Program {
    /// Starts it with a configuration and waits until it is ready.
    pub fn start(toml: &str) -> Self {
        Self::start_with(toml, |_| {})
    }

    /// The same, after a change of the command: its environment, its arguments.
    pub fn start_with(toml: &str, change: impl FnOnce(&mut Command)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(candord());
        configure(&mut command, folder.path(), toml);
        change(&mut command);
        let program = Self::run(command, folder);
        program.wait_for("ready");
        program
    }

    /// Runs a command that becomes `candord`, which need not become ready.
    pub fn run(mut command: Command, folder: TempDir) -> Self {
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let log = Arc::new(Log::default());
        let reader = Arc::clone(&log);
        let reading = thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                reader.lock().lines.push(line);
                reader.changed.notify_all();
            }
            reader.lock().ended = true;
            reader.changed.notify_all();
        });
        Self { child, folder, log, reading: Some(reading) }
    }

    /// The test's own folder, `{folder}` in the configuration.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its process.
    pub fn process(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// The addresses of a front-end, as `unix:/PATH` or `tcp:ADDRESS:PORT`.
    pub fn addresses(&self, frontend: &str) -> Vec<String> {
        let events = self.events();
        let listening =
            events.iter().filter(|event| event["event"] == "listening" && event["frontend"] == frontend);
        listening.filter_map(|event| event["address"].as_str()).map(str::to_owned).collect()
    }

    /// The first port of a front-end.
    pub fn tcp(&self, frontend: &str) -> SocketAddr {
        let addresses = self.addresses(frontend);
        let address = addresses.iter().find_map(|address| address.strip_prefix("tcp:"));
        address.unwrap_or_else(|| panic!("{frontend} has no port: {addresses:?}")).parse().unwrap()
    }

    /// The first Unix socket of a front-end.
    pub fn unix(&self, frontend: &str) -> PathBuf {
        let addresses = self.addresses(frontend);
        let address = addresses.iter().find_map(|address| address.strip_prefix("unix:"));
        address.unwrap_or_else(|| panic!("{frontend} has no Unix socket: {addresses:?}")).into()
    }

    /// All that it wrote to standard error.
    pub fn log(&self) -> String {
        self.log.lock().lines.join("\n")
    }

    /// The events of the log so far.
    pub fn events(&self) -> Vec<Value> {
        self.log.lock().lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits for an event by its name, and gives the first.
    pub fn wait_for(&self, name: &str) -> Value {
        self.wait_until(name, |event| event["event"] == name)
    }

    /// Waits for an event; `what` says for people which.
    pub fn wait_until(&self, what: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        let deadline = Instant::now() + DEADLINE;
        let mut lines = self.log.lock();
        let mut seen = 0;
        loop {
            for line in &lines.lines[seen..] {
                if let Some(event) = serde_json::from_str(line).ok().filter(&mut wanted) {
                    return event;
                }
            }
            seen = lines.lines.len();
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !lines.ended && !left.is_zero(),
                "candord did not tell {what}:\n{}",
                lines.lines.join("\n")
            );
            lines = self.log.changed.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.process(), signal).unwrap();
    }

    /// Waits for its end; gives the exit status, or nothing if a signal ended it.
    pub fn wait(&mut self) -> Option<i32> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                if let Some(reading) = self.reading.take() {
                    reading.join().unwrap();
                }
                return status.code();
            }
            assert!(Instant::now() < deadline, "candord does not end:\n{}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it gracefully and expects that it ends well. Gives all that it wrote to standard error.
    pub fn stop(mut self) -> String {
        self.signal(Signal::TERM);
        let status = self.wait();
        assert_eq!(status, Some(0), "candord ended badly:\n{}", self.log());
        self.log()
    }
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes a configuration into a folder and makes `candord` read it; the log is JSON. Content that arrives in
/// pieces goes to the folder, and of the environment nothing is inherited but `PATH`.
pub fn configure(command: &mut Command, folder: &Path, toml: &str) {
    let file = folder.join("candord.toml");
    fs::write(&file, toml.replace("{folder}", folder.to_str().unwrap())).unwrap();
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("TMPDIR", folder);
    command.arg("--config").arg(file).args(["--set", "log.format=json"]);
}
