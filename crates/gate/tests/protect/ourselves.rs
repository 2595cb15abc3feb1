//! What the gate asks of the kernel, and that it does not wait for itself.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

use crate::ground::{Ground, children, eicar, is_refused, until};

/// Programs, database and vault lie on the file system that is watched, and are opened while others wait: a worker that is
/// started again, a database that is read again, a vault that gets a file.
#[test]
fn everything_of_ours_may_lie_on_what_is_watched() {
    let Some(ground) = Ground::unwatched() else { return };
    let program = Path::new(env!("CARGO_BIN_EXE_candor-gate"));
    for name in ["candor-gate", "candor-worker"] {
        fs::copy(program.with_file_name(name), ground.path(name)).unwrap();
    }
    let (database, vault) = (ground.path("database.cdb"), ground.path("vault"));
    fs::write(&database, candor_rules::database()).unwrap();
    let configuration = format!(
        "[database]\nfiles = [{database:?}]\n[protect]\nquarantine = true\nvault = {vault:?}\n\
         [late]\nafter = 20.0\n"
    );
    let program = ground.path("candor-gate");
    let Some(ground) = ground.watch_by(&program, &configuration) else { return };
    for round in 0..5 {
        for worker in children(ground.status().processes.1) {
            let _ = kill_process(Pid::from_raw(worker.cast_signed()).unwrap(), Signal::KILL);
        }
        assert!(!is_refused(&ground.write(&format!("good-{round}"), b"some text")));
        assert!(ground.protect(&["reload"]).status.success());
        let bad = ground.write(&format!("bad-{round}"), &eicar());
        until("it is refused or taken", || !bad.exists() || is_refused(&bad));
        until("it is taken", || !bad.exists());
    }
    assert_eq!(ground.count("late"), 0, "{}", ground.log());
    assert!(!is_refused(&database) && !is_refused(&program));
}

/// What the kernel says of the groups of a process: flags, what files of events are opened with, and masks of marks on
/// file systems. See `fs/notify/fdinfo.c` for the text.
fn groups(process: u32) -> Vec<(u32, Vec<u32>)> {
    let folder = format!("/proc/{process}/fdinfo");
    let files =
        fs::read_dir(folder).unwrap().filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok());
    let number = |line: &str, name: &str| {
        let value = line.split_whitespace().find_map(|word| word.strip_prefix(name));
        value.map(|digits| u32::from_str_radix(digits.trim_start_matches("0x"), 16).unwrap())
    };
    let group = |text: String| {
        let flags = number(text.lines().find(|line| line.starts_with("fanotify flags:"))?, "flags:")?;
        let marks = text.lines().filter(|line| line.starts_with("fanotify sdev:"));
        Some((flags, marks.filter_map(|line| number(line, "mask:")).collect()))
    };
    files.filter_map(group).collect()
}

#[test]
fn the_kernel_is_asked_for_what_the_rules_say() {
    const CLASS_CONTENT: u32 = 0x4;
    const UNLIMITED: u32 = 0x10 | 0x20;
    const PIDFD: u32 = 0x80;
    const FD_ERROR: u32 = 0x2000;
    const CLOSE_WRITE: u32 = 0x8;
    const OPEN_PERM_AND_EXEC: u32 = 0x1_0000 | 0x4_0000;

    let Some(ground) = Ground::new("") else { return };
    let groups = groups(ground.supervisor());
    let asking: Vec<_> = groups.iter().filter(|(flags, _)| flags & CLASS_CONTENT != 0).collect();
    assert_eq!((groups.len(), asking.len()), (3, 2), "{groups:x?}");
    for (flags, marks) in &groups {
        assert_eq!(flags & (PIDFD | FD_ERROR), PIDFD | FD_ERROR, "{groups:x?}");
        if flags & CLASS_CONTENT != 0 {
            // A queue that is full lets everything through.
            assert_eq!(flags & UNLIMITED, UNLIMITED, "{groups:x?}");
            assert!(marks.iter().all(|mask| *mask == OPEN_PERM_AND_EXEC), "{groups:x?}");
        } else {
            assert_eq!(*marks, [CLOSE_WRITE], "{groups:x?}");
        }
    }
    assert_eq!(asking.iter().map(|(_, marks)| marks.len()).sum::<usize>(), 1, "{groups:x?}");
}
