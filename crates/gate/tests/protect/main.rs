//! Protection as a user meets it, on file systems of the test's own. Needs root; skipped with a message where it cannot be.

mod afterwards;
mod crashes;
mod ground;
mod ourselves;
mod places;
mod policy;
mod soundness;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use ground::{Ground, eicar, is_refused, run};

#[test]
fn what_was_detected_is_refused_however_it_is_opened() {
    let Some(ground) = Ground::new("") else { return };
    let bad = ground.write("bad", &eicar());
    let good = ground.write("good", b"nothing to see");
    assert!(is_refused(&bad) && !is_refused(&good));
    // Again, now that both are known; to write; as another name; by other programs.
    assert!(is_refused(&bad) && !is_refused(&good));
    assert_eq!(fs::OpenOptions::new().write(true).open(&bad).unwrap_err().raw_os_error(), Some(1));
    fs::hard_link(&bad, ground.path("link")).unwrap();
    symlink(&bad, ground.path("symlink")).unwrap();
    assert!(is_refused(&ground.path("link")) && is_refused(&ground.path("symlink")));
    fs::rename(ground.path("link"), ground.path("renamed")).unwrap();
    assert!(is_refused(&ground.path("renamed")));
    for (program, arguments) in
        [("cat", &[bad.to_str().unwrap()][..]), ("cp", &[bad.to_str().unwrap(), "/dev/null"])]
    {
        let output = run(program, arguments);
        assert!(!output.status.success() && output.stdout.is_empty(), "{program}");
    }
    assert!(run("cat", &[good.to_str().unwrap()]).status.success());
    fs::set_permissions(&bad, PermissionsExt::from_mode(0o755)).unwrap();
    let error = Command::new(&bad).status().unwrap_err();
    assert_eq!(error.raw_os_error(), Some(1), "{error}");
    let text = String::from_utf8(ground.protect(&["status"]).stdout).unwrap();
    assert!(text.contains("Candor.Test.Malware.Eicar-1") && text.contains("memfd"), "{text}");
    assert!(ground.count("denied") >= 8);
}

#[test]
fn programs_run() {
    let Some(ground) = Ground::new("") else { return };
    let program = ground.path("program");
    fs::copy("/bin/true", &program).unwrap();
    for _ in 0..3 {
        assert!(Command::new(&program).status().unwrap().success());
    }
    assert!(ground.count("executions") >= 3);
    let script = ground.write("script", b"#!/bin/sh\nexit 7\n");
    fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(Command::new(&script).status().unwrap().code(), Some(7));
}

#[test]
fn what_is_no_file_waits_for_nobody() {
    let Some(ground) = Ground::new("") else { return };
    let fifo = ground.path("fifo");
    assert!(run("mkfifo", &[fifo.to_str().unwrap()]).status.success());
    let script = format!("cat {0} & echo through > {0}; wait", fifo.display());
    assert_eq!(run("timeout", &["20", "sh", "-c", &script]).stdout, b"through\n");
    ground.write("empty", b"");
    assert!(!is_refused(&ground.path("empty")));
    assert!(fs::read_dir(ground.path("")).unwrap().count() == 2);
}

#[test]
fn it_can_be_switched_on_and_off() {
    let Some(ground) = Ground::new("") else { return };
    let bad = ground.write("bad", &eicar());
    assert!(is_refused(&bad));
    assert!(ground.protect(&["on"]).status.success(), "it is on");
    let off = ground.protect(&["off"]);
    assert!(off.status.success(), "{off:?}");
    assert!(!is_refused(&bad));
    let status = ground.protect(&["status"]);
    assert_eq!(status.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&status.stderr).contains("protect on"), "{status:?}");
}
