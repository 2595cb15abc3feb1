//! Talks with a daemon in pieces as a client would, and hears all that it says.

use std::fs::File;
use std::io::{IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use crate::program::DEADLINE;

/// Long enough that what follows comes in a packet of its own; if it does not, the same must be answered.
const PAUSE: Duration = Duration::from_millis(50);

/// What a client does.
#[derive(Clone, Debug)]
pub enum Step {
    /// Sends bytes.
    Bytes(Vec<u8>),
    /// Sends bytes with open files beside them.
    Files(Vec<u8>, Vec<PathBuf>),
    /// Waits.
    Pause,
    /// Has no more to say, and still listens.
    End,
}

/// Where a daemon listens.
#[derive(Clone, Debug)]
pub enum Place {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

trait Socket: Read + Write + AsFd {
    fn end(&self);
}

impl Socket for UnixStream {
    fn end(&self) {
        let _ = self.shutdown(Shutdown::Write);
    }
}

impl Socket for TcpStream {
    fn end(&self) {
        let _ = self.shutdown(Shutdown::Write);
    }
}

/// Does all steps, ignoring that the other side may not want them all, and gives what is said until the end.
pub fn talk(place: &Place, steps: &[Step]) -> Vec<u8> {
    let mut socket: Box<dyn Socket> = match place {
        Place::Unix(path) => {
            let socket = UnixStream::connect(path).unwrap();
            socket.set_read_timeout(Some(DEADLINE)).unwrap();
            Box::new(socket)
        }
        Place::Tcp(address) => {
            let socket = TcpStream::connect(address).unwrap();
            socket.set_read_timeout(Some(DEADLINE)).unwrap();
            Box::new(socket)
        }
    };
    for step in steps {
        match step {
            Step::Bytes(bytes) => drop(socket.write_all(bytes)),
            Step::Files(bytes, files) => pass(socket.as_fd(), bytes, files),
            Step::Pause => sleep(PAUSE),
            Step::End => socket.end(),
        }
    }
    let mut said = Vec::new();
    let mut piece = [0; 4096];
    loop {
        match socket.read(&mut piece) {
            // clamd closes with bytes unread, which resets the connection.
            Ok(0) => return said,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return said,
            Ok(count) => said.extend_from_slice(&piece[..count]),
            Err(error) => panic!("{steps:?}: {error} after {:?}", said.escape_ascii().to_string()),
        }
    }
}

fn pass(socket: BorrowedFd<'_>, bytes: &[u8], paths: &[PathBuf]) {
    let files: Vec<File> = paths.iter().map(|path| File::open(path).unwrap()).collect();
    let descriptors: Vec<BorrowedFd<'_>> = files.iter().map(AsFd::as_fd).collect();
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
    let mut messages = SendAncillaryBuffer::new(&mut room);
    assert!(messages.push(SendAncillaryMessage::ScmRights(&descriptors)));
    let _ = sendmsg(socket, &[IoSlice::new(bytes)], &mut messages, SendFlags::NOSIGNAL);
}

/// Bytes.
pub fn say(bytes: impl AsRef<[u8]>) -> Step {
    Step::Bytes(bytes.as_ref().to_vec())
}

/// A command with a path, NUL-delimited.
pub fn path_command(word: &str, path: &Path) -> Step {
    say(format!("z{word} {}\0", path.display()))
}

/// A chunk of a stream.
pub fn chunk(content: &[u8]) -> Vec<u8> {
    [&u32::try_from(content.len()).unwrap().to_be_bytes(), content].concat()
}

/// A whole stream with its command.
pub fn stream(content: &[u8]) -> Step {
    say([b"zINSTREAM\0", &chunk(content)[..], &chunk(b"")].concat())
}

/// What was said, for people, with the numbers of descriptors and clamd's suffix left out.
pub fn told(said: &[u8]) -> String {
    let mut text = said.escape_ascii().to_string().replace(".UNOFFICIAL", "");
    while let Some((start, length)) = number(&text) {
        text.replace_range(start..start + length, "N");
    }
    text
}

fn number(text: &str) -> Option<(usize, usize)> {
    for (place, found) in text.match_indices("fd[") {
        let start = place + found.len();
        let length = text[start..].chars().take_while(char::is_ascii_digit).count();
        if length > 0 {
            return Some((start, length));
        }
    }
    None
}
