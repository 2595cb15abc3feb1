//! Modes, exclusions, and answers that come too late.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::ground::{Ground, children, eicar, is_refused, run, until};

#[test]
fn report_refuses_nothing_and_tells() {
    let Some(ground) = Ground::new("[protect]\nmode = \"report\"\n") else { return };
    let bad = ground.write("bad", &eicar());
    assert!(!is_refused(&bad));
    until("it is told", || ground.log().contains("Eicar"));
    assert_eq!(ground.count("denied"), 0);
    assert!(ground.count("reported") > 0);
}

#[test]
fn executions_alone_are_refused_where_it_is_wanted() {
    let Some(ground) = Ground::new("[protect]\nmode = \"executions\"\n") else { return };
    let bad = ground.write("bad", &eicar());
    fs::set_permissions(&bad, PermissionsExt::from_mode(0o755)).unwrap();
    assert!(!is_refused(&bad));
    assert_eq!(Command::new(&bad).status().unwrap_err().raw_os_error(), Some(1));
}

#[test]
fn excluded_paths_and_programs_are_not_looked_at() {
    let Some(ground) = Ground::unwatched() else { return };
    let cat = ground.beside("trusted-cat");
    fs::copy("/bin/cat", &cat).unwrap();
    let bad = ground.write("bad", &eicar());
    let folder = ground.path("excluded");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("bad"), eicar()).unwrap();
    let Some(ground) = ground.watch(&format!("[exclude]\npaths = [{folder:?}]\nprograms = [{cat:?}]\n"))
    else {
        return;
    };
    assert!(is_refused(&bad));
    assert!(!is_refused(&folder.join("bad")));
    let read = |program: &str| run(program, &[bad.to_str().unwrap()]).status.success();
    assert!(read(cat.to_str().unwrap()));
    // The name is not the identity.
    let other = ground.beside("folder");
    fs::create_dir(&other).unwrap();
    fs::copy("/bin/cat", other.join("trusted-cat")).unwrap();
    assert!(!read(other.join("trusted-cat").to_str().unwrap()));
}

#[test]
fn what_is_late_is_answered_by_the_policy() {
    let Some(ground) = Ground::new("[late]\nafter = 0.5\n") else { return };
    let good = ground.write("good", b"nothing to see");
    let program = ground.path("program");
    fs::copy("/bin/true", &program).unwrap();
    // What was closed after writing is scanned at once; this has to be over.
    until("both are known", || ground.count("scanned") >= 2);
    let gate = ground.status().processes.1;
    for worker in children(gate) {
        kill_process(Pid::from_raw(worker.cast_signed()).unwrap(), Signal::STOP).unwrap();
    }
    fs::OpenOptions::new().append(true).open(&program).unwrap().write_all(b"x").unwrap();
    fs::OpenOptions::new().append(true).open(&good).unwrap().write_all(b"x").unwrap();
    let begun = Instant::now();
    assert!(!is_refused(&good), "a read goes on");
    assert_eq!(Command::new(&program).status().unwrap_err().raw_os_error(), Some(1), "an execution does not");
    assert!(begun.elapsed() > Duration::from_millis(500) && begun.elapsed() < Duration::from_secs(20));
    assert!(ground.count("late") >= 2, "{}", ground.log());
}

/// A gate that reads no events would let everybody wait for ever.
#[test]
fn a_gate_that_hangs_is_replaced() {
    let Some(ground) = Ground::new("[late]\nafter = 0.5\n") else { return };
    let (good, bad) = (ground.write("good", b"nothing to see"), ground.write("bad", &eicar()));
    let gate = Pid::from_raw(ground.status().processes.1.cast_signed()).unwrap();
    kill_process(gate, Signal::STOP).unwrap();
    let begun = Instant::now();
    assert!(!is_refused(&good));
    // What the gate had read before it hung is late, and goes on.
    until("the next gate refuses", || is_refused(&bad));
    assert!(begun.elapsed() < Duration::from_secs(20));
    until("it is told", || ground.log().contains("the gate hangs"));
}
