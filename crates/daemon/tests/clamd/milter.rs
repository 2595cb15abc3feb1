//! clamav-milter, and a mail server as it sees one.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::program::{DEADLINE, Program};

pub struct Milter {
    child: Child,
    socket: PathBuf,
    _folder: TempDir,
}

impl Milter {
    /// Starts it; it rejects what is found with its name.
    pub fn start(program: &Program) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("milter.sock");
        let text = format!(
            "MilterSocket unix:{}\nClamdSocket unix:{}\nForeground yes\nOnInfected Reject\nRejectMsg found %v\n",
            socket.display(),
            program.unix("clamd").display()
        );
        let configuration = folder.path().join("milter.conf");
        fs::write(&configuration, text).unwrap();
        let mut command = Command::new("clamav-milter");
        command.arg("--config-file").arg(configuration).stdin(Stdio::null());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut milter = Self { child, socket, _folder: folder };
        let deadline = Instant::now() + DEADLINE;
        while UnixStream::connect(&milter.socket).is_err() {
            let runs = milter.child.try_wait().unwrap().is_none();
            assert!(runs && Instant::now() < deadline, "clamav-milter does not start");
            sleep(Duration::from_millis(50));
        }
        milter
    }

    /// Hands over a mail and gives the reply at its end: `y` and text for a rejection, `a` or `c` for none.
    pub fn mail(&self, mail: &[u8]) -> Vec<u8> {
        let mut server = UnixStream::connect(&self.socket).unwrap();
        server.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut ask = |command: u8, content: &[u8]| {
            let length = u32::try_from(content.len() + 1).unwrap();
            server.write_all(&[&length.to_be_bytes()[..], &[command], content].concat()).unwrap();
            reply(&mut server)
        };
        ask(b'O', &[0, 0, 0, 6, 0, 0, 1, 255, 0, 31, 255, 255]);
        ask(b'C', b"localhost\x004\0\x19127.0.0.1\0");
        ask(b'M', b"<a@example.org>\0");
        ask(b'R', b"<b@example.org>\0");
        let end = mail.windows(4).position(|piece| piece == b"\r\n\r\n").unwrap();
        for line in std::str::from_utf8(&mail[..end]).unwrap().split("\r\n") {
            let (name, value) = line.split_once(": ").unwrap();
            ask(b'L', format!("{name}\0{value}\0").as_bytes());
        }
        ask(b'N', b"");
        ask(b'B', &mail[end + 4..]);
        let mut last = ask(b'E', b"");
        // Header fields are added before the reply.
        while matches!(last.first(), Some(b'i' | b'h' | b'm' | b'p')) {
            last = reply(&mut server);
        }
        last
    }
}

fn reply(server: &mut UnixStream) -> Vec<u8> {
    let mut length = [0; 4];
    server.read_exact(&mut length).unwrap();
    let mut packet = vec![0; u32::from_be_bytes(length) as usize];
    server.read_exact(&mut packet).unwrap();
    packet
}

impl Drop for Milter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
