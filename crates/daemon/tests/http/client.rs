//! A client that writes requests as they are told and reads answers whole.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::Value;

use crate::program::{DEADLINE, Program};

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A header field, if it is there.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    /// The body, which is JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// What a problem says, after a look at its form.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.field("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{problem}");
        problem["detail"].as_str().unwrap().to_owned()
    }
}

/// Both kinds of connection.
pub(crate) trait Stream: Read + Write {
    fn end_writing(&self);
}

impl Stream for TcpStream {
    fn end_writing(&self) {
        self.shutdown(std::net::Shutdown::Write).unwrap();
    }
}

impl Stream for UnixStream {
    fn end_writing(&self) {
        self.shutdown(std::net::Shutdown::Write).unwrap();
    }
}

/// A connection by TCP.
pub(crate) fn tcp(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// A connection by a Unix socket.
pub(crate) fn unix(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// One request by TCP on a connection of its own; fields end with line breaks.
pub(crate) fn ask(program: &Program, line: &str, fields: &str, body: &[u8]) -> Answer {
    exchange(&mut tcp(program.tcp("http")), line, fields, body)
}

/// The same on the Unix socket.
pub(crate) fn ask_unix(program: &Program, line: &str, fields: &str, body: &[u8]) -> Answer {
    exchange(&mut unix(&program.unix("http")), line, fields, body)
}

/// Writes a request and reads the answer.
pub(crate) fn exchange(stream: &mut impl Stream, line: &str, fields: &str, body: &[u8]) -> Answer {
    let mut request = format!("{line} HTTP/1.1\r\nHost: localhost\r\n{fields}").into_bytes();
    if !fields.to_ascii_lowercase().contains("transfer-encoding") {
        request.extend(format!("Content-Length: {}\r\n", body.len()).into_bytes());
    }
    request.extend(b"\r\n");
    request.extend(body);
    // The service may answer before it has read everything, and close.
    let _ = stream.write_all(&request);
    answer(stream, line.starts_with("HEAD"))
}

/// Sends a head, given without its empty line, and waits until the service wants the content.
pub(crate) fn begin(stream: &mut impl Stream, head: &str) {
    stream.write_all(format!("{head}Expect: 100-continue\r\n\r\n").as_bytes()).unwrap();
    let mut wanted = [0; 25];
    stream.read_exact(&mut wanted).unwrap();
    assert_eq!(&wanted, b"HTTP/1.1 100 Continue\r\n\r\n", "{}", wanted.escape_ascii());
}

/// Reads one answer.
pub(crate) fn answer(stream: &mut impl Read, only_head: bool) -> Answer {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        let count = stream.read(&mut byte).unwrap();
        assert_eq!(count, 1, "the connection ended in the head: {}", head.escape_ascii());
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    if status == 100 {
        return answer(stream, only_head);
    }
    let mut answer = Answer { status, head, body: Vec::new() };
    if only_head || status == 204 {
        return answer;
    }
    if answer.field("transfer-encoding").is_some() {
        loop {
            let length = usize::from_str_radix(&line(stream), 16).unwrap();
            let start = answer.body.len();
            answer.body.resize(start + length, 0);
            stream.read_exact(&mut answer.body[start..]).unwrap();
            assert_eq!(line(stream), "");
            if length == 0 {
                return answer;
            }
        }
    }
    let length = answer.field("content-length").unwrap().parse().unwrap();
    answer.body.resize(length, 0);
    stream.read_exact(&mut answer.body).unwrap();
    answer
}

fn line(stream: &mut impl Read) -> String {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        line.push(byte[0]);
    }
    String::from_utf8(line).unwrap().trim_end().to_owned()
}
