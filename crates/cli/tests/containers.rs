//! Containers wherever signature files go: refused unless signed, or wanted all the same.

mod program;

use std::fs;
use std::path::Path;

use program::Ground;

/// A container without a signature; one line is the MD5 of the EICAR test file.
const CONTAINER: &[u8] = include_bytes!("golden/sigtool/mine.cud");

fn ground() -> Ground {
    let ground = Ground::new();
    fs::write(ground.path("mine.cud"), CONTAINER).unwrap();
    ground.file("found", b"xx\xde\xad\xbe\xefxx");
    ground
}

#[test]
fn unsigned_ones_are_refused_unless_allowed() {
    let ground = ground();
    let scan = ["scan", "files", "--signatures", "mine.cud"];
    let seen = ground.run(&scan).expect(2);
    assert!(seen.stderr.contains("mine.cud: it is not signed by a key that is trusted"), "{seen:#?}");
    assert!(seen.stderr.contains("--allow-unsigned"), "{seen:#?}");
    let seen = ground.run(&[&scan[..], &["--allow-unsigned"]].concat()).expect(1);
    assert!(seen.stdout.contains("Foo"), "{seen:#?}");
    ground.run(&["db", "check", "mine.cud"]).expect(2);
    let seen = ground.run(&["db", "check", "mine.cud", "--allow-unsigned"]).expect(0);
    assert!(seen.stderr.contains("2 signatures can be used"), "{seen:#?}");
    ground.run(&["db", "build", "--output", "a.db", "mine.cud"]).expect(2);
    ground.run(&["db", "build", "--output", "a.cdb", "mine.cud", "--allow-unsigned"]).expect(0);
    let seen = ground.run(&["scan", "files", "--database", "a.cdb"]).expect(1);
    assert!(seen.stdout.contains("Foo"), "{seen:#?}");
    let seen = ground.run(&["db", "info", "a.cdb"]).expect(0);
    assert!(seen.stdout.contains("  mydb.ndb\n"), "{seen:#?}");
}

#[test]
fn a_damaged_one_is_refused_whatever_is_allowed() {
    let ground = ground();
    for length in [0, 100, 512, 600, CONTAINER.len() - 1] {
        fs::write(ground.path("cut.cud"), &CONTAINER[..length]).unwrap();
        let seen = ground.run(&["db", "check", "cut.cud", "--allow-unsigned"]).expect(2);
        assert!(seen.stderr.contains("cut.cud: "), "{seen:#?}");
    }
    let mut forged = CONTAINER.to_vec();
    *forged.last_mut().unwrap() ^= 1;
    fs::write(ground.path("forged.cud"), forged).unwrap();
    let seen = ground.run(&["db", "check", "forged.cud", "--allow-unsigned"]).expect(2);
    assert!(seen.stderr.contains("MD5"), "{seen:#?}");
}

#[test]
fn one_in_clamavs_folder_costs_only_itself() {
    let ground = ground();
    fs::create_dir(ground.path("clamav")).unwrap();
    fs::write(ground.path("clamav/mine.cud"), CONTAINER).unwrap();
    fs::write(ground.path("clamav/daily.cvd"), CONTAINER).unwrap();
    fs::write(ground.path("clamav/own.ndb"), "Own:0:*:deadbeef\n").unwrap();
    let scan = ["scan", "files", "--clamav-folder", "clamav"];
    let seen = ground.run(&scan).expect(1);
    assert!(seen.stdout.contains("Own"), "{seen:#?}");
    assert!(seen.stderr.contains("not used: clamav/daily.cvd: it is not signed"), "{seen:#?}");
    assert!(seen.stderr.contains("not used: clamav/mine.cud: it is not signed"), "{seen:#?}");
    // Where the user names the folder, all of it is wanted.
    ground.run(&["scan", "files", "--signatures", "clamav"]).expect(2);
    let seen = ground.run(&[&scan[..], &["--allow-unsigned"]].concat()).expect(1);
    assert!(seen.stderr.contains("also using 5 signatures"), "{seen:#?}");
}

