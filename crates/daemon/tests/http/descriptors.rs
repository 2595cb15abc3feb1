//! Descriptors that come along on the Unix socket.

use std::fs::{File, OpenOptions};
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::process::Command;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use crate::client::{Answer, answer, ask, unix};
use crate::foreign_clients::installed;
use crate::program::Program;
use crate::samples::eicar;
use crate::start;

fn send(stream: &UnixStream, text: &str, descriptors: &[BorrowedFd<'_>]) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(descriptors)));
    let sent = sendmsg(stream, &[IoSlice::new(text.as_bytes())], &mut control, SendFlags::empty()).unwrap();
    assert_eq!(sent, text.len());
}

fn request(fields: &str) -> String {
    format!("POST /v1/scan?name=sent HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")
}

fn asked(program: &Program, fields: &str, descriptors: &[BorrowedFd<'_>]) -> Answer {
    let mut stream = unix(&program.unix("http"));
    send(&stream, &request(fields), descriptors);
    answer(&mut stream, false)
}

fn sample(program: &Program) -> File {
    let path = program.folder().join("sample");
    std::fs::write(&path, eicar()).unwrap();
    File::open(path).unwrap()
}

#[test]
fn a_descriptor_is_scanned() {
    let program = start("");
    let file = sample(&program);
    let mut stream = unix(&program.unix("http"));
    for _ in 0..3 {
        send(&stream, &request("Candor-Descriptor: 1\r\n"), &[file.as_fd()]);
        let answer = answer(&mut stream, false);
        assert_eq!(answer.status, 200, "{answer:?}");
        let root = &answer.json()["root"];
        assert_eq!((root["verdict"].as_str(), root["path"].as_str()), (Some("malicious"), Some("sent")));
    }
    program.stop();
}

#[test]
fn what_is_no_file_to_read_is_refused() {
    let program = start("");
    let file = sample(&program);
    let path = program.folder().join("sample");
    let writing = OpenOptions::new().append(true).open(&path).unwrap();
    let folder = File::open(program.folder()).unwrap();
    let device = File::open("/dev/zero").unwrap();
    let field = "Candor-Descriptor: 1\r\n";
    for (fields, descriptors, status) in [
        (field, vec![writing.as_fd()], 400),
        (field, vec![folder.as_fd()], 422),
        (field, vec![device.as_fd()], 422),
        (field, vec![file.as_fd(), file.as_fd()], 400),
        (field, vec![file.as_fd(); 8], 400),
        (field, vec![], 400),
        ("Candor-Descriptor: 2\r\n", vec![file.as_fd()], 400),
        ("Candor-Descriptor: 1\r\nContent-Length: 3\r\n", vec![file.as_fd()], 400),
        ("Content-Length: 0\r\n", vec![file.as_fd()], 400),
    ] {
        let answer = asked(&program, fields, &descriptors);
        assert_eq!(answer.status, status, "{fields}: {answer:?}");
        answer.problem();
    }
    let remote = ask(&program, "POST /v1/scan", field, b"");
    assert_eq!(remote.status, 403);
    program.stop();
}

#[test]
fn descriptors_that_nobody_takes_are_closed() {
    let program = start("");
    let file = sample(&program);
    let count =
        || std::fs::read_dir(format!("/proc/{}/fd", program.process().as_raw_nonzero())).unwrap().count();
    asked(&program, "Candor-Descriptor: 1\r\n", &[file.as_fd()]);
    let before = count();
    let mut stream = unix(&program.unix("http"));
    for _ in 0..20 {
        send(&stream, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", &[file.as_fd(); 8]);
        assert_eq!(answer(&mut stream, false).status, 200);
    }
    // The connection itself has one.
    assert!(count() <= before + 1, "{} descriptors, {before} before", count());
    program.stop();
}

#[test]
fn the_client_of_the_documentation_works() {
    if !installed("python3") {
        return;
    }
    let documentation = include_str!("../../../../docs/http.md");
    let script = documentation.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let program = start("");
    drop(sample(&program));
    let output = Command::new("python3")
        .args(["-c", script])
        .arg(program.unix("http"))
        .arg(program.folder().join("sample"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("malicious Candor.Test.Malware.Eicar-1"),
        "{text} {}",
        String::from_utf8_lossy(&output.stderr)
    );
    program.stop();
}
