//! A conversation in ICAP over a socket, with answers read as strictly as a proxy would.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

use crate::program::{DEADLINE, Program};

/// A connection.
pub(crate) struct Talk {
    stream: TcpStream,
    read: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The head of ICAP.
    pub(crate) head: String,
    /// The heads of HTTP.
    pub(crate) http: String,
    /// The body, if there is one.
    pub(crate) body: Option<Vec<u8>>,
    /// The line of the last chunk.
    pub(crate) last: String,
}

impl Reply {
    /// The value of a header field, with its folded lines.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let mut lines = self.head.split("\r\n").skip(1);
        let prefix = format!("{name}: ");
        let mut value = lines.find_map(|line| line.strip_prefix(&prefix))?.to_owned();
        for line in lines.take_while(|line| line.starts_with('\t')) {
            value.push('\n');
            value.push_str(line.trim());
        }
        Some(value)
    }

    /// Whether it is the page in place of blocked content.
    pub(crate) fn is_blocked(&self) -> bool {
        let found = self.field("X-Infection-Found").is_some();
        assert_eq!(found, self.http.starts_with("HTTP/1.1 403 "), "{self:?}");
        assert_eq!(found, self.field("X-Response-Info").as_deref() == Some("Blocked"), "{self:?}");
        found
    }
}

impl Talk {
    pub(crate) fn to(program: &Program) -> Self {
        let stream = TcpStream::connect(program.tcp("icap")).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, read: Vec::new() }
    }

    /// Sends bytes. The other end may have closed already.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// Sends bytes while answers are read.
    pub(crate) fn send_aside(&mut self, bytes: Vec<u8>) -> thread::JoinHandle<()> {
        let mut stream = self.stream.try_clone().unwrap();
        thread::spawn(move || stream.write_all(&bytes).unwrap())
    }

    /// Sends bytes one by one.
    pub(crate) fn send_slowly(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.stream.write_all(&[*byte]).unwrap();
            thread::yield_now();
        }
    }

    /// Says that nothing more comes.
    pub(crate) fn end(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    fn more(&mut self) -> bool {
        let mut buffer = [0; 65536];
        let count = self.stream.read(&mut buffer).unwrap_or(0);
        self.read.extend_from_slice(&buffer[..count]);
        count > 0
    }

    fn until(&mut self, end: &str) -> Option<String> {
        loop {
            if let Some(at) = self.read.windows(end.len()).position(|window| window == end.as_bytes()) {
                let bytes: Vec<u8> = self.read.drain(..at + end.len()).collect();
                return Some(String::from_utf8(bytes).unwrap());
            }
            if !self.more() {
                return None;
            }
        }
    }

    fn exactly(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.read.len() < count {
            if !self.more() {
                return None;
            }
        }
        Some(self.read.drain(..count).collect())
    }

    /// The next answer.
    pub(crate) fn reply(&mut self) -> Reply {
        self.next_reply().expect("an answer")
    }

    /// The next answer, or nothing when the connection ends before the answer does.
    pub(crate) fn next_reply(&mut self) -> Option<Reply> {
        let head = self.until("\r\n\r\n")?;
        let status = head.strip_prefix("ICAP/1.0 ").unwrap().split(' ').next().unwrap().parse().unwrap();
        let mut reply = Reply { status, head, http: String::new(), body: None, last: String::new() };
        let list = reply.field("Encapsulated").unwrap_or_else(|| "null-body=0".to_owned());
        let (name, offset) = list.rsplit(", ").next().unwrap().split_once('=').unwrap();
        reply.http = String::from_utf8(self.exactly(offset.parse().unwrap())?).unwrap();
        assert!(reply.http.is_empty() || reply.http.ends_with("\r\n\r\n"));
        if name == "null-body" {
            return Some(reply);
        }
        let mut body = Vec::new();
        loop {
            let line = self.until("\r\n")?;
            let size = line.trim_end().split(';').next().unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            if size == 0 {
                assert_eq!(self.until("\r\n").unwrap(), "\r\n");
                reply.last = line.trim_end().to_owned();
                break;
            }
            body.extend(self.exactly(size)?);
            assert_eq!(self.exactly(2)?, b"\r\n");
        }
        reply.body = Some(body);
        Some(reply)
    }

    /// Waits until bytes have arrived, which stay for the next answer.
    pub(crate) fn wait_for_bytes(&mut self, bytes: &[u8]) {
        while !self.read.windows(bytes.len()).any(|window| window == bytes) {
            assert!(self.more(), "{:?}", self.read.escape_ascii().to_string());
        }
    }

    /// Waits until the other end closes, and expects that nothing more is said.
    pub(crate) fn expect_end(&mut self) {
        while self.more() {}
        assert_eq!(String::from_utf8_lossy(&self.read), "");
    }
}

/// Content in chunks, without the last one.
pub(crate) fn chunks(content: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for chunk in content.chunks(size) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// The heads of a RESPMOD: of the ICAP message with the fields, and of the HTTP messages.
pub(crate) fn respmod(fields: &str, request: &str, response: &str) -> Vec<u8> {
    let body = request.len() + response.len();
    let list = format!("req-hdr=0, res-hdr={}, res-body={body}", request.len());
    format!("RESPMOD icap://h/respmod ICAP/1.0\r\nHost: h\r\n{fields}Encapsulated: {list}\r\n\r\n{request}{response}")
        .into_bytes()
}

/// The request of a download.
pub(crate) const GET: &str = "GET http://example.org/dir/file.bin HTTP/1.1\r\nHost: example.org\r\n\r\n";
/// The response of a download.
pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n";

/// A whole RESPMOD of a download, without a preview.
pub(crate) fn download(fields: &str, content: &[u8]) -> Vec<u8> {
    [respmod(fields, GET, OK), chunks(content, 10_000), b"0\r\n\r\n".to_vec()].concat()
}

/// A whole REQMOD of an upload.
pub(crate) fn upload(fields: &str, content_type: &str, content: &[u8]) -> Vec<u8> {
    let request = format!(
        "POST http://example.org/up HTTP/1.1\r\nHost: example.org\r\nContent-Type: {content_type}\r\n\
         Content-Length: {}\r\n\r\n",
        content.len()
    );
    let list = format!("req-hdr=0, req-body={}", request.len());
    let head = format!(
        "REQMOD icap://h/reqmod ICAP/1.0\r\nHost: h\r\n{fields}Encapsulated: {list}\r\n\r\n{request}"
    );
    [head.as_bytes(), &chunks(content, 4096), b"0\r\n\r\n"].concat()
}
