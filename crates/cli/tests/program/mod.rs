//! Runs `candor` on a folder made for the test.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Once;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Content that the signatures of the tests know.
pub(crate) const EVIL: &[u8] = b"content that the test's signature knows";
/// Its detection name.
pub(crate) const NAME: &str = "Test.Known-1";

/// A folder with signatures in `known.hashes` and a folder `files` for the test's files.
pub(crate) struct Ground {
    folder: TempDir,
}

impl Ground {
    /// A fresh folder.
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("files")).unwrap();
        let ground = Self { folder };
        let digest = hex::encode(Sha256::digest(EVIL));
        fs::write(ground.path("known.hashes"), format!("{digest} {NAME}\n")).unwrap();
        ground
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file under `files`, with the folders that it needs.
    pub(crate) fn file(&self, name: impl AsRef<Path>, content: &[u8]) -> PathBuf {
        let path = self.path("files").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// `candor` with these arguments, in the folder, without colours and without the machine's own signatures.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        build_worker();
        let mut command = Command::new(env!("CARGO_BIN_EXE_candor"));
        command.args(arguments).current_dir(self.folder.path());
        command.env_remove("NO_COLOR").env("CANDORD_SOCKET", "/nonexistent").stdin(Stdio::null());
        command
    }

    /// Runs `candor` with these arguments.
    pub(crate) fn run(&self, arguments: &[&str]) -> Seen {
        Seen::new(self.command(arguments).output().unwrap())
    }

    /// Runs `candor scan` on `files` with the test's signatures and these arguments.
    pub(crate) fn scan(&self, arguments: &[&str]) -> Seen {
        let mut all = vec!["scan", "files", "--signatures", "known.hashes"];
        all.extend(arguments);
        self.run(&all)
    }

    /// Runs `candor` with these arguments and bytes on its standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Seen {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // It may have ended without reading everything.
        let _ = stdin.write_all(input);
        drop(stdin);
        Seen::new(child.wait_with_output().unwrap())
    }
}

/// Builds the worker, the fetcher and the loader beside `candor`: cargo knows only the programs of the crate under test.
pub(crate) fn build_worker() {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| build(&["candor-worker", "candor-fetch", "candor-loader"]));
}

/// Builds what publishers and witnesses run beside `candor`, and gives the folder of all programs.
pub(crate) fn build_publisher() -> &'static Path {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| build(&["candor-publish", "candor-witness"]));
    Path::new(env!("CARGO_BIN_EXE_candor")).parent().unwrap()
}

/// Builds programs of other packages, unless the caller says that this was done: a test of the whole workspace has built
/// all programs, and a build of single packages would compile what they share anew, with other features.
fn build(packages: &[&str]) {
    if std::env::var_os("CANDOR_PROGRAMS_BUILT").is_some() {
        return;
    }
    let folder = Path::new(env!("CARGO_BIN_EXE_candor")).parent().unwrap();
    let profile = if folder.ends_with("release") { "release" } else { "dev" };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--profile", profile]);
    for package in packages {
        cargo.args(["--package", package]);
    }
    assert!(cargo.status().unwrap().success(), "the programs could not be built");
}

/// What came out of a run.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Seen {
    pub(crate) fn new(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Fails with all that was seen unless the status is this one.
    pub(crate) fn expect(self, status: i32) -> Self {
        assert_eq!(self.status, status, "{self:#?}");
        self
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// The bytes as gzip.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Whether this user may read everything, so that unreadable files cannot be made.
pub(crate) fn reads_everything(unreadable: &Path) -> bool {
    fs::File::open(unreadable).is_ok() || fs::read_dir(unreadable).is_ok()
}
