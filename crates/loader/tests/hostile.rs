//! Segments that were made to harm, and programs that are no loaders: a reason each time, and an empty output.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use candor_loader::{Limits, LoadError, Loaded, Loader};
use candor_signatures::Sources;
use candor_signatures::segment::{Packer, Segment};
use tempfile::{TempDir, tempfile};

const EICAR: &str = "44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test\n";

fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_candor-loader"))
}

fn segment(members: &[(&str, &[u8])]) -> File {
    let mut packer = Packer::new(tempfile().unwrap());
    for (name, content) in members {
        packer.add(name, content.len() as u64, *content).unwrap();
    }
    packer.finish().unwrap().0
}

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// Compiles, and sees to it that an error leaves nothing behind.
fn compile_by(program: &Path, segment: &File, limits: &Limits) -> Result<(Loaded, File), LoadError> {
    let output = file(b"what was there before");
    match Loader::new(program.to_owned()).compile(segment, &output, limits) {
        Ok(loaded) => Ok((loaded, output)),
        Err(error) => {
            assert_eq!(output.metadata().unwrap().len(), 0, "{error}");
            Err(error)
        }
    }
}

fn compile(segment: &File, limits: &Limits) -> Result<(Loaded, File), LoadError> {
    compile_by(&program(), segment, limits)
}

fn reason(members: &[(&str, &[u8])]) -> String {
    compile(&segment(members), &Limits::default()).unwrap_err().to_string()
}

#[test]
fn the_jail_makes_the_bytes_that_anybody_makes() {
    let rule = b"rule Candor_Test { strings: $a = \"candor-inert-witness\" condition: $a }\n";
    let ndb = b"Test.Pattern-1:0:*:63616e646f722d696e657274\nnonsense\n";
    let members: [(&str, &[u8]); 5] = [
        ("a.hdb", EICAR.as_bytes()),
        ("b.yar", rule),
        ("c.ndb", ndb),
        ("readme.txt", b"x"),
        ("self-test/e", b"y"),
    ];
    let (loaded, output) = compile(&segment(&members), &Limits::default()).unwrap();
    let sources = Sources::of_segment(Segment::open(segment(&members)).unwrap());
    let mut problems = 0;
    let built = sources.build(|_| problems += 1).unwrap();
    assert_eq!(loaded.image_size, built.image.len() as u64);
    assert_eq!(output.metadata().unwrap().len(), loaded.image_size);
    let database = candor_detect::Database::from_vec(built.image).unwrap();
    assert_eq!(loaded.identity, database.identity());
    assert_eq!(loaded.counts, database.counts().unwrap());
    assert_eq!((loaded.signatures, loaded.left_out), (3, problems));
    assert_eq!(loaded.problems.len(), 2);
    let (again, _) = compile(&segment(&members), &Limits::default()).unwrap();
    assert_eq!(again.image_sha256, loaded.image_sha256);
}

#[test]
fn what_is_no_segment_is_refused() {
    for bytes in [&b""[..], b"x", &[0; 1024], &[b'x'; 4096], EICAR.as_bytes()] {
        let refused = compile(&file(bytes), &Limits::default()).map(|_| ()).unwrap_err();
        assert!(matches!(&refused, LoadError::Refused(why) if why.contains("no segment")), "{refused}");
    }
    // Not a file at all.
    let null = File::open("/dev/null").unwrap();
    assert!(matches!(compile(&null, &Limits::default()), Err(LoadError::Refused(_))));
}

#[test]
fn a_segment_without_a_signature_is_refused_with_the_first_reason() {
    let why = reason(&[("a.hdb", b"nonsense\n")]);
    assert!(why.contains("no signature") && why.contains("a.hdb:1: malformed"), "{why}");
    assert!(reason(&[("self-test/a.hdb", EICAR.as_bytes())]).contains("no signature"));
    // A program of its own cannot pull in files.
    let why = reason(&[("a.yar", b"include \"/etc/passwd\"\n")]);
    assert!(why.contains("a.yar"), "{why}");
}

