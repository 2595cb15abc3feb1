//! The store lies on a file system that is full: what was in use stays in use, and nothing that is half is left.

mod program;
mod world;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use program::Seen;
use world::{HOUR, World, at, signature};

/// What a file system counts in.
const PAGE: u64 = 4096;

/// A small file system in place of the store, which only processes in its namespace see.
struct Disk {
    holder: Child,
    store: PathBuf,
}

impl Disk {
    /// Mounts it; nothing where that is not allowed.
    fn new(world: &World) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: only root may mount a small file system");
            return None;
        }
        let store = world.ground.path("store");
        fs::create_dir(&store).unwrap();
        let script = "mount -t tmpfs -o size=64m,mode=755 tmpfs \"$0\" && echo mounted && exec cat";
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", script]).arg(&store);
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let Ok(mut holder) = started else {
            eprintln!("skipped: there is no unshare");
            return None;
        };
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let disk = Self { holder, store };
        if line != "mounted\n" {
            eprintln!("skipped: no file system may be mounted here");
            return None;
        }
        Some(disk)
    }

    /// The command, where the file system is.
    fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        let pid = self.holder.id().to_string();
        inside.args(["--mount", "--target", &pid, "sh", "-c", "cd \"$0\" && exec \"$@\""]);
        inside.arg(command.get_current_dir().unwrap_or(&self.store));
        inside.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        inside
    }

    fn run(&self, world: &World, arguments: &[&str]) -> Seen {
        Seen::new(self.inside(&world.command(arguments)).output().unwrap())
    }

    fn shell(&self, script: &str) -> String {
        let mut command = Command::new("sh");
        command.args(["-euc", script]).arg(&self.store);
        Seen::new(self.inside(&command).output().unwrap()).expect(0).stdout
    }

    /// Gives it another size in bytes.
    fn resize(&self, bytes: u64) {
        self.shell(&format!("mount -o remount,size={bytes} \"$0\""));
    }

    /// Bytes that are used.
    fn used(&self) -> u64 {
        self.shell("stat -f -c '%b %f' \"$0\"")
            .split_whitespace()
            .map(|number| number.parse::<u64>().unwrap())
            .reduce(|all, free| all - free)
            .unwrap()
            * PAGE
    }

    /// The names of all files on it.
    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = self.shell("cd \"$0\" && find .").lines().map(str::to_owned).collect();
        names.sort();
        names
    }

    fn finds(&self, world: &World, text: &str) -> bool {
        let path = world.ground.file("sample", text.as_bytes());
        let arguments = ["scan", "--alone", "--no-clamav", "--store", "store", path.to_str().unwrap()];
        let seen = Seen::new(self.inside(&world.ground.command(&arguments)).output().unwrap());
        assert!(seen.status < 2, "{seen:?}");
        seen.status == 1
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// A release with a larger segment, so that there are many places at which the room can end.
fn publish(world: &mut World, text: &str, hashes: std::ops::Range<u32>) {
    world.now += HOUR;
    let base: String =
        hashes.map(|number| format!("{number:032x}:{}:Test.Base-{number}\n", number + 1)).collect();
    let day = signature("Test.Day-1", text);
    let segments = [("base", "base.hdb", base.as_str()), ("day", "day.ndb", day.as_str())];
    world.publisher.release(&segments, at(world.now)).unwrap();
}

/// Whether a refusal says that it was the room, and where.
fn tells(seen: &Seen, disk: &Disk) {
    let said = format!("{}{}", seen.stdout, seen.stderr);
    assert!(said.to_lowercase().contains("no space left"), "{seen:#?}");
    assert!(said.contains(disk.store.to_str().unwrap()), "the place is named: {seen:#?}");
}

#[test]
fn a_full_disk_leaves_what_was_in_use_wherever_the_room_ends() {
    let mut world = World::new("");
    let Some(disk) = Disk::new(&world) else { return };
    publish(&mut world, "the first text", 0..500);
    disk.run(&world, &["update"]).expect(0);
    assert!(disk.finds(&world, "the first text"));
    let (before, used) = (disk.files(), disk.used());
    publish(&mut world, "the second text", 0..900);
    let mut refused = 0;
    let mut reasons = std::collections::BTreeSet::new();
    for pages in (0..).step_by(4) {
        disk.resize(used + pages * PAGE);
        let seen = disk.run(&world, &["update"]);
        if seen.status == 0 {
            break;
        }
        let seen = seen.expect(2);
        tells(&seen, &disk);
        assert!(seen.stdout.contains("release 1 stays in use"), "{pages} pages: {seen:?}");
        refused += 1;
        // What does not fit is told by its name, up to where the names of this run begin.
        let end = seen.stdout.find("no space").or_else(|| seen.stdout.find("No space"));
        reasons.insert(end.map_or(String::new(), |end| seen.stdout[..end].to_owned()));
        assert!(disk.finds(&world, "the first text"), "{pages} pages: {seen:?}");
        assert!(!disk.finds(&world, "the second text"), "{pages} pages: {seen:?}");
        assert_eq!(disk.files(), before, "{pages} pages: something was left, or is gone");
        let status = disk.run(&world, &["update", "status"]);
        assert!(status.stdout.contains("in use    release 1 of"), "{status:?}");
        // Where there is no room even for the reason, the program has said that, too.
        if status.status == 0 {
            assert!(seen.stderr.contains("status.json"), "{seen:?}");
        } else {
            tells(&status, &disk);
        }
        assert!(refused < 200, "it never fits");
    }
    assert!(refused >= 4 && reasons.len() >= 3, "{refused} times: {reasons:#?}");
    assert!(disk.finds(&world, "the second text"));
    let status = disk.run(&world, &["update", "status"]).expect(0);
    assert!(status.stdout.contains("in use    release 2 of"), "{status:?}");
    assert!(!disk.files().iter().any(|name| name.contains("incoming") || name.ends_with(".new")));
}

#[test]
fn a_new_machine_without_room_says_so_and_begins_when_there_is_some() {
    let mut world = World::new("");
    let Some(disk) = Disk::new(&world) else { return };
    publish(&mut world, "the first text", 0..500);
    for pages in [1, 2, 4, 8, 16] {
        disk.resize(pages * PAGE);
        let seen = disk.run(&world, &["update"]).expect(2);
        tells(&seen, &disk);
        assert!(!disk.files().iter().any(|name| name.contains("incoming") || name.ends_with(".new")));
        assert_eq!(fs::read_link(world.ground.path("store/current")).ok(), None);
    }
    disk.resize(64 << 20);
    disk.run(&world, &["update"]).expect(0);
    assert!(disk.finds(&world, "the first text"));
}
