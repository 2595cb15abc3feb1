//! Who may ask: tokens, users, and no other web site.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::client::{ask, ask_unix};
use crate::configuration;
use crate::foreign_clients::installed;
use crate::program::{Program, candord, configure};
use crate::samples::eicar;
use crate::start;

/// What the file of tokens has for a token.
pub(crate) fn digest(token: &str) -> String {
    Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The header field of a token.
pub(crate) fn token_field(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

/// What it says when it cannot start.
fn fails(toml: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(candord());
    configure(&mut command, folder.path(), toml);
    let mut program = Program::run(command, folder);
    assert_eq!(program.wait(), Some(2), "{}", program.log());
    program.log()
}

#[test]
fn a_token_is_wanted_by_tcp_and_not_on_the_unix_socket() {
    let tokens = tempfile::NamedTempFile::new().unwrap();
    fs::write(tokens.path(), format!("# tokens\n{} mail gateway\n", digest("secret"))).unwrap();
    let program = start(&format!("tokens = {:?}\n", tokens.path()));
    for line in [
        "POST /v1/scan",
        "POST /v1/scan/path",
        "POST /v1/jobs",
        "GET /v1/status",
        "GET /v1/jobs/x",
        "DELETE /v1/jobs/x",
    ] {
        for fields in [String::new(), token_field("other"), token_field(&digest("secret"))] {
            let answer = ask(&program, line, &fields, b"");
            assert_eq!(answer.status, 401, "{line}");
            assert!(answer.field("www-authenticate").unwrap().starts_with("Bearer"));
            answer.problem();
        }
    }
    assert_eq!(ask(&program, "POST /v1/scan", &token_field("secret"), b"").status, 200);
    assert_eq!(ask(&program, "GET /", "", b"").status, 200, "the page asks for the token itself");
    assert_eq!(ask_unix(&program, "POST /v1/scan", "", b"").status, 200);
    let log = program.stop();
    assert!(!log.contains("secret"));
}

#[test]
fn strangers_are_not_let_in_by_mistake() {
    let log = fails("[http]\nlisten = [\"tcp:0.0.0.0:0\"]\n");
    assert!(log.contains("set `tokens`"), "{log}");
    let log = fails("[http]\nlisten = [\"tcp:127.0.0.1:0\"]\ntokens = \"{folder}/nothing\"\n");
    assert!(log.contains("tokens in "), "{log}");
    let open = tempfile::NamedTempFile::new().unwrap();
    fs::write(open.path(), digest("secret")).unwrap();
    fs::set_permissions(open.path(), fs::Permissions::from_mode(0o666)).unwrap();
    let log = fails(&configuration(&format!("tokens = {:?}", open.path())));
    assert!(log.contains("chmod go-w"), "{log}");
    let log = fails(&configuration("certificate = \"/nothing\""));
    assert!(log.contains("needs its key"), "{log}");
    fs::set_permissions(open.path(), fs::Permissions::from_mode(0o600)).unwrap();
    let listens = format!("[http]\nlisten = [\"tcp:0.0.0.0:0\"]\ntokens = {:?}\n", open.path());
    let program = Program::start(&listens);
    program
        .wait_until("no TLS", |event| event["event"].as_str().is_some_and(|event| event.contains("no TLS")));
    program.stop();
}

#[test]
fn other_web_sites_may_not_ask() {
    let program = start("hosts = [\"scan.example\"]\n");
    let asked = |fields: &str| {
        let mut stream = crate::client::tcp(program.tcp("http"));
        use std::io::Write;
        write!(stream, "POST /v1/scan HTTP/1.1\r\n{fields}Content-Length: 0\r\n\r\n").unwrap();
        crate::client::answer(&mut stream, false)
    };
    for (fields, status) in [
        ("Host: 127.0.0.1\r\n", 200),
        ("Host: [::1]:80\r\n", 200),
        ("Host: scan.example\r\nOrigin: http://scan.example\r\nSec-Fetch-Site: same-origin\r\n", 200),
        ("Host: evil.example\r\n", 421),
        ("Host: localhost.evil.example\r\n", 421),
        ("Host: localhost\r\nHost: localhost\r\n", 400),
        ("Host: a@localhost\r\n", 421),
        ("Host:\r\n", 400),
        ("Host: localhost\r\nOrigin: http://evil.example\r\n", 403),
        ("Host: localhost\r\nOrigin: https://localhost\r\n", 403),
        ("Host: localhost\r\nOrigin: null\r\n", 403),
        ("Host: localhost\r\nSec-Fetch-Site: cross-site\r\n", 403),
    ] {
        let answer = asked(fields);
        assert_eq!(answer.status, status, "{fields}: {answer:?}");
        assert_eq!(answer.field("access-control-allow-origin"), None);
        assert_eq!(answer.field("cross-origin-resource-policy"), Some("same-origin"));
    }
    let preflight = ask(&program, "OPTIONS /v1/scan", "Access-Control-Request-Method: POST\r\n", b"");
    assert_eq!(preflight.status, 405);
    program.stop();
}

#[test]
fn users_are_known_by_the_kernel() {
    if !rustix::process::geteuid().is_root() || !installed("curl") {
        eprintln!("skipped: only root can become another user");
        return;
    }
    for (settings, status) in
        [("", "403"), ("users = [65534]", "200"), ("groups = [65533]", "200"), ("everybody = true", "200")]
    {
        let program = start(&format!("socket_mode = 0o666\n{settings}\n"));
        let folder = program.folder();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(folder.join("secret"), eicar()).unwrap();
        fs::set_permissions(folder.join("secret"), fs::Permissions::from_mode(0o600)).unwrap();
        let curl = |arguments: &[&str]| {
            let output = Command::new("curl")
                .args(["--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--unix-socket"])
                .arg(program.unix("http"))
                .args(arguments)
                .uid(65534)
                .gid(65533)
                .output()
                .unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(curl(&["--data", "content", "http://localhost/v1/scan"]), status, "{settings}");
        let path = format!("{{\"path\": \"{}/secret\"}}", folder.display());
        let json = "Content-Type: application/json";
        assert_eq!(
            curl(&["--header", json, "--data", &path, "http://localhost/v1/scan/path"]),
            "403",
            "{settings}"
        );
        program.stop();
    }
}
