//! The proofs hold on this machine, for root and for an ordinary user, and they can fail.

mod program;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use program::{Ground, Seen, build_worker};
use serde_json::Value;
use tempfile::TempDir;

/// System calls that a worker may be left; a longer list is a change that needs a reason.
const LEFT: [&str; 22] = [
    "recvmsg",
    "sendmsg",
    "pread64",
    "close",
    "fcntl",
    "mmap",
    "mremap",
    "munmap",
    "madvise",
    "brk",
    "getrandom",
    "clock_gettime",
    "futex",
    "getpid",
    "gettid",
    "tgkill",
    "rt_sigprocmask",
    "rt_sigaction",
    "rt_sigreturn",
    "sigaltstack",
    "exit",
    "exit_group",
];

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap()) == 0
}

/// `candor` as an ordinary user, in a place where that user can run it; nothing where that cannot be done.
fn as_nobody(arguments: &[&str]) -> Option<Seen> {
    build_worker();
    if !is_root() {
        eprintln!("skipped: only root can become another user");
        return None;
    }
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let candor = Path::new(env!("CARGO_BIN_EXE_candor"));
    for name in ["candor", "candor-worker", "candor-fetch"] {
        fs::copy(candor.with_file_name(name), folder.path().join(name)).unwrap();
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    command.arg(folder.path().join("candor")).args(arguments).current_dir("/");
    match command.output() {
        Ok(output) => Some(Seen::new(output)),
        Err(_) => {
            eprintln!("skipped: util-linux is not installed");
            None
        }
    }
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// Every attempt has to be refused, and most of them must work where nothing is confined.
fn all_refused(proof: &Value) {
    assert!(texts(&proof["through"]).is_empty(), "{:#}", proof["through"]);
    let attempts = proof["attempts"].as_array().unwrap();
    assert!(attempts.len() > 300, "{}", attempts.len());
    for attempt in attempts {
        assert_eq!(attempt["confined"]["refused"], true, "{attempt:#}");
    }
    let real = attempts.iter().filter(|attempt| attempt["unconfined"]["refused"] == false).count();
    assert!(real > 100, "{real}");
    for group in ["files", "network", "processes", "memory", "identity", "kernel", "limits"] {
        assert!(attempts.iter().any(|attempt| attempt["group"] == group), "{group}");
    }
    let process = &proof["process"];
    assert_eq!((&process["status"]["Seccomp"], &process["status"]["NoNewPrivs"]), (&"2".into(), &"1".into()));
    assert_eq!(process["status"]["CapEff"], "0000000000000000");
}

#[test]
fn nothing_gets_through() {
    let ground = Ground::new();
    let proof = ground.run(&["prove", "sandbox", "--format", "json"]).expect(0).json();
    all_refused(&proof);
    let filter = &proof["process"]["filter"];
    if !is_root() {
        assert_eq!(filter["shown"], false);
        return;
    }
    assert_eq!(proof["process"]["status"]["Uid"], "65534 65534 65534 65534");
    // Without the kernel's help a filter cannot be read back, which the proof says then.
    if filter["shown"] == true {
        for left in filter["left"].as_array().unwrap() {
            assert!(LEFT.contains(&left["call"].as_str().unwrap()), "{left:#}");
        }
        assert!(filter["foreign"].as_u64().unwrap() >= 2400);
    }
    let descriptors = proof["process"]["descriptors"].as_array().unwrap();
    let whats: Vec<&str> = descriptors.iter().map(|one| one["what"].as_str().unwrap()).collect();
    assert_eq!(whats[..3], ["/dev/null"; 3]);
    assert_eq!(whats.len(), 4, "{whats:?}");
    assert!(whats[3].starts_with("socket:["), "{whats:?}");
}

#[test]
fn nothing_gets_through_for_an_ordinary_user() {
    let Some(seen) = as_nobody(&["prove", "sandbox", "--format", "json"]) else { return };
    let proof = seen.expect(0).json();
    all_refused(&proof);
    assert_eq!(proof["process"]["filter"]["shown"], false);
    assert_eq!(proof["process"]["status"]["Uid"], "65534 65534 65534 65534");
}

#[test]
fn the_text_says_what_was_tried_and_what_came_of_it() {
    let seen = Ground::new().run(&["prove", "sandbox"]).expect(0);
    for part in [
        "make a TCP socket: killed by the filter (SIGSYS)",
        "unconfined: gets through",
        "nothing got through",
    ] {
        assert!(seen.stdout.contains(part), "{part}: {}", seen.stdout);
    }
}

#[test]
fn what_is_not_confined_is_told() {
    let ground = Ground::new();
    let seen = ground.run(&["prove", "sandbox", "--only", "none", "--format", "json"]).expect(1);
    let proof = seen.json();
    let through = texts(&proof["through"]);
    assert!(through.len() > 100, "{through:#?}");
    for attempt in
        ["read a file that everybody may read", "make a TCP socket", "call a TCP port of this machine"]
    {
        assert!(through.iter().any(|text| text.starts_with(attempt)), "{attempt}: {through:#?}");
    }
    // What was seen from outside counts as well, not only what the worker says.
    let unlinked = through.iter().find(|text| text.starts_with("delete a file (unlinkat)")).unwrap();
    assert!(unlinked.ends_with("a file was changed or is gone"), "{unlinked}");
}

#[test]
fn each_mechanism_leaves_what_only_others_refuse() {
    let ground = Ground::new();
    let proof = ground.run(&["prove", "sandbox", "--only", "landlock", "--format", "json"]).expect(1).json();
    if !texts(&proof["missing"]).is_empty() {
        eprintln!("skipped: the kernel's Landlock is missing or old");
        return;
    }
    let through = texts(&proof["through"]);
    assert!(through.iter().any(|text| text.starts_with("ask whether a file is there")), "{through:#?}");
    assert!(
        !through.iter().any(|text| text.starts_with("read a file that everybody may read")),
        "{through:#?}"
    );
}

#[test]
fn a_process_that_is_no_worker_is_told() {
    let pid = std::process::id().to_string();
    let seen = Ground::new().run(&["prove", "sandbox", "--pid", &pid, "--format", "json"]).expect(1);
    let proof = seen.json();
    let through = texts(&proof["through"]);
    assert!(through.iter().any(|text| text.contains("Seccomp is \"0\" and not 2")), "{through:#?}");
}

#[test]
fn no_process_of_a_scan_has_a_way_out() {
    let ground = Ground::new();
    let proof = ground.run(&["prove", "network", "--format", "json"]).expect(0).json();
    assert!(texts(&proof["out"]).is_empty(), "{proof:#}");
    if is_root() {
        assert!(!proof["filters"].as_object().unwrap().is_empty(), "{proof:#}");
    }
    let update = &proof["update"];
    assert_eq!((&update["shown"], &update["canaries_sent"]), (&true.into(), &0.into()), "{update:#}");
    assert_eq!(
        texts(&update["asked"])[..2],
        ["GET /metadata/1.root.json HTTP/1.1", "GET /metadata/2.root.json HTTP/1.1"]
    );
    // Whatever is added here is seen by every mirror.
    let headers = texts(&update["headers"]);
    assert_eq!(headers.len(), 3, "{headers:?}");
    assert_eq!(headers[..2], ["accept-encoding: identity", "user-agent: candor-fetch"]);
    ground.file("a.txt", b"hello");
    let seen = ground.run(&["prove", "network", "files"]).expect(0);
    assert!(seen.stdout.contains("no process of the scan had a way to a network"), "{seen:#?}");
    if let Some(seen) = as_nobody(&["prove", "network"]) {
        seen.expect(0);
    }
}

#[test]
fn a_way_out_is_told() {
    if Command::new("strace").arg("-V").output().is_err() || !Path::new("/bin/bash").exists() {
        eprintln!("skipped: strace or bash is not installed");
        return;
    }
    let ground = Ground::new();
    build_worker();
    let worker = Path::new(env!("CARGO_BIN_EXE_candor")).with_file_name("candor-worker");
    let chatty = ground.path("chatty");
    let script = format!("#!/bin/bash\nexec 9<>/dev/udp/127.0.0.1/9\nexec {} \"$@\"\n", worker.display());
    fs::write(&chatty, script).unwrap();
    fs::set_permissions(&chatty, Permissions::from_mode(0o755)).unwrap();
    let output = ground
        .command(&["prove", "network", "--format", "json"])
        .env("CANDOR_WORKER", &chatty)
        .output()
        .unwrap();
    let proof = Seen::new(output).expect(1).json();
    let out = texts(&proof["out"]);
    assert!(out.iter().any(|text| text.contains("socket(AF_INET")), "{out:#?}");
}

#[test]
fn an_update_that_asks_for_something_else_is_told() {
    if !Path::new("/bin/bash").exists() {
        eprintln!("skipped: bash is not installed");
        return;
    }
    let ground = Ground::new();
    let chatty = ground.path("chatty");
    // Its arguments are: mirror --patience 120 --from URL --into FOLDER
    let script = concat!(
        "#!/bin/bash\n",
        "address=${5#http://}\n",
        "exec 9<>/dev/tcp/${address%:*}/${address#*:}\n",
        "printf 'GET /%s HTTP/1.1\\r\\n\\r\\n' $$ >&9\n",
        "read -r line <&9\n",
    );
    fs::write(&chatty, script).unwrap();
    fs::set_permissions(&chatty, Permissions::from_mode(0o755)).unwrap();
    let output = ground
        .command(&["prove", "network", "--format", "json"])
        .env("CANDOR_FETCH", &chatty)
        .output()
        .unwrap();
    let proof = Seen::new(output).expect(1).json();
    let out = texts(&proof["out"]);
    for part in ["asked for something else", "of the fetcher Seccomp is \"0\" and not 2"] {
        assert!(out.iter().any(|text| text.contains(part)), "{part}: {out:#?}");
    }
}

#[test]
fn where_there_is_no_fetcher_nothing_is_fetched() {
    let ground = Ground::new();
    let output = ground
        .command(&["prove", "network", "--format", "json"])
        .env("CANDOR_FETCH", ground.path("none"))
        .output()
        .unwrap();
    assert_eq!(Seen::new(output).expect(0).json()["update"]["shown"], false);
}
