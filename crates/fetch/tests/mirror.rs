//! What is asked of a mirror, and what of it comes to lie in the staging folder.

mod server;

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use server::{Ground, Server, add_delta, digest, mirror_of, ok, say, status};

/// Writes the files of a mirror into a folder.
fn write(files: &BTreeMap<String, Vec<u8>>, folder: &Path) {
    for (path, body) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, body).unwrap();
    }
    // An ordinary user must be able to read it, whom the fetcher becomes.
    assert!(Command::new("chmod").args(["-R", "a+rX"]).arg(folder).status().unwrap().success());
}

fn without(mut files: BTreeMap<String, Vec<u8>>, path: &str) -> BTreeMap<String, Vec<u8>> {
    files.remove(path).unwrap_or_else(|| panic!("no {path}"));
    files
}

#[test]
fn a_mirror_is_asked_for_fixed_things_in_a_fixed_way() {
    let ground = Ground::new();
    let files = mirror_of(7, 'a');
    let server = Server::of_files(files.clone());
    let seen = ground.mirror(&server.url(), &[]).complete();
    assert_eq!(seen.line["sequence"], 7);
    assert_eq!(seen.line["files"], files.len());
    assert_eq!(seen.line["bytes"], files.values().map(Vec::len).sum::<usize>());
    let mut expected: Vec<String> = files.keys().cloned().collect();
    expected.push("have".to_owned());
    expected.sort();
    assert_eq!(ground.files("staging"), expected);
    for (path, body) in &files {
        assert_eq!(&fs::read(ground.path("staging").join(path)).unwrap(), body, "{path}");
    }
    let whole = format!("/targets/segments/{}.zst", digest('a'));
    assert_eq!(
        server.paths(),
        [
            "/metadata/1.root.json",
            "/metadata/2.root.json",
            "/metadata/3.root.json",
            "/metadata/timestamp.json",
            "/metadata/17.snapshot.json",
            "/metadata/7.targets.json",
            "/checkpoint",
            "/tile/0/000",
            "/tile/0/001.p/2",
            "/tile/1/000.p/1",
            "/tile/entries/000",
            "/tile/entries/001.p/2",
            "/releases/latest",
            "/releases/7/statement",
            "/releases/7/proof.tlog-proof",
            "/director",
            whole.as_str(),
        ]
    );
    for header in server.heard() {
        let lines: Vec<&str> = header.trim_end().lines().skip(1).collect();
        let host = format!("host: 127.0.0.1:{}", server.port());
        assert_eq!(lines, ["accept-encoding: identity", "user-agent: candor-fetch", host.as_str()]);
    }
    // The second time what cannot have changed is not asked for.
    let before = server.paths().len();
    ground.mirror(&server.url(), &[]).complete();
    let again = server.paths()[before..].to_vec();
    assert!(!again.contains(&"/tile/0/000".to_owned()) && !again.contains(&whole), "{again:?}");
    assert!(
        again.contains(&"/tile/0/001.p/2".to_owned()) && again[0] == "/metadata/3.root.json",
        "{again:?}"
    );
    assert_eq!(ground.files("staging"), expected);
    // Unless everything is wanted.
    let before = server.paths().len();
    ground.mirror(&server.url(), &["--full"]).complete();
    assert_eq!(server.paths()[before..], server.paths()[..before - again.len()]);
}

#[test]
fn deltas_are_taken_for_what_was_fetched_before() {
    let ground = Ground::new();
    ground.mirror(&Server::of_files(mirror_of(1, 'a')).url(), &[]).complete();
    let mut next = mirror_of(2, 'b');
    add_delta(&mut next, 2, 'a', 'b');
    let server = Server::of_files(next.clone());
    ground.mirror(&server.url(), &[]).complete();
    let delta = format!("targets/deltas/{}-{}.zst", digest('a'), digest('b'));
    let targets = |ground: &Ground| {
        let files = ground.files("staging");
        files.into_iter().filter(|path| path.starts_with("targets/")).collect::<Vec<_>>()
    };
    // What the last release needed is gone.
    assert_eq!(targets(&ground), [delta.as_str()]);
    assert!(!ground.files("staging").iter().any(|path| path.starts_with("releases/1")));
    // The next run needs none, and keeps it: nobody may have read it yet.
    ground.mirror(&server.url(), &[]).complete();
    assert_eq!(targets(&ground), [delta.as_str()]);
    ground.mirror(&server.url(), &["--full"]).complete();
    assert_eq!(targets(&ground), [format!("targets/segments/{}.zst", digest('b'))]);
    // A mirror that lacks the delta gives the whole.
    let other = Ground::new();
    other.mirror(&Server::of_files(mirror_of(1, 'a')).url(), &[]).complete();
    other.mirror(&Server::of_files(without(next, &delta)).url(), &[]).complete();
    assert_eq!(targets(&other), [format!("targets/segments/{}.zst", digest('b'))]);
}

