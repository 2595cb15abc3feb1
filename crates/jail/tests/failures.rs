//! Workers that misbehave in every way: no file is lost, no verdict is made up, and innocent files lose nothing.
//!
//! This program is the worker as well: the pool starts it with a socket as standard input, and the content of a
//! file says what it does.

use std::fs::File;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use candor_jail::{Error, Job, MOST_AT_ONCE, Opened, Passwords, Pool, Program, Settings, Source};
use candor_object::{FileType, Limits, Reason, Relation, Report, Seen};
use candor_protocol::{Answers, Channel, Ready, Request};

fn main() {
    let stdin = io::stdin();
    let socket = File::from(stdin.as_fd().try_clone_to_owned().unwrap());
    if socket.metadata().unwrap().file_type().is_socket() {
        misbehave(Channel::new(socket.into()));
        return;
    }
    // The harness of other tests takes arguments; here each is a filter.
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for (name, test) in TESTS {
        if wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())) {
            test();
            let _ = writeln!(io::stdout(), "test {name} ... ok");
        }
    }
}

const TESTS: [(&str, fn()); 8] = [
    ("well_behaved_workers_answer_everything", well_behaved_workers_answer_everything),
    ("a_crash_costs_one_file", a_crash_costs_one_file),
    ("a_hang_costs_one_file", a_hang_costs_one_file),
    ("nonsense_costs_one_file", nonsense_costs_one_file),
    ("packets_that_complete_nothing_are_no_life", packets_that_complete_nothing_are_no_life),
    ("a_worker_that_others_kill_costs_nothing", a_worker_that_others_kill_costs_nothing),
    ("what_nobody_wants_any_more_is_not_scanned", what_nobody_wants_any_more_is_not_scanned),
    ("a_worker_that_does_not_start_is_told", a_worker_that_does_not_start_is_told),
];

/// The life of the worker.
#[expect(clippy::exit, reason = "a worker that ends without a word is one of the ways")]
fn misbehave(mut channel: Channel) {
    let received = channel.receive().unwrap().unwrap();
    let Ok(Request::Start(_)) = Request::read(received.bytes, received.descriptors.len()) else { return };
    let mut packet = Vec::new();
    Ready::Confined { missing: vec!["everything".to_owned()] }.write(&mut packet);
    channel.send(&packet, &[]).unwrap();
    let mut answers = Answers::default();
    while let Some(received) = channel.receive().unwrap() {
        let Ok(Request::Scan(jobs)) = Request::read(received.bytes, received.descriptors.len()) else {
            return;
        };
        for (job, file) in jobs.iter().zip(received.descriptors) {
            let file = File::from(file);
            let mut content = vec![0; job.size as usize];
            file.read_exact_at(&mut content, 0).unwrap();
            let mut send = |packet: &[u8]| channel.send(packet, &[]);
            match String::from_utf8(content).unwrap().as_str() {
                "crash" => std::process::abort(),
                "exit" => std::process::exit(0),
                "hang" => std::thread::sleep(Duration::from_secs(600)),
                "nonsense" => channel.send(b"\x07nonsense", &[]).unwrap(),
                "foreign ticket" => answers.add(77_777, &report(5), &mut send).unwrap(),
                "descriptor" => channel.send(b"\x01", &[file.as_fd()]).unwrap(),
                "drip" => loop {
                    channel.send(b"\x01", &[]).unwrap();
                    std::thread::sleep(Duration::from_millis(20));
                },
                "killed" => {
                    // Somebody who has nothing to do with the file; the second time it is not there any more.
                    let flag = std::env::temp_dir().join(format!("candor-killed-{}", job.size));
                    if std::fs::remove_file(flag).is_ok() {
                        rustix::process::kill_process(
                            rustix::process::getpid(),
                            rustix::process::Signal::KILL,
                        )
                        .unwrap();
                    }
                    answers.add(job.ticket, &report(job.size), &mut send).unwrap();
                }
                _ => answers.add(job.ticket, &report(job.size), &mut send).unwrap(),
            }
        }
        answers.flush(&mut |packet| channel.send(packet, &[])).unwrap();
    }
}

fn report(size: u64) -> Report {
    let root = Seen {
        parent: None,
        name: String::new(),
        relation: Relation::Root,
        file_type: FileType::DATA,
        size,
        sha256: None,
    };
    Report { objects: vec![root], ..Report::default() }
}

