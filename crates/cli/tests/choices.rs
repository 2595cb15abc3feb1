//! What the administrator wants of updates: pin, skip, delay, hold, and a way back. What `candor update` does, what it
//! says, and what stays.

mod program;
mod world;

use std::fs;

use world::{HOUR, World};

/// A machine that has the second of three releases' predecessors: releases with the texts `one`, `two` and `three`.
fn three() -> World {
    let mut world = World::new("keep = 2");
    for text in ["number one", "number two", "number three"] {
        world.publish(text);
    }
    world
}

fn status(world: &World, exit: i32, parts: &[&str]) {
    let seen = world.run(&["update", "status"]).expect(exit);
    for part in parts {
        assert!(seen.stdout.contains(part), "{part}: {seen:#?}");
    }
}

#[test]
fn a_pin_holds_one_release_and_no_other() {
    let mut world = three();
    world.run(&["update", "pin", "2"]).expect(0);
    let seen = world.run(&["update"]).expect(0);
    assert!(seen.stdout.contains("release 2 of") && world.finds("number two"), "{seen:?}");
    status(&world, 0, &["in use    release 2", "pinned    release 2"]);
    world.publish("number four");
    let seen = world.run(&["update"]).expect(0);
    assert!(seen.stdout.contains("nothing newer") && world.finds("number two"), "{seen:?}");
    // A release that is none: nothing else is taken in its place, and it is told.
    world.run(&["update", "pin", "9"]).expect(0);
    let seen = world.run(&["update"]).expect(1);
    assert!(seen.stdout.contains("there is no release 9 in the log"), "{seen:?}");
    assert!(seen.stdout.contains("release 2 stays in use") && world.finds("number two"), "{seen:?}");
    status(&world, 1, &["in use    release 2", "pinned    release 9", "there is no release 9 in the log"]);
    // An older one: back, and there it stays.
    world.run(&["update", "pin", "1"]).expect(0);
    for _ in 0..2 {
        world.run(&["update"]).expect(0);
        assert!(world.finds("number one"));
    }
    world.run(&["update", "resume"]).expect(0);
    world.run(&["update"]).expect(0);
    assert!(world.finds("number four"));
    status(&world, 0, &["in use    release 4"]);
    let seen = world.run(&["update", "status"]).expect(0);
    assert!(!seen.stdout.contains("pinned"), "{seen:?}");
}

#[test]
fn what_is_skipped_is_passed_over() {
    let mut world = three();
    world.run(&["update", "skip", "3"]).expect(0);
    world.run(&["update"]).expect(0);
    assert!(world.finds("number two"), "the newest that is not skipped");
    let seen = world.run(&["update"]).expect(0);
    assert!(seen.stdout.contains("release 3 is not taken: the administrator skips it"), "{seen:?}");
    status(
        &world,
        0,
        &["in use    release 2", "skipped   3", "last      declined", "the administrator skips it"],
    );
    world.publish("number four");
    world.run(&["update"]).expect(0);
    assert!(world.finds("number four"), "what comes after it is taken");
    // Whoever says its number gets it.
    world.run(&["update", "--to", "3"]).expect(0);
    assert!(world.finds("number three"));
}

#[test]
fn a_delay_lets_others_go_first() {
    let mut world = World::new("");
    world.publish("number one");
    world.run(&["update"]).expect(0);
    world.run(&["update", "delay", "12h"]).expect(0);
    world.publish("number two");
    let seen = world.run(&["update"]).expect(0);
    assert!(seen.stdout.contains("release 2 is there; this machine's turn is at"), "{seen:?}");
    assert!(world.finds("number one"));
    status(&world, 0, &["in use    release 1", "delay     12", "last      waits", "its turn is at"]);
    // Meanwhile there is a newer one: the older one's turn comes first.
    world.now += 8 * HOUR;
    world.publish("number three");
    world.now += 3 * HOUR - 120;
    world.run(&["update"]).expect(0);
    assert!(world.finds("number one"), "a minute too early");
    world.now += 120;
    world.run(&["update"]).expect(0);
    assert!(world.finds("number two"));
    world.now += 9 * HOUR;
    world.run(&["update"]).expect(0);
    assert!(world.finds("number three"));
    assert_eq!(world.run(&["update", "delay", "soon"]).status, 2);
}

#[test]
fn a_hold_takes_nothing_and_says_why_and_still_watches() {
    let mut world = World::new("");
    world.publish("number one");
    world.run(&["update"]).expect(0);
    world.run(&["update", "hold", "exam \u{1b}[31mweek"]).expect(0);
    world.publish("number two");
    let behind = world.ground.path("behind");
    world::copy(world.publisher.mirror(), &behind);
    let seen = world.run(&["update"]).expect(0);
    assert!(seen.stdout.contains("release 2 is not taken: updates are on hold: exam "), "{seen:?}");
    assert!(!seen.stdout.contains('\u{1b}') && world.finds("number one"), "{seen:?}");
    status(&world, 0, &["in use    release 1", "hold      exam ", "last      declined"]);
    // Nothing is taken, and what was seen is remembered all the same: nobody can go back behind it meanwhile.
    world.publish("number three");
    world.run(&["update"]).expect(0);
    let seen = world.run(&["update", "--from", behind.to_str().unwrap()]).expect(1);
    assert!(seen.stdout.contains("refused (rollback)"), "{seen:?}");
    world.run(&["update", "resume"]).expect(0);
    world.run(&["update"]).expect(0);
    assert!(world.finds("number three"));
}

#[test]
fn the_way_back_needs_no_mirror_and_the_next_update_goes_on_unless_it_is_told_not_to() {
    let mut world = World::new("keep = 2");
    for text in ["number one", "number two"] {
        world.publish(text);
        world.run(&["update"]).expect(0);
    }
    let mirror = world.publisher.mirror().to_str().unwrap().to_owned();
    world.ask(&["/nonexistent"]);
    let seen = world.run(&["update", "--to", "1"]).expect(0);
    assert!(seen.stdout.contains("release 1 is in use again, out of the store"), "{seen:?}");
    assert!(seen.stdout.contains("`candor update pin 1`"), "how it stays is told: {seen:?}");
    assert!(world.finds("number one"));
    status(&world, 0, &["in use    release 1", "kept      2", "last      installed"]);
    assert_eq!(fs::read_link(world.ground.path("store/previous")).unwrap().to_str(), Some("releases/2"));
    // Without a mirror it stays; with one the next update goes on from there.
    world.run(&["update"]).expect(2);
    assert!(world.finds("number one"));
    world.ask(&[&mirror]);
    world.run(&["update"]).expect(0);
    assert!(world.finds("number two"));
    // With a skip it goes on with what comes after the bad one, and only then.
    world.run(&["update", "--to", "1"]).expect(0);
    world.run(&["update", "skip", "2"]).expect(0);
    let seen = world.run(&["update"]).expect(0);
    assert!(seen.stdout.contains("release 2 is not taken") && world.finds("number one"), "{seen:?}");
    world.publish("number three");
    world.run(&["update"]).expect(0);
    assert!(world.finds("number three"));
    // What is in the store no more comes from the mirror, by the same rules; what is nowhere does not come.
    assert!(!world.ground.path("store/releases/2").exists(), "only two are kept");
    world.run(&["update", "--to", "2"]).expect(0);
    assert!(world.finds("number two"));
    let seen = world.run(&["update", "--to", "77"]).expect(1);
    assert!(
        seen.stdout.contains("there is no release 77 in the log") && world.finds("number two"),
        "{seen:?}"
    );
}
