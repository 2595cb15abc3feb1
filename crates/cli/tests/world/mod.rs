//! A publisher and a machine that updates from it, for tests of `candor update`.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::fs;
use std::path::{Path, PathBuf};

use candor_publish::publish::{policy_text, publish};
use candor_publish::rehearsal::{Rehearsal, key};
use candor_publish::release::read_draft;
use candor_update::Timestamp;
use candor_update::statement::SIGNED_STATEMENT;
use serde_json::Value;

use crate::program::{Ground, Seen};

/// When publishers begin.
pub(crate) const START: i64 = 1_800_000_000;
/// An hour in seconds.
pub(crate) const HOUR: i64 = 3600;
/// A day in seconds.
pub(crate) const DAY: i64 = 24 * HOUR;

/// A time.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

/// A signature of some text.
pub(crate) fn signature(name: &str, text: &str) -> String {
    format!("{name}:0:*:{}\n", hex::encode(text))
}

/// A publisher and a machine.
pub(crate) struct World {
    pub(crate) ground: Ground,
    pub(crate) publisher: Rehearsal,
    pub(crate) now: i64,
}

impl World {
    /// With this in the machine's configuration.
    pub(crate) fn new(more: &str) -> Self {
        let ground = Ground::new();
        let publisher = Rehearsal::new(&ground.path(""), at(START)).unwrap();
        fs::copy(publisher.repository.root_path(1), ground.path("root.json")).unwrap();
        fs::write(ground.path("policy"), policy_text(&publisher.repository).unwrap()).unwrap();
        let configuration = format!(
            "mirrors = ['{}']\nroot = 'root.json'\npolicy = 'policy'\nstore = 'store'\nstaging = 'staging'\n{more}\n\
             [gate]\npackages = false\nknown_good = ['good']\n",
            publisher.mirror().display()
        );
        fs::write(ground.path("update.toml"), configuration).unwrap();
        fs::create_dir(ground.path("good")).unwrap();
        fs::write(ground.path("good/letter.txt"), "an innocent letter").unwrap();
        Self { ground, publisher, now: START }
    }

    /// Publishes a release whose signatures find this text, an hour later.
    pub(crate) fn publish(&mut self, text: &str) {
        self.now += HOUR;
        let base = signature("Test.Base-1", "what the base knows");
        let day = signature("Test.Day-1", text);
        self.publisher
            .release(&[("base", "base.ndb", &base), ("day", "day.ndb", &day)], at(self.now))
            .unwrap();
    }

    /// Publishes a release like that after a change of what the holders of the keys sign: the targets, as JSON, and the
    /// statement. They sign it all the same.
    pub(crate) fn publish_changed(&mut self, text: &str, change: impl FnOnce(&mut Value, &mut String)) {
        self.now += HOUR;
        let day = signature("Test.Day-1", text);
        let folder = self.publisher.build(&[("day", "day.ndb", &day)], at(self.now)).unwrap();
        let (mut targets, mut statement) = read_draft(&folder).unwrap();
        change(&mut targets.signed, &mut statement);
        targets.signed[SIGNED_STATEMENT] = statement.as_str().into();
        for number in [11, 12] {
            targets.sign(&key(number)).unwrap();
        }
        fs::write(folder.join("targets.json"), targets.to_bytes().unwrap()).unwrap();
        fs::write(folder.join("statement"), statement).unwrap();
        self.publisher.witnesses.set_clock(at(self.now)).unwrap();
        publish(&self.publisher.repository, &self.publisher.witnesses, at(self.now)).unwrap();
    }

    /// Lets the machine ask these mirrors, in this order.
    pub(crate) fn ask(&self, mirrors: &[&str]) {
        let path = self.ground.path("update.toml");
        let text = fs::read_to_string(&path).unwrap();
        let rest = &text[text.find('\n').unwrap()..];
        fs::write(&path, format!("mirrors = {mirrors:?}{rest}")).unwrap();
    }

    /// `candor` with the machine's configuration, a minute after the last release.
    pub(crate) fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = self.ground.command(arguments);
        command.args(["--config", "update.toml"]).env("CANDOR_UPDATE_CLOCK", at(self.now + 60).to_string());
        command
    }

    /// Runs that.
    pub(crate) fn run(&self, arguments: &[&str]) -> Seen {
        Seen::new(self.command(arguments).output().unwrap())
    }

    /// Whether what is in use finds this text.
    pub(crate) fn finds(&self, text: &str) -> bool {
        let path = self.ground.file("sample", text.as_bytes());
        let path = path.to_str().unwrap();
        let seen = self.ground.run(&["scan", "--alone", "--no-clamav", "--store", "store", path]);
        assert!(seen.status < 2, "{seen:?}");
        seen.status == 1
    }

    /// Where the link to what is in use leads.
    pub(crate) fn in_use(&self) -> Option<PathBuf> {
        fs::read_link(self.ground.path("store/current")).ok()
    }
}

/// Copies a folder.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { assert!(fs::copy(&path, &target).is_ok()) }
    }
}
