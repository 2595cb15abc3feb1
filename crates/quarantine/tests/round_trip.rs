//! What is taken can be seen by nobody, and comes back as it was.

mod ground;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::process::Command;

use candor_packages::Packages;
use candor_quarantine::{Afterwards, Error, Form, Grounds, Original, Protection, Vault, open};
use ground::{Ground, Likeness, take};
use sha2::{Digest, Sha256};

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|number| (number * 7 % 251) as u8).collect()
}

#[test]
fn files_of_all_lengths_come_back_exactly() {
    let ground = Ground::new();
    let vault = ground.vault();
    for length in [0, 1, 65_535, 65_536, 65_537, 131_072, 300_001] {
        let path = ground.file("file", &content(length));
        let before = Likeness::of(&path);
        let taken = take(&vault, &path).unwrap();
        assert_eq!(taken.original, Original::Removed);
        assert_eq!(taken.entry.sha256, <[u8; 32]>::from(Sha256::digest(content(length))));
        assert!(ground.names().is_empty());
        vault.verify(taken.entry.id).unwrap();
        let restored = vault.restore(taken.entry.id, None, Afterwards::Remove).unwrap();
        assert!(restored.missing.is_empty() && !restored.kept, "{restored:?}");
        assert_eq!(Likeness::of(&path), before, "{length}");
        assert!(ground.in_vault().is_empty());
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn nothing_of_the_file_can_be_seen_in_the_vault() {
    let ground = Ground::new();
    let vault = ground.vault();
    // EICAR's test file, in two halves so that no program takes this file away.
    let eicar = [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-", "STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].concat();
    let path = ground.file("telling-name", eicar.as_bytes());
    let taken = take(&vault, &path).unwrap();
    let entry = ground.path("vault").join(&ground.in_vault()[0]);
    let bytes = fs::read(&entry).unwrap();
    for part in ["EICAR", "telling", "files", "Test.Known", "candor", &hex::encode(taken.entry.sha256)] {
        let seen = bytes.windows(part.len()).any(|window| window == part.as_bytes());
        let seen_hexed = String::from_utf8_lossy(&bytes).contains(&hex::encode(part));
        assert!(!seen && !seen_hexed, "{part}");
    }
    assert_eq!(fs::metadata(&entry).unwrap().mode() & 0o7777, 0o600);
    // The same file is never sealed to the same bytes.
    let path = ground.file("telling-name", eicar.as_bytes());
    take(&vault, &path).unwrap();
    let sealed: Vec<Vec<u8>> =
        ground.in_vault().iter().map(|name| fs::read(ground.path("vault").join(name)).unwrap()).collect();
    assert!(sealed[0][96..].windows(16).all(|window| !sealed[1].windows(16).any(|other| window == other)));
}

#[test]
fn what_is_known_of_a_file_is_kept() {
    let ground = Ground::new();
    let vault = ground.vault();
    let name = OsStr::from_bytes(b"na\xffme\n\x1b[2J");
    let path = ground.path("files").join(name);
    fs::write(&path, "x").unwrap();
    ground::dress(&path);
    fs::hard_link(&path, ground.path("files/second")).unwrap();
    let metadata = fs::metadata(&path).unwrap();
    let taken = take(&vault, &path).unwrap();
    let shown = vault.show(taken.entry.id).unwrap();
    assert_eq!(shown.entry, taken.entry);
    assert!(!shown.unfinished && !shown.place_is_taken);
    let entry = shown.entry;
    assert_eq!((entry.path.as_path(), entry.size, entry.mode), (path.as_path(), 1, 0o4751));
    assert_eq!((entry.device, entry.inode, entry.other_names), (metadata.dev(), metadata.ino(), 1));
    assert_eq!(entry.grounds.findings, ["Test.Known-1"]);
    assert_eq!(entry.grounds.database.as_deref(), Some("ab12"));
    assert_eq!((entry.modified.seconds, entry.modified.nanoseconds), (-5, 987_654_321));
    assert_eq!(entry.packages, "not compared: there is no package database that can be read");
    assert!(ground.path("files/second").exists(), "another name of the file stays");
    let listing = vault.list().unwrap();
    assert_eq!((listing.entries.len(), listing.broken.len()), (1, 0));
}

#[test]
fn holes_stay_holes_and_memory_stays_small() {
    let ground = Ground::new();
    let vault = ground.vault();
    let path = ground.file("sparse", b"");
    let file = File::options().write(true).open(&path).unwrap();
    file.write_all_at(b"begin", 0).unwrap();
    file.write_all_at(b"end", 300 << 20).unwrap();
    file.set_len(400 << 20).unwrap();
    let size = 400 << 20;
    let taken = take(&vault, &path).unwrap();
    let entry = ground.path("vault").join(&ground.in_vault()[0]);
    assert!(fs::metadata(entry).unwrap().len() < 1 << 20);
    vault.export(taken.entry.id, &ground.path("raw"), Form::Raw).unwrap();
    vault.restore(taken.entry.id, None, Afterwards::Remove).unwrap();
    for path in [path, ground.path("raw")] {
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!(metadata.len(), size);
        assert!(metadata.blocks() * 512 < 1 << 20, "the holes are filled");
        let file = File::open(path).unwrap();
        let mut read = [0; 5];
        file.read_exact_at(&mut read, 300 << 20).unwrap();
        assert_eq!(&read, b"end\0\0");
    }
}

#[test]
fn nothing_is_overwritten() {
    let ground = Ground::new();
    let vault = ground.vault();
    let path = ground.file("file", b"taken");
    let id = take(&vault, &path).unwrap().entry.id;
    fs::write(&path, "innocent").unwrap();
    assert!(matches!(vault.restore(id, None, Afterwards::Remove), Err(Error::Exists(_))));
    fs::remove_file(&path).unwrap();
    symlink("nowhere", &path).unwrap();
    assert!(matches!(vault.restore(id, None, Afterwards::Remove), Err(Error::Exists(_))));
    assert!(matches!(vault.export(id, &path, Form::Raw), Err(Error::Exists(_))));
    fs::create_dir(ground.path("real")).unwrap();
    symlink("real", ground.path("linked")).unwrap();
    let linked = ground.path("linked/file");
    assert!(matches!(
        vault.restore(id, Some(&linked), Afterwards::Remove),
        Err(Error::SymbolicLinkOnTheWay(_))
    ));
    let elsewhere = ground.path("real/file");
    let restored = vault.restore(id, Some(&elsewhere), Afterwards::Keep).unwrap();
    assert!(restored.kept);
    assert_eq!(fs::read(&elsewhere).unwrap(), b"taken");
    // What is there already, in all its properties, counts as restored.
    let again = vault.restore(id, Some(&elsewhere), Afterwards::Remove).unwrap();
    assert!(again.was_there && !again.kept);
    assert!(ground.in_vault().is_empty());
}

#[test]
fn what_must_not_be_taken_is_refused() {
    let ground = Ground::new();
    let vault = ground.vault().with_most_bytes(10);
    let long = ground.file("long", b"eleven byte");
    assert!(matches!(take(&vault, &long), Err(Error::TooLarge { size: 11, most: 10, .. })));
    let key = ground.path("vault/key");
    let vault = vault.with_most_bytes(100);
    assert!(matches!(take(&vault, &key), Err(Error::InVault(_))));
    let folder = File::open(ground.path("files")).unwrap();
    let taken = vault.take(&folder, &ground.path("files"), &Grounds::default(), Protection::Nothing);
    assert!(matches!(taken, Err(Error::NotRegular(_))));
    let proc = std::path::Path::new("/proc/version");
    assert!(matches!(take(&vault, proc), Err(Error::MadeUp(_))));
    assert!(ground.in_vault().is_empty());
    assert_eq!(ground.names(), ["long"]);
}

#[test]
fn files_of_packages_are_refused_and_forced() {
    let ground = Ground::new();
    let path = ground.file("tool", b"tool");
    let database = ground.path("system/var/lib/dpkg");
    fs::create_dir_all(database.join("info")).unwrap();
    fs::write(database.join("status"), "").unwrap();
    // MD5 of the content.
    let listed = path.strip_prefix("/").unwrap().display();
    let sums = format!("15394cd01a65d33d21c2be0c0df5cc33  {listed}\n");
    let md5 = Command::new("md5sum").arg(&path).output().unwrap().stdout;
    let sums = sums.replace("15394cd01a65d33d21c2be0c0df5cc33", &String::from_utf8_lossy(&md5[..32]));
    fs::write(database.join("info/tools.md5sums"), sums).unwrap();
    let vault = ground.vault().with_packages_of(&ground.path("system"));
    let Err(Error::OfPackage { package, .. }) = take(&vault, &path) else { panic!("it was not refused") };
    assert_eq!(package, "tools");
    assert!(path.exists() && ground.in_vault().is_empty());
    let taken = vault.take(&open(&path).unwrap(), &path, &Grounds::default(), Protection::Nothing).unwrap();
    assert_eq!(taken.entry.packages, "unmodified file of the package tools, taken by force");
    let path = ground.file("tool", b"modified");
    assert_eq!(take(&vault, &path).unwrap().entry.packages, "modified file of the package tools");
}

#[test]
fn files_of_rpm_packages_are_refused_too() {
    let ground = Ground::new();
    let path = ground.file("tool", b"tool");
    let database = ground.path("system/var/lib/rpm");
    fs::create_dir_all(&database).unwrap();
    fs::write(database.join("Packages"), "").unwrap();
    let sum = Command::new("sha256sum").arg(&path).output().unwrap().stdout;
    let sum = String::from_utf8_lossy(&sum[..64]).into_owned();
    let program = ground.path("rpm");
    let says = |text: &str| {
        let script = format!("#!/bin/sh\nprintf '%s\\n' '{text}'\n");
        // A script that is replaced is never one that is open for writing somewhere.
        fs::write(ground.path("new"), script).unwrap();
        fs::set_permissions(ground.path("new"), PermissionsExt::from_mode(0o755)).unwrap();
        fs::rename(ground.path("new"), &program).unwrap();
    };
    let packages = Packages::at(&ground.path("system")).with_rpm(&program);
    let vault = ground.vault().with_packages(packages);
    says(&format!("tools-1\t{sum}\t0\t33261\t{}", path.display()));
    let Err(Error::OfPackage { package, .. }) = take(&vault, &path) else { panic!("it was not refused") };
    assert_eq!(package, "tools-1");
    says("error: the database is broken");
    assert!(matches!(take(&vault, &path), Err(Error::PackageUnknown { .. })));
    fs::remove_file(&program).unwrap();
    assert!(matches!(take(&vault, &path), Err(Error::PackageUnknown { .. })));
    assert!(path.exists() && ground.in_vault().is_empty());
    says(&format!("tools-1\t{}\t0\t33261\t{}", "0".repeat(64), path.display()));
    assert_eq!(take(&vault, &path).unwrap().entry.packages, "modified file of the package tools-1");
}

#[test]
fn the_open_file_is_taken_whatever_its_path_leads_to() {
    let ground = Ground::new();
    let vault = ground.vault();
    let path = ground.file("file", b"scanned");
    let file = open(&path).unwrap();
    fs::rename(&path, ground.path("files/moved")).unwrap();
    fs::write(&path, "innocent").unwrap();
    let taken = vault.take(&file, &path, &Grounds::default(), Protection::Packages).unwrap();
    assert_eq!(taken.entry.path, ground.path("files/moved"));
    assert_eq!(fs::read(&path).unwrap(), b"innocent");
    assert_eq!(ground.names(), ["file"]);
    // A file that has no name any more is nobody's.
    let file = open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let taken = vault.take(&file, &path, &Grounds::default(), Protection::Packages);
    assert!(matches!(taken, Err(Error::Moved(_))));
    assert_eq!(ground.in_vault().len(), 1);
}

#[test]
fn exports_are_what_they_say() {
    let ground = Ground::new();
    let vault = ground.vault();
    let content = content(200_000);
    let path = ground.file("file", &content);
    let id = take(&vault, &path).unwrap().entry.id;
    let zip = vault.export(id, &ground.path("out.zip"), Form::Zip).unwrap();
    let raw = vault.export(id, &ground.path("out.raw"), Form::Raw).unwrap();
    assert_eq!(fs::read(&raw).unwrap(), content);
    for path in [&zip, &raw] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o7777, 0o600);
    }
    assert!(matches!(vault.export(id, &zip, Form::Zip), Err(Error::Exists(_))));
    assert_eq!(ground.in_vault().len(), 1, "the entry stays");
    let bytes = fs::read(&zip).unwrap();
    assert!(!bytes.windows(32).any(|window| window == &content[..32]));
    let name = hex::encode(Sha256::digest(&content));
    let script = "import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip.__self__; \
                  sys.stdout.buffer.write(z.read(sys.argv[2], pwd=b'infected'))";
    let tools: [(&str, Vec<&OsStr>); 3] = [
        ("python3", vec!["-c".as_ref(), script.as_ref(), zip.as_ref(), name.as_ref()]),
        ("unzip", vec!["-qq".as_ref(), "-P".as_ref(), "infected".as_ref(), "-p".as_ref(), zip.as_ref()]),
        ("7z", vec!["x".as_ref(), "-so".as_ref(), "-pinfected".as_ref(), zip.as_ref()]),
    ];
    for (tool, arguments) in tools {
        let Ok(output) = Command::new(tool).args(arguments).output() else {
            eprintln!("skipped: {tool} is not installed");
            continue;
        };
        assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout == content, "{tool} reads other content");
    }
}

