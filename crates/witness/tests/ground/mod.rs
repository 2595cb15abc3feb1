//! A log, a client, and the program with its files, for tests.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use candor_tlog::{
    Checkpoint, Hash, KeyKind, Note, SigningKey, Submission, VerifyingKey, consistency_proof, leaf_hash,
    root_of,
};

pub(crate) const ORIGIN: &str = "example.org/log";
pub(crate) const WITNESS: &str = "witness.example.org/w";

/// A log that somebody may have cheat.
pub(crate) struct Log {
    pub(crate) key: SigningKey,
    pub(crate) leaves: Vec<Hash>,
}

impl Log {
    pub(crate) fn new(size: usize) -> Self {
        Self::with_history(0, size)
    }

    /// Its first three entries are those of all histories.
    pub(crate) fn with_history(history: u8, size: usize) -> Self {
        let key = SigningKey::new(ORIGIN, KeyKind::Note, &[1; 32]).unwrap();
        let leaf = |number: usize| {
            leaf_hash(&[number.to_be_bytes().as_slice(), &[if number < 3 { 0 } else { history }]].concat())
        };
        Self { key, leaves: (0..size).map(leaf).collect() }
    }

    pub(crate) fn note(&self, size: usize) -> Note {
        self.note_of(ORIGIN, size)
    }

    pub(crate) fn note_of(&self, origin: &str, size: usize) -> Note {
        let root = root_of(&self.leaves[..size]);
        let checkpoint = Checkpoint { origin: origin.to_owned(), size: size as u64, root };
        let mut note = checkpoint.to_note().unwrap();
        note.sign(&self.key);
        note
    }

    /// The request with a checkpoint of this size and the proof from the other.
    pub(crate) fn request(&self, old: usize, size: usize) -> Submission {
        let proof = consistency_proof(&self.leaves[..size], old).unwrap_or_default();
        let note = self.note(size);
        let checkpoint = Checkpoint::read(&note).unwrap();
        Submission { old: old as u64, proof, note, checkpoint }
    }
}

/// An answer of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn has(&self, field: &str, value: &str) -> bool {
        self.head.to_lowercase().lines().any(|line| line == format!("{field}: {value}").to_lowercase())
    }
}

/// A connection that is kept.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.get_mut().write_all(bytes)
    }

    /// The answer, or nothing if the connection ended.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let length =
            head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        self.0.read_exact(&mut body).ok()?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Answer { status, head: head.replace("\r\n", "\n"), body: String::from_utf8(body).unwrap() })
    }

    pub(crate) fn post(&mut self, path: &str, body: &[u8]) -> Option<Answer> {
        let head = format!("POST {path} HTTP/1.1\r\nHost: w\r\nContent-Length: {}\r\n\r\n", body.len());
        self.send(&[head.as_bytes(), body].concat()).ok()?;
        self.answer()
    }

    pub(crate) fn get(&mut self, path: &str) -> Option<Answer> {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: w\r\n\r\n").as_bytes()).ok()?;
        self.answer()
    }

    pub(crate) fn end_sending(&self) {
        self.0.get_ref().shutdown(Shutdown::Write).unwrap();
    }
}

/// A folder with a configuration, a key and a state.
pub(crate) struct Ground {
    folder: tempfile::TempDir,
    pub(crate) key: VerifyingKey,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let output = program()
            .args(["key", "--name", WITNESS, "--out"])
            .arg(folder.path().join("key"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let key = String::from_utf8(output.stdout).unwrap().trim_end().parse().unwrap();
        fs::create_dir(folder.path().join("state")).unwrap();
        let ground = Self { folder, key };
        ground.configure("", &[ORIGIN]);
        assert!(ground.init().status.success());
        ground
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path("witness.toml")
    }

    pub(crate) fn configure(&self, more: &str, origins: &[&str]) {
        let log = Log::new(0).key.public().to_string();
        let mut text = format!(
            "listen = \"127.0.0.1:0\"\nstate = {:?}\nkeys = [{:?}]\n{more}\n",
            self.path("state/state"),
            self.path("key")
        );
        for origin in origins {
            text.push_str(&format!("[[log]]\nvkey = \"{log}\"\norigin = \"{origin}\"\n"));
        }
        fs::write(self.config(), text).unwrap();
    }

    pub(crate) fn init(&self) -> std::process::Output {
        program().args(["init", "--config"]).arg(self.config()).output().unwrap()
    }

    pub(crate) fn start(&self) -> Running {
        self.start_with(program().args(["serve", "--config"]).arg(self.config()))
    }

    pub(crate) fn start_with(&self, command: &mut Command) -> Running {
        Running::of(command).unwrap_or_else(|complaint| panic!("it did not start: {complaint}"))
    }

    /// What it says when it refuses to start.
    pub(crate) fn refusal(&self) -> String {
        match Running::of(program().args(["serve", "--config"]).arg(self.config())) {
            Ok(_) => panic!("it started"),
            Err(complaint) => complaint,
        }
    }

    /// The names in the folder of evidence.
    pub(crate) fn evidence(&self) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(self.path("state/evidence")).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    }
}

pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_candor-witness"));
    command.env_remove("JOURNAL_STREAM").env_remove("CANDOR_WITNESS_KILL_AT");
    command
}

/// The program, which is killed at the end.
pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddr,
    rest: Option<JoinHandle<String>>,
}

impl Running {
    #[expect(clippy::zombie_processes, reason = "it is waited for when this is dropped")]
    pub(crate) fn of(command: &mut Command) -> Result<Self, String> {
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line).unwrap() == 0 {
                let status = child.wait().unwrap();
                return Err(format!("{status}: {said}"));
            }
            said.push_str(&line);
            if let Some((_, after)) = line.split_once("listening at http://") {
                let address = after.split([',', '/']).next().unwrap().parse().unwrap();
                let rest = thread::spawn(move || {
                    let mut rest = String::new();
                    let _ = lines.read_to_string(&mut rest);
                    rest
                });
                return Ok(Self { child, address, rest: Some(rest) });
            }
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address)
    }

    pub(crate) fn add(&self, request: &Submission) -> Answer {
        self.client().post("/add-checkpoint", &request.to_bytes()).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.client().get(path).unwrap()
    }

    /// Tells it to end; how it ended, and what it said after it began.
    pub(crate) fn stop(mut self) -> (Option<i32>, String) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        let status = self.child.wait().unwrap();
        (status.code(), self.rest.take().unwrap().join().unwrap())
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> std::process::ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The time of our cosignature in an answer, which must be right for this note.
pub(crate) fn time_of(answer: &Answer, note: &Note, key: &VerifyingKey) -> u64 {
    assert_eq!(answer.status, 200, "{answer:?}");
    let cosigned = [note.to_bytes(), answer.body.clone().into_bytes()].concat();
    let cosigned = Note::read(&cosigned).unwrap();
    candor_tlog::cosigned(&cosigned, key).unwrap().time
}

/// The name under which the latest checkpoint of a log is read.
pub(crate) fn page_of(origin: &str) -> String {
    use sha2::{Digest, Sha256};
    format!("/checkpoint/{}", hex::encode(Sha256::digest(origin)))
}
