//! Who may do what, and what bounds a client.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::Command;

use crate::conversation::{Place, Step, path_command, say, stream, talk, told};
use crate::files::{Files, NAME, eicar, start, tcp, unix};
use crate::program::{DEADLINE, Program};

#[test]
fn remote_clients_name_no_paths_and_end_nothing() {
    let files = Files::new();
    let program = start("");
    let denied = format!("{}: Access denied. ERROR\\x00", files.path("plain").display());
    for word in ["SCAN", "CONTSCAN", "MULTISCAN", "ALLMATCHSCAN"] {
        assert_eq!(told(&talk(&tcp(&program), &[path_command(word, &files.path("plain"))])), denied);
    }
    for word in ["SHUTDOWN", "QUIT", "RELOAD"] {
        let said = talk(&tcp(&program), &[say(format!("z{word}\0"))]);
        assert_eq!(told(&said), "COMMAND UNAVAILABLE\\x00");
    }
    assert_eq!(told(&talk(&tcp(&program), &[stream(b"x")])), "stream: OK\\x00");
    program.stop();
}

#[test]
fn shutdown_ends_the_service() {
    let mut program = start("");
    assert_eq!(talk(&unix(&program), &[say("zSHUTDOWN\0")]), b"");
    assert_eq!(program.wait(), Some(0), "{}", program.log());
}

#[test]
fn a_user_learns_nothing_of_files_that_he_cannot_read() {
    let perl = Command::new("perl").args(["-MIO::Socket::UNIX", "-e", "1"]).output();
    let perl = perl.is_ok_and(|output| output.status.success());
    if !perl || !rustix::process::geteuid().is_root() || !std::path::Path::new("/usr/bin/setpriv").exists() {
        println!("skipped: not root, or setpriv (util-linux) or perl is not installed");
        return;
    }
    let files = Files::new();
    let program = start("socket_mode = 0o666\n");
    let mode =
        |path: &std::path::Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(files.folder(), 0o755);
    mode(program.folder(), 0o755);
    mode(&files.path("one"), 0o700);
    mode(&files.path("eicar"), 0o600);
    // Another user asks, and prints what he is told.
    let ask = |name: &str| {
        let mut asker = Command::new("/usr/bin/setpriv");
        asker.args(["--reuid=65534", "--regid=65534", "--clear-groups", "perl", "-MIO::Socket::UNIX", "-e"]);
        asker.arg("my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die; print $s \"nSCAN $ARGV[1]\\n\"; $s->flush; print <$s>;");
        asker.arg(program.unix("clamd")).arg(files.path(name));
        let output = asker.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().replace(files.folder().to_str().unwrap(), "F")
    };
    assert_eq!(ask("plain"), "F/plain: OK\n");
    assert_eq!(ask("none"), "F/none: OK\n");
    assert_eq!(ask("missing"), "F/missing: File path check failure: No such file or directory. ERROR\n");
    for hidden in ["eicar", "one", "one/found", "one/missing"] {
        assert_eq!(ask(hidden), format!("F/{hidden}: Access denied. ERROR\n"));
    }
    program.stop();
}

#[test]
fn what_is_left_out_is_told() {
    let files = Files::new();
    let settings = "exclude = [\"one/f\", \"none$\"]\nfollow = \"files\"\nall_matches = false\ndepth = 0\n";
    let program = start(settings);
    let scan = |word: &str, name: &str| {
        let said = told(&talk(&unix(&program), &[path_command(word, &files.path(name))]));
        said.replace(files.folder().to_str().unwrap(), "F")
    };
    assert_eq!(scan("SCAN", "none"), "F/none: Excluded\\x00");
    assert_eq!(scan("CONTSCAN", "one"), "F/one/found: Excluded\\x00F/one: OK\\x00");
    assert_eq!(scan("SCAN", "odd/link"), format!("F/odd/link: {NAME} FOUND\\x00"));
    assert_eq!(scan("SCAN", "odd"), format!("F/odd/link: {NAME} FOUND\\x00"));
    let disabled = "F/plain: ALLMATCHSCAN command disabled by clamd configuration. ERROR\\x00";
    assert_eq!(scan("ALLMATCHSCAN", "plain"), disabled);
    fs::create_dir(files.path("one/deep")).unwrap();
    let deep = scan("CONTSCAN", "one");
    assert!(
        deep.contains("F/one/deep: Folders too deep, not scanned. ERROR\\x00") && !deep.contains("OK"),
        "{deep}"
    );
    program.stop();
}

#[test]
fn content_that_was_not_examined_is_told_as_settings_say() {
    let encrypted = encrypted_zip();
    for (settings, said) in [
        ("", "stream: OK\\x00"),
        ("gaps = \"report\"\n", "stream: Not fully examined: encrypted. ERROR\\x00"),
        ("found = [\"encrypted\"]\n", "stream: Heuristics.Encrypted.Zip FOUND\\x00"),
    ] {
        let program = start(settings);
        assert_eq!(told(&talk(&unix(&program), &[stream(&encrypted)])), said, "{settings}");
        let log = program.stop();
        assert!(log.contains("encrypted"), "{settings}: {log}");
    }
}

