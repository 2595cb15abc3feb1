//! What proxies ask and what they are answered.

use crate::content::{eicar, encrypted_zip, form, gzip, noise, zip};
use crate::program::Program;
use crate::talk::{GET, OK, Talk, chunks, download, respmod, upload};

const ON: &str = "[icap]\nlisten = [\"tcp:127.0.0.1:0\"]\n";

#[test]
fn options() {
    let program = Program::start(ON);
    let mut talk = Talk::to(&program);
    talk.send("OPTIONS icap://h/scan ICAP/1.0\r\nHost: h\r\n\r\n");
    let reply = talk.reply();
    assert_eq!((reply.status, reply.body.as_ref()), (200, None));
    for (name, value) in [
        ("Methods", "REQMOD, RESPMOD"),
        ("Allow", "204, 206"),
        ("Transfer-Preview", "*"),
        ("Options-TTL", "3600"),
        ("Max-Connections", "128"),
        ("Encapsulated", "null-body=0"),
        ("Connection", "keep-alive"),
    ] {
        assert_eq!(reply.field(name).as_deref(), Some(value), "{name}");
    }
    let tag = reply.field("ISTag").unwrap();
    assert!(tag.len() <= 32 && tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    // With a body for which nobody has a use, and for a service with one method.
    talk.send("OPTIONS icap://h/respmod?x ICAP/1.0\r\nEncapsulated: opt-body=0\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    let reply = talk.reply();
    assert_eq!(reply.field("Methods").as_deref(), Some("RESPMOD"));
    assert_eq!(reply.field("ISTag").unwrap(), tag);
    talk.send("REQMOD icap://h/respmod ICAP/1.0\r\nEncapsulated: null-body=0\r\n\r\n");
    assert_eq!(talk.reply().status, 405);
    talk.expect_end();
    // Verdicts under other settings must not be taken from a cache.
    let strict = Program::start(&format!("{ON}gaps = \"block\"\n"));
    let mut talk = Talk::to(&strict);
    talk.send("OPTIONS * ICAP/1.0\r\nConnection: close\r\n\r\n");
    let reply = talk.reply();
    assert_ne!(reply.field("ISTag").unwrap(), tag);
    assert_eq!(reply.field("Connection").as_deref(), Some("close"));
    talk.expect_end();
}

#[test]
fn undetected_content_in_every_way_that_it_may_pass() {
    let program = Program::start(ON);
    let mut talk = Talk::to(&program);
    for length in [0, 1, 9_999, 300_000, 3_000_000] {
        let content = noise(length);
        talk.send(download("Allow: 204\r\n", &content));
        let short = talk.reply();
        assert_eq!((short.status, short.body.as_ref()), (204, None));
        assert_eq!(short.field("X-Response-Info").as_deref(), Some("Allowed"));
        assert_eq!(short.field("X-Candor-Gaps"), None);
        talk.send(download("", &content));
        let whole = talk.reply();
        assert_eq!((whole.status, whole.http.as_str(), whole.last.as_str()), (200, OK, "0"));
        assert!(whole.body.unwrap() == content);
        talk.send(download("Allow: 206\r\n", &content));
        let own = talk.reply();
        assert_eq!((own.status, own.http.as_str()), (206, OK));
        assert_eq!((own.body.unwrap().len(), own.last.as_str()), (0, "0; use-original-body=0"));
    }
    // Heads may be missing.
    talk.send("RESPMOD /x ICAP/1.0\r\nEncapsulated: res-body=0\r\n\r\n2\r\nab\r\n0\r\n\r\n");
    let bare = talk.reply();
    assert_eq!((bare.http.as_str(), bare.body.unwrap().as_slice()), ("", b"ab".as_slice()));
    let head = "HTTP/1.1 304 Not Modified\r\n\r\n";
    let list = format!("res-hdr=0, null-body={}", head.len());
    talk.send(format!("RESPMOD /x ICAP/1.0\r\nEncapsulated: {list}\r\n\r\n{head}"));
    let bodiless = talk.reply();
    assert_eq!((bodiless.http.as_str(), bodiless.body), (head, None));
    program.stop();
}

#[test]
fn previews() {
    let program = Program::start(ON);
    let mut talk = Talk::to(&program);
    let fields = "Preview: 1024\r\nAllow: 206\r\n";
    // All of it fits: 204 is allowed without being asked for.
    talk.send([respmod(fields, GET, OK), chunks(b"small", 3), b"0; ieof\r\n\r\n".to_vec()].concat());
    assert_eq!(talk.reply().status, 204);
    talk.send([respmod(fields, GET, OK), b"0; ieof\r\n\r\n".to_vec()].concat());
    assert_eq!(talk.reply().status, 204);
    // More comes: after it, 206 alone is allowed no longer.
    let content = noise(100_000);
    let start = [respmod(fields, GET, OK), chunks(&content[..1024], 1000), b"0\r\n\r\n".to_vec()].concat();
    talk.send(&start);
    assert_eq!(talk.reply().status, 100);
    talk.send([chunks(&content[1024..], 5000), b"0\r\nX-Trailer: y\r\n\r\n".to_vec()].concat());
    let reply = talk.reply();
    assert_eq!((reply.status, reply.http.as_str()), (200, OK));
    assert!(reply.body.unwrap() == content);
    // What is detected lies behind the preview.
    talk.send(&start);
    assert_eq!(talk.reply().status, 100);
    talk.send([chunks(&zip("a.com", &eicar()), 7), b"0\r\n\r\n".to_vec()].concat());
    assert!(talk.reply().is_blocked());
    // A request without a body has no preview, whatever it says.
    let get = format!(
        "REQMOD /x ICAP/1.0\r\nPreview: 0\r\nEncapsulated: req-hdr=0, null-body={}\r\n\r\n{GET}",
        GET.len()
    );
    talk.send(get);
    assert_eq!(talk.reply().status, 204);
    program.stop();
}

#[test]
fn detected_content_is_replaced() {
    let program = Program::start(ON);
    let mut talk = Talk::to(&program);
    let request = "GET http://example.org/<b>'.zip HTTP/1.1\r\n\r\n";
    let fields = "Allow: 204\r\nX-Client-IP: 10.1.2.3\r\nX-Client-Username: <i>me</i>\r\n";
    let content = zip("inner;name.com", &eicar());
    talk.send([respmod(fields, request, OK), chunks(&content, 50), b"0\r\n\r\n".to_vec()].concat());
    let reply = talk.reply();
    assert!(reply.is_blocked() && reply.status == 200);
    let name = reply.field("X-Virus-ID").unwrap();
    assert!(name.to_lowercase().contains("eicar"), "{name}");
    assert_eq!(reply.field("X-Infection-Found").unwrap(), format!("Type=0; Resolution=2; Threat={name};"));
    let violations = reply.field("X-Violations-Found").unwrap();
    let expected = format!("<b>'.zip > inner?name.com\n{name}\n0\n2");
    let (count, lines) = violations.split_once('\n').unwrap();
    assert!(count.parse::<usize>().unwrap() >= 1 && lines.starts_with(&expected), "{violations}");
    assert_eq!(lines.lines().count(), 4 * count.parse::<usize>().unwrap());
    let page = String::from_utf8(reply.body.unwrap()).unwrap();
    assert!(reply.http.contains(&format!("Content-Length: {}\r\n", page.len())), "{}", reply.http);
    for text in ["http://example.org/&lt;b&gt;&#39;.zip", "&lt;i&gt;me&lt;/i&gt; 10.1.2.3", &name] {
        assert!(page.contains(text), "{page}");
    }
    assert!(!page.contains("<b>") && !page.contains("<i>"));
    // The connection goes on.
    talk.send(download("Allow: 204\r\n", b"harmless"));
    assert_eq!(talk.reply().status, 204);
    // Who asked for the head only gets no body.
    talk.send(
        [respmod("", "HEAD / HTTP/1.1\r\n\r\n", OK), chunks(&eicar(), 50), b"0\r\n\r\n".to_vec()].concat(),
    );
    let reply = talk.reply();
    assert!(reply.is_blocked() && reply.body.is_none());
    let log = program.stop();
    assert!(log.contains("10.1.2.3") && log.contains("blocked"), "{log}");
}

#[test]
fn uploads() {
    let program = Program::start(ON);
    let mut talk = Talk::to(&program);
    let multipart = "multipart/form-data; boundary=XyZ";
    let zipped = zip("a.com", &eicar());
    for (content_type, content, is_blocked) in [
        ("text/plain", b"hello".to_vec(), false),
        ("text/plain", eicar(), true),
        ("application/zip", zipped.clone(), true),
        (multipart, form(&noise(5000)), false),
        (multipart, form(&eicar()), true),
        (multipart, form(&zipped), true),
        ("multipart/form-data; boundary=\"XyZ\"", form(&gzip(&eicar())), true),
        // Headers that lie, or say nothing of use.
        ("multipart/form-data; boundary=other", form(&zipped), true),
        ("multipart/form-data", form(&zipped), true),
        (multipart, zipped.clone(), true),
        (multipart, eicar(), true),
        (multipart, [b"preamble\r\n".to_vec(), form(&zipped)].concat(), true),
    ] {
        talk.send(upload("Allow: 204\r\n", content_type, &content));
        let reply = talk.reply();
        assert_eq!(reply.is_blocked(), is_blocked, "{content_type} {:?}", content.escape_ascii().to_string());
        assert_eq!(reply.status, if is_blocked { 200 } else { 204 });
        assert!(is_blocked || reply.field("X-Candor-Gaps").is_none(), "{content_type}: {reply:?}");
        // Without 204 what passes comes back as it was, also without the head that was put before it.
        talk.send(upload("", content_type, &content));
        let reply = talk.reply();
        if !is_blocked {
            assert!(reply.http.starts_with("POST ") && reply.body.unwrap() == content);
        }
    }
    program.stop();
}

#[test]
fn requests_lose_codings_that_cannot_be_opened() {
    let program = Program::start(ON);
    let mut talk = Talk::to(&program);
    let ask = |head: &str| {
        let list = format!("req-hdr=0, null-body={}", head.len());
        format!("REQMOD /scan ICAP/1.0\r\nAllow: 204\r\nEncapsulated: {list}\r\n\r\n{head}")
    };
    let head = "GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip, deflate, br\r\nX: y\r\n\r\n";
    talk.send(ask(head));
    let reply = talk.reply();
    assert_eq!((reply.status, reply.body.as_ref()), (200, None));
    assert_eq!(reply.http, head.replace("gzip, deflate, br", "gzip"));
    talk.send(ask("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n"));
    assert_eq!(talk.reply().status, 204);
    let keep = Program::start(&format!("{ON}accept_encoding = \"keep\"\n"));
    let mut talk = Talk::to(&keep);
    talk.send(ask(head));
    assert_eq!(talk.reply().status, 204);
}

#[test]
fn gaps_are_told_and_block_where_wanted() {
    let program = Program::start(ON);
    let strict = Program::start(&format!("{ON}gaps = \"block\"\n"));
    let (mut talk, mut strict_talk) = (Talk::to(&program), Talk::to(&strict));
    let with = |field: &str| OK.replace("\r\n\r\n", &format!("\r\n{field}\r\n\r\n"));
    let brotli = with("Content-Encoding: br");
    let fragment = OK
        .replace("200 OK", "206 Partial Content")
        .replace("\r\n\r\n", "\r\nContent-Range: bytes 5-9/100\r\n\r\n");
    for (response, content, gap) in [
        (OK.to_owned(), encrypted_zip(), "encrypted"),
        (brotli, noise(50), "content-encoding br"),
        (with("Content-Length: 60"), noise(50), "truncated"),
        (fragment, noise(5), "partial content"),
    ] {
        let question =
            [respmod("Allow: 204\r\n", GET, &response), chunks(&content, 90), b"0\r\n\r\n".to_vec()].concat();
        talk.send(&question);
        let reply = talk.reply();
        let told = reply.field("X-Candor-Gaps").unwrap_or_else(|| panic!("{gap}: {reply:?}"));
        assert!(reply.status == 204 && told.contains(gap), "{told}");
        strict_talk.send(&question);
        let reply = strict_talk.reply();
        assert!(reply.is_blocked() && reply.field("X-Candor-Gaps").unwrap().contains(gap));
        assert!(reply.field("X-Infection-Found").unwrap().starts_with("Type=2; "));
    }
    // What is sent in gzip is opened, so there is no gap.
    let gzipped = with("Content-Encoding: gzip");
    for (content, is_blocked) in [(eicar(), true), (noise(60), false)] {
        let body = chunks(&gzip(&content), 33);
        strict_talk.send([respmod("Allow: 204\r\n", GET, &gzipped), body, b"0\r\n\r\n".to_vec()].concat());
        assert_eq!(strict_talk.reply().is_blocked(), is_blocked);
    }
}

#[test]
fn byte_by_byte_and_many_at_once() {
    let program = Program::start(ON);
    let mut talk = Talk::to(&program);
    talk.send_slowly(&download("", b"some content"));
    assert_eq!(talk.reply().body.unwrap(), b"some content");
    talk.send_slowly(&upload("", "multipart/form-data; boundary=XyZ", &form(&eicar())));
    assert!(talk.reply().is_blocked());
    let many: Vec<Vec<u8>> = (0..20)
        .map(|number| match number % 4 {
            0 => download("Allow: 204\r\n", b"harmless"),
            1 => download("", &eicar()),
            2 => upload("", "text/plain", b"hello"),
            _ => b"OPTIONS / ICAP/1.0\r\n\r\n\r\n".to_vec(),
        })
        .collect();
    talk.send(many.concat());
    for number in 0..20 {
        let reply = talk.reply();
        match number % 4 {
            0 => assert_eq!(reply.status, 204),
            1 => assert!(reply.is_blocked()),
            2 => assert_eq!(reply.body.unwrap(), b"hello"),
            _ => assert!(reply.field("Methods").is_some()),
        }
    }
    talk.end();
    talk.expect_end();
    // A client that ends its half after the question still gets its answer.
    let mut talk = Talk::to(&program);
    talk.send(download("", &eicar()));
    talk.end();
    assert!(talk.reply().is_blocked());
    talk.expect_end();
    program.stop();
}
