//! The server itself, which knows nothing of the fetcher; tests of `candor update` have it as well.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What answers a request: the path, and the connection to write to. The connection is closed afterwards.
type Answer = dyn Fn(&str, &mut TcpStream) + Send + Sync;

/// A server.
pub(crate) struct Server {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers each connection's first request by a function.
    pub(crate) fn new(answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let answer: Arc<Answer> = Arc::new(answer);
        let to_fill = Arc::clone(&heard);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (answer, heard) = (Arc::clone(&answer), Arc::clone(&to_fill));
                thread::spawn(move || serve(connection, &*answer, &heard));
            }
        });
        Self { address, heard }
    }

    /// Answers with files, and 404 for others.
    pub(crate) fn of_files(files: BTreeMap<String, Vec<u8>>) -> Self {
        Self::new(move |path, connection| match files.get(path.trim_start_matches('/')) {
            Some(body) => ok(connection, body),
            None => status(connection, "404 Not Found"),
        })
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The requests until now: whole headers.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// The paths that were asked for until now.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.heard().iter().map(|header| header.split(' ').nth(1).unwrap().to_owned()).collect()
    }
}

fn serve(connection: TcpStream, answer: &Answer, heard: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(connection);
    let mut header = String::new();
    while !header.ends_with("\r\n\r\n") {
        if reader.read_line(&mut header).unwrap_or(0) == 0 {
            return;
        }
    }
    let path = header.split(' ').nth(1).unwrap_or_default().to_owned();
    heard.lock().unwrap().push(header);
    answer(&path, reader.get_mut());
}

/// Writes bytes; the other end may be gone.
pub(crate) fn say(connection: &mut impl Write, bytes: &[u8]) -> bool {
    connection.write_all(bytes).and_then(|()| connection.flush()).is_ok()
}

/// A whole answer.
pub(crate) fn ok(connection: &mut impl Write, body: &[u8]) {
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    say(connection, &[head.as_bytes(), body].concat());
}

/// An answer without a body.
pub(crate) fn status(connection: &mut impl Write, status: &str) {
    say(
        connection,
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").as_bytes(),
    );
}