#[test]
fn hostile_text_costs_only_itself() {
    let mut nonsense = b"\xff\x00:::\x1b[2J\n".repeat(200_000);
    nonsense.extend_from_slice(EICAR.as_bytes());
    let huge = vec![b'a'; 40 << 20];
    let brackets = "(".repeat(100_000);
    let doom = format!("Test.Doom-1;Engine:81-255,Target:0;0;0/(a{{0,65535}}){{0,65535}}{brackets}/\n");
    let nested = format!("Test.Nested-1;Engine:81-255,Target:0;{brackets}0;6161\n");
    let rule = format!("rule Candor_Test {{ condition: {} true }}\n", "not ".repeat(200_000));
    let members: [(&str, &[u8]); 6] = [
        ("a.hdb", &nonsense),
        ("b.ldb", doom.as_bytes()),
        ("c.ldb", nested.as_bytes()),
        ("d.ndb", &huge),
        ("e.yar", rule.as_bytes()),
        ("f.yar", b"rule { { { \" /* "),
    ];
    let (loaded, _) = compile(&segment(&members), &Limits::default()).unwrap();
    assert_eq!(loaded.counts.object_hashes, 1);
    assert!(loaded.left_out >= 200_000 && loaded.problems.len() == 100, "{}", loaded.left_out);
}

/// Many signatures whose digests differ.
fn many(count: u64) -> Vec<u8> {
    let mut lines = Vec::new();
    for number in 0..count {
        let digest = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        writeln!(lines, "{digest:016x}{number:016x}:{}:Test.Number-{number}", number + 1).unwrap();
    }
    lines
}

#[test]
fn too_much_memory_time_and_length_are_named() {
    let bomb = segment(&[("a.hdb", &many(300_000))]);
    let limits = Limits::default();
    let little = Limits { memory: 16 << 20, ..limits };
    let refused = compile(&bomb, &little).map(|_| ()).unwrap_err();
    assert!(matches!(refused, LoadError::Memory(_)), "{refused}");
    let short = Limits { image: 100_000, ..limits };
    let refused = compile(&bomb, &short).map(|_| ()).unwrap_err();
    assert!(matches!(refused, LoadError::TooLong(100_000)), "{refused}");
    assert!(compile(&bomb, &limits).is_ok());
}

#[test]
fn programs_that_are_no_loaders_are_survived() {
    let folder = TempDir::new().unwrap();
    let fake = |name: &str, body: &str| {
        let path = folder.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        path
    };
    let good = segment(&[("a.hdb", EICAR.as_bytes())]);
    let limits = Limits::default();
    let error = |path: &Path| loop {
        match compile_by(path, &good, &limits).map(|_| ()).unwrap_err() {
            // Another test started a program while the script was open for writing.
            LoadError::Start { error, .. } if error.kind() == ErrorKind::ExecutableFileBusy => {}
            other => return other,
        }
    };
    let gone = error(&folder.path().join("nowhere"));
    assert!(matches!(gone, LoadError::Start { .. }), "{gone}");
    for (body, named) in [
        ("exit 0", "exit status: 0"),
        ("exit 7", "exit status: 7"),
        ("kill -SEGV $$", "SIGSEGV"),
        ("kill -ABRT $$", "SIGABRT"),
        ("kill -XCPU $$", "processor"),
    ] {
        let refused = error(&fake("fake", body)).to_string();
        assert!(refused.contains(named), "{body}: {refused}");
    }
    let mumbling = error(&fake("mumbling", "echo nonsense >&0; exec sleep 100"));
    assert!(matches!(mumbling, LoadError::Broke(_)), "{mumbling}");
}

#[test]
fn one_that_does_not_end_is_killed() {
    let bomb = segment(&[("a.hdb", &many(300_000))]);
    let limits = Limits { time: Duration::from_millis(1), ..Limits::default() };
    let refused = compile(&bomb, &limits).map(|_| ()).unwrap_err();
    assert!(matches!(refused, LoadError::Time(_)), "{refused}");
}
