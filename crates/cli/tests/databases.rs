//! Databases are built whole, checked whole, and never dropped in silence.

mod program;

use std::fs;

use program::{EVIL, Ground, NAME};

#[test]
fn a_built_database_finds_what_its_sources_find() {
    let ground = Ground::new();
    ground.file("evil.bin", EVIL);
    let seen = ground.run(&["db", "build", "--output", "mine.cdb", "known.hashes"]).expect(0);
    assert!(seen.stdout.contains("identity  "), "{seen:#?}");
    let seen = ground.run(&["scan", "files", "--database", "mine.cdb"]).expect(1);
    assert!(seen.stdout.contains(NAME), "{seen:#?}");
    assert_eq!(seen.stderr, "");
    let seen = ground.run(&["db", "info", "mine.cdb"]).expect(0);
    assert!(seen.stdout.contains("known.hashes"), "{seen:#?}");
    assert!(seen.stdout.contains("layout    version "), "{seen:#?}");
    // Databases add up.
    let all = ["scan", "files", "--database", "mine.cdb", "--signatures", "known.hashes"];
    let seen = ground.run(&all).expect(1);
    assert!(seen.stdout.contains("2 signatures of 2 databases"), "{seen:#?}");
}

#[test]
fn a_failed_build_leaves_the_old_database_and_no_litter() {
    let ground = Ground::new();
    ground.run(&["db", "build", "--output", "mine.cdb", "known.hashes"]).expect(0);
    let before = fs::read(ground.path("mine.cdb")).unwrap();
    fs::write(ground.path("bad.hdb"), "nonsense\n").unwrap();
    let seen = ground.run(&["db", "build", "--output", "mine.cdb", "bad.hdb"]).expect(2);
    assert!(seen.stderr.contains("nothing was written"), "{seen:#?}");
    ground.run(&["db", "build", "--output", "files", "known.hashes"]).expect(2);
    ground.run(&["db", "build", "--output", "missing/x.cdb", "known.hashes"]).expect(2);
    assert_eq!(fs::read(ground.path("mine.cdb")).unwrap(), before);
    let mut names: Vec<String> = fs::read_dir(ground.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["bad.hdb", "files", "known.hashes", "mine.cdb"]);
}

#[test]
fn a_truncated_or_damaged_database_is_refused() {
    let ground = Ground::new();
    ground.file("evil.bin", EVIL);
    ground.run(&["db", "build", "--output", "mine.cdb", "known.hashes"]).expect(0);
    let whole = fs::read(ground.path("mine.cdb")).unwrap();
    for length in [0, 1, 8, 63, 64, 100, whole.len() - 1] {
        fs::write(ground.path("cut.cdb"), &whole[..length]).unwrap();
        let seen = ground.run(&["db", "info", "cut.cdb"]).expect(2);
        assert!(seen.stderr.contains("cut.cdb"), "{seen:#?}");
        ground.run(&["scan", "files", "--database", "cut.cdb"]).expect(2);
    }
    // Damage that opening cannot see is seen by reading everything, and a scan never panics over it.
    for place in (0..whole.len()).step_by(7) {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x55;
        fs::write(ground.path("damaged.cdb"), &damaged).unwrap();
        ground.run(&["db", "info", "damaged.cdb"]).expect(2);
        let seen = ground.run(&["scan", "files", "--database", "damaged.cdb"]);
        assert!(!seen.stderr.contains("internal error"), "{place}: {seen:#?}");
    }
}

