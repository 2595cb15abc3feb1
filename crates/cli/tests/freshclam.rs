//! `candor freshclam` with the publisher's test containers and a mirror on this machine, beside ClamAV's freshclam.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;

use tempfile::TempDir;

type Files = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// A mirror that knows ranges; its port.
fn mirror(files: &Files) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let files = Arc::clone(files);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut request, mut line, mut range) = (String::new(), String::new(), false);
            reader.read_line(&mut request).unwrap();
            while reader.read_line(&mut line).unwrap() > 2 {
                range |= line.to_ascii_lowercase().starts_with("range:");
                line.clear();
            }
            let name = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
            let (status, body) = match files.lock().unwrap().get(&name) {
                None => (404, Vec::new()),
                Some(bytes) if range => (206, bytes[..bytes.len().min(512)].to_vec()),
                Some(bytes) => (200, bytes.clone()),
            };
            let head =
                format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(&[head.as_bytes(), &body].concat());
        }
    });
    port
}

/// A program beside a folder of containers.
struct Updater {
    program: Vec<PathBuf>,
    folder: TempDir,
}

impl Updater {
    fn run(&self, port: u16, more: &str) -> Output {
        let configuration = self.folder.path().join("freshclam.conf");
        let databases = self.databases();
        fs::create_dir_all(&databases).unwrap();
        let text = format!(
            "DatabaseDirectory {}\nDatabaseMirror http://127.0.0.1:{port}\nDatabaseOwner root\nMaxAttempts 1\nExcludeDatabase \
             main\nExcludeDatabase daily\nExcludeDatabase bytecode\nExtraDatabase test\n{more}",
            databases.display()
        );
        fs::write(&configuration, text).unwrap();
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]).arg(format!("--config-file={}", configuration.display()));
        command.args(["--no-dns", "--stdout"]).output().unwrap()
    }

    fn databases(&self) -> PathBuf {
        self.folder.path().join("db")
    }

    /// The members of the container that is installed, by `sigtool` where it is, and its name.
    fn installed(&self) -> Vec<String> {
        let entries = fs::read_dir(self.databases()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
        names.retain(|name| name.starts_with("test."));
        names.sort();
        names
    }
}

/// The line that says what is installed.
fn last_news(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let news = |line: &&str| line.contains(" updated (") || line.contains("up-to-date");
    text.lines().rfind(news).unwrap_or_default().to_owned()
}

#[test]
fn containers_are_updated_as_freshclam_updates_them() {
    let fetcher = Path::new(env!("CARGO_BIN_EXE_candor")).with_file_name("candor-fetch");
    let Ok(shared) = std::env::var("CANDOR_SHARED") else {
        eprintln!("skipped: CANDOR_SHARED is not set");
        return;
    };
    if !fetcher.is_file() {
        eprintln!("skipped: {} is not built", fetcher.display());
        return;
    }
    let read = |name: &str| fs::read(Path::new(&shared).join("data/cvd").join(name)).unwrap();
    let files = Files::default();
    let offer = |name: &str, bytes: Vec<u8>| files.lock().unwrap().insert(name.to_owned(), bytes);
    let port = mirror(&files);
    let ours = Updater {
        program: vec![env!("CARGO_BIN_EXE_candor").into(), "freshclam".into()],
        folder: TempDir::new().unwrap(),
    };
    let theirs = Updater { program: vec!["freshclam".into()], folder: TempDir::new().unwrap() };
    let compared = Command::new("freshclam").arg("--version").output().is_ok();
    if !compared {
        eprintln!("not compared: freshclam is not installed");
    }
    let step = |expected: i32, news: &str| {
        let output = ours.run(port, "");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!((output.status.code(), last_news(&output).as_str()), (Some(expected), news), "{told}");
        if compared {
            let output = theirs.run(port, "");
            assert_eq!((output.status.code(), last_news(&output).as_str()), (Some(expected), news));
            assert_eq!(ours.installed(), theirs.installed());
        }
    };
    offer("test.cvd", read("test-1.cvd"));
    step(0, "test.cvd updated (version: 1, sigs: 0, f-level: 81, builder: micasnyd)");
    offer("test.cvd", read("test-3.cvd"));
    for version in 2..=3 {
        offer(&format!("test-{version}.cdiff"), read(&format!("test-{version}.cdiff")));
    }
    step(0, "test.cld updated (version: 3, sigs: 11, f-level: 81, builder: raynman)");
    step(0, "test.cld database is up-to-date (version: 3, sigs: 11, f-level: 81, builder: raynman)");
    let mut damaged = read("test-4.cdiff");
    damaged.truncate(500);
    offer("test-4.cdiff", damaged);
    offer("test.cvd", read("test-4.cvd"));
    step(0, "test.cvd updated (version: 4, sigs: 12, f-level: 81, builder: micasnyd)");
    let mut damaged = read("test-6.cvd");
    damaged[2000] ^= 1;
    offer("test.cvd", damaged);
    step(7, "");
    offer("test.cvd", read("test-2.cvd"));
    step(0, "test.cvd database is up-to-date (version: 4, sigs: 12, f-level: 81, builder: micasnyd)");
    files.lock().unwrap().clear();
    step(11, "");

    // clamd is told, and commands are run.
    let socket = ours.folder.path().join("clamd.ctl");
    let listener = UnixListener::bind(&socket).unwrap();
    let clamd = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut command = [0; 8];
        stream.read_exact(&mut command).unwrap();
        stream.write_all(b"RELOADING\n").unwrap();
        command
    });
    let clamd_conf = ours.folder.path().join("clamd.conf");
    fs::write(&clamd_conf, format!("LocalSocket {}\n", socket.display())).unwrap();
    offer("test.cvd", read("test-6.cvd"));
    let more = format!("NotifyClamd {}\nOnUpdateExecute EXIT_42\n", clamd_conf.display());
    assert_eq!(ours.run(port, &more).status.code(), Some(42));
    assert_eq!(&clamd.join().unwrap(), b"nRELOAD\n");
}
