//! The milter front-end, asked by a mail server that the test plays and by Postfix.

#![allow(unreachable_pub, clippy::print_stdout, reason = "modules of a test, which says why it is skipped")]

#[path = "../program/mod.rs"]
mod program;

mod mail;
mod server;
mod smtp;
mod postfix;
mod delivery;

use std::fs;
use std::io::Write;
use std::net::Shutdown;

use program::Program;
use rustix::process::{Pid, Signal, kill_process};
use server::{POSTFIX, Server};

const LISTEN: &str = "[milter]\nlisten = [\"tcp:127.0.0.1:0\"]\n";

fn start(settings: &str) -> (Program, Server) {
    let program = Program::start(&format!("{LISTEN}{settings}"));
    let server = Server::connect(program.tcp("milter"));
    (program, server)
}

fn value<'r>(replies: &'r [(char, String)], name: &str) -> &'r str {
    let start = format!("{name}| ");
    let field = replies.iter().find_map(|(_, field)| field.strip_prefix(&start)?.strip_suffix('|'));
    field.unwrap_or_else(|| panic!("no {name} in {replies:?}"))
}

#[test]
fn several_messages_on_one_connection() {
    let (program, mut server) = start("");
    server.send(b'C', b"host\x004\x01\x02192.0.2.1\0");
    for _ in 0..3 {
        let replies = server.message(&mail::with_attachment("a.bin", b"harmless"));
        assert!(value(&replies, "X-Candor-Status").starts_with("undetected; database="), "{replies:?}");
        assert_eq!(replies.last().unwrap().0, 'c');
        let replies = server.message(&mail::with_attachment("a.com", &mail::eicar()));
        let (code, text) = &replies[0];
        assert_eq!((replies.len(), *code), (1, 'y'));
        assert!(text.starts_with("550 5.7.1 this message was not accepted: "), "{text}");
        // A message that the server gives up in the middle.
        server.content("Subject: x\r\n\r\nhalf of");
        server.send(b'A', b"");
    }
    server.send(b'Q', b"");
    server.closed();
    let log = program.stop();
    assert!(log.contains("4F1") && log.contains("reject") && log.contains("a@example.org"), "{log}");
}

#[test]
fn odd_messages_are_recognised_as_mail() {
    let (program, mut server) = start("");
    let zip = mail::base64(&mail::zip("a.com", &mail::eicar()));
    let part = "Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n";
    for message in [
        format!("Subject: x\r\n{part}\r\n{zip}\r\n"),
        format!("{part}\r\n{zip}\r\n"),
        format!("X-Odd: y\r\n{}{part}\r\n{zip}", "X-More: z\r\n".repeat(3000)),
        format!("X-Long: {}\r\n{part}\r\n{zip}", "z".repeat(90_000)),
        format!(": no name\r\n{part}\r\n{zip}"),
        format!("Subject : space\r\n\r\nbegin 644 x\r\n\r\n--b\r\n{part}\r\n{zip}"),
        mail::nested("a.zip", &mail::zip("a.com", &mail::eicar())),
    ] {
        let replies = server.message(&message);
        assert_eq!(replies[0].0, 'y', "{}: {replies:?}", &message[..message.len().min(300)]);
    }
    drop(server);
    program.stop();
}

#[test]
fn a_message_cannot_pass_for_something_else() {
    let (program, mut server) = start("");
    let zip = mail::base64(&mail::zip("a.com", &mail::eicar()));
    let part = "Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n";
    // The first bytes of other types, and the sign of a tar archive at every place near where it is looked for.
    let tars = (0..5).map(|shift| format!("X{}: {}", "x".repeat(shift), "ustar".repeat(200)));
    let signs =
        ["PK\x03\x04: x", "MZ: x", "abcdftyp: isom", "%PDF-1.7: x", "Rar!: x", "MSCF: x", "GIF89a: x"];
    for field in tars.chain(signs.map(str::to_owned)) {
        let replies = server.message(&format!("{field}\r\n{part}\r\n{zip}"));
        assert_eq!(replies[0].0, 'y', "{}: {replies:?}", &field[..field.len().min(20)]);
    }
    drop(server);
    program.stop();
}

#[test]
fn each_action_is_told_in_its_way() {
    let detected = mail::with_attachment("a.com", &mail::eicar());
    for (action, codes) in
        [("reject", "y"), ("defer", "y"), ("discard", "d"), ("quarantine", "hhqc"), ("tag", "hhc")]
    {
        let (program, mut server) = start(&format!("on_detection = \"{action}\"\n"));
        let replies = server.message(&detected);
        assert_eq!(replies.iter().map(|(code, _)| *code).collect::<String>(), codes, "{replies:?}");
        if let Some(text) = replies[0].1.strip_suffix('|').filter(|_| codes == "y") {
            assert_eq!(&text[..9], if action == "defer" { "451 4.7.1" } else { "550 5.7.1" });
        }
        drop(server);
        program.stop();
    }
}

