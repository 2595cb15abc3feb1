//! Metrics and health over HTTP, and what happens to clients that misbehave.

mod program;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;

use program::Program;

const ON: &str = "[metrics]\nlisten = [\"tcp:127.0.0.1:0\"]\nconnections = 2\n";

/// Sends bytes, reads all that comes.
fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(program::DEADLINE)).unwrap();
    // The server may hang up before it has read all.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

fn get(address: SocketAddr, path: &str) -> String {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
}

#[test]
fn metrics_and_health_are_told() {
    let program = Program::start(ON);
    let address = program.tcp("metrics");
    let metrics = get(address, "/metrics");
    assert!(metrics.starts_with("HTTP/1.1 200 "), "{metrics}");
    assert!(metrics.contains("content-type: text/plain; version=0.0.4"), "{metrics}");
    for name in [
        "candor_info{version=",
        "candor_scan_seconds_bucket{le=\"+Inf\"} 0",
        "candor_database_info{identity=",
    ] {
        assert!(metrics.contains(name), "{name} is missing: {metrics}");
    }
    assert!(get(address, "/healthz").ends_with("\r\n\r\nalive\n"));
    assert!(get(address, "/readyz").ends_with("\r\n\r\nready\n"));
    assert!(get(address, "/").starts_with("HTTP/1.1 404 "));
    program.stop();
}

#[test]
fn every_metric_is_explained_once_and_has_its_form() {
    let program = Program::start(ON);
    let answer = get(program.tcp("metrics"), "/metrics");
    let (_, text) = answer.split_once("\r\n\r\n").unwrap();
    let mut known: Vec<(&str, &str)> = Vec::new();
    for line in text.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(!known.iter().any(|(other, _)| *other == name), "{name} twice");
            known.push((name, kind));
        } else if !line.starts_with("# HELP ") {
            let (name, kind) = *known.last().unwrap();
            let (series, value) = line.rsplit_once(' ').unwrap();
            value.parse::<f64>().unwrap();
            let series = series.split('{').next().unwrap();
            let suffix = series.strip_prefix(name).unwrap();
            assert!(suffix.is_empty() || kind == "histogram", "{line}");
            assert_eq!(kind == "counter", series.ends_with("_total"), "{line}");
        }
    }
    assert!(known.len() > 8);
}

#[test]
fn only_get_is_understood() {
    let program = Program::start(ON);
    let address = program.tcp("metrics");
    let answer = ask(address, "POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("allow: GET"), "{answer}");
    assert!(!ask(address, "\x16\x03\x01\x02\x00").contains("200"));
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    assert!(!ask(address, &long).contains("200"));
    let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "X: x\r\n".repeat(200));
    assert!(!ask(address, &many).contains("200"));
    program.stop();
}

#[test]
fn those_who_say_nothing_hold_nothing_for_ever() {
    let program = Program::start(ON);
    let address = program.tcp("metrics");
    let mut silent: Vec<TcpStream> = (0..2).map(|_| TcpStream::connect(address).unwrap()).collect();
    // There is no room until the silent ones are cut off.
    assert!(get(address, "/healthz").contains("alive"));
    for stream in &mut silent {
        stream.set_read_timeout(Some(program::DEADLINE)).unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    }
    let half = TcpStream::connect(address).unwrap();
    half.shutdown(Shutdown::Write).unwrap();
    assert!(get(address, "/healthz").contains("alive"));
    program.stop();
}

#[test]
fn unix_sockets_do_as_well() {
    let program = Program::start("[metrics]\nlisten = [\"unix:{folder}/metrics\"]\nsocket_mode = 0o600\n");
    let path = program.unix("metrics");
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("alive\n"), "{answer}");
    assert!(path.exists());
    program.stop();
    assert!(!path.exists());
}

#[test]
fn old_databases_are_no_reason_to_be_ready() {
    let mut database = tempfile::NamedTempFile::new().unwrap();
    database.write_all(&candor_rules::database()).unwrap();
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(10_000);
    database.as_file().set_modified(old).unwrap();
    let toml = |oldest: &str| {
        format!("{ON}oldest_database = \"{oldest}\"\n[database]\nfiles = [{:?}]\n", database.path())
    };
    let program = Program::start(&toml("1h"));
    let answer = get(program.tcp("metrics"), "/readyz");
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.contains("not ready: the database is 100"),
        "{answer}"
    );
    let program = Program::start(&toml("1d"));
    assert!(get(program.tcp("metrics"), "/readyz").contains("\r\n\r\nready"));
}

#[test]
fn a_service_without_workers_starts_one_before_it_says_ready() {
    let program = Program::start(&format!("{ON}[service]\nworkers = 1\n"));
    let address = program.tcp("metrics");
    let children = format!("/proc/{0}/task", program.process().as_raw_nonzero());
    let workers = || -> Vec<i32> {
        let tasks = std::fs::read_dir(&children).unwrap();
        let of = |task: std::fs::DirEntry| {
            std::fs::read_to_string(task.path().join("children")).unwrap_or_default()
        };
        let all: Vec<String> = tasks.map(|task| of(task.unwrap())).collect();
        all.join(" ").split_whitespace().map(|number| number.parse().unwrap()).collect()
    };
    for worker in workers() {
        let worker = rustix::process::Pid::from_raw(worker).unwrap();
        rustix::process::kill_process(worker, rustix::process::Signal::KILL).unwrap();
    }
    assert!(get(address, "/readyz").contains("\r\n\r\nready"));
    assert!(get(address, "/readyz").contains("\r\n\r\nready"));
    assert_eq!(workers().len(), 1);
    program.stop();
}
