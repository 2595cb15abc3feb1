//! Starting and stopping `candord`, and what it says when it cannot.

mod program;

use std::os::unix::net::UnixDatagram;
use std::process::{Command, Output};

use program::{Program, candord, configure};
use rustix::process::Signal;

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
    assert_eq!(candord_says(&["--no-such-option"]).status.code(), Some(2));
    assert_eq!(candord_says(&["--config", "/nonexistent/candord.toml"]).status.code(), Some(2));
    assert_eq!(candord_says(&["--help"]).status.code(), Some(0));
}
