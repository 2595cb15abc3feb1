//! Scans under way when the service is told to stop, and what the log and the metrics tell of scans.

mod program;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use candor_jail::{Job, MOST_AT_ONCE, Opened, Pool, Settings, Source};
use candor_object::{Limits, Report};
use program::{DEADLINE, Program};
use rustix::process::{Pid, Signal, kill_process};

const ON: &str = "
[service]
workers = 1
stop_within = \"STOP_WITHIN\"
[native]
listen = [\"unix:{folder}/native\"]
[metrics]
listen = [\"tcp:127.0.0.1:0\"]
";

struct Question(File, Sender<Report>);

impl Job for Question {
    fn open(&mut self) -> Option<Opened> {
        let file = self.0.try_clone().unwrap();
        let size = file.metadata().unwrap().len();
        Some(Opened::new(Arc::new(file), size))
    }

    fn done(self: Box<Self>, report: Report) {
        let _ = self.1.send(report);
    }
}

fn start(stop_within: &str) -> Program {
    Program::start(&ON.replace("STOP_WITHIN", stop_within))
}

/// A client of the native front-end.
fn client(program: &Program) -> Pool {
    let settings = Settings {
        source: Source::Service(program.unix("native")),
        limits: Limits::default(),
        workers: NonZeroUsize::MIN,
        at_once: MOST_AT_ONCE,
        queue: 8,
        grace: DEADLINE,
    };
    Pool::start(settings).unwrap()
}

fn ask(client: &Pool, content: &str) -> Receiver<Report> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    let (tell, answer) = channel();
    client.submit(Box::new(Question(file, tell)));
    answer
}

fn metrics(program: &Program) -> String {
    let mut stream = TcpStream::connect(program.tcp("metrics")).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Waits until a metric is told.
fn wait_for_metric(program: &Program, line: &str) {
    let begun = std::time::Instant::now();
    while !metrics(program).lines().any(|told| told == line) {
        assert!(begun.elapsed() < DEADLINE, "{line} is not in {}", metrics(program));
        thread::sleep(Duration::from_millis(10));
    }
}

/// Sends a signal to all workers.
fn workers(program: &Program, signal: Signal) {
    let tasks = fs::read_dir(format!("/proc/{}/task", program.process().as_raw_nonzero())).unwrap();
    for task in tasks {
        let children = fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default();
        for worker in children.split_whitespace() {
            kill_process(Pid::from_raw(worker.parse().unwrap()).unwrap(), signal).unwrap();
        }
    }
}

#[test]
fn scans_under_way_are_finished() {
    let mut program = start("60s");
    let client = client(&program);
    workers(&program, Signal::STOP);
    let answer = ask(&client, "content");
    wait_for_metric(&program, "candor_waiting_scans 1");
    program.signal(Signal::TERM);
    program.wait_for("stopping");
    assert!(answer.try_recv().is_err());
    workers(&program, Signal::CONT);
    let report = answer.recv_timeout(DEADLINE).unwrap();
    assert_eq!(report.gaps, []);
    assert_eq!(program.wait(), Some(0), "{}", program.log());
    assert_eq!(program.wait_until("stopped", |event| event["event"] == "stopped")["graceful"], true);
}

#[test]
fn a_scan_that_does_not_end_is_given_up() {
    for (stop_within, signals) in [("100ms", 1), ("1h", 2)] {
        let mut program = start(stop_within);
        let client = client(&program);
        workers(&program, Signal::STOP);
        let answer = ask(&client, "content");
        wait_for_metric(&program, "candor_waiting_scans 1");
        program.signal(Signal::TERM);
        program.wait_for("stopping");
        for _ in 1..signals {
            program.signal(Signal::TERM);
        }
        assert_eq!(program.wait(), Some(3), "{}", program.log());
        // It is not told as examined.
        assert!(answer.recv_timeout(DEADLINE).is_ok_and(|report| !report.gaps.is_empty()));
    }
}

#[test]
fn what_is_found_is_logged_and_counted() {
    let program = start("60s");
    let client = client(&program);
    let eicar = ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-", "STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].concat();
    ask(&client, &eicar).recv_timeout(DEADLINE).unwrap();
    ask(&client, "nothing").recv_timeout(DEADLINE).unwrap();
    let event = program.wait_for("scan");
    assert_eq!(event["frontend"], "native");
    assert_eq!(event["verdict"], "malicious");
    assert_eq!(event["bytes"], 68);
    assert!(event["names"].as_str().unwrap().to_lowercase().contains("eicar"), "{event}");
    assert!(event["peer"].as_str().unwrap().starts_with("user:"), "{event}");
    assert_eq!(event["sha256"], "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f");
    wait_for_metric(&program, "candor_scans_total{frontend=\"native\",verdict=\"malicious\"} 1");
    let metrics = metrics(&program);
    for line in [
        "candor_scans_total{frontend=\"native\",verdict=\"undetected\"} 1",
        "candor_scanned_bytes_total{frontend=\"native\"} 75",
        "candor_scan_seconds_count 2",
        "candor_workers 1",
    ] {
        assert!(metrics.lines().any(|told| told == line), "{line} is not in {metrics}");
    }
    drop(client);
    let log = program.stop();
    // Nothing to tell, so it was not told.
    assert_eq!(log.matches("\"event\":\"scan\"").count(), 1, "{log}");
}