#[test]
fn damaged_truncated_and_swapped_entries_are_named_and_lose_nothing() {
    let ground = Ground::new();
    let vault = ground.vault();
    for name in ["one", "two"] {
        take(&vault, &ground.file(name, name.repeat(50_000).as_bytes())).unwrap();
    }
    let names = ground.in_vault();
    let path = |number: usize| ground.path("vault").join(&names[number]);
    let (first, second) = (fs::read(path(0)).unwrap(), fs::read(path(1)).unwrap());
    let id = vault.find(&names[0][..32]).unwrap();
    let mut flipped = first.clone();
    flipped[500] ^= 1;
    let cut = first[..first.len() - 1].to_vec();
    // A chunk of another entry, and the record of another entry, each in its place.
    let mut foreign_chunk = first.clone();
    foreign_chunk[96..96 + 65_552].copy_from_slice(&second[96..96 + 65_552]);
    for (damage, bytes) in [
        ("flipped", flipped),
        ("cut", cut),
        ("swapped", second.clone()),
        ("empty", Vec::new()),
        ("chunk", foreign_chunk),
    ] {
        fs::write(path(0), &bytes).unwrap();
        let error = vault.restore(id, None, Afterwards::Remove).unwrap_err();
        assert!(
            matches!(&error, Error::Broken { path: named, .. } if *named == path(0)),
            "{damage}: {error}"
        );
        assert!(vault.verify(id).is_err() && vault.export(id, &ground.path("out"), Form::Zip).is_err());
        assert_eq!(fs::read(path(0)).unwrap(), bytes);
        assert!(ground.names().is_empty(), "{damage}: nothing may appear");
        assert!(!ground.path("out").exists());
        assert_eq!(vault.list().unwrap().entries.len() + vault.list().unwrap().broken.len(), 2);
    }
    fs::write(path(0), &first).unwrap();
    vault.restore(id, None, Afterwards::Remove).unwrap();
    // Entries of another vault need its key.
    let other = Ground::new();
    let foreign = other.vault();
    fs::write(other.path("vault").join(&names[1]), &second).unwrap();
    let id = foreign.find(&names[1][..32]).unwrap();
    assert!(foreign.show(id).unwrap_err().to_string().contains("another key"));
    foreign.delete(id).unwrap();
    assert!(other.in_vault().is_empty());
}

