//! A new database that flags what everybody has: the breaker trips, and the database from before is back.

mod program;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::fs::symlink;
use std::path::Path;

use candor_signatures::Sources;
use program::Program;
use rustix::process::Signal;

const POISONED: &str = "Win.Trojan.Poisoned-1:0:*:63616e646f722d746573743a\n";
const GOOD: &str = "Test.Good-1:0:*:676f6f642d7369676e61747572652d776f726473\n";
const OTHER: &str = "Test.Other-1:0:*:6f746865722d7369676e61747572652d776f726473\n";

fn build(folder: &Path, signatures: &str) {
    let mut sources = Sources::default();
    sources.add_text("test.ndb", signatures);
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("test.cdb"), sources.build(|problem| panic!("{problem}")).unwrap().image).unwrap();
    fs::write(folder.join("notes.txt"), "no database").unwrap();
}

/// Points a link elsewhere, as a store does.
fn point(link: &Path, to: &str) {
    let new = link.with_extension("new");
    symlink(to, &new).unwrap();
    fs::rename(new, link).unwrap();
}

/// What clamd's protocol says of content.
fn scan(address: SocketAddr, content: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"zINSTREAM\0").unwrap();
    stream.write_all(&(content.len() as u32).to_be_bytes()).unwrap();
    stream.write_all(content.as_bytes()).unwrap();
    stream.write_all(&[0; 4]).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_poisoned_database_trips_and_the_old_one_is_back() {
    let store = tempfile::tempdir().unwrap();
    let of = |name: &str| store.path().join(name);
    build(&of("1"), GOOD);
    build(&of("2"), &format!("{GOOD}{POISONED}"));
    build(&of("3"), &format!("{GOOD}{OTHER}"));
    point(&of("current"), "1");
    point(&of("previous"), "1");
    let program = Program::start(&format!(
        "[clamd]\nlisten = [\"tcp:127.0.0.1:0\"]\n[metrics]\nlisten = [\"tcp:127.0.0.1:0\"]\n\
         [breaker]\ncontents_of_a_signature = 5\n\
         [database]\nfiles = [\"{0}/current\"]\nprevious = [\"{0}/previous\"]\n",
        store.path().display()
    ));
    let (clamd, metrics) = (program.tcp("clamd"), program.tcp("metrics"));
    assert!(scan(clamd, "candor-test: before").ends_with("OK\0"));
    assert!(get(metrics, "/metrics").contains("\ncandor_breaker_tripped 0\n"));
    point(&of("current"), "2");
    program.signal(Signal::USR2);
    program.wait_for("reloaded");
    for number in 0..5 {
        let answer = scan(clamd, &format!("candor-test: file {number}"));
        assert!(answer.contains("Win.Trojan.Poisoned-1"), "{number}: {answer}");
    }
    let trip = program.wait_until("the trip", |event| {
        event["reason"].as_str().is_some_and(|why| why.contains("5 contents"))
    });
    assert!(trip["event"].as_str().unwrap().starts_with("breaker tripped"), "{trip}");
    program.wait_for("went back to the databases from before");
    // Content that the poisoned one flags passes, and what the good one knows is found.
    assert!(scan(clamd, "candor-test: file 1").ends_with("OK\0"));
    assert!(scan(clamd, "good-signature-words").contains("Test.Good-1"));
    let page = get(metrics, "/metrics");
    assert!(
        page.contains("\ncandor_breaker_tripped 1\n") && page.contains("\ncandor_breaker_trips_total 1\n"),
        "{page}"
    );
    let ready = get(metrics, "/readyz");
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains("ready; breaker tripped"), "{ready}");
    // It is not put into use again; another one is.
    program.signal(Signal::USR2);
    let refused = program.wait_for("not reloaded; the old databases stay in use");
    assert!(refused["error"].as_str().unwrap().contains("tripped the breaker"), "{refused}");
    assert!(scan(clamd, "candor-test: file 2").ends_with("OK\0"));
    point(&of("current"), "3");
    program.signal(Signal::USR2);
    let begun = std::time::Instant::now();
    while !scan(clamd, "other-signature-words").contains("Test.Other-1") {
        assert!(begun.elapsed() < program::DEADLINE, "the third database is not in use:\n{}", program.log());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let page = get(metrics, "/metrics");
    assert!(page.contains("\ncandor_breaker_trips_total 1\n"), "{page}");
    program.stop();
}

/// What clamd's protocol says of an open file.
fn scan_file(socket: &Path, file: &File) -> String {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    let mut stream = std::os::unix::net::UnixStream::connect(socket).unwrap();
    stream.write_all(b"zFILDES\0").unwrap();
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let files = [file.as_fd()];
    assert!(ancillary.push(SendAncillaryMessage::ScmRights(&files)));
    sendmsg(&stream, &[std::io::IoSlice::new(b"x")], &mut ancillary, SendFlags::empty()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The signature that a tool of the distribution is malware, on a system with dpkg.
#[test]
fn one_unmodified_file_of_a_package_is_enough() {
    let Ok(tool) = fs::read("/usr/bin/dpkg-deb") else {
        eprintln!("skipped: there is no dpkg here");
        return;
    };
    let store = tempfile::tempdir().unwrap();
    let of = |name: &str| store.path().join(name);
    build(&of("1"), GOOD);
    let digest: String = sha2(&tool).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut sources = Sources::default();
    sources.add_text("test.hsb", &format!("{digest}:{}:Win.Trojan.Poisoned-2\n", tool.len()));
    fs::create_dir(of("2")).unwrap();
    fs::write(of("2/test.cdb"), sources.build(|problem| panic!("{problem}")).unwrap().image).unwrap();
    point(&of("current"), "1");
    let program = Program::start(&format!(
        "[clamd]\nlisten = [\"unix:{{folder}}/clamd\"]\n\
         [database]\nfiles = [\"{0}/current\"]\nprevious = [\"{0}/1\"]\n",
        store.path().display()
    ));
    point(&of("current"), "2");
    program.signal(Signal::USR2);
    program.wait_for("reloaded");
    let file = File::open("/usr/bin/dpkg-deb").unwrap();
    assert!(scan_file(&program.unix("clamd"), &file).contains("Win.Trojan.Poisoned-2"));
    program.wait_until("the package", |event| {
        event["reason"].as_str().is_some_and(|why| why.contains("unmodified file of the package dpkg"))
    });
    program.wait_for("went back to the databases from before");
    assert!(scan_file(&program.unix("clamd"), &file).ends_with("OK\0"));
    program.stop();
}

fn sha2(bytes: &[u8]) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).to_vec()
}
