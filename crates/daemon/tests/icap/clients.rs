//! `c-icap-client` of Debian's package `c-icap`, which knows nothing of us.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::content::{eicar, noise, zip};
use crate::program::Program;

const ON: &str = "[icap]\nlisten = [\"tcp:127.0.0.1:0\"]\n";

/// Runs the client; nothing if it is not installed.
fn ask(program: &Program, arguments: &[&str]) -> Option<Output> {
    let port = program.tcp("icap").port().to_string();
    let mut command = Command::new("c-icap-client");
    command.args(["-i", "127.0.0.1", "-p", &port, "-s", "scan", "-v"]).args(arguments);
    match command.output() {
        Ok(output) => Some(output),
        Err(_) => {
            eprintln!("skipped: c-icap is not installed");
            None
        }
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn options() {
    let program = Program::start(ON);
    let Some(output) = ask(&program, &[]) else { return };
    let text = said(&output);
    for part in ["ICAP/1.0 200 OK", "Allow 204: Yes", "Preview: 16384", "Service: Candor"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn files_in_every_mode() {
    let program = Program::start(ON);
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let small = noise(3000);
    let large = noise(2_000_000);
    let files = [
        (put("small", &small), Some(small)),
        (put("large", &large), Some(large)),
        (put("eicar", &eicar()), None),
        (put("zip", &zip("a.com", &eicar())), None),
    ];
    let out = folder.path().join("out");
    let modes: [&[&str]; 7] = [
        &[],
        &["-nopreview"],
        &["-no204"],
        &["-nopreview", "-no204"],
        &["-206"],
        &["-206", "-nopreview"],
        &["-w", "10", "-noreshdr", "-no204"],
    ];
    for target in ["-resp", "-req"] {
        for mode in modes {
            for (file, content) in &files {
                let mut arguments =
                    vec![target, "http://example.org/x", "-f", file, "-o", out.to_str().unwrap()];
                arguments.extend_from_slice(mode);
                if target == "-req" {
                    arguments.extend_from_slice(&["-method", "POST"]);
                }
                let _ = fs::remove_file(&out);
                let Some(output) = ask(&program, &arguments) else { return };
                let text = said(&output);
                let is_blocked = text.contains("X-Infection-Found: Type=0; Resolution=2; Threat=");
                assert_eq!(is_blocked, content.is_none(), "{arguments:?}: {text}");
                check(&out, content.as_deref(), &text, &arguments);
            }
        }
    }
    program.stop();
}

/// What the client wrote: the page, or the same content, or nothing when it may keep its own.
fn check(out: &Path, content: Option<&[u8]>, text: &str, arguments: &[&str]) {
    let written = fs::read(out).unwrap_or_default();
    match content {
        None => assert!(String::from_utf8_lossy(&written).contains("This content was blocked"), "{text}"),
        Some(content) if text.contains("ICAP/1.0 204") => assert!(written.is_empty() || written == content),
        Some(content) => assert!(written == content, "{arguments:?}: {} bytes; {text}", written.len()),
    }
}
