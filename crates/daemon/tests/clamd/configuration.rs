//! A clamd.conf in the place of our own configuration.

use std::fs;
use std::process::Command;

use crate::conversation::{path_command, say, stream, talk, told};
use crate::files::{Files, NAME, eicar, tcp, unix};
use crate::program::{Program, candord};

#[test]
fn a_service_takes_the_place_of_clamd() {
    let files = Files::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clamd.conf");
    let text = format!(
        "# comment\nLocalSocket {}/clamd.ctl\nTCPSocket 0\nTCPAddr 127.0.0.1\nStreamMaxLength 1K\nBogus yes\n\
         FixStaleSocket true\nAllowAllMatchScan no\nEnableShutdownCommand no\nScanMail yes\n",
        folder.path().display()
    );
    fs::write(&path, text).unwrap();
    let program = Program::start_with("", |command| {
        command.arg("--clamd-config").arg(&path);
    });
    let plain = files.path("plain").display().to_string();
    assert_eq!(
        told(&talk(&tcp(&program), &[path_command("SCAN", &files.path("plain"))])),
        format!("{plain}: OK\\x00")
    );
    assert_eq!(told(&talk(&unix(&program), &[stream(&eicar())])), format!("stream: {NAME} FOUND\\x00"));
    let too_long = talk(&unix(&program), &[stream(&[0; 2000])]);
    assert_eq!(told(&too_long), "INSTREAM size limit exceeded. ERROR\\x00");
    let disabled = talk(&unix(&program), &[path_command("ALLMATCHSCAN", &files.path("plain"))]);
    assert!(told(&disabled).ends_with("disabled by clamd configuration. ERROR\\x00"));
    assert_eq!(told(&talk(&unix(&program), &[say("zSHUTDOWN\0")])), "COMMAND UNAVAILABLE\\x00");
    let log = program.stop();
    for remark in [
        "line 6: Bogus: unknown",
        "line 7: FixStaleSocket: without meaning here",
        "line 10: ScanMail: not done",
    ] {
        assert!(log.contains(remark), "{remark}: {log}");
    }
}

#[test]
fn what_clamd_would_refuse_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clamd.conf");
    fs::write(&path, "Example\nMaxThreads many\n").unwrap();
    let output =
        Command::new(candord()).args(["config", "check", "--clamd-config"]).arg(&path).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    for wrong in ["line 1: Example: wrong", "line 2: MaxThreads: wrong", "LocalSocket"] {
        assert!(told.contains(wrong), "{wrong}: {told}");
    }
}
