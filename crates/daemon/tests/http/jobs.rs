//! Jobs: asked for now, heard of later, seen by nobody else.

use std::fs;
use std::io::Write;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::authentication::{digest, token_field};
use crate::client::{Answer, answer, ask, ask_unix, begin, tcp};
use crate::program::{DEADLINE, Program};
use crate::samples::eicar;
use crate::scanning::assert_described;
use crate::start;

fn created(answer: &Answer) -> String {
    assert_eq!(answer.status, 202, "{answer:?}");
    assert!(answer.field("retry-after").is_some());
    let address = answer.field("location").unwrap().to_owned();
    assert_eq!(answer.json()["address"], address.as_str());
    address
}

/// Asks until the job has an end.
fn ended(program: &Program, address: &str) -> Value {
    let start = Instant::now();
    loop {
        let job = ask(program, &format!("GET {address}"), "", b"");
        assert_eq!(job.status, 200, "{job:?}");
        let job = job.json();
        if job["state"] != "waiting" {
            return job;
        }
        assert!(start.elapsed() < DEADLINE, "{job}");
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_job_has_an_address_and_a_result() {
    let program = start("");
    let answer = ask(&program, "POST /v1/jobs?name=a.com", "", &eicar());
    let address = created(&answer);
    let job = ended(&program, &address);
    assert_eq!(job["state"], "finished");
    assert_eq!(job["result"]["root"]["verdict"], "malicious");
    let description = ask(&program, "GET /openapi.json", "", b"").json();
    assert_described(&description, "Job", &job);
    assert_described(&description, "JobAddress", &answer.json());
    assert_eq!(ask(&program, &format!("DELETE {address}"), "", b"").status, 204);
    assert_eq!(ask(&program, &format!("DELETE {address}"), "", b"").status, 404);
    assert_eq!(ask(&program, &format!("GET {address}"), "", b"").status, 404);
    program.stop();
}

#[test]
fn jobs_are_forgotten_in_time() {
    let program = start("keep_jobs = \"50ms\"\n");
    let address = created(&ask(&program, "POST /v1/jobs", "", b"content"));
    let start = Instant::now();
    while ask(&program, &format!("GET {address}"), "", b"").status != 404 {
        assert!(start.elapsed() < DEADLINE);
        sleep(Duration::from_millis(10));
    }
    program.stop();
}

#[test]
fn a_job_exists_for_its_owner_only() {
    let tokens = tempfile::NamedTempFile::new().unwrap();
    fs::write(tokens.path(), format!("{} one\n{} other\n", digest("one"), digest("other"))).unwrap();
    let program = start(&format!("tokens = {:?}\n", tokens.path()));
    let address = created(&ask(&program, "POST /v1/jobs", &token_field("one"), b"content"));
    for method in ["GET", "DELETE"] {
        let line = format!("{method} {address}");
        assert_eq!(ask(&program, &line, &token_field("other"), b"").status, 404);
        assert_eq!(ask(&program, &line, "", b"").status, 401);
        assert_eq!(ask_unix(&program, &line, "", b"").status, 404);
    }
    assert_eq!(ask(&program, &format!("DELETE {address}"), &token_field("one"), b"").status, 204);
    program.stop();
}

#[test]
fn a_place_is_taken_with_the_first_byte_and_free_again_with_the_last() {
    let program = start("jobs_per_client = 1\n");
    let mut slow = tcp(program.tcp("http"));
    begin(&mut slow, "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n");
    slow.write_all(b"ab").unwrap();
    let refused = ask(&program, "POST /v1/jobs", "", b"content");
    assert_eq!(refused.status, 429);
    assert!(refused.field("retry-after").is_some());
    refused.problem();
    slow.write_all(b"cd").unwrap();
    let address = created(&answer(&mut slow, false));
    ended(&program, &address);
    created(&ask(&program, "POST /v1/jobs", "", b"content"));
    program.stop();
}

#[test]
fn all_clients_together_have_a_bound() {
    let program = start("jobs = 1\n");
    let first = created(&ask(&program, "POST /v1/jobs", "", b"one"));
    ended(&program, &first);
    // A finished job makes room.
    let second = created(&ask(&program, "POST /v1/jobs", "", b"two"));
    assert_eq!(ask(&program, &format!("GET {first}"), "", b"").status, 404);
    ended(&program, &second);
    let mut slow = tcp(program.tcp("http"));
    begin(&mut slow, "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n");
    assert_eq!(ask(&program, &format!("GET {second}"), "", b"").status, 404);
    let refused = ask(&program, "POST /v1/jobs", "", b"content");
    assert_eq!(refused.status, 503);
    assert!(refused.field("retry-after").is_some());
    drop(slow);
    program.stop();
}
