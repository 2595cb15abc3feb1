//! A mail server that speaks milter, played by the test.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::program::DEADLINE;

/// All that Postfix offers.
pub const POSTFIX: [u32; 3] = [6, 0x1ff, 0x1f_ffff];

/// A connection to a milter.
pub struct Server(pub TcpStream);

impl Server {
    /// Connects and negotiates.
    pub fn connect(address: SocketAddr) -> Self {
        let mut server = Self::silent(address);
        server.send(b'O', &POSTFIX.map(u32::to_be_bytes).concat());
        assert_eq!(server.reply().unwrap().0, 'O');
        server
    }

    /// Connects only.
    pub fn silent(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        Self(stream)
    }

    /// Sends a packet.
    pub fn send(&mut self, code: u8, payload: &[u8]) {
        let length = u32::try_from(payload.len() + 1).unwrap().to_be_bytes();
        self.0.write_all(&[&length, &[code][..], payload].concat()).unwrap();
    }

    /// The next reply: its letter, and the rest with NUL shown as `|`.
    pub fn reply(&mut self) -> io::Result<(char, String)> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length)?;
        let mut bytes = vec![0; u32::from_be_bytes(length) as usize];
        self.0.read_exact(&mut bytes)?;
        Ok((bytes[0].into(), String::from_utf8_lossy(&bytes[1..]).replace('\0', "|")))
    }

    /// Hands over a message with CRLF as Postfix does; gives the replies to its end.
    pub fn message(&mut self, text: &str) -> Vec<(char, String)> {
        self.content(text);
        self.send(b'E', b"");
        self.end()
    }

    /// Hands over a message but its end.
    pub fn content(&mut self, text: &str) {
        self.send(b'D', b"Mi\x004F1\0");
        self.send(b'M', b"<a@example.org>\0SIZE=1\0");
        self.send(b'D', b"R{rcpt_addr}\0c@example.org\0");
        self.send(b'R', b"<c@example.org>\0");
        let (header, body) = text.split_once("\r\n\r\n").unwrap();
        for field in header.replace("\r\n ", "\n ").split("\r\n").filter(|field| !field.is_empty()) {
            let (name, value) = field.split_once(':').unwrap();
            self.send(b'L', format!("{name}\0{value}\0").as_bytes());
        }
        self.send(b'N', b"");
        for chunk in body.as_bytes().chunks(65535) {
            self.send(b'B', chunk);
            let (code, _) = self.reply().unwrap();
            if code == 's' {
                break;
            }
            assert_eq!(code, 'c');
        }
    }

    /// The replies to the end of a message.
    pub fn end(&mut self) -> Vec<(char, String)> {
        let mut replies = Vec::new();
        loop {
            let reply = self.reply().unwrap();
            let is_last = matches!(reply.0, 'c' | 'a' | 'y' | 'd' | 't' | 'r');
            replies.push(reply);
            if is_last {
                return replies;
            }
        }
    }

    /// Waits until the milter closes the connection, with or without replies before.
    pub fn closed(&mut self) {
        let mut rest = [0; 4096];
        loop {
            match self.0.read(&mut rest) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return,
                Err(error) => panic!("the connection stays open: {error}"),
            }
        }
    }
}
