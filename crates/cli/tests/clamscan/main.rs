//! `candor clamscan` in the place of ClamAV's clamscan: alone, and beside it where it is installed.

#![expect(clippy::print_stdout, reason = "a test that skips says so")]

#[path = "../program/mod.rs"]
mod program;

mod deeds;
mod lines;
mod oracle;
mod phishing;
mod probes;
mod samples;

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use program::{Ground, Seen};

/// What the signatures of the tests know.
const EVIL: &[u8] = b"xx evilone eviltwo yy";

/// A folder with signatures in `db` and files of all kinds in `t`.
struct Scene(Ground);

impl Scene {
    fn new() -> Self {
        let ground = Ground::new();
        for folder in ["db", "t/sub/deep", "t/pua", "z", "to"] {
            fs::create_dir_all(ground.path(folder)).unwrap();
        }
        let scene = Self(ground);
        scene.write("db/a.ndb", b"Evil.One:0:*:6576696c6f6e65\nEvil.Two:0:*:6576696c74776f\n");
        scene.write("t/bad", EVIL);
        scene.write("t/good", b"good content");
        scene.write("t/empty", b"");
        scene.write("t/sub/bad2", b"evilone");
        scene.write("t/sub/deep/g", b"good2");
        for (link, target) in [("link", "bad"), ("dirlink", "sub"), ("dangling", "nothing")] {
            symlink(target, scene.0.path("t").join(link)).unwrap();
        }
        assert!(Command::new("mkfifo").arg(scene.0.path("t/fifo")).status().unwrap().success());
        scene.write("z/one.zip", &samples::zip(&[("in", EVIL)]));
        scene.write("z/nest.zip", &samples::zip(&[("one.zip", &samples::zip(&[("in", EVIL)]))]));
        scene.write("z/enc.zip", &samples::encrypted_zip());
        let many: Vec<String> = (0..30).map(|number| format!("file {number}")).collect();
        let mut members: Vec<(&str, &[u8])> =
            many.iter().map(|text| (text.as_str(), text.as_bytes())).collect();
        members.push(("last", EVIL));
        scene.write("z/many.zip", &samples::zip(&members));
        scene.write("pua.ndu", b"PUA.Win.A:0:*:6576696c\nPUA.Linux.B:0:*:6f6e65\nOther:0:*:74776f\n");
        scene
    }

    fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.0.path(name), content).unwrap();
    }

    /// Runs `candor clamscan` with these arguments.
    fn run(&self, arguments: &[&str]) -> Seen {
        self.0.run(&[&["clamscan"], arguments].concat())
    }

    /// Runs ClamAV's clamscan with these arguments.
    fn clamscan(&self, arguments: &[&str]) -> Seen {
        let mut command = Command::new("clamscan");
        command.args(arguments).current_dir(self.0.path("")).stdin(Stdio::null());
        Seen::new(command.output().unwrap())
    }
}

/// Whether ClamAV's program is there, in the version that ours is like.
fn clamscan_is_there() -> bool {
    let output = Command::new("clamscan").arg("--version").output();
    let there = output.is_ok_and(|output| output.stdout.starts_with(b"ClamAV 1.4."));
    if !there {
        println!("skipped: clamscan 1.4 is not installed");
    }
    there
}