#[test]
fn check_lists_every_bad_line() {
    let ground = Ground::new();
    let line = "44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test";
    let text = format!("{line}\nnonsense\n{line}:900\n{line}\n\n");
    fs::write(ground.path("mixed.hdb"), text).unwrap();
    let seen = ground.run(&["db", "check", "mixed.hdb"]).expect(1);
    let lines: Vec<&str> = seen.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{seen:#?}");
    assert!(lines[0].starts_with("mixed.hdb:2: malformed: "), "{seen:#?}");
    assert!(lines[1].starts_with("mixed.hdb:3: not for us: "), "{seen:#?}");
    assert!(lines[2].starts_with("mixed.hdb:5: malformed: "), "{seen:#?}");
    assert!(seen.stderr.contains("2 malformed") && seen.stderr.contains("1 not for us"), "{seen:#?}");
    let json = ground.run(&["db", "check", "mixed.hdb", "--format", "json"]).expect(1).json();
    assert_eq!(json["problems"].as_array().unwrap().len(), 3);
    assert_eq!(json["problems"][1]["line"], 3);
    assert_eq!(json["summary"]["problems"]["malformed"], 2);
    let strict = ground.run(&["db", "check", "--strict", "mixed.hdb"]).expect(1);
    assert_eq!(strict.stdout.lines().count(), 1, "{strict:#?}");
}

#[test]
fn what_is_only_not_for_us_is_listed_and_0() {
    let ground = Ground::new();
    let line = "44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test";
    fs::write(ground.path("newer.hdb"), format!("{line}:900\n{line}\n")).unwrap();
    let seen = ground.run(&["db", "check", "newer.hdb"]).expect(0);
    assert_eq!(seen.stdout.lines().count(), 1, "{seen:#?}");
    ground.run(&["db", "check", "--strict", "newer.hdb"]).expect(1);
    ground.run(&["db", "check", "known.hashes"]).expect(0);
}

#[test]
fn skipped_signatures_are_counted() {
    let ground = Ground::new();
    let text = fs::read_to_string(ground.path("known.hashes")).unwrap();
    fs::write(ground.path("known.hashes"), format!("{text}nonsense\n")).unwrap();
    let seen = ground.scan(&[]).expect(0);
    assert!(seen.stderr.contains("1 signature skipped; see `candor db check known.hashes`"), "{seen:#?}");
}

#[test]
fn the_clamav_folder_is_used_and_what_is_not_read_is_named() {
    let ground = Ground::new();
    ground.file("evil.bin", EVIL);
    let arguments = ["scan", "files", "--clamav-folder", "clamav"];
    ground.run(&arguments).expect(0);
    fs::create_dir(ground.path("clamav")).unwrap();
    fs::write(ground.path("clamav/unknown.xyz"), "x").unwrap();
    let seen = ground.run(&arguments).expect(0);
    assert!(seen.stderr.contains("unknown.xyz"), "{seen:#?}");
    fs::copy(ground.path("known.hashes"), ground.path("clamav/known.hashes")).unwrap();
    let seen = ground.run(&arguments).expect(1);
    assert!(seen.stderr.contains("also using 1 signature of clamav"), "{seen:#?}");
    assert!(seen.stderr.contains("not used (not readable yet): unknown.xyz"), "{seen:#?}");
    let mut without = arguments.to_vec();
    without.push("--no-clamav");
    let seen = ground.run(&without).expect(0);
    assert_eq!(seen.stderr, "");
}

#[test]
fn damage_behind_the_header_is_no_silence() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("mine.hashes"), "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 Mine\n")
        .unwrap();
    fs::write(at("file"), "content").unwrap();
    let candor = |arguments: &[&std::ffi::OsStr]| {
        std::process::Command::new(env!("CARGO_BIN_EXE_candor")).args(arguments).output().unwrap()
    };
    let (database, sources, file) = (at("mine.cdb"), at("mine.hashes"), at("file"));
    let build =
        ["db".as_ref(), "build".as_ref(), "--output".as_ref(), database.as_os_str(), sources.as_os_str()];
    assert!(candor(&build).status.success());
    let scan = ["scan".as_ref(), "--database".as_ref(), database.as_os_str(), file.as_os_str()];
    assert_eq!(candor(&scan).status.code(), Some(0));
    let mut bytes = fs::read(&database).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&database, bytes).unwrap();
    let output = candor(&scan);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("damaged"));
}

#[test]
fn a_database_without_signatures_is_refused() {
    let ground = Ground::new();
    fs::write(ground.path("known.hashes"), "nonsense\n\n").unwrap();
    let seen = ground.scan(&[]).expect(2);
    assert!(seen.stderr.contains("no signature that can be used"), "{seen:#?}");
}

/// What only says how to scan finds nothing, and to say so is better than to find nothing.
#[test]
fn what_only_says_how_to_scan_is_refused_alone() {
    for (name, text) in [
        ("x.pwdb", "A;Engine:81-255,Container:CL_TYPE_ZIP;0;secret\n"),
        ("x.ftm", "0:0:4d5a:MS-EXE:CL_TYPE_ANY:CL_TYPE_MSEXE\n"),
        ("x.cfg", "PE:0x1:90:255\n"),
    ] {
        let ground = Ground::new();
        fs::write(ground.path(name), text).unwrap();
        ground.file("file", b"content");
        let seen = ground.run(&["scan", "--signatures", name, "file"]).expect(2);
        assert!(seen.stderr.contains("passwords, magic and switches alone find nothing"), "{seen:#?}");
    }
}

#[test]
fn a_fifo_instead_of_a_file_is_refused_and_never_waited_for() {
    let ground = Ground::new();
    for name in ["fifo.hdb", "fifo.cdb", "fifo.toml"] {
        assert!(std::process::Command::new("mkfifo").arg(ground.path(name)).status().unwrap().success());
    }
    ground.file("file", b"content");
    ground.run(&["db", "check", "fifo.hdb"]).expect(2);
    ground.run(&["db", "info", "fifo.cdb"]).expect(2);
    ground.run(&["scan", "--database", "fifo.cdb", "files"]).expect(2);
    ground.run(&["scan", "--no-clamav", "--policy", "fifo.toml", "files"]).expect(2);
}

#[test]
fn a_report_never_overwrites_what_is_scanned_before_it_is_scanned() {
    let ground = Ground::new();
    ground.file("evil.bin", EVIL);
    let report = ground.path("files/evil.bin");
    let seen = ground.scan(&["--output", report.to_str().unwrap()]);
    assert_eq!(seen.status, 1, "{seen:#?}");
    assert!(fs::read_to_string(report).unwrap().contains("malicious"));
}
