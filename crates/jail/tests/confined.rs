//! What a process that was confined can still do, and which processes are not confined at all.
//!
//! This program confines itself: each test starts it anew, with a socket as standard input and a word that says
//! what to do.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::panic::catch_unwind;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use candor_jail::{Confinement, NOBODY, NotConfined, Output, confine};
use candor_protocol::Channel;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, word] = arguments.as_slice()
        && mode == "confined"
    {
        live(word);
        return;
    }
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    for (name, test) in TESTS {
        if wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())) {
            test();
            let _ = writeln!(io::stdout(), "test {name} ... ok");
        }
    }
}

const TESTS: [(&str, fn()); 8] = [
    ("a_file_that_was_sent_can_be_read", a_file_that_was_sent_can_be_read),
    ("a_panic_can_be_caught", a_panic_can_be_caught),
    ("an_abort_is_an_abort", an_abort_is_an_abort),
    ("anything_else_ends_with_the_filters_signal", anything_else_ends_with_the_filters_signal),
    ("a_process_that_was_stopped_goes_on", a_process_that_was_stopped_goes_on),
    ("the_output_alone_can_be_written", the_output_alone_can_be_written),
    ("what_is_no_file_is_no_output", what_is_no_file_is_no_output),
    ("who_could_reach_others_is_not_confined", who_could_reach_others_is_not_confined),
];

/// The life of the confined process.
fn live(word: &str) {
    std::panic::set_hook(Box::new(|_| {}));
    let mut channel = Channel::new(io::stdin().as_fd().try_clone_to_owned().unwrap());
    if word == "threads" {
        std::thread::spawn(|| std::thread::sleep(Duration::from_secs(600)));
    }
    if word.starts_with("output") {
        write(word, &mut channel);
        return;
    }
    if let Err(error) = confine_with(channel.as_fd()) {
        channel.send(error.to_string().as_bytes(), &[]).unwrap();
        return;
    }
    channel.send(b"confined", &[]).unwrap();
    match word {
        "read" => {
            let received = channel.receive().unwrap().unwrap();
            let file = File::from(received.descriptors.into_iter().next().unwrap());
            let mut content = [0; 7];
            file.read_exact_at(&mut content, 0).unwrap();
            drop(file);
            channel.send(&content, &[]).unwrap();
        }
        "panic" => {
            let caught = catch_unwind(|| assert!(std::hint::black_box(word).is_empty()));
            channel.send(if caught.is_err() { b"caught" } else { b"passed" }, &[]).unwrap();
        }
        "abort" => std::process::abort(),
        "open" => drop(File::open("/etc/passwd")),
        _ => {
            channel.receive().unwrap().unwrap();
            channel.send(b"here", &[]).unwrap();
        }
    }
}

/// The life of a process with an output, which comes in the first packet.
fn write(word: &str, channel: &mut Channel) {
    let received = channel.receive().unwrap().unwrap();
    let output = File::from(received.descriptors.into_iter().next().unwrap());
    let kept = Some(Output { file: output.as_fd(), most: 10 });
    confine_to(channel.as_fd(), kept).unwrap();
    channel.send(b"confined", &[]).unwrap();
    let received = channel.receive().unwrap().unwrap();
    let other = File::from(received.descriptors.into_iter().next().unwrap());
    let (file, at) = match word {
        "output" => (&output, 3),
        "output too long" => (&output, 8),
        _ => (&other, 0),
    };
    file.write_all_at(b"written", at).unwrap();
    channel.send(b"done", &[]).unwrap();
}

fn confine_with(socket: BorrowedFd<'_>) -> Result<(), NotConfined> {
    confine_to(socket, None)
}

fn confine_to(socket: BorrowedFd<'_>, output: Option<Output<'_>>) -> Result<(), NotConfined> {
    let confinement = Confinement {
        socket,
        user: Some(NOBODY),
        memory: 64 << 20,
        processor_time: Duration::from_secs(10),
        descriptors: 32,
        output,
    };
    confine(&confinement).map(|_| ())
}

