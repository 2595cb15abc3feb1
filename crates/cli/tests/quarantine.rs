//! `candor quarantine` from outside: every verb, both formats, and a program that is killed at any moment.

mod program;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use program::{Ground, Seen};

/// Runs a verb with a vault in the test's folder.
fn quarantine(ground: &Ground, verb: &str, arguments: &[&str]) -> Seen {
    let mut all = vec!["quarantine", verb, "--vault", "vault"];
    all.extend(arguments);
    ground.run(&all)
}

/// A file whose path has no links in it, as the vault wants it.
fn file(ground: &Ground, name: &str, content: &[u8]) -> PathBuf {
    ground.file(name, content).canonicalize().unwrap()
}

fn only_id(ground: &Ground) -> String {
    let list = quarantine(ground, "list", &["--format", "json"]).expect(0).json();
    let entries = list["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "{list:#}");
    entries[0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_file_goes_in_and_comes_back() {
    let ground = Ground::new();
    let path = file(&ground, "evil.exe", b"evil");
    let text = path.to_str().unwrap();
    fs::hard_link(&path, path.with_file_name("other")).unwrap();
    let inode = fs::metadata(&path).unwrap().ino();
    let seen =
        quarantine(&ground, "add", &["--finding", "A.B-1", "--database", "d1", "files/evil.exe"]).expect(0);
    assert!(seen.stdout.contains(&format!("{text}: taken as ")), "{seen:#?}");
    assert!(seen.stdout.contains("1 other name") && seen.stdout.contains(&inode.to_string()), "{seen:#?}");
    assert!(!path.exists());
    let id = only_id(&ground);
    let list = quarantine(&ground, "list", &[]).expect(0);
    assert!(list.stdout.contains(&id) && list.stdout.contains("A.B-1") && list.stdout.contains("1 file in"));
    let shown = quarantine(&ground, "show", &["--format", "json", &id[..6]]).expect(0).json();
    assert_eq!(shown["path"], text);
    assert_eq!(shown["findings"], serde_json::json!(["A.B-1"]));
    assert_eq!((&shown["database"], &shown["size"]), (&"d1".into(), &4.into()));
    let human = quarantine(&ground, "show", &[&id[..6]]).expect(0);
    assert!(human.stdout.contains("finding   A.B-1") && human.stdout.contains("agrees with its digest"));
    let restored = quarantine(&ground, "restore", &["--format", "json", &id[..6]]).expect(0).json();
    assert_eq!(restored["restored"][0]["path"], text);
    assert_eq!(fs::read(&path).unwrap(), b"evil");
    assert!(quarantine(&ground, "list", &[]).expect(0).stdout.starts_with("0 files"));
}

#[test]
fn nothing_is_overwritten_and_the_rest_is_done() {
    let ground = Ground::new();
    let path = file(&ground, "one", b"1");
    file(&ground, "two", b"2");
    let seen = quarantine(&ground, "add", &["files/one", "files/missing", "files", "files/two"]).expect(2);
    assert_eq!(seen.stdout.matches("taken as").count(), 2, "{seen:#?}");
    assert!(seen.stderr.contains("files/missing") && seen.stderr.contains("no regular file"), "{seen:#?}");
    fs::write(&path, "innocent").unwrap();
    let list = quarantine(&ground, "list", &["--format", "json"]).expect(0).json();
    let ids: Vec<&str> =
        list["entries"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    let seen = quarantine(&ground, "restore", &ids).expect(2);
    assert!(seen.stdout.contains("two: restored") && seen.stderr.contains("is not overwritten"), "{seen:#?}");
    assert_eq!(fs::read(&path).unwrap(), b"innocent");
    let id = only_id(&ground);
    let to = path.with_file_name("elsewhere");
    quarantine(&ground, "restore", &["--keep", "--to", to.to_str().unwrap(), &id]).expect(0);
    assert_eq!((fs::read(&to).unwrap(), only_id(&ground)), (b"1".to_vec(), id));
}

#[test]
fn deleting_wants_the_whole_id_or_a_yes() {
    let ground = Ground::new();
    for name in ["one", "two"] {
        file(&ground, name, b"x");
        quarantine(&ground, "add", &[&format!("files/{name}")]).expect(0);
        let id = if name == "one" { only_id(&ground) } else { continue };
        assert!(quarantine(&ground, "delete", &[&id[..8]]).expect(2).stderr.contains("--yes"));
        quarantine(&ground, "delete", &[&id]).expect(0);
    }
    let id = only_id(&ground);
    quarantine(&ground, "delete", &["--yes", &id[..8]]).expect(0);
    assert!(quarantine(&ground, "list", &[]).expect(0).stdout.starts_with("0 files"));
}

#[test]
fn exports_are_zip_or_raw_and_never_executable() {
    let ground = Ground::new();
    file(&ground, "evil", b"evil bytes");
    quarantine(&ground, "add", &["files/evil"]).expect(0);
    let id = only_id(&ground);
    quarantine(&ground, "export", &["--raw", "--output", "raw", &id]).expect(0);
    assert_eq!(fs::read(ground.path("raw")).unwrap(), b"evil bytes");
    let seen = quarantine(&ground, "export", &["--format", "json", "--output", "out.zip", &id]).expect(0);
    assert_eq!(seen.json()["form"], "zip");
    for name in ["raw", "out.zip"] {
        assert_eq!(fs::metadata(ground.path(name)).unwrap().mode() & 0o7777, 0o600);
        quarantine(&ground, "export", &["--output", name, &id]).expect(2);
    }
    // Our own scanner sees that it cannot see through it.
    let seen = ground.run(&["explain", "out.zip"]);
    assert!(seen.stdout.contains("encrypted"), "{seen:#?}");
}

#[test]
fn damage_is_named_and_the_rest_is_listed() {
    let ground = Ground::new();
    for name in ["one", "two"] {
        file(&ground, name, b"x");
        quarantine(&ground, "add", &[&format!("files/{name}")]).expect(0);
    }
    let list = quarantine(&ground, "list", &["--format", "json"]).expect(0).json();
    let id = list["entries"][0]["id"].as_str().unwrap();
    let entry = ground.path(format!("vault/{id}.entry"));
    let whole = fs::read(&entry).unwrap();
    fs::write(&entry, &whole[..whole.len() - 3]).unwrap();
    let list = quarantine(&ground, "list", &["--format", "json"]).expect(2);
    assert_eq!(list.json()["entries"].as_array().unwrap().len(), 1);
    assert!(list.stderr.contains(id), "{list:#?}");
    for verb in ["show", "restore"] {
        assert!(quarantine(&ground, verb, &[id]).expect(2).stderr.contains(id));
    }
    assert_eq!(fs::read(&entry).unwrap().len(), whole.len() - 3);
    quarantine(&ground, "delete", &[id]).expect(0);
    quarantine(&ground, "list", &[]).expect(0);
}

#[test]
fn hostile_names_are_plain_everywhere() {
    let ground = Ground::new();
    let name = std::ffi::OsStr::from_bytes(b"a\x1b[2J\n\xe2\x80\xae\xffgpj.exe");
    let path = ground.path("files").canonicalize().unwrap().join(name);
    fs::write(&path, "x").unwrap();
    let argument = path.as_os_str();
    let add = |format: &str| {
        let arguments =
            ["quarantine", "add", "--vault", "vault", "--format", format, "--finding", "E\x1b[1mvil"];
        ground.command(&arguments).arg(argument).output().unwrap()
    };
    let plain = |bytes: &[u8]| {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let dangerous =
            |character: char| (character.is_control() && character != '\n') || character == '\u{202e}';
        assert!(!text.chars().any(dangerous), "{text:?}");
        assert!(!text.contains("[2J\n"), "a name begins a line: {text:?}");
        text
    };
    for format in ["human", "json"] {
        let output = add(format);
        plain(&output.stdout);
        let again = add(format);
        assert_eq!(again.status.code(), Some(2));
        plain(&again.stderr);
        plain(&again.stdout);
        let list = quarantine(&ground, "list", &["--format", format]).expect(0);
        plain(list.stdout.as_bytes());
        let id = only_id(&ground);
        for verb in ["show", "restore"] {
            let seen = quarantine(&ground, verb, &["--format", format, &id]).expect(0);
            plain(seen.stdout.as_bytes());
        }
        assert!(path.exists());
    }
    let record: serde_json::Value = serde_json::from_slice(&add("json").stdout).unwrap();
    assert_eq!(record["taken"][0]["path_hex"], hex::encode(argument.as_bytes()));
}

#[test]
fn a_vault_that_others_may_use_is_refused() {
    let ground = Ground::new();
    let path = file(&ground, "one", b"1");
    fs::create_dir(ground.path("vault")).unwrap();
    fs::set_permissions(ground.path("vault"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let seen = quarantine(&ground, "add", &["files/one"]).expect(2);
    assert!(seen.stderr.contains("chmod 700"), "{seen:#?}");
    assert!(path.exists());
    quarantine(&ground, "list", &[]).expect(2);
}

#[test]
fn an_unmodified_file_of_a_package_is_refused() {
    // A file whose loss would hurt nobody, if this test should fail.
    let path = Path::new("/usr/share/doc/dpkg/copyright");
    if !path.exists() || !Path::new("/var/lib/dpkg/info/dpkg.md5sums").exists() {
        eprintln!("skipped: this is no Debian with its documentation");
        return;
    }
    let ground = Ground::new();
    let seen = quarantine(&ground, "add", &[path.to_str().unwrap()]).expect(2);
    assert!(seen.stderr.contains("unmodified file of the package dpkg"), "{seen:#?}");
    assert!(path.exists());
}

#[test]
fn links_are_refused_with_a_hint() {
    let ground = Ground::new();
    file(&ground, "real", b"x");
    std::os::unix::fs::symlink("real", ground.path("files/link")).unwrap();
    std::os::unix::fs::symlink("files", ground.path("linked")).unwrap();
    assert!(
        quarantine(&ground, "add", &["files/link"]).expect(2).stderr.contains("the file that it leads to")
    );
    assert!(quarantine(&ground, "add", &["linked/real"]).expect(2).stderr.contains("realpath"));
    assert!(ground.path("files/real").exists());
}

#[test]
fn a_reader_that_goes_away_keeps_nothing_from_being_taken() {
    let ground = Ground::new();
    let names: Vec<String> = (0..5).map(|number| format!("files/{number}")).collect();
    names.iter().for_each(|name| drop(file(&ground, name.trim_start_matches("files/"), b"x")));
    let mut arguments = vec!["quarantine", "add", "--vault", "vault"];
    arguments.extend(names.iter().map(String::as_str));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = ground.command(&arguments).stdout(writer).status().unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(fs::read_dir(ground.path("files")).unwrap().count(), 0);
}

/// The real program, killed at moments that nobody chose.
#[test]
fn a_killed_program_loses_nothing() {
    let content: Vec<u8> = (0..3_000_000).map(|number| (number % 241) as u8).collect();
    for attempt in 0..25 {
        let ground = Ground::new();
        let path = file(&ground, "file", &content);
        let mut child =
            ground.command(&["quarantine", "add", "--vault", "vault", "files/file"]).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(attempt * 4000));
        child.kill().unwrap();
        child.wait().unwrap();
        let list = quarantine(&ground, "list", &["--format", "json"]).expect(0).json();
        let entries = list["entries"].as_array().unwrap();
        let files: Vec<_> =
            fs::read_dir(ground.path("files")).unwrap().map(|one| one.unwrap().path()).collect();
        assert_eq!(files.len() + entries.len(), 1, "attempt {attempt}: {files:?} {list:#}");
        if let Some(entry) = entries.first() {
            quarantine(&ground, "restore", &[entry["id"].as_str().unwrap()]).expect(0);
        }
        assert!(fs::read(path).unwrap() == content, "attempt {attempt}");
        // A key that was never finished goes with the next file that is taken.
        quarantine(&ground, "add", &["files/file"]).expect(0);
        let mut left: Vec<_> =
            fs::read_dir(ground.path("vault")).unwrap().map(|one| one.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [format!("{}.entry", only_id(&ground)).as_str(), "key"]);
    }
}

#[test]
fn a_scan_takes_what_it_reports() {
    let ground = Ground::new();
    let evil = file(&ground, "evil", b"evil");
    let clean = file(&ground, "clean", b"clean");
    // A link that the scan was told to follow leads to the file; the file is taken, and the link stays.
    std::os::unix::fs::symlink(&evil, ground.path("files/link")).unwrap();
    fs::write(ground.path("known.hsb"), format!("{EVIL_SHA256}:4:Test.Evil\n")).unwrap();
    let scan = ["scan", "--no-clamav", "--signatures", "known.hsb", "--quarantine", "--vault", "vault"];
    let with = |more: &[&'static str]| [&scan[..], more].concat();
    let seen = ground.run(&with(&["files/evil", "files/clean"])).expect(1);
    assert!(
        seen.stdout.contains("taken into quarantine as ") && seen.stdout.contains("1 file into quarantine")
    );
    assert!(!evil.exists() && clean.exists());
    let id = only_id(&ground);
    let shown = quarantine(&ground, "show", &["--format", "json", &id]).expect(0).json();
    assert_eq!(shown["findings"], serde_json::json!(["Test.Evil"]));
    assert_eq!(shown["database"].as_str().unwrap().split(' ').next().unwrap().len(), 64);
    quarantine(&ground, "restore", &[&id]).expect(0);
    let report = ground.run(&with(&["--format", "json", "files/link"])).expect(1).json();
    assert_eq!(report["roots"][0]["quarantine"]["id"], only_id(&ground));
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/report.schema.json");
    let schema = serde_json::from_slice(&fs::read(schema).unwrap()).unwrap();
    assert!(jsonschema::is_valid(&schema, &report), "{report:#}");
    assert!(!evil.exists() && fs::symlink_metadata(ground.path("files/link")).is_ok());
}

/// Of `evil`.
const EVIL_SHA256: &str = "b5c1fb2efc6d6b4674c2fdcc48ce01b43a3b7c03763c0c3355de0099ee0f8c73";
