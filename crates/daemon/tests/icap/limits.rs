//! Bodies that are too long, bytes that are given away early, pages of one's own, and the end of the service.

use rustix::process::Signal;

use crate::content::{eicar, noise, zip};
use crate::program::Program;
use crate::talk::{GET, OK, Talk, chunks, download, respmod};

const ON: &str = "[icap]\nlisten = [\"tcp:127.0.0.1:0\"]\n";

fn declared(length: usize) -> String {
    OK.replace("\r\n\r\n", &format!("\r\nContent-Length: {length}\r\n\r\n"))
}

#[test]
fn too_long_bodies_are_blocked() {
    let program = Program::start(&format!("{ON}body_limit = \"100K\"\n"));
    let fields = "Allow: 204\r\nPreview: 4\r\n";
    let mut talk = Talk::to(&program);
    // The length is known from the head: the rest is not even asked for, and the connection goes on.
    talk.send([respmod(fields, GET, &declared(200_000)), b"4\r\nabcd\r\n0\r\n\r\n".to_vec()].concat());
    let reply = talk.reply();
    assert!(reply.is_blocked());
    assert_eq!(
        reply.field("X-Infection-Found").unwrap(),
        "Type=2; Resolution=2; Threat=Too long to be examined;"
    );
    assert_eq!(reply.field("X-Candor-Gaps").unwrap(), "1; over limit");
    // The length is known when it is too late: the answer comes early, and the connection ends.
    for fields in ["", "Allow: 204\r\n"] {
        talk.send(download(fields, &noise(1_000_000)));
        let reply = talk.reply();
        assert!(reply.is_blocked());
        assert_eq!(reply.field("Connection").as_deref(), Some("close"));
        talk.end();
        talk.expect_end();
        talk = Talk::to(&program);
    }
    // Exactly as long as allowed.
    talk.send(download("Allow: 204\r\n", &noise(100 << 10)));
    assert_eq!(talk.reply().status, 204);
    program.stop();
}

#[test]
fn too_long_bodies_pass_where_that_is_wanted() {
    let program = Program::start(&format!("{ON}body_limit = \"100K\"\nover_limit = \"pass\"\n"));
    let mut talk = Talk::to(&program);
    let content = noise(3_000_000);
    for fields in ["Allow: 204\r\n", "Allow: 204, 206\r\n"] {
        talk.send(download(fields, &content));
        let reply = talk.reply();
        assert_eq!((reply.status, reply.field("X-Candor-Gaps").as_deref()), (204, Some("1; over limit")));
    }
    // What comes back while it is still being sent must be read meanwhile.
    let sending = talk.send_aside(download("", &content));
    let reply = talk.reply();
    assert_eq!((reply.status, reply.field("X-Candor-Gaps").as_deref()), (200, Some("1; over limit")));
    assert!(reply.body.unwrap() == content);
    sending.join().unwrap();
    // What fits into the limit is examined nevertheless.
    let bad = [zip("a.com", &eicar()), noise(3_000_000)].concat();
    talk.send(download("Allow: 204\r\n", &bad));
    assert!(talk.reply().is_blocked());
    talk.end();
    talk.expect_end();
    // A limit below the preview.
    let program = Program::start(&format!("{ON}body_limit = 2\nover_limit = \"pass\"\n"));
    let mut talk = Talk::to(&program);
    talk.send([respmod("Preview: 4\r\n", GET, OK), b"4\r\nabcd\r\n0\r\n\r\n".to_vec()].concat());
    assert_eq!(talk.reply().status, 204);
    program.stop();
}

#[test]
fn bytes_are_given_away_before_the_verdict_only_where_that_is_wanted() {
    let program = Program::start(&format!("{ON}trickle = \"50ms\"\n"));
    let content = noise(50_000);
    let (start, rest) = content.split_at(40_000);
    let mut talk = Talk::to(&program);
    talk.send([respmod("Allow: 204\r\n", GET, OK), chunks(start, 1000)].concat());
    talk.wait_for_bytes(OK.as_bytes());
    talk.send([chunks(rest, 1000), b"0\r\n\r\n".to_vec()].concat());
    let reply = talk.reply();
    assert_eq!((reply.status, reply.http.as_str()), (200, OK));
    assert!(reply.body.unwrap() == content);
    talk.expect_end();
    // What is detected then can only be broken off.
    let bad = zip("a.com", &eicar());
    let mut talk = Talk::to(&program);
    talk.send([respmod("", GET, OK), chunks(&bad, 50)].concat());
    talk.wait_for_bytes(OK.as_bytes());
    talk.send("0\r\n\r\n");
    assert!(talk.next_reply().is_none(), "the last chunk must not come");
    program.stop();
}

#[test]
fn a_page_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    std::fs::write(&page, "<p>{{names}} at {{url}}, {{other}}</p>").unwrap();
    let program = Program::start(&format!("{ON}block_page = \"{}\"\n", page.display()));
    let mut talk = Talk::to(&program);
    talk.send(download("", &eicar()));
    let reply = talk.reply();
    assert!(reply.is_blocked());
    let name = reply.field("X-Virus-ID").unwrap();
    let expected = format!("<p>{name} at http://example.org/dir/file.bin, {{{{other}}}}</p>");
    assert_eq!(String::from_utf8(reply.body.unwrap()).unwrap(), expected);
}

#[test]
fn what_is_under_way_is_answered_when_the_service_stops() {
    let mut program = Program::start(
        "[icap]\nlisten = [\"unix:{folder}/icap\", \"tcp:127.0.0.1:0\"]\nsocket_mode = 0o600\n",
    );
    assert!(program.unix("icap").exists());
    let mut idle = Talk::to(&program);
    idle.send("OPTIONS / ICAP/1.0\r\n\r\n");
    assert_eq!(idle.reply().status, 200);
    let mut talk = Talk::to(&program);
    talk.send([respmod("Preview: 2\r\n", GET, OK), b"2\r\nab\r\n0\r\n\r\n".to_vec()].concat());
    assert_eq!(talk.reply().status, 100);
    program.signal(Signal::TERM);
    idle.expect_end();
    talk.send("2\r\ncd\r\n0\r\n\r\n");
    assert_eq!(talk.reply().body.unwrap(), b"abcd");
    talk.expect_end();
    assert_eq!(program.wait(), Some(0));
}
