//! SMTP: a client, and a server that takes everything.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use crate::program::DEADLINE;

/// A client's connection.
pub struct Client {
    reader: BufReader<TcpStream>,
    writer: BufWriter<TcpStream>,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let writer = BufWriter::new(stream.try_clone().unwrap());
        let mut client = Self { reader: BufReader::new(stream), writer };
        let greeting = client.reply();
        assert!(greeting.starts_with("220"), "{greeting}");
        client.command("EHLO client.test");
        client
    }

    /// Sends a line and gives the reply, all its lines.
    pub fn command(&mut self, line: &str) -> String {
        write!(self.writer, "{line}\r\n").unwrap();
        self.writer.flush().unwrap();
        self.reply()
    }

    fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let start = reply.len();
            self.reader.read_line(&mut reply).unwrap();
            if reply.as_bytes().get(start + 3) != Some(&b'-') {
                return reply;
            }
        }
    }

    /// Sends a message with CRLF and gives the reply to its end.
    pub fn send(&mut self, recipients: &[&str], message: &str) -> String {
        let mut reply = self.command("MAIL FROM:<a@example.org>");
        for recipient in recipients {
            reply += &self.command(&format!("RCPT TO:<{recipient}>"));
        }
        reply += &self.command("DATA");
        if !reply.contains("354") {
            return reply;
        }
        for line in message.split_inclusive("\r\n") {
            let dot = if line.starts_with('.') { "." } else { "" };
            write!(self.writer, "{dot}{line}").unwrap();
        }
        self.command(if message.ends_with("\r\n") { "." } else { "\r\n." })
    }
}

/// Takes all mail; gives its port and the messages.
pub fn sink() -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, messages) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let tell = tell.clone();
            thread::spawn(move || {
                let mut writer = stream.try_clone().unwrap();
                let mut reader = BufReader::new(stream);
                let mut say = move |text: &str| write!(writer, "{text}\r\n").is_ok();
                let mut line = Vec::new();
                let mut message: Option<String> = None;
                let mut going = say("220 sink");
                while going {
                    line.clear();
                    if reader.read_until(b'\n', &mut line).unwrap_or(0) == 0 {
                        return;
                    }
                    let text = String::from_utf8_lossy(&line);
                    going = match &mut message {
                        Some(_) if *text == *".\r\n" => {
                            let _ = tell.send(message.take().unwrap_or_default());
                            say("250 taken")
                        }
                        Some(message) => {
                            message.push_str(text.strip_prefix('.').unwrap_or(&text));
                            true
                        }
                        None if text.starts_with("DATA") => {
                            message = Some(String::new());
                            say("354 go on")
                        }
                        None => say("250 yes"),
                    };
                }
            });
        }
    });
    (port, messages)
}
