//! Every way to a file system: other mount namespaces, what is mounted later, loop devices.

use std::fs;
use std::process::Command;

use crate::ground::{Ground, eicar, is_refused, run, until};

#[test]
fn other_mount_namespaces_do_not_lead_around_it() {
    let Some(ground) = Ground::new("") else { return };
    let bad = ground.write("bad", &eicar());
    let output = run("unshare", &["-m", "cat", bad.to_str().unwrap()]);
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    // A mount of its own of the same file system.
    let elsewhere = ground.beside("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let script = format!(
        "mount --bind {} {2} && cat {2}/bad; echo {1}",
        ground.path("").display(),
        "end",
        elsewhere.display()
    );
    let output = run("unshare", &["-m", "sh", "-c", &script]);
    assert_eq!(output.stdout, b"end\n", "{output:?}");
}

#[test]
fn what_is_mounted_later_is_watched_in_every_namespace() {
    let Some(ground) = Ground::unwatched() else { return };
    let later = ground.beside("later");
    let inner = ground.beside("inner");
    for folder in [&later, &inner] {
        fs::create_dir(folder).unwrap();
    }
    let only = format!("[file_systems]\nonly = [{:?}, {later:?}, {inner:?}]\n", ground.path(""));
    let Some(ground) = ground.watch(&only) else { return };
    assert!(run("mount", &["-t", "tmpfs", "tmpfs", later.to_str().unwrap()]).status.success());
    fs::write(later.join("bad"), eicar()).unwrap();
    until("a new mount is watched", || is_refused(&later.join("bad")));
    assert!(
        ground
            .status()
            .file_systems
            .iter()
            .any(|one| one.point == later.to_str().unwrap() && one.left.is_none())
    );
    run("umount", &[later.to_str().unwrap()]);
    // One that exists only in another namespace: it is tried there until it is refused.
    let script = format!(
        "mount -t tmpfs tmpfs {0} && echo 'X5O!P%@AP[4\\PZX54(P^)7CC)7}}$EICAR-STANDARD''-ANTIVIRUS-TEST-FILE!$H+H*' > {0}/bad; \
         for try in $(seq 600); do cat {0}/bad > /dev/null 2>&1 || exit 9; sleep 0.05; done",
        inner.display()
    );
    let output = run("unshare", &["-m", "sh", "-c", &script]);
    assert_eq!(output.status.code(), Some(9), "{output:?}");
}

/// Otherwise scripts that write something and unmount it at once would fail.
#[test]
fn what_was_just_written_does_not_keep_its_file_system_busy() {
    let Some(ground) = Ground::unwatched() else { return };
    let later = ground.beside("later");
    fs::create_dir(&later).unwrap();
    let only = format!("[file_systems]\nonly = [{:?}, {later:?}]\n", ground.path(""));
    let Some(ground) = ground.watch(&only) else { return };
    let place = later.to_str().unwrap();
    // A busy machine may be slower once; files that wait to be scanned would keep it busy each time.
    let unmounted = (0..20).filter(|_| {
        assert!(run("mount", &["-t", "tmpfs", "tmpfs", place]).status.success());
        fs::write(later.join("one"), "some content").unwrap();
        let at_once = run("umount", &[place]).status.success();
        at_once || !run("umount", &["-l", place]).status.success()
    });
    assert!(unmounted.count() > 10);
    assert_eq!(ground.count("late"), 0);
}

#[test]
fn loop_devices_are_watched_when_they_are_mounted() {
    let Some(ground) = Ground::unwatched() else { return };
    let (image, place) = (ground.beside("image"), ground.beside("place"));
    fs::create_dir(&place).unwrap();
    fs::File::create(&image).unwrap().set_len(16 << 20).unwrap();
    let (image, place) = (image.to_str().unwrap(), place.to_str().unwrap());
    if !run("mkfs.ext4", &["-q", image]).status.success()
        || !run("mount", &["-o", "loop", image, place]).status.success()
    {
        eprintln!("skipped: no loop devices or no ext4 here");
        return;
    }
    fs::write(format!("{place}/bad"), eicar()).unwrap();
    assert!(run("umount", &[place]).status.success());
    let only = format!("[file_systems]\nonly = [{:?}, {place:?}]\n", ground.path(""));
    let Some(_ground) = ground.watch(&only) else { return };
    assert!(Command::new("mount").args(["-o", "loop", image, place]).status().unwrap().success());
    let bad = std::path::PathBuf::from(format!("{place}/bad"));
    until("a loop device is watched", || is_refused(&bad));
    run("umount", &[place]);
}