#[test]
fn roots_go_on_from_the_newest() {
    let ground = Ground::new();
    fs::create_dir_all(ground.path("seed")).unwrap();
    let mut files = mirror_of(1, 'a');
    files.extend((1..=300).map(|root| (format!("metadata/{root}.root.json"), b"{}".to_vec())));
    let server = Server::of_files(files);
    ground.mirror(&server.url(), &[]).complete();
    assert!(!ground.path("staging/metadata/257.root.json").exists());
    ground.mirror(&server.url(), &[]).complete();
    assert!(ground.path("staging/metadata/300.root.json").exists());
    assert!(ground.path("staging/metadata/1.root.json").exists());
}

#[test]
fn what_may_be_missing_and_what_not() {
    for path in [
        "metadata/timestamp.json",
        "metadata/11.snapshot.json",
        "metadata/1.targets.json",
        "checkpoint",
        "tile/0/000",
        "tile/1/000.p/1",
        "tile/entries/001.p/2",
        "releases/latest",
        "releases/1/statement",
        "releases/1/proof.tlog-proof",
    ] {
        let server = Server::of_files(without(mirror_of(1, 'a'), path));
        Ground::new().mirror(&server.url(), &[]).failed("missing", path);
    }
    let whole = format!("targets/segments/{}.zst", digest('a'));
    Ground::new()
        .mirror(&Server::of_files(without(mirror_of(1, 'a'), &whole)).url(), &[])
        .failed("missing", &whole);
    let mut files = without(mirror_of(1, 'a'), "metadata/2.root.json");
    files.remove("metadata/1.root.json");
    files.insert("director".to_owned(), b"note".to_vec());
    let ground = Ground::new();
    ground.mirror(&Server::of_files(files.clone()).url(), &[]).complete();
    assert!(ground.path("staging/director").exists());
    // A director that is gone does not stay behind.
    ground.mirror(&Server::of_files(without(files, "director")).url(), &[]).complete();
    assert!(!ground.path("staging/director").exists());
    // A log that has grown has the full tile only.
    let mut files = without(mirror_of(1, 'a'), "tile/0/001.p/2");
    files.insert("tile/0/001".to_owned(), b"full".to_vec());
    Ground::new().mirror(&Server::of_files(files).url(), &[]).complete();
}

#[test]
fn what_a_mirror_says_of_itself_is_bounded() {
    let whole = format!("targets/segments/{}.zst", digest('a'));
    let cases: [(&str, &str, Vec<u8>, &str); 13] = [
        ("releases/latest", "garbage", b"99999999999999999999\n".to_vec(), "no number"),
        ("releases/latest", "garbage", b"../../etc/passwd".to_vec(), "no number"),
        ("releases/latest", "too-large", vec![b'1'; 65], "larger"),
        ("checkpoint", "garbage", b"x\n-1\n".to_vec(), "size"),
        ("checkpoint", "too-large", b"x\n1099511627776\nh\n".to_vec(), "entries"),
        ("checkpoint", "too-large", vec![b'x'; 65537], "larger"),
        ("metadata/timestamp.json", "garbage", b"{".to_vec(), "metadata"),
        ("metadata/timestamp.json", "too-large", vec![b' '; (1 << 20) + 1], "larger"),
        ("tile/0/000", "too-large", vec![0; 8193], "larger"),
        ("releases/1/statement", "garbage", b"segment ../x 1 y image\n".to_vec(), "segment"),
        ("releases/1/statement", "garbage", vec![0xff; 10], "no text"),
        (&whole, "too-large", b"segment ab".to_vec(), "larger than 9 bytes"),
        (&whole, "garbage", b"segment".to_vec(), "7 bytes and not 9"),
    ];
    for (path, kind, body, part) in cases {
        let mut files = mirror_of(1, 'a');
        files.insert(path.to_owned(), body);
        let ground = Ground::new();
        ground.mirror(&Server::of_files(files).url(), &[]).failed(kind, part);
        let staged = ground.files("staging");
        assert!(!staged.contains(&whole) && !staged.contains(&"have".to_owned()), "{path}: {staged:?}");
        assert!(!staged.iter().any(|path| path.ends_with(".part")), "{path}: {staged:?}");
    }
}

#[test]
fn a_folder_is_a_mirror() {
    let ground = Ground::new();
    let files = mirror_of(3, 'c');
    write(&files, &ground.path("stick"));
    let place = ground.path("stick").to_str().unwrap().to_owned();
    ground.mirror(&place, &[]).complete();
    ground.mirror(&format!("file://{place}"), &["--full"]).complete();
    assert_eq!(ground.files("staging").len(), files.len() + 1);
    ground.mirror("nowhere", &[]).failed("unreachable", "nowhere");
    ground.mirror("file://stick", &[]).failed("local", "file URL");
}

