//! Servers that do what servers of attackers do: none of it is taken, keeps the fetcher, or fills the disk.

mod server;

use std::fs;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use server::{Ground, Server, ok, say, status};

/// What a server says, byte for byte, and then closes the connection.
fn saying(bytes: impl Into<Vec<u8>>) -> Server {
    let bytes = bytes.into();
    Server::new(move |_, connection| {
        say(connection, &bytes);
    })
}

/// Fails with a kind, and leaves nothing.
fn refused(server: &Server, more: &[&str], kind: &str, part: &str) {
    let ground = Ground::new();
    ground.source(&server.url(), more).failed(kind, part);
    assert!(ground.files("got").is_empty(), "{:?}", ground.files("got"));
}

#[test]
fn what_is_no_answer_is_garbage() {
    for bytes in
        ["", "garbage\r\n\r\n", "SSH-2.0-OpenSSH_9.0\r\n", "HTTP/1.1 abc\r\n\r\n", "\0\0\0\0\0\0\0\0\r\n\r\n"]
    {
        refused(&saying(bytes), &[], "garbage", "");
    }
}

#[test]
fn headers_cannot_be_injected() {
    for bytes in [
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-\0: y\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
        "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc",
    ] {
        refused(&saying(bytes), &[], "garbage", "");
    }
    // A target of a redirect with an end of a line in it cannot even be said; one that is escaped stays escaped.
    let server = Server::new(|path, connection| match path {
        "/" => {
            say(connection, b"HTTP/1.1 302 Found\r\nLocation: /x%0d%0aX:%20y\r\nContent-Length: 0\r\n\r\n");
        }
        _ => ok(connection, b"fine"),
    });
    Ground::new().source(&server.url(), &[]).complete();
    let heard = server.heard();
    assert!(heard[1].starts_with("GET /x%0d%0aX:%20y HTTP/1.1\r\n"), "{heard:?}");
    assert_eq!(heard[0].lines().count(), heard[1].lines().count());
}

#[test]
fn bodies_have_an_end() {
    let endless = Server::new(|_, connection| {
        say(connection, b"HTTP/1.1 200 OK\r\n\r\n");
        while say(connection, &[b'x'; 65536]) {}
    });
    refused(&endless, &["--max", "1000000"], "too-large", "larger than 1000000 bytes");
    let chunked = Server::new(|_, connection| {
        say(connection, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while say(connection, b"400\r\n") && say(connection, &[b'x'; 1024]) && say(connection, b"\r\n") {}
    });
    refused(&chunked, &["--max", "1000000"], "too-large", "larger than 1000000 bytes");
    // What is announced is not waited for.
    let announced = Server::new(|_, connection| {
        say(connection, b"HTTP/1.1 200 OK\r\nContent-Length: 1000001\r\n\r\n");
        thread::sleep(Duration::from_secs(60));
    });
    refused(&announced, &["--max", "1000000", "--patience", "50"], "too-large", "larger");
    let headers = Server::new(|_, connection| {
        say(connection, b"HTTP/1.1 200 OK\r\n");
        while say(connection, format!("X-Header: {}\r\n", "x".repeat(8000)).as_bytes()) {}
    });
    refused(&headers, &[], "too-large", "");
}

#[test]
fn slow_servers_are_left() {
    let dripping = Server::new(|_, connection| {
        say(connection, b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        while say(connection, b"x") {
            thread::sleep(Duration::from_millis(100));
        }
    });
    refused(&dripping, &[], "too-slow", "a second are the least");
    let dripping_headers = Server::new(|_, connection| {
        say(connection, b"HTTP/1.1 200 OK\r\n");
        while say(connection, b"A: b\r\n") {
            thread::sleep(Duration::from_millis(100));
        }
    });
    refused(&dripping_headers, &[], "too-slow", "");
    for silent in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"] {
        let stalled = Server::new(move |_, connection| {
            say(connection, silent.as_bytes());
            thread::sleep(Duration::from_secs(60));
        });
        refused(&stalled, &[], "too-slow", "");
    }
    // Fast enough for each window, and still too long as a whole.
    let long = Server::new(|_, connection| {
        say(connection, b"HTTP/1.1 200 OK\r\n\r\n");
        while say(connection, &[b'x'; 4096]) {
            thread::sleep(Duration::from_millis(50));
        }
    });
    refused(&long, &["--timeout", "3"], "too-slow", "");
}

#[test]
fn what_is_cut_short_is_not_taken() {
    for bytes in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Le",
    ] {
        refused(&saying(bytes), &[], "garbage", "");
    }
}

