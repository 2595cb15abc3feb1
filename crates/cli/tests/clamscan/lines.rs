//! What is told, without clamscan to compare with.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use super::program::{Seen, build_worker, reads_everything};
use super::{EVIL, Scene};

#[test]
fn lines_and_summary_are_those_of_clamscan() {
    let scene = Scene::new();
    let seen = scene.run(&["-r", "-d", "db", "t", "z"]).expect(1);
    let (lines, summary) = seen.stdout.split_once("\n----------- SCAN SUMMARY -----------\n").unwrap();
    let expected = [
        "t/bad: Evil.One.UNOFFICIAL FOUND",
        "t/dangling: Symbolic link",
        "t/dirlink: Symbolic link",
        "t/empty: Empty file",
        "t/good: OK",
        "t/link: Symbolic link",
        "t/sub/bad2: Evil.One.UNOFFICIAL FOUND",
        "t/sub/deep/g: OK",
        "z/enc.zip: OK",
        "z/many.zip: Evil.One.UNOFFICIAL FOUND",
        "z/nest.zip: Evil.One.UNOFFICIAL FOUND",
        "z/one.zip: Evil.One.UNOFFICIAL FOUND",
    ];
    assert_eq!(lines.lines().collect::<Vec<_>>(), expected);
    let keys: Vec<&str> = summary.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(
        keys,
        [
            "Known viruses",
            "Engine version",
            "Scanned directories",
            "Scanned files",
            "Infected files",
            "Data scanned",
            "Data read",
            "Time",
            "Start Date",
            "End Date",
        ]
    );
    for line in [
        "Known viruses: 2",
        "Engine version: 1.4.6-candor-",
        "Scanned directories: 5",
        "Scanned files: 8",
        "Infected files: 5",
    ] {
        assert!(summary.contains(line), "{line}: {summary}");
    }
}

#[test]
fn what_was_not_examined_is_told_even_where_only_errors_are_wanted() {
    let scene = Scene::new();
    let seen = scene.run(&["-d", "db", "--quiet", "z/enc.zip"]).expect(0);
    assert_eq!(seen.stdout, "");
    assert!(
        seen.stderr.starts_with("LibClamAV Warning: z/enc.zip: not fully examined: encrypted"),
        "{seen:?}"
    );
    for (limit, word) in [("--max-filesize=10", "MaxFileSize"), ("--max-scansize=10", "MaxScanSize")] {
        let seen = scene.run(&["-d", "db", "--no-summary", limit, "t/bad"]).expect(0);
        assert_eq!(seen.stdout, "t/bad: OK\n");
        assert!(
            seen.stderr.contains(&format!("t/bad: not fully examined: {word} (it is longer than 10 bytes)")),
            "{seen:?}"
        );
        let seen = scene.run(&["-d", "db", "--no-summary", limit, "--alert-exceeds-max", "t/bad"]).expect(1);
        assert_eq!(seen.stdout, format!("t/bad: Heuristics.Limits.Exceeded.{word} FOUND\n"));
    }
}

#[test]
fn what_is_named_and_cannot_be_scanned_is_an_error() {
    let scene = Scene::new();
    let seen = scene.run(&["-d", "db", "--no-summary", "nothere", "t/dangling", "t/fifo"]).expect(2);
    assert_eq!(
        seen.stderr,
        "nothere: No such file or directory\nWARNING: nothere: Can't access file\n\
         t/dangling: No such file or directory\nWARNING: t/dangling: Can't access file\n\
         WARNING: t/fifo: Not supported file type\n"
    );
    // Something found is the news.
    scene.run(&["-d", "db", "nothere", "t/bad"]).expect(1);
    let seen = scene.run(&["-d", "db", "-r", "--max-dir-recursion=1", "--no-summary", "t"]).expect(1);
    assert!(seen.stderr.contains("t/sub: not scanned, it is deeper"), "{seen:?}");
}

#[test]
fn unreadable_files_are_counted() {
    let scene = Scene::new();
    for name in ["t/bad", "t/sub"] {
        fs::set_permissions(scene.0.path(name), fs::Permissions::from_mode(0o000)).unwrap();
    }
    if reads_everything(&scene.0.path("t/bad")) {
        println!("skipped: this user reads everything");
        return;
    }
    let seen = scene.run(&["-d", "db", "-r", "t"]).expect(2);
    fs::set_permissions(scene.0.path("t/sub"), fs::Permissions::from_mode(0o700)).unwrap();
    assert!(seen.stdout.contains("t/bad: Access denied\n"), "{seen:?}");
    assert!(seen.stdout.contains("t/sub: Can't open directory.\n"), "{seen:?}");
    assert!(seen.stdout.contains("\nTotal errors: 2\n"), "{seen:?}");
}

#[test]
fn names_of_files_cannot_speak_for_others() {
    let scene = Scene::new();
    let folder = scene.0.path("hostile");
    fs::create_dir(&folder).unwrap();
    let name = std::ffi::OsStr::from_bytes(b"x: OK\n\x1b[2J\xff");
    fs::write(folder.join(name), EVIL).unwrap();
    let mut command = scene.0.command(&["clamscan", "-d", "db", "--no-summary", "hostile"]);
    let output = command.output().unwrap();
    assert_eq!(output.stdout, b"hostile/x: OK\\n\\x1b[2J\xff: Evil.One.UNOFFICIAL FOUND\n");
}

