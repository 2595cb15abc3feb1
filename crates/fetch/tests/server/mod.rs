//! A server on this machine whose answers are written by the test, byte for byte.

#![allow(dead_code, unused_imports, reason = "each test file uses its own part")]

mod listening;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) use listening::{Server, ok, say, status};

/// The fetcher with a folder for it.
pub(crate) struct Ground {
    folder: TempDir,
}

impl Ground {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What lies below a folder, as paths from it.
    pub(crate) fn files(&self, name: &str) -> Vec<String> {
        let root = self.path(name);
        let mut found = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        found.sort();
        found
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_candor-fetch"));
        command.args(arguments).current_dir(self.folder.path());
        command
    }

    /// `candor-fetch source` of a URL into the file `got/file`.
    pub(crate) fn source(&self, url: &str, more: &[&str]) -> Seen {
        std::fs::create_dir_all(self.path("got")).unwrap();
        let mut arguments = vec!["source", "--url", url, "--into", "got/file"];
        arguments.extend(more);
        if !more.contains(&"--patience") {
            arguments.extend(["--patience", "2"]);
        }
        Seen::new(self.command(&arguments).output().unwrap())
    }

    /// `candor-fetch mirror` of a place into `staging`.
    pub(crate) fn mirror(&self, from: &str, more: &[&str]) -> Seen {
        let mut arguments = vec!["mirror", "--from", from, "--into", "staging", "--patience", "2"];
        arguments.extend(more);
        Seen::new(self.command(&arguments).output().unwrap())
    }
}

/// What came out of a run.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: Option<i32>,
    pub(crate) line: Value,
    pub(crate) stderr: String,
}

impl Seen {
    fn new(output: Output) -> Self {
        let stdout = String::from_utf8(output.stdout).unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = stdout.lines().last().unwrap_or_else(|| panic!("nothing on standard output: {stderr}"));
        Self { status: output.status.code(), line: serde_json::from_str(line).unwrap(), stderr }
    }

    /// Fails unless everything was fetched.
    pub(crate) fn complete(self) -> Self {
        assert_eq!((self.status, &self.line["error"]), (Some(0), &Value::Null), "{self:#?}");
        self
    }

    /// Fails unless it failed with an error of this kind, with a part of the text.
    pub(crate) fn failed(self, kind: &str, part: &str) -> Self {
        assert_eq!((self.status, &self.line["error"]["kind"]), (Some(1), &kind.into()), "{self:#?}");
        assert!(self.line["error"]["text"].as_str().unwrap().contains(part), "{part}: {self:#?}");
        self
    }
}

/// A digest that is none.
pub(crate) fn digest(letter: char) -> String {
    letter.to_string().repeat(64)
}

/// The files of a mirror with one segment, which `letter` stands for.
pub(crate) fn mirror_of(sequence: u64, letter: char) -> BTreeMap<String, Vec<u8>> {
    let digest = digest(letter);
    let body = format!("segment {letter}");
    let targets =
        format!(r#"{{"signed":{{"targets":{{"segments/{digest}.zst":{{"length":{}}}}}}}}}"#, body.len());
    let statement = format!(
        "candor.release/v1\ntype sigdb\nsequence {sequence}\nsegment base 9 {digest} image 4 10 {digest}\n"
    );
    let snapshot = sequence + 10;
    let files = [
        ("metadata/1.root.json".to_owned(), "{}".to_owned()),
        ("metadata/2.root.json".to_owned(), "{}".to_owned()),
        (
            "metadata/timestamp.json".to_owned(),
            format!(r#"{{"signed":{{"meta":{{"snapshot.json":{{"version":{snapshot}}}}}}}}}"#),
        ),
        (
            format!("metadata/{snapshot}.snapshot.json"),
            format!(r#"{{"signed":{{"meta":{{"targets.json":{{"version":{sequence}}}}}}}}}"#),
        ),
        (format!("metadata/{sequence}.targets.json"), targets),
        ("checkpoint".to_owned(), "example.org/log\n258\nhash\n".to_owned()),
        ("tile/0/000".to_owned(), "full".to_owned()),
        ("tile/0/001.p/2".to_owned(), "part".to_owned()),
        ("tile/1/000.p/1".to_owned(), "part".to_owned()),
        ("tile/entries/000".to_owned(), "full".to_owned()),
        ("tile/entries/001.p/2".to_owned(), "part".to_owned()),
        ("releases/latest".to_owned(), format!("{sequence}\n")),
        (format!("releases/{sequence}/statement"), statement),
        (format!("releases/{sequence}/proof.tlog-proof"), "proof".to_owned()),
        (format!("targets/segments/{digest}.zst"), body),
    ];
    files.into_iter().map(|(path, body)| (path, body.into_bytes())).collect()
}

/// Adds a delta to a mirror, and its line to the metadata.
pub(crate) fn add_delta(files: &mut BTreeMap<String, Vec<u8>>, sequence: u64, old: char, new: char) {
    let name = format!("deltas/{}-{}.zst", digest(old), digest(new));
    let body = format!("delta {old}-{new}");
    let path = format!("metadata/{sequence}.targets.json");
    let text = String::from_utf8(files[&path].clone()).unwrap();
    let entry = format!(r#""targets":{{"{name}":{{"length":{}}},"#, body.len());
    files.insert(path, text.replacen(r#""targets":{"#, &entry, 1).into_bytes());
    files.insert(format!("targets/{name}"), body.into_bytes());
}
