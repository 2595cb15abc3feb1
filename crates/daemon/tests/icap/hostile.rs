//! What no honest client sends.

use crate::program::Program;
use crate::talk::{GET, OK, Talk, chunks, download, respmod};

const ON: &str = "[icap]\nlisten = [\"tcp:127.0.0.1:0\"]\n";

#[test]
fn what_is_malformed_is_refused_and_the_connection_ends() {
    let program = Program::start(ON);
    let at = GET.len() + OK.len();
    let with = |list: &str| {
        format!("RESPMOD /x ICAP/1.0\r\nEncapsulated: {list}\r\n\r\n{GET}{OK}1\r\na\r\n0\r\n\r\n")
    };
    let body = |body: &str| [respmod("", GET, OK), body.as_bytes().to_vec()].concat();
    let fields = |fields: &str| [respmod(fields, GET, OK), b"1\r\na\r\n0\r\n\r\n".to_vec()].concat();
    let questions: Vec<(u16, Vec<u8>)> = vec![
        (400, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_vec()),
        (400, b"\x16\x03\x01\x02\0\r\n\r\n\r\n".to_vec()),
        (400, b"OPTIONS / ICAP/1.0\nHost: h\n\n\r\n\r\n".to_vec()),
        (400, b"OPTIONS / ICAP/1.0\r\nHost : h\r\n\r\n".to_vec()),
        (400, b"OPTIONS / ICAP/1.0\r\nX: a\r\n b\r\n\r\n".to_vec()),
        (400, b"OPTIONS / ICAP/1.0\r\nX: \0\r\n\r\n".to_vec()),
        (400, format!("OPTIONS / ICAP/1.0\r\nX: {}\r\n\r\n", "y".repeat(20_000)).into_bytes()),
        (400, format!("OPTIONS / ICAP/1.0\r\n{}\r\n", "X: y\r\n".repeat(101)).into_bytes()),
        (400, vec![b'x'; 100_000]),
        (501, b"PUT / ICAP/1.0\r\n\r\n".to_vec()),
        (505, b"OPTIONS / ICAP/1.1\r\n\r\n".to_vec()),
        (400, b"REQMOD / ICAP/1.0\r\n\r\n".to_vec()),
        // Offsets that lie.
        (400, with(&format!("req-hdr=0, res-hdr={}, res-body={at}", GET.len() - 1)).into_bytes()),
        (400, with(&format!("req-hdr=0, res-hdr={}, res-body={}", GET.len(), at + 1)).into_bytes()),
        (400, with(&format!("req-hdr=0, res-body={at}")).into_bytes()),
        (400, with("req-hdr=0, res-hdr=0, res-body=0").into_bytes()),
        (400, with("req-hdr=0, res-hdr=10, res-body=5").into_bytes()),
        (400, with("req-hdr=0, res-hdr=10, res-body=999999").into_bytes()),
        (400, with("req-hdr=0, req-body=10").into_bytes()),
        // Bodies with two readings.
        (400, fields("Content-Length: 6\r\n")),
        (400, fields("Transfer-Encoding: identity\r\n")),
        (400, fields("Encapsulated: null-body=0\r\n")),
        (400, fields("Preview: 1\r\nPreview: 2\r\n")),
        (400, fields("Preview: x\r\n")),
        (400, body("-1\r\n")),
        (400, body("1\na\n0\n\n")),
        (400, body("1\r\nab\r\n0\r\n\r\n")),
        (400, body("FFFFFFFFFFFFFFFFF\r\na\r\n")),
        (400, body("1; ieof\r\na\r\n0\r\n\r\n")),
        (400, body(&format!("1;{}\r\na\r\n", "x".repeat(1000)))),
        (400, body("0\r\nX y\r\n\r\n")),
        (400, body(&format!("0\r\n{}\r\n", "X: y\r\n".repeat(5000)))),
        (400, body("0\r\nX: y\nZ: 1\r\n\r\n")),
    ];
    for (status, question) in questions {
        let mut talk = Talk::to(&program);
        // A smuggled second question must not be answered.
        talk.send([question.clone(), b"OPTIONS / ICAP/1.0\r\n\r\n".to_vec()].concat());
        let reply = talk.reply();
        assert_eq!(reply.status, status, "{:?}", question.escape_ascii().to_string());
        assert_eq!(reply.field("Connection").as_deref(), Some("close"));
        talk.end();
        talk.expect_end();
    }
    program.stop();
}

#[test]
fn a_body_of_options_is_bounded() {
    let program = Program::start(ON);
    let mut talk = Talk::to(&program);
    let body = chunks(&vec![b'x'; 100_000], 5000);
    talk.send([b"OPTIONS / ICAP/1.0\r\nEncapsulated: opt-body=0\r\n\r\n".to_vec(), body].concat());
    assert_eq!(talk.reply().status, 400);
}

#[test]
fn who_is_silent_or_slow_is_left() {
    let program = Program::start(&format!(
        "{ON}connections = 1\nidle_timeout = \"2s\"\nhead_timeout = \"3s\"\nrequest_timeout = \"4s\"\n"
    ));
    // Nothing at all; each of these waits for the place of the one before.
    Talk::to(&program).expect_end();
    // A head that never ends, although it goes on.
    let mut talk = Talk::to(&program);
    talk.send("OPTIONS / ICAP/1.0\r\n");
    let mut late = talk.next_reply();
    if let Some(reply) = late.take() {
        assert_eq!(reply.status, 408);
    }
    talk.end();
    talk.expect_end();
    // A body that stops.
    let mut talk = Talk::to(&program);
    talk.send([respmod("", GET, OK), b"5\r\nab".to_vec()].concat());
    assert_eq!(talk.reply().status, 408);
    talk.end();
    talk.expect_end();
    // A preview whose rest is never sent.
    let mut talk = Talk::to(&program);
    talk.send([respmod("Preview: 2\r\n", GET, OK), b"2\r\nab\r\n0\r\n\r\n".to_vec()].concat());
    assert_eq!(talk.reply().status, 100);
    assert_eq!(talk.reply().status, 408);
    talk.end();
    talk.expect_end();
    // A client that ends in the middle.
    let mut talk = Talk::to(&program);
    talk.send([respmod("", GET, OK), b"5\r\nab".to_vec()].concat());
    talk.end();
    talk.expect_end();
    // A client that never reads: its place is free for the next in the end.
    let mut deaf = Talk::to(&program);
    deaf.send(download("", &vec![b'x'; 30 << 20]));
    let mut talk = Talk::to(&program);
    talk.send(download("Allow: 204\r\n", b"x"));
    assert_eq!(talk.reply().status, 204);
    drop((deaf, talk));
    program.stop();
}

#[test]
fn a_slow_drip_does_not_hold_a_place_for_ever() {
    let program = Program::start(&format!(
        "{ON}connections = 1\nidle_timeout = \"10s\"\nhead_timeout = \"10s\"\nrequest_timeout = \"2s\"\n"
    ));
    let mut talk = Talk::to(&program);
    talk.send([respmod("", GET, OK), b"ffff\r\n".to_vec()].concat());
    let mut other = Talk::to(&program);
    other.send("OPTIONS / ICAP/1.0\r\n\r\n");
    let dripping = std::thread::spawn(move || {
        for _ in 0..50 {
            talk.send(b"x");
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    });
    assert_eq!(other.reply().status, 200);
    dripping.join().unwrap();
}
