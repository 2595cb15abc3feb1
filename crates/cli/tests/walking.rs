//! Every file is examined or accounted for, and nothing blocks the walk.

mod program;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;

use program::{EVIL, Ground, gzip, reads_everything};

fn fifo(path: &std::path::Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn special_files_are_counted_and_never_opened() {
    let ground = Ground::new();
    ground.file("a.txt", b"hello");
    fifo(&ground.path("files/fifo"));
    let _socket = UnixListener::bind(ground.path("files/socket")).unwrap();
    let seen = ground.scan(&[]).expect(0);
    assert!(seen.stdout.contains("2 special files"), "{seen:#?}");
    let seen = ground.scan(&["files/fifo"]).expect(2);
    assert!(seen.stderr.contains("it is a FIFO"), "{seen:#?}");
    let seen = ground.run(&["explain", "files/fifo"]).expect(2);
    assert!(seen.stderr.contains("it is a FIFO"), "{seen:#?}");
    let seen = ground.run(&["scan", "/dev/null", "--no-clamav"]).expect(2);
    assert!(seen.stderr.contains("it is a device"), "{seen:#?}");
}

#[test]
fn links_in_folders_are_skipped_unless_wanted() {
    let ground = Ground::new();
    fs::write(ground.path("elsewhere"), EVIL).unwrap();
    symlink(ground.path("elsewhere"), ground.path("files/link")).unwrap();
    let seen = ground.scan(&[]).expect(0);
    assert!(seen.stdout.contains("1 symbolic link"), "{seen:#?}");
    ground.scan(&["--follow-symlinks"]).expect(1);
    // A link that is named is followed.
    ground.run(&["scan", "files/link", "--signatures", "known.hashes"]).expect(1);
}

#[test]
fn loops_of_links_and_links_to_nowhere_end() {
    let ground = Ground::new();
    ground.file("deep/a.txt", b"hello");
    symlink("..", ground.path("files/deep/up")).unwrap();
    symlink("myself", ground.path("files/myself")).unwrap();
    symlink("nowhere", ground.path("files/dangling")).unwrap();
    for arguments in [&[][..], &["--follow-symlinks"]] {
        let seen = ground.scan(arguments).expect(0);
        assert!(seen.stdout.contains("1 file ("), "{seen:#?}");
        assert!(seen.stdout.contains("3 symbolic links"), "{seen:#?}");
    }
}

#[test]
fn excludes_match_names_and_paths() {
    let ground = Ground::new();
    ground.file("keep/a.txt", b"hello");
    ground.file("b.iso", EVIL);
    ground.file("cache/c.txt", EVIL);
    ground.file("x/y/d.txt", EVIL);
    let globs = ["--exclude", "*.iso", "--exclude", "cache", "--exclude", "files/x/**"];
    let seen = ground.scan(&globs).expect(0);
    assert!(seen.stdout.contains("1 file ("), "{seen:#?}");
    assert!(seen.stdout.contains("3 excluded paths"), "{seen:#?}");
    ground.scan(&globs[..4]).expect(1);
}

#[test]
fn what_cannot_be_read_is_a_gap() {
    let ground = Ground::new();
    let file = ground.file("secret.txt", EVIL);
    let folder = ground.path("files/closed");
    fs::create_dir(&folder).unwrap();
    for path in [&file, &folder] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o0)).unwrap();
    }
    if !reads_everything(&file) {
        let seen = ground.scan(&[]).expect(3);
        assert!(seen.stdout.contains("Not examined: 2 gaps in 2 files"), "{seen:#?}");
        assert!(seen.stdout.contains("unreadable"), "{seen:#?}");
    }
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn names_need_not_be_unicode() {
    let ground = Ground::new();
    ground.file(OsStr::from_bytes(b"evil\xff.bin"), EVIL);
    let seen = ground.scan(&["--format", "json"]).expect(1);
    let root = &seen.json()["roots"][0];
    assert_eq!(root["path"], "files/evil\u{fffd}.bin");
    assert_eq!(root["path_hex"], hex::encode(b"files/evil\xff.bin"));
}

#[test]
fn folders_deeper_than_a_path_can_be_are_no_silence() {
    let ground = Ground::new();
    // 30 folders of 200 bytes: longer than PATH_MAX.
    let script = "cd files; n=$(printf 'd%.0s' $(seq 200)); \
                  for i in $(seq 30); do mkdir $n && cd -P $n || exit 1; done; echo x > bottom";
    let made = Command::new("bash").args(["-c", script]).current_dir(ground.path("")).status().unwrap();
    assert!(made.success());
    let seen = ground.scan(&["--format", "json"]).expect(3);
    let report = seen.json();
    let gaps = &report["summary"]["gaps"];
    assert!(gaps["unreadable"].as_u64() >= Some(1), "{report:#}");
}

#[test]
fn many_nested_folders_are_walked() {
    let ground = Ground::new();
    let name = format!("{}evil.bin", "d/".repeat(500));
    ground.file(name, EVIL);
    ground.scan(&[]).expect(1);
}

#[test]
fn standard_input_is_scanned_as_stream_and_as_file() {
    let ground = Ground::new();
    let arguments = ["scan", "-", "--signatures", "known.hashes"];
    let seen = ground.run_with_input(&arguments, &gzip(EVIL)).expect(1);
    assert!(seen.stdout.contains("<standard input> > <stream>"), "{seen:#?}");
    ground.run_with_input(&arguments, b"").expect(0);
    let explain = ["explain", "-", "--signatures", "known.hashes"];
    ground.run_with_input(&explain, EVIL).expect(1);
    let path = ground.file("evil.gz", &gzip(EVIL));
    let mut command = ground.command(&arguments);
    command.stdin(fs::File::open(path).unwrap());
    assert_eq!(command.output().unwrap().status.code(), Some(1));
}

#[test]
fn long_streams_are_scanned_to_their_limit() {
    let ground = Ground::new();
    let mut stream = vec![0; 20 << 20];
    let arguments = ["scan", "-", "--signatures", "known.hashes"];
    let seen = ground.run_with_input(&arguments, &stream).expect(0);
    assert!(seen.stdout.contains("20.0 MiB"), "{seen:#?}");
    stream.truncate(1 << 20);
    let mut limited = arguments.to_vec();
    limited.extend(["--max-unpacked-bytes", "1M"]);
    ground.run_with_input(&limited, &stream).expect(0);
    stream.push(0);
    let seen = ground.run_with_input(&limited, &stream).expect(3);
    assert!(seen.stdout.contains("limit unpacked-bytes"), "{seen:#?}");
}

#[test]
fn any_number_of_threads_sees_the_same() {
    let ground = Ground::new();
    for number in 0..200 {
        ground.file(format!("{number}.gz"), &gzip(if number % 10 == 0 { EVIL } else { b"x" }));
    }
    for threads in ["1", "2", "16"] {
        let seen = ground.scan(&["--threads", threads]).expect(1);
        assert!(seen.stdout.contains("200 files (400 objects)"), "{seen:#?}");
        assert!(seen.stdout.contains("20 malicious"), "{seen:#?}");
    }
    ground.scan(&["--threads", "0"]).expect(2);
}