#[test]
fn unwanted_programs_are_asked_for() {
    let ground = ground();
    let line = "PUA.Tool.Example-1:0:*:deadbeef\nPUA.Game.Example-2:0:*:deadbeef\n";
    fs::write(ground.path("mine.ndu"), format!("{line}PUA.Game.Example-3:0:*:beefdead\n")).unwrap();
    let built = |options: &[&str]| {
        let build = ["db", "build", "--output", "a.cdb", "mine.ndu", "known.hashes"];
        ground.run(&[&build[..], options].concat()).expect(0).stdout
    };
    let count = |options: &[&str]| {
        let stdout = built(options);
        let line = stdout.lines().find(|line| line.starts_with("logical")).unwrap();
        line.split_whitespace().last().unwrap().to_owned()
    };
    assert_eq!(count(&[]), "0");
    assert_eq!(count(&["--pua"]), "3");
    assert_eq!(count(&["--pua", "--include-pua", "Tool"]), "1");
    assert_eq!(count(&["--pua", "--exclude-pua", "Tool"]), "2");
    ground.run(&["db", "build", "--output", "a.cdb", "mine.ndu", "--include-pua", "Tool"]).expect(2);
}

#[test]
fn certificates_must_be_some() {
    let ground = ground();
    let seen = ground.run(&["db", "check", "mine.cud", "--certificates", "files"]).expect(2);
    assert!(seen.stderr.contains("certificate"), "{seen:#?}");
}

/// The publisher's own containers, where they are at hand.
#[test]
fn signed_ones_are_used_as_they_are() {
    let Ok(shared) = std::env::var("CANDOR_SHARED") else {
        eprintln!("skipped: CANDOR_SHARED is not set");
        return;
    };
    let ground = ground();
    let path = Path::new(&shared).join("data/cvd/test-6.cvd");
    let path = path.to_str().unwrap();
    ground.run(&["db", "build", "--output", "a.cdb", path]).expect(0);
    let seen = ground.run(&["db", "info", "a.cdb"]).expect(0);
    assert!(seen.stdout.contains("  test.hdb (official)\n"), "{seen:#?}");
}

/// A program that finds `BC.Test` where `abcd` is; `clamscan` 1.4.6 runs it with `--bytecode-unsigned`.
const PROGRAM: &[u8] = include_bytes!("golden/bytecode/loose.cbc");

#[test]
fn a_loose_program_is_left_out_unless_it_is_allowed() {
    let ground = Ground::new();
    ground.file("found", b"xx abcd xx");
    fs::write(ground.path("loose.cbc"), PROGRAM).unwrap();
    let scan = ["scan", "files", "--signatures", "loose.cbc", "--signatures", "known.hashes"];
    let seen = ground.run(&scan).expect(0);
    assert!(seen.stderr.contains("1 signature skipped"), "{seen:#?}");
    let seen = ground.run(&["db", "check", "loose.cbc"]).expect(0);
    assert!(seen.stdout.starts_with("loose.cbc:2: unsigned: "), "{seen:#?}");
    assert!(seen.stdout.contains("--allow-unsigned"), "{seen:#?}");
    let build = ["db", "build", "loose.cbc", "known.hashes", "--output"];
    ground.run(&[&build[..], &["a.cdb"]].concat()).expect(0);
    ground.run(&["scan", "files", "--database", "a.cdb"]).expect(0);
    ground.run(&[&build[..], &["b.cdb", "--allow-unsigned"]].concat()).expect(0);
    for options in [&["--database", "b.cdb"][..], &["--allow-unsigned", "--signatures", "loose.cbc"]] {
        let seen = ground.run(&[&["scan", "files"], options].concat()).expect(1);
        assert!(seen.stdout.contains("BC.Test"), "{seen:#?}");
    }
}