#[test]
fn gaps_are_told() {
    let encrypted = mail::with_attachment("a\u{1b}\".zip", &mail::encrypted_zip("secret.txt"));
    let (program, mut server) = start("message_limit = \"2K\"\nclamav_headers = true\n");
    let replies = server.message(&encrypted);
    assert!(value(&replies, "X-Candor-Status").starts_with("not-fully-examined"), "{replies:?}");
    assert!(value(&replies, "X-Candor-Gap").starts_with("encrypted: "), "{replies:?}");
    assert_eq!(value(&replies, "X-Virus-Status"), "Not Fully Scanned");
    let text = replies.iter().map(|(_, text)| text.as_str()).collect::<String>();
    assert!(text.chars().all(|character| matches!(character, ' '..='~')), "{text:?}");
    // What lies before the limit is examined, and what lies behind it is not passed over in silence.
    let long = format!("Subject: x\r\n\r\n{}", "long line of text\r\n".repeat(10_000));
    let replies = server.message(&long);
    assert!(value(&replies, "X-Candor-Gap").contains("only the first 2048 bytes"), "{replies:?}");
    let replies = server.message(&format!("{}{long}", mail::with_attachment("a.com", &mail::eicar())));
    assert_eq!(replies[0].0, 'y', "{replies:?}");
    drop(server);
    program.stop();
    let (program, mut server) = start("on_encrypted = \"reject\"\n");
    let replies = server.message(&encrypted);
    assert!(replies[0].1.starts_with("550 5.7.1 ") && replies[0].1.contains("encrypted"), "{replies:?}");
    drop(server);
    program.stop();
}

#[test]
fn hostile_packets_end_only_their_connection() {
    let (program, mut server) = start("");
    let address = program.tcp("milter");
    let offer = POSTFIX.map(u32::to_be_bytes).concat();
    let hostile: [&[u8]; 9] = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\xff\xff\xff",
        b"\0\0\0\0",
        b"\0\0\0\x01B",
        b"\0\0\0\x01O",
        b"\0\0\0\x05Oxxxx",
        b"\0\0\0\x01\0",
        b"\0\0\0\x02M\0",
        b"\0\x10\0\x02B",
    ];
    for bytes in hostile {
        let mut bad = Server::silent(address);
        bad.0.write_all(bytes).unwrap();
        bad.closed();
    }
    for (code, payload) in [(b'O', &offer[..]), (b'E', b""), (b'L', b"A\0b\0"), (b'?', b""), (b'C', b"x")] {
        let mut bad = Server::connect(address);
        bad.send(code, payload);
        bad.closed();
    }
    // Half a packet, half a connection, half a message.
    let mut half = Server::connect(address);
    half.content("Subject: x\r\n\r\nx");
    half.0.write_all(b"\0\0").unwrap();
    half.0.shutdown(Shutdown::Write).unwrap();
    half.closed();
    let mut gone = Server::connect(address);
    gone.content("Subject: x\r\n\r\nx");
    gone.send(b'E', b"");
    drop(gone);
    assert_eq!(server.message("Subject: x\r\n\r\nx").last().unwrap().0, 'c');
    drop(server);
    program.stop();
}

#[test]
fn connections_are_bounded() {
    let (program, first) = start("connections = 1\n");
    let mut second = Server::silent(program.tcp("milter"));
    second.send(b'O', &POSTFIX.map(u32::to_be_bytes).concat());
    drop(first);
    assert_eq!(second.reply().unwrap().0, 'O');
    drop(second);
    program.stop();
}

#[test]
fn silence_ends_a_connection() {
    let (program, mut server) = start("idle_timeout = \"50ms\"\n");
    server.closed();
    program.stop();
}

#[test]
fn a_failure_of_workers_defers() {
    let worker = program::candord().with_file_name("candor-worker");
    let program =
        Program::start_with(&format!("{LISTEN}[service]\nworker = \"{{folder}}/worker\"\n"), |command| {
            let folder = std::path::Path::new(
                command.get_envs().find(|(name, _)| *name == "TMPDIR").unwrap().1.unwrap(),
            );
            fs::copy(worker, folder.join("worker")).unwrap();
        });
    fs::remove_file(program.folder().join("worker")).unwrap();
    let mut server = Server::connect(program.tcp("milter"));
    let tasks = format!("/proc/{}/task", program.process().as_raw_nonzero());
    for task in fs::read_dir(tasks).unwrap() {
        // A thread may end meanwhile.
        let children = fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default();
        for child in children.split_whitespace() {
            let _ = kill_process(Pid::from_raw(child.parse().unwrap()).unwrap(), Signal::KILL);
        }
    }
    let replies = server.message(&mail::with_attachment("a.bin", b"never examined"));
    assert!(replies[0].1.starts_with("451 4.7.1 "), "{replies:?}");
    drop(server);
    program.stop();
}

#[test]
fn stopping_answers_the_message_under_way() {
    let (mut program, mut server) = start("");
    let mut idle = Server::connect(program.tcp("milter"));
    server.content("Subject: x\r\n\r\nx");
    program.signal(Signal::TERM);
    idle.closed();
    server.send(b'E', b"");
    let replies = server.end();
    assert_eq!(replies.last().unwrap().0, 'c', "{replies:?}");
    server.closed();
    assert_eq!(program.wait(), Some(0), "{}", program.log());
}
