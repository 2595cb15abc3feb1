//! `candor log monitor`: what it says while all is well, and what makes it sound the alarm.

mod program;
mod world;

use std::fs;
use std::path::Path;

use candor_publish::publish::refresh;
use program::Seen;
use world::{DAY, World, at, copy};

fn look(world: &World, exit: i32) -> Seen {
    world.run(&["log", "monitor", "--state", "monitor"]).expect(exit)
}

fn says(seen: &Seen, parts: &[&str]) {
    for part in parts {
        assert!(seen.stdout.contains(part), "{part}: {seen:#?}");
    }
}

#[test]
fn every_release_is_made_anew_once_and_shown() {
    let mut world = World::new("");
    world.publish("a virus here");
    world.publish("a TOP SECRET paper");
    let seen = look(&world, 0);
    says(&seen, &["2 entries, root ", "release 1 of ", "release 2 of ", "from rehearsal"]);
    assert_eq!(seen.stdout.matches("made anew: every database is the published one").count(), 2, "{seen:#?}");
    says(&seen, &["looks for the words", "a TOP SECRET paper", "1 line added, 1 line removed"]);
    assert!(!seen.stdout.contains("ALARM"), "{seen:#?}");
    // It is no update: what this machine uses is not touched.
    assert_eq!(world.in_use(), None);
    let seen = look(&world, 0);
    assert!(seen.stdout.contains("2 entries") && !seen.stdout.contains("release "), "{seen:#?}");
    world.publish("the third text");
    let seen = look(&world, 0);
    says(&seen, &["3 entries", "release 3 of "]);
    assert!(!seen.stdout.contains("release 2 of"), "{seen:#?}");
}

#[test]
fn another_history_is_an_alarm_with_the_proof() {
    let mut world = World::new("");
    world.publish("for everybody");
    let other = World::new("");
    let mut other = other;
    other.publish("for the victim");
    look(&world, 0);
    let mirror = other.publisher.mirror().to_str().unwrap().to_owned();
    world.ask(&[&mirror]);
    let seen = look(&world, 1);
    says(&seen, &["ALARM (split-view)", "candor.tlog-evidence/v1\n"]);
}

#[test]
fn what_was_rolled_back_or_frozen_is_an_alarm() {
    let mut world = World::new("");
    world.publish("the first text");
    copy(world.publisher.mirror(), &world.ground.path("behind"));
    world.publish("the second text");
    look(&world, 0);
    let mirror = world.publisher.mirror().to_str().unwrap().to_owned();
    world.ask(&[&mirror, world.ground.path("behind").to_str().unwrap()]);
    // The right mirror does not make the wrong one good, whichever comes first.
    let seen = look(&world, 1);
    says(&seen, &["2 entries", "behind: ALARM (rollback)"]);
    world.ask(&[&mirror]);
    look(&world, 0);
    world.now += 3 * DAY;
    says(&look(&world, 1), &["ALARM ("]);
    world.publisher.witnesses.set_clock(at(world.now)).unwrap();
    refresh(&world.publisher.repository, &world.publisher.witnesses, at(world.now)).unwrap();
    look(&world, 0);
}

#[test]
fn a_database_that_is_not_made_of_its_signatures_is_an_alarm_each_time() {
    let mut world = World::new("");
    world.publish("the first text");
    look(&world, 0);
    world.publish_changed("the second text", |_, statement| {
        // The last word of the segment's line is the digest of its database.
        let line = statement.lines().find(|line| line.starts_with("segment ")).unwrap().to_owned();
        let (rest, _) = line.rsplit_once(' ').unwrap();
        *statement = statement.replace(&line, &format!("{rest} {}", "ab".repeat(32)));
    });
    for _ in 0..2 {
        let seen = look(&world, 1);
        says(&seen, &["release 2 of", "ALARM (not-loaded)", "is not the published one"]);
        assert!(!seen.stdout.contains("made anew"), "{seen:#?}");
    }
}

#[test]
fn an_entry_that_is_no_release_is_an_alarm_when_it_is_new() {
    let mut world = World::new("");
    world.publish("the first text");
    look(&world, 0);
    world.publisher.repository.log().unwrap().append(b"a message to somebody").unwrap();
    refresh(&world.publisher.repository, &world.publisher.witnesses, at(world.now)).unwrap();
    says(&look(&world, 1), &["2 entries", "ALARM entry 1 is no release that follows the one before it"]);
    // It stays in the log for ever, and was told.
    let seen = look(&world, 0);
    says(&seen, &["entry 1 is no release that follows the one before it"]);
    assert!(!seen.stdout.contains("ALARM"), "{seen:#?}");
    world.publish("the second text");
    says(&look(&world, 0), &["release 2 of", "made anew"]);
}

#[test]
fn a_mirror_that_is_not_there_is_no_alarm() {
    let mut world = World::new("");
    world.publish("the first text");
    let mirror = world.publisher.mirror().to_str().unwrap().to_owned();
    world.ask(&["/nonexistent"]);
    let seen = look(&world, 2);
    says(&seen, &["/nonexistent: "]);
    assert!(!seen.stdout.contains("ALARM"), "{seen:#?}");
    world.ask(&["/nonexistent", &mirror]);
    says(&look(&world, 0), &["/nonexistent: ", "release 1 of"]);
    // This machine's own trouble is neither.
    let incoming = world.ground.path("monitor/releases/state.json");
    fs::remove_file(&incoming).unwrap();
    let seen = world.run(&["log", "monitor", "--state", "monitor"]).expect(2);
    assert!(seen.stderr.contains("state.json is gone") && Path::new(&incoming).parent().unwrap().exists());
}
