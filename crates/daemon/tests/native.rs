//! `candor scan` with the service: the same findings, and nothing lost when the service goes away.

mod program;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use program::Program;
use rustix::process::Signal;

const CONFIGURATION: &str = r#"
[native]
listen = ["unix:{folder}/native.sock"]
"#;

/// The command line, which cargo builds for this test no more than the worker.
fn candor() -> PathBuf {
    let built = program::candord().with_file_name("candor");
    // As in the tests of the command line: a test of the whole workspace has built all programs.
    if std::env::var_os("CANDOR_PROGRAMS_BUILT").is_none() {
        let built_now =
            Command::new(env!("CARGO")).args(["build", "--quiet", "--package", "candor-cli"]).status();
        assert!(built_now.unwrap().success());
    }
    assert!(built.is_file());
    built
}

fn scan(candor: &Path, socket: &Path, arguments: &[&str], files: &Path) -> Output {
    let mut command = Command::new(candor);
    command.args(["scan", "--format", "json"]).args(arguments).arg(files).env("CANDORD_SOCKET", socket);
    command.output().unwrap()
}

fn eicar() -> String {
    ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-", "STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].concat()
}

#[test]
fn the_service_scans_what_it_is_handed() {
    let candor = candor();
    let program = Program::start(CONFIGURATION);
    let socket = program.unix("native");
    let files = tempfile::tempdir().unwrap();
    for number in 0..500 {
        fs::write(files.path().join(number.to_string()), format!("file {number}")).unwrap();
    }
    fs::write(files.path().join("eicar.com"), eicar()).unwrap();
    let output = scan(&candor, &socket, &[], files.path());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{report:#}");
    assert_eq!(report["summary"]["files"], 501);
    assert_eq!(report["summary"]["verdicts"]["malicious"], 1);
    let origin = report["run"]["databases"][0]["origin"].as_str().unwrap();
    assert!(origin.starts_with("candord at "), "{origin}");
    // The same without it.
    let alone = scan(&candor, &socket, &["--alone", "--no-clamav"], files.path());
    let alone: serde_json::Value = serde_json::from_slice(&alone.stdout).unwrap();
    let identity = |report: &serde_json::Value| report["run"]["databases"][0]["identity"].clone();
    assert_eq!(identity(&alone), identity(&report));
    assert_eq!(alone["summary"]["verdicts"], report["summary"]["verdicts"]);
    program.stop();
}

#[test]
fn without_a_service_the_scan_goes_on() {
    let candor = candor();
    let mut program = Program::start(CONFIGURATION);
    let socket = program.unix("native");
    program.signal(Signal::KILL);
    program.wait();
    assert!(socket.exists());
    let files = tempfile::tempdir().unwrap();
    fs::write(files.path().join("eicar.com"), eicar()).unwrap();
    let output = scan(&candor, &socket, &[], files.path());
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("scanning without the service"), "{complaint}");
}