#[test]
fn nothing_is_unpacked() {
    // A gzip of a few bytes that would be large.
    for coding in ["gzip", "br", "zstd", "gzip, gzip"] {
        let answer =
            format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: 3\r\n\r\n\x1f\u{8}\0");
        refused(&saying(answer), &[], "garbage", "compressed");
    }
    let server = saying("HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc");
    Ground::new().source(&server.url(), &[]).complete();
}

#[test]
fn a_status_that_says_no_is_told() {
    for (answer, kind) in [
        ("403 Forbidden", "refused"),
        ("500 Internal Server Error", "refused"),
        ("429 Too Many Requests", "refused"),
        ("206 Partial Content", "refused"),
        ("304 Not Modified", "refused"),
        ("404 Not Found", "missing"),
        ("410 Gone", "missing"),
    ] {
        refused(&Server::new(move |_, connection| status(connection, answer)), &[], kind, "");
    }
}

fn redirecting(to: String) -> Server {
    Server::new(move |_, connection| {
        let to = &to;
        say(
            connection,
            format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .as_bytes(),
        );
    })
}

#[test]
fn redirects_lead_nowhere_but_to_files_of_the_same_kind() {
    let endless = redirecting("/again".to_owned());
    refused(&endless, &[], "refused", "more than 3 redirects");
    assert_eq!(endless.heard().len(), 4);
    for (to, part) in [
        ("file:///etc/passwd", "not followed"),
        ("ftp://127.0.0.1/x", "scheme"),
        ("http://192.0.2.1/x", "plain http"),
        ("https://user:password@127.0.0.1/", "user"),
        ("https://10.0.0.1/x", "private network"),
        ("https://[::1]/x", "private network"),
        ("https://169.254.169.254/latest/meta-data", "private network"),
    ] {
        refused(&redirecting(to.to_owned()), &[], "refused", part);
    }
    // Another name of this machine is another host.
    let other = Server::new(|_, connection| ok(connection, b"other"));
    refused(&redirecting(format!("http://localhost:{}/", other.port())), &[], "refused", "private network");
    assert!(other.heard().is_empty());
    // On the same host it is followed, with the cap.
    let server = Server::new(|path, connection| match path {
        "/" => {
            say(
                connection,
                b"HTTP/1.1 307 X\r\nLocation: b/c\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            );
        }
        _ => ok(connection, b"12345"),
    });
    refused(&server, &["--max", "4"], "too-large", "");
    Ground::new().source(&server.url(), &["--max", "5"]).complete();
}

#[test]
fn plain_http_goes_to_this_machine_only() {
    let ground = Ground::new();
    ground.source("http://192.0.2.1/x", &[]).failed("refused", "plain http");
    ground.source("http://mirror.invalid/x", &[]).failed("refused", "plain http");
    ground.source("ftp://127.0.0.1/x", &[]).failed("local", "scheme");
    ground.source("https://user:password@127.0.0.1/", &[]).failed("local", "user");
}

#[test]
fn nobody_there() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    Ground::new().source(&format!("http://127.0.0.1:{port}/"), &[]).failed("unreachable", "");
    Ground::new().source("https://mirror.invalid/", &[]).failed("unreachable", "");
}

#[test]
fn a_failed_run_keeps_what_was_there() {
    let ground = Ground::new();
    let server = Server::new(|path, connection| match path {
        "/good" => ok(connection, b"good"),
        _ => {
            say(connection, b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbad");
        }
    });
    ground.source(&format!("{}/good", server.url()), &[]).complete();
    ground.source(&format!("{}/bad", server.url()), &[]).failed("garbage", "");
    assert_eq!(ground.files("got"), ["file"]);
    assert_eq!(fs::read(ground.path("got/file")).unwrap(), b"good");
}

#[test]
fn a_proxy_is_asked_where_there_is_one() {
    let proxy = Server::new(|_, connection| status(connection, "403 Forbidden"));
    let ground = Ground::new();
    ground.source("https://mirror.invalid/file", &["--proxy", &proxy.url()]).failed("unreachable", "403");
    assert!(proxy.heard()[0].starts_with("CONNECT mirror.invalid:443 HTTP/1.1\r\n"), "{:?}", proxy.heard());
    ground.source("https://mirror.invalid/file", &["--proxy", "socks5://127.0.0.1"]).failed("local", "proxy");
}