#[test]
fn ids_are_found_by_their_beginning() {
    let ground = Ground::new();
    let vault = ground.vault();
    assert!(matches!(vault.find(""), Err(Error::Unknown(_))));
    let id = take(&vault, &ground.file("one", b"1")).unwrap().entry.id;
    assert_eq!(vault.find(&id.to_string()[..4]).unwrap(), id);
    assert!(matches!(vault.find(""), Err(Error::Unknown(_))));
    assert!(matches!(vault.find("../key"), Err(Error::Unknown(_))));
    for number in 0..20 {
        take(&vault, &ground.file(&number.to_string(), b"1")).unwrap();
    }
    let ambiguous = "0123456789abcdef"
        .chars()
        .any(|digit| matches!(vault.find(&digit.to_string()), Err(Error::Ambiguous(_))));
    assert!(ambiguous, "21 ids begin with 16 digits");
    assert_eq!(vault.list().unwrap().entries.len(), 21);
}

#[test]
fn many_take_at_once() {
    let ground = Ground::new();
    ground.vault();
    let paths: Vec<_> = (0..8).map(|number| ground.file(&number.to_string(), &content(100_000))).collect();
    std::thread::scope(|scope| {
        for path in &paths {
            scope.spawn(|| {
                let vault =
                    Vault::open(&ground.path("vault")).unwrap().with_packages_of(&ground.path("none"));
                take(&vault, path).unwrap();
            });
        }
    });
    assert!(ground.names().is_empty());
    let vault = ground.vault();
    for listed in vault.list().unwrap().entries {
        vault.restore(listed.entry.id, None, Afterwards::Remove).unwrap();
    }
    assert_eq!(ground.names().len(), 8);
}
