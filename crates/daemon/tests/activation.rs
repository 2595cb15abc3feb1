//! Sockets that systemd opens and passes: by `systemd-socket-activate`, and by a few lines of Python.

#![allow(clippy::print_stdout, reason = "says which test was skipped")]

mod program;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use program::{DEADLINE, Program, candord, configure};

/// Opens sockets, moves them to 3 and following as systemd does, and becomes the program.
const LAUNCHER: &str = "
import os, socket, sys
names, addresses, program = sys.argv[1], sys.argv[2].split(','), sys.argv[3:]
kept = []
for address in addresses:
    if address == 'tcp':
        one = socket.create_server(('127.0.0.1', 0))
    elif address == 'connection':
        server = socket.create_server(('127.0.0.1', 0))
        one = socket.create_connection(server.getsockname())
    else:
        one = socket.socket(socket.AF_UNIX)
        one.bind(address)
        one.listen()
    kept.append(os.dup(one.fileno()))
kept = [os.dup2(number, 100 + place) for place, number in enumerate(kept)]
for place, number in enumerate(kept):
    os.dup2(number, 3 + place, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(kept)), LISTEN_FDNAMES=names)
os.execv(program[0], program)
";

fn installed(program: &str) -> bool {
    let there =
        Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !there {
        eprintln!("skipped: {program} is not installed");
    }
    there
}

/// Starts it through the launcher, with sockets of these names at these addresses.
fn launch(toml: &str, names: &str, addresses: &str) -> Program {
    let folder = tempfile::tempdir().unwrap();
    let addresses = addresses.replace("{folder}", folder.path().to_str().unwrap());
    let mut command = Command::new("python3");
    command.args(["-c", LAUNCHER, names, &addresses]).arg(candord());
    configure(&mut command, folder.path(), toml);
    Program::run(command, folder)
}

fn alive(mut stream: impl Read + Write) {
    stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("alive\n"), "{answer}");
}

#[test]
fn passed_sockets_are_served_by_name() {
    if !installed("python3") {
        return;
    }
    // What the table names is not opened beside them: systemd has the say.
    let toml = "[metrics]\nlisten = [\"unix:{folder}/not-opened\"]\n";
    let program = launch(toml, "metrics:metrics", "tcp,{folder}/socket");
    program.wait_for("ready");
    assert_eq!(program.addresses("metrics").len(), 2);
    alive(TcpStream::connect(program.tcp("metrics")).unwrap());
    let path = program.unix("metrics");
    alive(UnixStream::connect(&path).unwrap());
    assert!(!program.folder().join("not-opened").exists());
    program.signal(rustix::process::Signal::TERM);
    let mut program = program;
    assert_eq!(program.wait(), Some(0), "{}", program.log());
    assert!(path.exists(), "systemd's own socket was removed");
}

#[test]
fn sockets_for_nobody_are_refused() {
    if !installed("python3") {
        return;
    }
    for (names, addresses, complaint) in [
        ("clam", "tcp", "systemd passed a socket for \"clam\""),
        ("metrics", "tcp,tcp", "without a name"),
        ("metrics", "connection", "it is a connection"),
    ] {
        let mut program = launch("", names, addresses);
        assert_eq!(program.wait(), Some(1));
        assert!(program.log().contains(complaint), "{}", program.log());
    }
}

#[test]
fn systemds_own_tool_can_start_it() {
    if !installed("systemd-socket-activate") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let mut command = Command::new("systemd-socket-activate");
    command.arg("--fdname=metrics").arg("--listen").arg(&path).arg("--").arg(candord());
    configure(&mut command, folder.path(), "");
    let mut program = Program::run(command, folder);
    let begun = Instant::now();
    let stream = loop {
        match UnixStream::connect(&path) {
            Ok(stream) => break stream,
            Err(error) => assert!(begun.elapsed() < DEADLINE, "{error}: {}", program.log()),
        }
        thread::sleep(Duration::from_millis(10));
    };
    // The first client starts the service and is served by it.
    alive(stream);
    program.wait_for("ready");
    program.signal(rustix::process::Signal::TERM);
    assert_eq!(program.wait(), Some(0), "{}", program.log());
}

#[test]
fn every_front_end_has_a_socket_unit() {
    let output = Command::new(candord()).env_clear().args(["config", "show"]).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    let mut table = "";
    let mut front_ends = 0;
    for line in shown.lines() {
        if let Some(name) = line.strip_prefix('[') {
            table = name.trim_end_matches(']');
        } else if line.starts_with("listen =") {
            let unit =
                format!("{}/../../packaging/systemd/candord-{table}.socket", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(&unit).unwrap_or_else(|error| panic!("{unit}: {error}"));
            assert!(text.contains(&format!("\nFileDescriptorName={table}\n")), "{unit}");
            front_ends += 1;
        }
    }
    assert!(front_ends >= 2, "{shown}");
}