/// A zip with one stored member that is called encrypted.
fn encrypted_zip() -> Vec<u8> {
    let mut local = b"PK\x03\x04\x14\0\x01\0\0\0\0\0\0\0".to_vec();
    local.extend(1_u32.to_le_bytes());
    local.extend(20_u32.to_le_bytes());
    local.extend(8_u32.to_le_bytes());
    local.extend(b"\x01\0\0\0a");
    local.extend([7; 20]);
    let mut central = b"PK\x01\x02\x14\0\x14\0\x01\0\0\0\0\0\0\0".to_vec();
    central.extend(1_u32.to_le_bytes());
    central.extend(20_u32.to_le_bytes());
    central.extend(8_u32.to_le_bytes());
    central.extend(b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0a");
    let mut zip = local.clone();
    zip.extend(&central);
    zip.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    zip.extend(u32::try_from(central.len()).unwrap().to_le_bytes());
    zip.extend(u32::try_from(local.len()).unwrap().to_le_bytes());
    zip.extend(b"\0\0");
    zip
}

#[test]
fn silence_is_told_and_ended() {
    let program = start("command_timeout = 1\nread_timeout = 1\n");
    let late = "COMMAND READ TIMED OUT\\n";
    for steps in [
        vec![],
        vec![say("zPIN")],
        vec![say("zINSTREAM\0")],
        vec![say("zINSTREAM\0\0\0")],
        vec![say("zFILDES\0")],
        vec![say("zIDSESSION\0")],
        vec![say("zIDSESSION\0zINSTREAM\0")],
    ] {
        assert_eq!(told(&talk(&unix(&program), &steps)), late, "{steps:?}");
    }
    let said = talk(&unix(&program), &[say("zIDSESSION\0zPING\0")]);
    assert_eq!(told(&said), format!("1: PONG\\x00{late}"));
    program.stop();
}

#[test]
fn whoever_does_not_listen_holds_nothing() {
    let program = start("connections = 2\nsend_timeout = \"200ms\"\n");
    let Place::Unix(path) = unix(&program) else { unreachable!() };
    // Two clients take all the room, ask much and read nothing.
    let deaf: Vec<UnixStream> = (0..2)
        .map(|_| {
            let mut socket = UnixStream::connect(&path).unwrap();
            socket.set_write_timeout(Some(DEADLINE)).unwrap();
            let _ = socket.write_all(b"zIDSESSION\0");
            while socket.write_all(&b"zVERSIONCOMMANDS\0".repeat(1000)).is_ok() {}
            socket
        })
        .collect();
    assert_eq!(told(&talk(&unix(&program), &[say("zPING\0")])), "PONG\\x00");
    drop(deaf);
    program.stop();
}

#[test]
fn whoever_gives_up_takes_the_question_along_and_half_a_close_is_none() {
    let files = Files::new();
    let program = start("");
    let Place::Unix(path) = unix(&program) else { unreachable!() };
    for _ in 0..20 {
        let mut socket = UnixStream::connect(&path).unwrap();
        socket.write_all(format!("zCONTSCAN {}\0", files.folder().display()).as_bytes()).unwrap();
    }
    let said = talk(&unix(&program), &[stream(&eicar()), Step::End]);
    assert_eq!(told(&said), format!("stream: {NAME} FOUND\\x00"));
    program.stop();
}

#[test]
fn requests_under_way_are_answered_when_the_service_stops() {
    let program = start("");
    let Place::Unix(path) = unix(&program) else { unreachable!() };
    let mut socket = UnixStream::connect(&path).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.write_all(b"zINSTREAM\0\0\0\0\x05he").unwrap();
    // An answer to somebody else shows that the beginning has been taken: connections are taken in order.
    talk(&unix(&program), &[say("zPING\0")]);
    std::thread::sleep(std::time::Duration::from_millis(100));
    program.signal(rustix::process::Signal::TERM);
    program.wait_for("stopping");
    socket.write_all(b"llo\0\0\0\0").unwrap();
    let mut said = Vec::new();
    socket.read_to_end(&mut said).unwrap();
    assert_eq!(told(&said), "stream: OK\\x00");
    drop(socket);
    ended(program);
}

fn ended(mut program: Program) {
    assert_eq!(program.wait(), Some(0), "{}", program.log());
}

#[test]
fn garbage_harms_nobody() {
    let program = start("command_timeout = 1\nread_timeout = 1\n");
    let words: [&[u8]; 12] = [
        b"z",
        b"n",
        b"\0",
        b"\n",
        b"IDSESSION",
        b"INSTREAM",
        b"FILDES",
        b"SCAN /dev/null",
        b"PING",
        b"\0\0\0\x05",
        b"\xff",
        b"END",
    ];
    let mut random = 1_u32;
    let mut next = |below: usize| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) as usize % below
    };
    for _ in 0..200 {
        let mut steps: Vec<Step> = Vec::new();
        for _ in 0..next(6) {
            let bytes: Vec<u8> = (0..next(8)).flat_map(|_| words[next(words.len())].to_vec()).collect();
            let files = vec!["/dev/null".into(); next(3)];
            steps.push(if next(4) == 0 { Step::Files(bytes, files) } else { say(bytes) });
        }
        steps.push(Step::End);
        talk(&unix(&program), &steps);
    }
    assert_eq!(told(&talk(&unix(&program), &[say("zPING\0")])), "PONG\\x00");
    program.stop();
}
