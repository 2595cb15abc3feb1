//! Nobody holds anything for ever, and nothing is longer than allowed.

use std::io::{Read, Write};
use std::net::TcpStream;

use rustix::process::Signal;

use crate::client::{Stream, answer, ask, begin, exchange, tcp};
use crate::samples::{eicar, form, zip};
use crate::start;

/// Reads until the service closes the connection.
fn rest(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    // A connection that is reset is closed as well.
    let _ = stream.read_to_end(&mut rest);
    String::from_utf8_lossy(&rest).into_owned()
}

#[test]
fn content_that_is_too_long_is_refused() {
    let program = start("upload = 1000\n");
    let announced = ask(&program, "POST /v1/scan", "", &[b'x'; 1001]);
    assert_eq!(announced.status, 413);
    announced.problem();
    assert_eq!(ask(&program, "POST /v1/scan", "", &[b'x'; 1000]).status, 200);
    let chunks = format!("3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1001));
    let unannounced = ask(&program, "POST /v1/scan", "Transfer-Encoding: chunked\r\n", chunks.as_bytes());
    assert_eq!(unannounced.status, 413);
    let (fields, body) = form(&[("a", &[b'x'; 600]), ("b", &[b'x'; 600])]);
    assert_eq!(ask(&program, "POST /v1/scan", &fields, &body).status, 413, "the files of a form together");
    // Who waits for permission is not made to send.
    let mut stream = tcp(program.tcp("http"));
    stream
        .write_all(b"POST /v1/scan HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 99999\r\n\r\n")
        .unwrap();
    assert_eq!(answer(&mut stream, false).status, 413);
    program.stop();
}

#[test]
fn the_answer_arrives_though_the_client_goes_on_sending() {
    let program = start("upload = 1000\n");
    let answer = ask(&program, "POST /v1/scan", "", &vec![b'x'; 3 << 20]);
    assert_eq!(answer.status, 413);
    program.stop();
}

#[test]
fn a_long_head_is_refused() {
    let program = start("");
    let long = format!("X: {}\r\n", "x".repeat(20_000));
    let many: String = (0..70).map(|number| format!("X-{number}: x\r\n")).collect();
    for fields in [long, many] {
        let mut stream = tcp(program.tcp("http"));
        stream.write_all(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n").as_bytes()).unwrap();
        assert!(rest(&mut stream).starts_with("HTTP/1.1 431 "));
    }
    program.stop();
}

#[test]
fn silence_ends_a_connection() {
    let program = start("idle = \"200ms\"\n");
    for begun in ["", "GET", "GET / HTTP/1.1\r\nHost: loc"] {
        let mut stream = tcp(program.tcp("http"));
        stream.write_all(begun.as_bytes()).unwrap();
        assert!(!rest(&mut stream).contains("200 OK"), "{begun}");
    }
    // After an answer too.
    let mut stream = tcp(program.tcp("http"));
    assert_eq!(exchange(&mut stream, "GET /", "", b"").status, 200);
    assert_eq!(rest(&mut stream), "");
    for body in ["", "abc"] {
        let mut stream = tcp(program.tcp("http"));
        let head = "POST /v1/scan HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n";
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let answer = answer(&mut stream, false);
        assert_eq!(answer.status, 408);
        answer.problem();
        assert_eq!(rest(&mut stream), "");
    }
    program.stop();
}

#[test]
fn dripping_does_not_help() {
    let program = start("request = \"500ms\"\n");
    let mut stream = tcp(program.tcp("http"));
    stream.write_all(b"POST /v1/scan HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n").unwrap();
    let mut drops = stream.try_clone().unwrap();
    let dripping = std::thread::spawn(move || {
        while drops.write_all(b"x").is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    });
    assert_eq!(answer(&mut stream, false).status, 408);
    drop(rest(&mut stream));
    dripping.join().unwrap();
    program.stop();
}

#[test]
fn who_does_not_read_is_left() {
    let program = start("connections = 1\nidle = \"300ms\"\n");
    // Thousands of objects make an answer that no socket takes whole.
    let names: Vec<String> = (0..20_000).map(|number| format!("{number}-{}", "n".repeat(200))).collect();
    let members: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), b"x".as_slice())).collect();
    let archive = zip(&members);
    let mut stream = tcp(program.tcp("http"));
    let head = format!(
        "POST /v1/scan?objects=100000 HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        archive.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&archive).unwrap();
    // There is room for one connection: this is answered when the other was given up.
    assert_eq!(ask(&program, "GET /", "", b"").status, 200);
    drop(stream);
    program.stop();
}

#[test]
fn half_a_connection_is_none() {
    let program = start("");
    let mut stream = tcp(program.tcp("http"));
    stream.write_all(b"POST /v1/scan HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc").unwrap();
    stream.end_writing();
    let rest = rest(&mut stream);
    assert!(!rest.contains("200 OK"), "{rest}");
    program.stop();
}

#[test]
fn more_connections_than_allowed_wait() {
    let program = start("connections = 1\nidle = \"2s\"\n");
    let first = tcp(program.tcp("http"));
    let mut second = tcp(program.tcp("http"));
    second.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    second.set_nonblocking(true).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert!(second.read(&mut [0; 100]).is_err());
    drop(first);
    second.set_nonblocking(false).unwrap();
    assert_eq!(answer(&mut second, false).status, 200);
    program.stop();
}

#[test]
fn what_is_under_way_is_answered_at_the_end() {
    let mut program = start("");
    let eicar = eicar();
    let mut stream = tcp(program.tcp("http"));
    let head = format!("POST /v1/scan HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n", eicar.len());
    begin(&mut stream, &head);
    stream.write_all(&eicar[..10]).unwrap();
    program.signal(Signal::TERM);
    program.wait_for("stopping");
    stream.write_all(&eicar[10..]).unwrap();
    let answer = answer(&mut stream, false);
    assert_eq!(answer.json()["root"]["verdict"], "malicious");
    assert_eq!(answer.field("connection"), Some("close"));
    drop(stream);
    assert_eq!(program.wait(), Some(0), "{}", program.log());
}
