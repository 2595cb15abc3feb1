//! Programs that others wrote, or that are written after the specifications alone, verify what is published.
//!
//! They need Python with the packages `tuf` and `cryptography`: `CANDOR_TUF_PYTHON`, or `target/tuf-venv/bin/python`, made by
//! `python3 -m venv target/tuf-venv && target/tuf-venv/bin/pip install tuf securesystemslib cryptography`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use candor_publish::rehearsal::{self, Rehearsal};
use candor_publish::{Timestamp, metadata};
use candor_update::place;

/// Python, if it has what is needed.
fn python() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let venv = root.join("target/tuf-venv/bin/python");
    let python = std::env::var_os("CANDOR_TUF_PYTHON").map_or(venv, PathBuf::from);
    let asked = Command::new(&python).args(["-c", "import tuf.ngclient, cryptography"]).output();
    if asked.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    eprintln!("skipped: {} is no Python with tuf and cryptography", python.display());
    None
}

fn run(python: &Path, script: &str, arguments: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle").join(script);
    Command::new(python).arg(script).args(arguments).output().expect("Python")
}

fn words(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// Three releases; a new root between the second and the third.
fn published(ground: &Path) -> Rehearsal {
    // These programs ask the clock.
    let now = metadata::whole_seconds(Timestamp::now());
    let rehearsal = Rehearsal::new(ground, now).expect("a publisher");
    for end in 100..103_u32 {
        if end == 102 {
            let mut plan = rehearsal.repository.root().expect("a root");
            plan.version = 2;
            plan.root.keys.pop();
            let mut root = plan.to_document().expect("a root");
            (1..=3).for_each(|number| root.sign(&rehearsal::key(number)).expect("signed"));
            rehearsal.repository.add_root(&root).expect("a second root");
        }
        let list: String =
            (0..end).map(|number| format!("{number:032x}:{}:T-{number}\n", number + 9)).collect();
        rehearsal
            .release(
                &[("base", "b.hdb", "0123456789abcdef0123456789abcdef:7:B\n"), ("day", "d.hdb", &list)],
                now,
            )
            .expect("published");
    }
    rehearsal
}

#[test]
fn python_tuf_accepts_it_and_refuses_what_was_changed() {
    let Some(python) = python() else { return };
    let ground = tempfile::tempdir().expect("a folder");
    let rehearsal = published(ground.path());
    let (mirror, root) = (rehearsal.mirror(), rehearsal.repository.root_path(1));
    let arguments = [mirror.to_str().expect("a path"), root.to_str().expect("a path")];
    let (names, errors) = words(&run(&python, "tuf_client.py", &arguments));
    assert_eq!(errors, "");
    let releases = rehearsal.repository.releases().expect("releases");
    for segment in releases.iter().flat_map(|release| &release.segments) {
        assert!(names.contains(&place::segment(&segment.digest)), "{names}");
    }
    assert!(names.contains(&place::delta(&releases[0].segments[1].digest, &releases[2].segments[1].digest)));
    for name in [place::TIMESTAMP.to_owned(), place::targets(3), place::root(2)] {
        let path = mirror.join(&name);
        let good = fs::read(&path).expect("a file");
        let text = String::from_utf8(good.clone()).expect("JSON").replacen(
            "\"expires\": \"20",
            "\"expires\": \"21",
            1,
        );
        fs::write(&path, text).expect("written");
        let (_, errors) = words(&run(&python, "tuf_client.py", &arguments));
        assert!(errors.contains("Error"), "{name}: {errors}");
        fs::write(&path, good).expect("written");
    }
    assert_eq!(words(&run(&python, "tuf_client.py", &arguments)).1, "");
}

#[test]
fn the_log_is_what_the_specifications_say() {
    let Some(python) = python() else { return };
    let ground = tempfile::tempdir().expect("a folder");
    let rehearsal = published(ground.path());
    let log = rehearsal::log_key().expect("a key").public().to_string();
    let mut arguments = vec![rehearsal.mirror().to_str().expect("a path").to_owned(), log];
    arguments.extend(rehearsal.witnesses.keys.values().map(|key| key.public().to_string()));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (size, errors) = words(&run(&python, "log_reader.py", &arguments));
    assert_eq!((size.as_str(), errors.as_str()), ("3\n", ""));
    let path = rehearsal.mirror().join("tile/entries/000.p/3");
    let mut bundle = fs::read(&path).expect("a tile");
    bundle[10] ^= 1;
    fs::write(&path, bundle).expect("written");
    assert!(words(&run(&python, "log_reader.py", &arguments)).1.contains("AssertionError"));
}
