//! Each exit status means what the help says.

mod program;

use program::{EVIL, Ground, gzip};

#[test]
fn nothing_found_and_everything_examined_is_0() {
    let ground = Ground::new();
    ground.file("a.txt", b"hello");
    ground.file("b.gz", &gzip(b"hello"));
    let seen = ground.scan(&[]).expect(0);
    assert!(seen.stdout.contains("2 files (3 objects)"), "{seen:#?}");
    assert!(seen.stdout.contains("Found    nothing\n"), "{seen:#?}");
    ground.run(&["explain", "files/b.gz", "--no-clamav"]).expect(0);
}

#[test]
fn something_found_is_1_whatever_else_happened() {
    let ground = Ground::new();
    ground.file("a.gz", &gzip(EVIL));
    ground.file("b.gz", &gzip(&[7; 9000])[..30]);
    let seen = ground.scan(&["missing"]).expect(1);
    assert!(seen.stdout.contains("malicious   files/a.gz > <stream>"), "{seen:#?}");
    assert!(seen.stdout.contains("Test.Known-1 (known.hashes)"), "{seen:#?}");
    assert!(seen.stderr.contains("missing: No such file"), "{seen:#?}");
    ground.run(&["explain", "files/a.gz", "--signatures", "known.hashes"]).expect(1);
}

#[test]
fn an_error_is_2_and_the_other_paths_are_scanned() {
    let ground = Ground::new();
    ground.file("b.gz", &gzip(&[7; 9000])[..30]);
    let seen = ground.scan(&["missing"]).expect(2);
    assert!(seen.stdout.contains("1 file (2 objects)"), "{seen:#?}");
    for wrong in [
        &["scan"][..],
        &["scan", "files", "--database", "missing.cdb"],
        &["scan", "files", "--database", "known.hashes"],
        &["scan", "files", "--signatures", "missing"],
        &["scan", "files", "--policy", "known.hashes"],
        &["scan", "files", "--max-depth", "101"],
        &["scan", "files", "--max-time", "soon"],
        &["scan", "files", "--exclude", "[", "--no-clamav"],
        &["scan", "files", "--output", "missing/report", "--no-clamav"],
        &["explain", "missing"],
        &["explain", "files"],
        &["db", "info", "known.hashes"],
        &["db", "check", "missing"],
        &["nonsense"],
        &[],
    ] {
        let seen = ground.run(wrong).expect(2);
        assert!(!seen.stderr.is_empty(), "{wrong:?}");
        assert!(!seen.stderr.contains("internal error"), "{seen:#?}");
    }
}

#[test]
fn a_gap_is_3_and_is_named() {
    let ground = Ground::new();
    ground.file("b.gz", &gzip(&[7; 9000])[..30]);
    let seen = ground.scan(&[]).expect(3);
    assert!(seen.stdout.contains("Not examined: 1 gap in 1 file"), "{seen:#?}");
    assert!(seen.stdout.contains("truncated"), "{seen:#?}");
    assert!(seen.stdout.contains("nothing in what was examined"), "{seen:#?}");
    let seen = ground.run(&["explain", "files/b.gz", "--no-clamav"]).expect(3);
    assert!(seen.stdout.contains("not examined: truncated"), "{seen:#?}");
}

#[test]
fn each_limit_is_a_gap() {
    let ground = Ground::new();
    ground.file("b.gz", &gzip(&gzip(&[7; 90_000])));
    for (option, value) in [
        ("--max-objects", "1"),
        ("--max-depth", "1"),
        ("--max-unpacked-bytes", "1K"),
        ("--max-object-bytes", "1K"),
        ("--max-held-bytes", "1K"),
        ("--max-time", "0"),
    ] {
        let seen = ground.scan(&[option, value]).expect(3);
        let limit = option.strip_prefix("--max-").unwrap();
        assert!(seen.stdout.contains(&format!("limit {limit}")), "{seen:#?}");
    }
}

#[test]
fn policy_decides_what_counts() {
    let ground = Ground::new();
    ground.file("b.gz", &gzip(&[7; 9000])[..30]);
    std::fs::write(ground.path("strict.toml"), "gaps_are_suspicious = true\n").unwrap();
    let seen = ground.scan(&["--policy", "strict.toml"]).expect(1);
    assert!(seen.stdout.contains("suspicious  files/b.gz"), "{seen:#?}");
    std::fs::write(ground.path("wrong.toml"), "\ngaps_are_evil = true\n").unwrap();
    let seen = ground.scan(&["--policy", "wrong.toml"]).expect(2);
    assert!(seen.stderr.contains("line 2"), "{seen:#?}");
}

#[test]
fn help_and_version_are_0() {
    let ground = Ground::new();
    for arguments in [
        &["--help"][..],
        &["scan", "--help"],
        &["explain", "--help"],
        &["db", "build", "--help"],
        &["db", "info", "--help"],
        &["db", "check", "--help"],
    ] {
        let seen = ground.run(arguments).expect(0);
        assert!(seen.stdout.contains("Usage:"), "{seen:#?}");
        assert!(seen.stdout.contains("Exit status:"), "{arguments:?} {seen:#?}");
    }
    let seen = ground.run(&["--version"]).expect(0);
    assert!(seen.stdout.starts_with("candor "), "{seen:#?}");
    assert!(seen.stdout.contains("embedded, "), "{seen:#?}");
}
