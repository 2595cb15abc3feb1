//! Against another implementation: Go's `sumdb`, which lies in every Go toolchain. `CANDOR_GO` names the program `go`.

mod ground;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use candor_tlog::{Note, VerifyingKey, cosigned};
use ground::{Ground, Log, page_of};

/// The program of `interoperability/main.go`, or nothing if there is no Go.
fn built(folder: &Path) -> Option<PathBuf> {
    let go = std::env::var_os("CANDOR_GO").map(PathBuf::from)?;
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&go);
        command.args(arguments).current_dir(folder).env("GOFLAGS", "-mod=mod").env("GOPROXY", "off");
        command
            .env("GOTOOLCHAIN", "local")
            .env("GOCACHE", folder.join("cache"))
            .env("GOPATH", folder.join("path"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    };
    // What the toolchain itself uses cannot be imported where it lies.
    let vendor = PathBuf::from(run(&["env", "GOROOT"])).join("src/cmd/vendor/golang.org/x/mod/sumdb");
    for package in ["note", "tlog"] {
        let copy = folder.join("mod/sumdb").join(package);
        fs::create_dir_all(&copy).unwrap();
        for entry in fs::read_dir(vendor.join(package)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
    }
    let version = "go 1.24\n";
    fs::write(folder.join("mod/go.mod"), format!("module golang.org/x/mod\n{version}")).unwrap();
    let needs = "require golang.org/x/mod v0.0.0\nreplace golang.org/x/mod => ./mod\n";
    fs::write(folder.join("go.mod"), format!("module interoperability\n{version}{needs}")).unwrap();
    fs::write(folder.join("main.go"), include_str!("interoperability/main.go")).unwrap();
    run(&["build", "-o", "main", "."]);
    Some(folder.join("main"))
}

fn talk(program: &Path, arguments: &[&str], input: &[u8]) -> String {
    let mut command = Command::new(program);
    let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn go_verifies_ours_and_we_verify_those_of_go() {
    let folder = tempfile::tempdir().unwrap();
    let Some(go) = built(folder.path()) else {
        eprintln!("skipped: CANDOR_GO does not name a program go");
        return;
    };
    // A log in Go grows, proves, signs, and verifies what our witness cosigns.
    let ground = Ground::new();
    let running = ground.start();
    let log = Log::new(7);
    let (address, witness) = (running.address.to_string(), ground.key.to_string());
    let size = talk(&go, &["log", &address, &witness], log.key.to_secret_text().as_bytes());
    let kept = Note::read(running.get(&page_of(ground::ORIGIN)).body.as_bytes()).unwrap();
    kept.signed_by(log.key.public()).unwrap();
    assert_eq!(kept.text().lines().nth(1), Some(size.trim_end()));

    // A witness in Go cosigns our checkpoint.
    let note = log.note(7);
    let said = talk(&go, &["witness"], note.text().as_bytes());
    let (vkey, cosigned_note) = said.split_once('\n').unwrap();
    let vkey: VerifyingKey = vkey.parse().unwrap();
    let theirs = Note::read(cosigned_note.as_bytes()).unwrap();
    assert_eq!(theirs.text(), note.text());
    assert!(cosigned(&theirs, &vkey).unwrap().time > 1_700_000_000);
}
