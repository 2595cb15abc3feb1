//! Starting and stopping `candord`, and what it says when it cannot.

#![allow(clippy::print_stdout, reason = "says which test was skipped")]

mod program;

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::{Command, Output};

use program::{Program, candord, configure};
use rustix::process::Signal;

const NATIVE: &str = "[native]\nlisten = [\"unix:{folder}/native\"]\n";

/// Starts it when it cannot start; gives what it leaves.
fn fails(toml: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(candord());
    configure(&mut command, folder.path(), toml);
    let mut program = Program::run(command, folder);
    let status = program.wait();
    (status, program.log())
}

fn candord_says(arguments: &[&str]) -> Output {
    Command::new(candord()).args(arguments).output().unwrap()
}

#[test]
fn it_becomes_ready_and_ends_on_each_signal() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut program = Program::start("");
        program.signal(signal);
        assert_eq!(program.wait(), Some(0), "{}", program.log());
        program.wait_for("stopped");
    }
}

#[test]
fn systemd_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(program::DEADLINE)).unwrap();
    let next = || {
        let mut message = [0; 4096];
        let length = socket.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    };
    let program = Program::start_with("", |command| {
        command.env("NOTIFY_SOCKET", &path);
    });
    assert!(next().contains("READY=1"));
    program.stop();
    assert!(next().contains("STOPPING=1"));
}

#[test]
fn databases_are_opened_again() {
    for signal in [Signal::HUP, Signal::USR2] {
        let program = Program::start("");
        program.signal(signal);
        program.wait_for("reloaded");
        program.stop();
    }
}

#[test]
fn a_missing_worker_is_told_with_a_hint() {
    let (status, log) = fails("[service]\nworker = \"{folder}/nothing\"\n");
    assert_eq!(status, Some(1));
    assert!(log.contains("/nothing is missing") && log.contains("service.worker"), "{log}");
}

#[test]
fn a_missing_database_is_told_with_a_hint() {
    let (status, log) = fails("[database]\nfiles = [\"{folder}/nothing\"]\n");
    assert_eq!(status, Some(1));
    assert!(log.contains("/nothing") && log.contains("candor db build"), "{log}");
}

#[test]
fn a_wrong_configuration_has_a_status_of_its_own() {
    let (status, log) = fails("[service]\nqueu = 3\n");
    assert_eq!(status, Some(2));
    assert!(
        log.contains("candord.toml:2: unknown key `service.queu`; did you mean `service.queue`?"),
        "{log}"
    );
    let wrong = candord_says(&["--no-such\x1b[31m\x1b]0;title\x07-option"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(
        String::from_utf8(wrong.stderr).unwrap().contains("'--no-such\\x1b[31m\\x1b]0;title\\x07-option'")
    );
    assert_eq!(candord_says(&["--config", "/nonexistent/candord.toml"]).status.code(), Some(2));
    assert_eq!(candord_says(&["--help"]).status.code(), Some(0));
}

#[test]
fn two_cannot_have_one_socket() {
    let toml = "[metrics]\nlisten = [\"tcp:127.0.0.1:0\", \"unix:{folder}/socket\"]\n";
    let program = Program::start(toml);
    for address in program.addresses("metrics") {
        let (status, log) = fails(&format!("[metrics]\nlisten = [\"{address}\"]\n"));
        assert_eq!(status, Some(1));
        assert!(log.contains("[metrics]") && log.contains("another process listens there"), "{log}");
    }
    // A killed one leaves its socket, which the next replaces.
    let address = program.unix("metrics");
    program.signal(Signal::KILL);
    let mut program = program;
    program.wait();
    assert!(address.exists());
    Program::start(&format!("[metrics]\nlisten = [\"unix:{}\"]\n", address.display())).stop();
}

#[test]
fn privileges_are_given_up() {
    if !rustix::process::getuid().is_root() {
        eprintln!("skipped: not root");
        return;
    }
    let toml = "[service]\nuser = \"nobody\"\n[metrics]\nlisten = [\"unix:{folder}/socket\"]\n";
    let program = Program::start_with(toml, |command| {
        let folder = command.get_envs().find(|(name, _)| *name == "TMPDIR").unwrap().1.unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    });
    let status = fs::read_to_string(format!("/proc/{}/status", program.process().as_raw_nonzero())).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().collect::<Vec<_>>()
    };
    assert_eq!(field("Uid:"), ["65534"; 4]);
    assert_eq!(field("Gid:"), ["65534"; 4]);
    assert_eq!(field("Groups:"), ["65534"]);
    assert_eq!(field("NoNewPrivs:"), ["1"]);
    for set in ["CapPrm:", "CapEff:", "CapInh:", "CapAmb:"] {
        assert_eq!(field(set), ["0000000000000000"], "{set}");
    }
    let metadata = fs::metadata(program.unix("metrics")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&metadata), 65534);
    program.stop();
}

#[test]
fn only_root_becomes_somebody_else() {
    let (status, log) = fails("[service]\nuser = \"no-such-user\"\n");
    // That a user is missing does not mend itself, so it is not to be tried again.
    assert_eq!(status, Some(2));
    assert!(log.contains("there is no user no-such-user") && log.contains("nologin no-such-user`"), "{log}");
}

#[test]
fn a_log_file_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let (log, moved, notify) =
        (folder.path().join("log"), folder.path().join("moved"), folder.path().join("notify"));
    let socket = UnixDatagram::bind(&notify).unwrap();
    socket.set_read_timeout(Some(program::DEADLINE)).unwrap();
    let mut command = Command::new(candord());
    configure(&mut command, folder.path(), "[log]\nfile = \"{folder}/log\"\nformat = \"human\"\n");
    command.env("NOTIFY_SOCKET", &notify);
    let mut program = Program::run(command, folder);
    socket.recv(&mut [0; 4096]).unwrap();
    fs::rename(&log, &moved).unwrap();
    program.signal(Signal::HUP);
    let begun = std::time::Instant::now();
    while !log.exists() {
        assert!(begun.elapsed() < program::DEADLINE, "no new log file");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    program.signal(Signal::TERM);
    assert_eq!(program.wait(), Some(0));
    assert!(fs::read_to_string(&moved).unwrap().contains("\"ready\""));
    assert!(fs::read_to_string(&log).unwrap().contains("\"stopped\""));
    assert_eq!(program.log(), "");
}

/// A client of the native front-end that says nothing.
fn silent(program: &Program) -> UnixStream {
    let mut client = UnixStream::connect(program.unix("native")).unwrap();
    // The greeting shows that it is being served.
    client.read_exact(&mut [0; 1]).unwrap();
    client
}

#[test]
fn an_idle_client_does_not_hold_the_end() {
    let program = Program::start(NATIVE);
    let _client = silent(&program);
    program.stop();
}

#[test]
fn signs_of_life_are_given() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(program::DEADLINE)).unwrap();
    let program = Program::start_with("", |command| {
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "20000");
    });
    let mut signs = 0;
    while signs < 3 {
        let mut message = [0; 4096];
        let length = socket.recv(&mut message).unwrap();
        signs += usize::from(message[..length].starts_with(b"WATCHDOG=1"));
    }
    program.stop();
}