#[test]
fn links_and_fifos_of_a_folder_are_not_read() {
    let ground = Ground::new();
    fs::write(ground.path("secret"), "o\n1\nh\n").unwrap();
    let place = ground.path("stick");
    for (path, part) in [("checkpoint", "link"), ("metadata/timestamp.json", "link"), ("releases", "link")] {
        write(&mirror_of(3, 'c'), &place);
        fs::rename(place.join(path), ground.path("away")).unwrap();
        symlink(ground.path("away"), place.join(path)).unwrap();
        ground.mirror(place.to_str().unwrap(), &["--full"]).failed("refused", part);
        fs::remove_dir_all(&place).unwrap();
        let away = ground.path("away");
        let _ = if away.is_dir() { fs::remove_dir_all(away) } else { fs::remove_file(away) };
    }
    write(&mirror_of(3, 'c'), &place);
    fs::remove_file(place.join("checkpoint")).unwrap();
    assert!(
        Command::new("mkfifo").args(["-m", "666"]).arg(place.join("checkpoint")).status().unwrap().success()
    );
    ground.mirror(place.to_str().unwrap(), &["--full"]).failed("refused", "no regular file");
    fs::remove_file(place.join("checkpoint")).unwrap();
    fs::create_dir(place.join("checkpoint")).unwrap();
    ground.mirror(place.to_str().unwrap(), &["--full"]).failed("refused", "");
}

#[test]
fn links_in_the_staging_folder_lead_nowhere() {
    let ground = Ground::new();
    let server = Server::of_files(mirror_of(1, 'a'));
    ground.mirror(&server.url(), &[]).complete();
    fs::create_dir(ground.path("outside")).unwrap();
    fs::set_permissions(ground.path("outside"), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    fs::write(ground.path("outside/victim"), "untouched").unwrap();
    let staging = ground.path("staging");
    for path in ["metadata", "tile", "releases", "targets"] {
        fs::remove_dir_all(staging.join(path)).unwrap();
        symlink(ground.path("outside"), staging.join(path)).unwrap();
    }
    for path in ["checkpoint", "have"] {
        fs::remove_file(staging.join(path)).unwrap();
        symlink(ground.path("outside/victim"), staging.join(path)).unwrap();
    }
    ground.mirror(&server.url(), &[]).complete();
    assert_eq!(ground.files("outside"), ["victim"]);
    assert_eq!(fs::read(ground.path("outside/victim")).unwrap(), b"untouched");
    assert_eq!(ground.files("staging").len(), mirror_of(1, 'a').len() + 1);
    // The folder itself is no link either.
    fs::rename(&staging, ground.path("elsewhere")).unwrap();
    symlink(ground.path("elsewhere"), &staging).unwrap();
    ground.mirror(&server.url(), &[]).failed("local", "staging");
}

/// A mirror that never sends the end of its segment.
fn stuck(path: &str, connection: &mut TcpStream) {
    let files = mirror_of(1, 'a');
    match files.get(path.trim_start_matches('/')) {
        Some(body) if path.starts_with("/targets") => {
            say(
                connection,
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\nseg", body.len()).as_bytes(),
            );
            thread::sleep(Duration::from_secs(60));
        }
        Some(body) => ok(connection, body),
        None => status(connection, "404 Not Found"),
    }
}

#[test]
fn a_run_that_was_killed_leaves_nothing_half() {
    let ground = Ground::new();
    let server = Server::new(stuck);
    let mut command =
        ground.command(&["mirror", "--from", &server.url(), "--into", "staging", "--patience", "60"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let part = ground.path("staging/targets/segments/.part");
    while !fs::metadata(&part).is_ok_and(|part| part.len() > 0) {
        assert!(child.try_wait().unwrap().is_none());
        thread::sleep(Duration::from_millis(10));
    }
    // Another one does not come into its way.
    ground.mirror(&server.url(), &[]).failed("busy", "staging");
    child.kill().unwrap();
    child.wait().unwrap();
    let left = ground.files("staging");
    assert!(!left.contains(&format!("targets/segments/{}.zst", digest('a'))), "{left:?}");
    assert!(!left.contains(&"have".to_owned()), "{left:?}");
    let good = Server::of_files(mirror_of(1, 'a'));
    ground.mirror(&good.url(), &[]).complete();
    assert_eq!(ground.files("staging").len(), mirror_of(1, 'a').len() + 1);
    // What was complete is not fetched again.
    assert!(!good.paths().contains(&"/tile/0/000".to_owned()));
}

#[test]
fn a_full_disk_is_told() {
    let ground = Ground::new();
    let server = Server::of_files(mirror_of(1, 'a'));
    fs::create_dir(ground.path("small")).unwrap();
    // A file system of its own that nobody else sees.
    let script =
        "mount -t tmpfs -o size=1m none small && exec \"$0\" mirror --from \"$1\" --into small/staging";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, env!("CARGO_BIN_EXE_candor-fetch"), &server.url()]);
    let output = command.current_dir(ground.path("")).output();
    let Some(line) =
        output.ok().and_then(|output| String::from_utf8(output.stdout).ok()).filter(|text| !text.is_empty())
    else {
        eprintln!("skipped: only root can make a small file system");
        return;
    };
    let line: serde_json::Value = serde_json::from_str(line.trim()).unwrap();
    assert_eq!(line["error"]["kind"], "disk-full", "{line:#}");
}