/// Starts this program; the first word that it says, and what is left of it.
fn start(word: &str, theirs: OwnedFd, mut channel: Channel) -> (String, Channel, std::process::Child) {
    let process = Command::new(std::env::current_exe().unwrap())
        .args(["confined", word])
        .stdin(Stdio::from(theirs))
        .spawn()
        .unwrap();
    channel.set_patience(Some(Duration::from_secs(60))).unwrap();
    let first = channel.receive().unwrap().map(|packet| String::from_utf8(packet.bytes.to_vec()).unwrap());
    (first.unwrap_or_default(), channel, process)
}

fn confined(word: &str) -> (Channel, std::process::Child) {
    let (channel, theirs) = Channel::pair().unwrap();
    let (first, channel, process) = start(word, theirs, channel);
    assert_eq!(first, "confined");
    (channel, process)
}

fn ended(word: &str) -> ExitStatus {
    let (_channel, mut process) = confined(word);
    process.wait().unwrap()
}

fn a_file_that_was_sent_can_be_read() {
    let (mut channel, mut process) = confined("read");
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"content").unwrap();
    channel.send(b"file", &[file.as_fd()]).unwrap();
    assert_eq!(channel.receive().unwrap().unwrap().bytes, b"content");
    assert!(process.wait().unwrap().success());
}

fn a_panic_can_be_caught() {
    let (mut channel, mut process) = confined("panic");
    assert_eq!(channel.receive().unwrap().unwrap().bytes, b"caught");
    assert!(process.wait().unwrap().success());
}

fn an_abort_is_an_abort() {
    assert_eq!(ended("abort").signal(), Some(6));
}

fn anything_else_ends_with_the_filters_signal() {
    assert_eq!(ended("open").signal(), Some(31));
}

fn a_process_that_was_stopped_goes_on() {
    let (mut channel, mut process) = confined("wait");
    let pid = rustix::process::Pid::from_child(&process);
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    channel.send(b"go", &[]).unwrap();
    assert_eq!(channel.receive().unwrap().unwrap().bytes, b"here");
    assert!(process.wait().unwrap().success());
}

/// Has a process write; how it ended, and what its output and another file contain.
fn written(word: &str) -> (ExitStatus, Vec<u8>, Vec<u8>) {
    let (channel, theirs) = Channel::pair().unwrap();
    let [output, other] = [tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap()];
    channel.send(b"output", &[output.as_fd()]).unwrap();
    let (first, channel, mut process) = start(word, theirs, channel);
    assert_eq!(first, "confined");
    channel.send(b"other", &[other.as_fd()]).unwrap();
    let status = process.wait().unwrap();
    let content = |file: &File| {
        let mut bytes = vec![0; 20];
        let length = file.read_at(&mut bytes, 0).unwrap();
        bytes.truncate(length);
        bytes
    };
    (status, content(&output), content(&other))
}

fn the_output_alone_can_be_written() {
    let (status, output, _) = written("output");
    assert!(status.success() && output == b"\0\0\0written");
    let (status, output, other) = written("output to another");
    assert!(status.signal() == Some(31) && output.is_empty() && other.is_empty());
    // The kernel writes what there is room for, and kills who goes on.
    let (status, output, _) = written("output too long");
    assert!(status.signal() == Some(25) && output.len() == 10, "{status} {}", output.len());
}

fn what_is_no_file_is_no_output() {
    let (socket, _theirs) = Channel::pair().unwrap();
    let null = File::options().write(true).open("/dev/null").unwrap();
    let (reader, _writer) = io::pipe().unwrap();
    for file in [null.as_fd(), reader.as_fd(), socket.as_fd()] {
        let error = confine_to(socket.as_fd(), Some(Output { file, most: 1 })).unwrap_err();
        assert!(matches!(error, NotConfined::Output(_)), "{error}");
    }
}

fn who_could_reach_others_is_not_confined() {
    let (channel, theirs) = Channel::pair().unwrap();
    let (first, _, mut process) = start("threads", theirs, channel);
    assert!(first.contains("more than one thread"), "{first}");
    let _ = process.kill();
    process.wait().unwrap();
    let (ours, theirs) = std::os::unix::net::UnixDatagram::pair().unwrap();
    let (first, _, mut process) = start("wait", theirs.into(), Channel::new(ours.into()));
    assert!(first.contains("neither a stream nor carries packets"), "{first}");
    process.wait().unwrap();
    // A network has no place here either.
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    assert!(confine_with(socket.as_fd()).unwrap_err().to_string().contains("no Unix socket"));
}
