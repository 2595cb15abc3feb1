//! A file system of a test's own, with a gate that watches nothing else.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use candor_gate::Status;
use tempfile::TempDir;

/// After it a test that waits has failed; nothing is that slow.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// The test file of EICAR.
pub(crate) fn eicar() -> Vec<u8> {
    [&br"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-"[..], b"ANTIVIRUS-TEST-FILE!$H+H*"].concat()
}

/// A file system and its gate.
pub(crate) struct Ground {
    folder: TempDir,
    gate: Option<Child>,
    log: Arc<Mutex<String>>,
}

impl Ground {
    /// A file system in memory, watched. Nothing, with a message, where the kernel does not allow it.
    pub(crate) fn new(configuration: &str) -> Option<Self> {
        let ground = Self::unwatched()?;
        ground.watch(configuration)
    }

    /// The same before anything is watched.
    pub(crate) fn unwatched() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        // What the test runs as another user must find it.
        fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let ground = Self { folder, gate: None, log: Arc::default() };
        fs::create_dir(ground.path("")).unwrap();
        if !run("mount", &["-t", "tmpfs", "tmpfs", ground.path("").to_str().unwrap()]).status.success() {
            eprintln!("skipped: nothing can be mounted here");
            return None;
        }
        Some(ground)
    }

    /// Starts the gate.
    pub(crate) fn watch(self, configuration: &str) -> Option<Self> {
        self.watch_by(Path::new(env!("CARGO_BIN_EXE_candor-gate")), configuration)
    }

    /// The same with a program that lies elsewhere, beside a worker.
    pub(crate) fn watch_by(mut self, program: &Path, configuration: &str) -> Option<Self> {
        let place = self.path("");
        let only = if configuration.contains("only = ") {
            String::new()
        } else {
            format!("[file_systems]\nonly = [{place:?}]\n")
        };
        let socket = self.socket();
        let service = format!("[service]\nworkers = 2\nsocket = {socket:?}\n");
        let text = format!("{only}{service}{configuration}");
        fs::write(self.folder.path().join("gate.toml"), text).unwrap();
        let worker = Path::new(env!("CARGO_BIN_EXE_candor-gate")).with_file_name("candor-worker");
        assert!(worker.is_file(), "{} is missing: cargo build -p candor-worker", worker.display());
        let mut gate = Command::new(program)
            .args(["run", "--config"])
            .arg(self.folder.path().join("gate.toml"))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = gate.stderr.take().unwrap();
        let log = Arc::clone(&self.log);
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(count) = stderr.read(&mut piece) {
                if count == 0 {
                    break;
                }
                log.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..count]));
            }
        });
        self.gate = Some(gate);
        let begun = Instant::now();
        while self.try_status().is_none() {
            assert!(begun.elapsed() < DEADLINE, "{}", self.log());
            if self.gate.as_mut().unwrap().try_wait().unwrap().is_some() {
                thread::sleep(Duration::from_millis(200));
                assert!(self.log().contains("does not let us"), "{}", self.log());
                eprintln!("skipped: {}", self.log());
                return None;
            }
            thread::sleep(Duration::from_millis(20));
        }
        Some(self)
    }

    /// A path in the file system.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("watched").join(name)
    }

    /// A path beside it, which is not watched.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file in it.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("gate.sock")
    }

    /// What the gate says of itself.
    pub(crate) fn status(&self) -> Status {
        self.try_status().unwrap_or_else(|| panic!("no answer: {}", self.log()))
    }

    fn try_status(&self) -> Option<Status> {
        let output = self.protect(&["status", "--json"]);
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    }

    /// Runs `candor protect`.
    pub(crate) fn protect(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_candor-gate"))
            .args(arguments)
            .arg("--config")
            .arg(self.folder.path().join("gate.toml"))
            .output()
            .unwrap()
    }

    /// Something that was counted.
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.status().counts.iter().find(|(other, _)| other == name).unwrap().1
    }

    /// The log so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The supervisor's number.
    pub(crate) fn supervisor(&self) -> u32 {
        self.gate.as_ref().unwrap().id()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if let Some(gate) = &mut self.gate {
            let _ = Command::new("kill").arg(gate.id().to_string()).status();
            let begun = Instant::now();
            while gate.try_wait().is_ok_and(|status| status.is_none()) && begun.elapsed() < DEADLINE {
                thread::sleep(Duration::from_millis(10));
            }
            let _ = gate.kill();
        }
        let place = self.path("");
        let _ = run("umount", &["-l", place.to_str().unwrap()]);
    }
}

/// Whether opening a file is refused; anything else than that or success is a failure of the test.
pub(crate) fn is_refused(path: &Path) -> bool {
    match File::open(path) {
        Ok(_) => false,
        Err(error) if error.raw_os_error() == Some(1) => true,
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

/// Runs a program to its end.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).output();
    output.unwrap_or_else(|error| Output {
        status: std::process::ExitStatus::from_raw(127 << 8),
        stdout: Vec::new(),
        stderr: error.to_string().into_bytes(),
    })
}

/// Waits until something is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The processes that a process started.
pub(crate) fn children(process: u32) -> Vec<u32> {
    let output = run("pgrep", &["-P", &process.to_string()]);
    String::from_utf8_lossy(&output.stdout).split_whitespace().map(|number| number.parse().unwrap()).collect()
}
