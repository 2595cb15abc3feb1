//! Clients of others: curl, with and without TLS, and schemathesis, which tries what the description says.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::client::tcp;
use crate::program::Program;
use crate::samples::{eicar, truncated_gzip};
use crate::start;

/// Whether a program is there; else the test says so and is to return.
pub(crate) fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    if !there {
        eprintln!("skipped: {program} is not installed");
    }
    there
}

fn curl(arguments: &[&str]) -> Output {
    Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "60"])
        .args(arguments)
        .output()
        .unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn curl_uploads() {
    if !installed("curl") {
        return;
    }
    let program = start("");
    let sample = program.folder().join("sample.com");
    fs::write(&sample, eicar()).unwrap();
    let gap = program.folder().join("gap.gz");
    fs::write(&gap, truncated_gzip()).unwrap();
    let large = program.folder().join("large");
    fs::write(&large, vec![b'x'; 20 << 20]).unwrap();
    let address = format!("http://{}/v1/scan", program.tcp("http"));
    let one = json(&curl(&["--data-binary", &format!("@{}", sample.display()), &address]));
    assert_eq!(one["root"]["verdict"], "malicious");
    let piped = json(&curl(&[
        "--upload-file",
        sample.to_str().unwrap(),
        "--request",
        "POST",
        "--header",
        "Transfer-Encoding: chunked",
        &address,
    ]));
    assert_eq!(piped["root"]["verdict"], "malicious");
    let several = [&sample, &gap, &large].map(|path| format!("file=@{}", path.display()));
    let several =
        json(&curl(&["--form", &several[0], "--form", &several[1], "--form", &several[2], &address]));
    let verdict = |number: usize| {
        let root = &several["results"][number]["root"];
        (
            root["path"].as_str().unwrap(),
            root["verdict"].as_str().unwrap(),
            root["fully_examined"].as_bool().unwrap(),
        )
    };
    assert_eq!(verdict(0), ("sample.com", "malicious", true));
    assert_eq!(verdict(1), ("gap.gz", "undetected", false));
    assert_eq!(verdict(2), ("large", "undetected", true));
    let socket = program.unix("http");
    let local = json(&curl(&[
        "--unix-socket",
        socket.to_str().unwrap(),
        "--data-binary",
        &format!("@{}", sample.display()),
        "http://localhost/v1/scan",
    ]));
    assert_eq!(local["root"]["verdict"], "malicious");
    program.stop();
}

/// A certificate for 127.0.0.1 and its key, signed by itself.
fn certificate(folder: &Path) {
    let output = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn curl_speaks_tls() {
    if !installed("curl") || !installed("openssl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let program = start(&format!(
        "certificate = {:?}\nkey = {:?}\nidle = \"2s\"\n",
        file("certificate.pem"),
        file("key.pem")
    ));
    let address = format!("https://{}/v1/scan", program.tcp("http"));
    let sample = file("sample");
    fs::write(&sample, eicar()).unwrap();
    for version in ["1.2", "1.3"] {
        let data = format!("@{sample}");
        let version = [format!("--tlsv{version}"), "--tls-max".into(), version.into()];
        let output = curl(&[
            &version[0],
            &version[1],
            &version[2],
            "--cacert",
            &file("certificate.pem"),
            "--data-binary",
            &data,
            &address,
        ]);
        assert_eq!(json(&output)["root"]["verdict"], "malicious");
    }
    let origin = format!("Origin: https://{}", program.tcp("http"));
    let output = curl(&["--cacert", &file("certificate.pem"), "--header", &origin, "--data", "x", &address]);
    assert_eq!(json(&output)["root"]["verdict"], "undetected");
    assert!(!curl(&["--data", "x", &address]).status.success(), "an unknown certificate is refused");
    let plain = curl(&["--data", "x", &address.replace("https", "http")]);
    assert!(!String::from_utf8_lossy(&plain.stdout).contains("root"), "{plain:?}");
    let old = curl(&["--tls-max", "1.1", "--cacert", &file("certificate.pem"), "--data", "x", &address]);
    assert!(!old.status.success());
    // Who begins nothing is not waited for.
    let mut silent = tcp(program.tcp("http"));
    assert!(!matches!(silent.read(&mut [0; 100]), Ok(1..)));
    // The Unix socket is as it was.
    let socket = program.unix("http");
    let local = curl(&["--unix-socket", socket.to_str().unwrap(), "--data", "x", "http://localhost/v1/scan"]);
    assert_eq!(json(&local)["root"]["verdict"], "undetected");
    program.stop();
}

#[test]
fn schemathesis_finds_nothing() {
    if !installed("schemathesis") {
        return;
    }
    let program: Program = start("");
    // A form without files is as described, since the description cannot say otherwise; it is refused.
    let settings = "[[operations]]\ninclude-operation-id = \"scan\"\n\
        checks.positive_data_acceptance.expected-statuses = [\"2xx\", \"400\", \"403\"]\n";
    fs::write(program.folder().join("schemathesis.toml"), settings).unwrap();
    let output = Command::new("schemathesis")
        .arg("run")
        .arg(format!("http://{}/openapi.json", program.tcp("http")))
        .args(["--max-examples", "25", "--seed", "1", "--no-color"])
        .current_dir(program.folder())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    program.stop();
}