fn pool(workers: usize) -> Pool {
    let limits = Limits { time: Duration::from_millis(200), ..Limits::default() };
    Pool::start(Settings {
        source: Source::Program(Program {
            path: std::env::current_exe().unwrap(),
            databases: Vec::new(),
            user: None,
            passwords: Passwords::default(),
        }),
        limits,
        workers: NonZeroUsize::new(workers).unwrap(),
        at_once: MOST_AT_ONCE,
        queue: 1000,
        grace: Duration::from_millis(200),
    })
    .unwrap()
}

struct Question {
    content: String,
    tell: Sender<(String, Report)>,
}

impl Job for Question {
    fn open(&mut self) -> Option<Opened> {
        if self.content == "unwanted" {
            return None;
        }
        let file = candor_jail::sealed(self.content.as_bytes()).unwrap();
        Some(Opened::new(Arc::new(file), self.content.len() as u64))
    }

    fn done(self: Box<Self>, report: Report) {
        self.tell.send((self.content, report)).unwrap();
    }
}

/// The answers to these contents, in the order of the contents.
fn answers(pool: Pool, contents: &[&str]) -> Vec<(String, Report)> {
    let (tell, answers) = channel();
    for content in contents {
        pool.submit(Box::new(Question { content: (*content).to_owned(), tell: tell.clone() }));
    }
    drop((pool, tell));
    let mut answers: Vec<_> = answers.iter().collect();
    answers.sort_by_key(|(content, _)| contents.iter().position(|other| other == content));
    answers
}

/// Files before and after one that does harm.
fn around(harm: &str) -> Vec<&str> {
    let innocent = ["a", "bb", "ccc", "dddd", "eeeee", "ffffff"];
    innocent[..3].iter().copied().chain([harm]).chain(innocent[3..].iter().copied()).collect()
}

fn costs_one_file(harm: &str) {
    for workers in [1, 3] {
        let answers = answers(pool(workers), &around(harm));
        assert_eq!(answers.len(), 7, "{harm}");
        for (content, report) in answers {
            let size = report.objects[0].size;
            assert_eq!(size, content.len() as u64);
            let reasons: Vec<Reason> = report.gaps.iter().map(|gap| gap.reason).collect();
            assert_eq!(reasons, if content == harm { vec![Reason::Crashed] } else { vec![] }, "{content}");
        }
    }
}

fn well_behaved_workers_answer_everything() {
    let contents: Vec<String> = (1..500).map(|length| "x".repeat(length)).collect();
    let contents: Vec<&str> = contents.iter().map(String::as_str).collect();
    let pool = pool(4);
    assert_eq!(pool.greeting(), &Ready::Confined { missing: vec!["everything".to_owned()] });
    let answers = answers(pool, &contents);
    assert_eq!(answers.len(), contents.len());
    assert!(answers.iter().all(|(content, report)| report == &self::report(content.len() as u64)));
}

fn a_crash_costs_one_file() {
    costs_one_file("crash");
    costs_one_file("exit");
}

fn a_hang_costs_one_file() {
    costs_one_file("hang");
}

fn nonsense_costs_one_file() {
    costs_one_file("nonsense");
    costs_one_file("foreign ticket");
    costs_one_file("descriptor");
}

fn packets_that_complete_nothing_are_no_life() {
    costs_one_file("drip");
}

fn a_worker_that_others_kill_costs_nothing() {
    std::fs::write(std::env::temp_dir().join("candor-killed-6"), "").unwrap();
    let pool = pool(1);
    let (tell, told) = channel();
    for content in ["a", "killed", "b"] {
        pool.submit(Box::new(Question { content: content.to_owned(), tell: tell.clone() }));
    }
    drop(tell);
    let answers: Vec<_> = told.iter().take(3).collect();
    assert!(answers.iter().all(|(_, report)| report.gaps.is_empty()), "{answers:?}");
    assert_eq!((pool.counters().started(), pool.counters().failed()), (2, 1));
}

fn what_nobody_wants_any_more_is_not_scanned() {
    let answers = answers(pool(1), &["a", "unwanted", "bb"]);
    assert_eq!(answers.len(), 2);
}

fn a_worker_that_does_not_start_is_told() {
    let settings = |program: &str| Settings {
        source: Source::Program(Program {
            path: program.into(),
            databases: Vec::new(),
            user: None,
            passwords: Passwords::default(),
        }),
        limits: Limits::default(),
        workers: NonZeroUsize::MIN,
        at_once: MOST_AT_ONCE,
        queue: 1,
        grace: Duration::from_secs(1),
    };
    assert!(matches!(Pool::start(settings("/nonexistent")), Err(Error::Start { .. })));
    assert!(matches!(Pool::start(settings("/bin/true")), Err(Error::NotReady(_))));
}