#[test]
fn standard_input_is_scanned() {
    let scene = Scene::new();
    let run = |input: &[u8]| {
        scene.0.run_with_input(&["clamscan", "-d", "db", "--no-summary", "-", "t/good"], input)
    };
    assert_eq!(run(EVIL).expect(1).stdout, "stdin: Evil.One.UNOFFICIAL FOUND\nt/good: OK\n");
    assert_eq!(run(b"").expect(0).stdout, "stdin: OK\nt/good: OK\n");
}

#[test]
fn the_program_is_clamscan_under_its_name() {
    build_worker();
    let scene = Scene::new();
    let program = scene.0.path("clamscan");
    symlink(env!("CARGO_BIN_EXE_candor"), &program).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        Seen::new(command.args(arguments).current_dir(scene.0.path("")).output().unwrap())
    };
    let version = run(&["-V"]).expect(0).stdout;
    assert!(version.starts_with("ClamAV 1.4.6-candor-"), "{version}");
    assert!(run(&["--help"]).expect(0).stdout.contains("--alert-encrypted-archive[=yes/no]"));
    assert_eq!(run(&["-d", "db", "--no-summary", "t/good"]).expect(0).stdout, "t/good: OK\n");
    // The folder that is scanned where none is named.
    let seen = run(&["-d", "db", "--no-summary"]).expect(0);
    assert!(seen.stdout.contains("/known.hashes: OK\n"), "{seen:?}");
}

#[test]
fn compiled_databases_and_our_own_languages_are_taken() {
    let scene = Scene::new();
    scene.0.run(&["db", "build", "--output", "compiled.cdb", "db/a.ndb"]).expect(0);
    let seen = scene.run(&["-d", "compiled.cdb", "--no-summary", "t/bad"]).expect(1);
    assert_eq!(seen.stdout, "t/bad: Evil.One.UNOFFICIAL FOUND\n");
    scene.write("t/known", super::program::EVIL);
    let seen = scene.run(&["-d", "known.hashes", "--no-summary", "t/known"]).expect(1);
    assert_eq!(seen.stdout, "t/known: Test.Known-1.UNOFFICIAL FOUND\n");
}

#[test]
fn a_database_that_cannot_be_read_is_refused() {
    let scene = Scene::new();
    scene.write("x.cvd", b"nonsense");
    scene.run(&["-d", "x.cvd", "t/good"]).expect(2);
    // A device or FIFO is not waited for.
    let seen = scene.run(&["-d", "t/fifo", "--no-summary", "t/good"]).expect(2);
    assert!(seen.stderr.contains("it is no regular file"), "{seen:?}");
    scene.write("x.ndb", b"# nothing\n");
    let seen = scene.run(&["-d", "x.ndb", "--no-summary", "t/good"]).expect(0);
    assert!(seen.stderr.contains("no signature is loaded"), "{seen:?}");
}

#[test]
fn many_files_are_told_in_their_order() {
    let scene = Scene::new();
    fs::create_dir(scene.0.path("many")).unwrap();
    for number in 0..1500 {
        let content: &[u8] = if number % 7 == 0 { EVIL } else { b"good" };
        scene.write(&format!("many/{number:04}"), content);
    }
    let seen = scene.run(&["-d", "db", "--no-summary", "many"]).expect(1);
    let expected = (0..1500).map(|number| {
        let end = if number % 7 == 0 { "Evil.One.UNOFFICIAL FOUND" } else { "OK" };
        format!("many/{number:04}: {end}")
    });
    assert_eq!(seen.stdout.lines().collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

/// As `clamscan` 1.4.6 does with such a program.
#[test]
fn a_loose_program_is_run_only_if_it_is_wanted() {
    let scene = Scene::new();
    fs::write(scene.0.path("loose.cbc"), include_bytes!("../golden/bytecode/loose.cbc")).unwrap();
    fs::write(scene.0.path("abcd"), b"xx abcd xx").unwrap();
    let run = |options: &[&str], status| {
        let given = ["-d", "loose.cbc", "-d", "db", "--no-summary", "abcd"];
        scene.run(&[options, &given].concat()).expect(status)
    };
    let seen = run(&[], 0);
    assert_eq!(seen.stdout, "abcd: OK\n");
    let refusal = "Only loading signed bytecode, skipping load of unsigned bytecode!";
    assert!(seen.stderr.contains(refusal), "{seen:?}");
    let seen = run(&["--bytecode-unsigned"], 1);
    assert_eq!(seen.stdout, "abcd: BC.Test FOUND\n");
    assert!(!seen.stderr.contains(refusal), "{seen:?}");
    let seen = run(&["--bytecode-unsigned", "--bytecode=no"], 0);
    assert!(seen.stdout == "abcd: OK\n" && !seen.stderr.contains(refusal), "{seen:?}");
}
