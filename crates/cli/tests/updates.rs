//! `candor update` as a program, with a whole publisher: what users see, and what attackers try from outside.
//!
//! What an update must pass is tested where all keys are at hand: `crates/update/tests/attacks.rs`.

mod program;
mod world;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use candor_publish::publish::refresh;
use program::Seen;
use sha2::{Digest, Sha256};
use world::{DAY, HOUR, World, at, copy, signature};

#[test]
fn releases_come_go_and_come_back() {
    let mut world = World::new("");
    world.publish("the first text");
    world.run(&["update"]).expect(0);
    assert!(world.finds("the first text") && world.finds("what the base knows"));
    world.publish("the second text");
    let seen = world.run(&["update"]).expect(0);
    assert!(seen.stdout.contains("base: as it was") && seen.stdout.contains("day: a difference"), "{seen:?}");
    assert!(world.finds("the second text") && !world.finds("the first text"));
    world.run(&["update", "--to", "1"]).expect(0);
    assert!(world.finds("the first text"));
    world.run(&["update", "hold", "exam week"]).expect(0);
    let seen = world.run(&["update"]).expect(0);
    assert!(seen.stdout.contains("on hold: exam week") && world.finds("the first text"), "{seen:?}");
    world.run(&["update", "resume"]).expect(0);
    world.run(&["update", "skip", "2"]).expect(0);
    world.run(&["update"]).expect(0);
    assert!(world.finds("the first text"));
    world.run(&["update", "resume"]).expect(0);
    world.run(&["update", "delay", "12h"]).expect(0);
    let seen = world.run(&["update"]).expect(0);
    assert!(seen.stdout.contains("this machine's turn is at"), "{seen:?}");
    world.run(&["update", "resume"]).expect(0);
    world.run(&["update"]).expect(0);
    assert!(world.finds("the second text"));
    let seen = world.run(&["db", "diff", "1", "2"]).expect(1);
    assert!(seen.stdout.contains("1 line added, 1 line removed"), "{seen:?}");
    let status = world.run(&["update", "status"]).expect(0);
    assert!(status.stdout.contains("in use    release 2"), "{status:?}");
}

#[test]
fn a_release_is_rebuilt_to_the_bit() {
    let mut world = World::new("");
    world.publish("the first text");
    world.run(&["update"]).expect(0);
    let from =
        ["db", "rebuild", "--release", "1", "--from", "base=sources/base", "--from", "day=sources/day"];
    let seen = world.run(&from).expect(0);
    assert!(seen.stdout.contains("every bit is the published one"), "{seen:?}");
    fs::write(world.ground.path("sources/day/day.ndb"), signature("Test.Day-1", "another text")).unwrap();
    assert!(world.run(&from).expect(1).stdout.contains("NOT what was published"));
}

#[test]
fn a_new_machine_takes_an_older_release_that_its_director_names() {
    let director =
        candor_tlog::SigningKey::new("site.example", candor_tlog::KeyKind::Note, &[77; 32]).unwrap();
    let mut world = World::new(&format!("director = '{}'", director.public()));
    world.publish("the first text");
    world.publish("the second text");
    assert!(world.run(&["update"]).expect(1).stdout.contains("the site has a director"));
    let word = candor_update::director::Direction {
        site: "Example".to_owned(),
        sequence: 1,
        expires: at(world.now + DAY),
    };
    let mut note = candor_tlog::Note::unsigned(word.to_text()).unwrap();
    note.sign(&director);
    fs::write(world.publisher.mirror().join("director"), note.to_bytes()).unwrap();
    world.run(&["update"]).expect(0);
    assert!(world.finds("the first text") && !world.finds("the second text"));
    world.now += 2 * DAY;
    assert!(world.run(&["update"]).expect(1).status == 1, "its word has run out");
    assert!(world.finds("the first text"));
}

#[test]
fn a_stale_or_broken_mirror_is_passed_over() {
    let mut world = World::new("");
    world.publish("the first text");
    copy(world.publisher.mirror(), &world.ground.path("behind"));
    world.publish("the second text");
    world.run(&["update"]).expect(0);
    fs::create_dir_all(world.ground.path("garbage/metadata")).unwrap();
    fs::write(world.ground.path("garbage/metadata/timestamp.json"), "\u{1b}[31m{}").unwrap();
    world.publish("the third text");
    let text = fs::read_to_string(world.ground.path("update.toml")).unwrap();
    fs::write(
        world.ground.path("update.toml"),
        text.replace("mirrors = [", "mirrors = ['nowhere', 'garbage', 'behind', "),
    )
    .unwrap();
    let seen = world.run(&["update"]).expect(0);
    assert!(world.finds("the third text"));
    assert!(seen.stdout.contains("refused (rollback)") && !seen.stdout.contains('\u{1b}'), "{seen:?}");
    let seen = world.run(&["update", "--from", world.ground.path("behind").to_str().unwrap()]).expect(1);
    assert!(seen.stdout.contains("release 3 stays in use"), "{seen:?}");
    assert_eq!(world.run(&["update", "status"]).status, 1);
    assert!(world.finds("the third text"));
}

#[test]
fn freshness_is_proven_and_its_end_is_told() {
    let mut world = World::new("");
    world.publish("the first text");
    world.run(&["update"]).expect(0);
    assert!(world.run(&["prove", "fresh"]).expect(0).stdout.contains("verdict    fresh"));
    world.now += 3 * DAY;
    assert!(world.run(&["prove", "fresh"]).expect(1).stdout.contains("not fresh"));
    world.run(&["update"]).expect(1);
    assert!(world.finds("the first text"), "scanning goes on");
    world.publisher.witnesses.set_clock(at(world.now)).unwrap();
    refresh(&world.publisher.repository, &world.publisher.witnesses, at(world.now)).unwrap();
    world.run(&["update"]).expect(0);
    world.run(&["prove", "fresh"]).expect(0);
    // A clock that is set back, or ahead, changes nothing for the worse.
    world.now -= 100 * DAY;
    world.run(&["update"]).expect(0);
    world.now += 1000 * DAY;
    world.run(&["update"]).expect(1);
    world.now -= 900 * DAY;
    world.run(&["update"]).expect(0);
}

#[test]
fn two_machines_find_out_that_they_were_shown_two_histories() {
    let (mut one, mut other) = (World::new(""), World::new(""));
    one.publish("the first text");
    other.publish("the first text");
    for world in [&one, &other] {
        world.run(&["update"]).expect(0);
    }
    let checkpoint = |world: &World| world.run(&["prove", "same"]).expect(0).stdout;
    fs::write(one.ground.path("other"), checkpoint(&other)).unwrap();
    one.run(&["prove", "same", "--with", "other"]).expect(0);
    // From here on the vendor, and witnesses that are all its own, show each of them another history.
    one.publish("for everybody");
    other.publish("for the victim");
    for world in [&one, &other] {
        world.run(&["update"]).expect(0);
    }
    fs::write(one.ground.path("other"), checkpoint(&other)).unwrap();
    let seen = one.run(&["prove", "same", "--with", "other"]).expect(1);
    assert!(seen.stderr.contains("TWO HISTORIES"), "{seen:?}");
    assert!(seen.stdout.starts_with("candor.tlog-evidence/v1\n"), "the proof alone: {seen:?}");
    other.publish("once more");
    other.run(&["update"]).expect(0);
    fs::write(one.ground.path("other"), checkpoint(&other)).unwrap();
    let tiles = other.publisher.mirror().to_str().unwrap();
    one.run(&["prove", "same", "--with", "other", "--tiles", tiles]).expect(1);
    // And a machine that is moved from one history to the other notices by itself, and keeps the proof.
    let seen = one.run(&["update", "--from", tiles]).expect(1);
    assert!(seen.stdout.contains("refused (split-view)"), "{seen:?}");
    let kept = fs::read_dir(one.ground.path("store")).unwrap();
    assert!(
        kept.into_iter().any(|entry| entry.unwrap().file_name().to_string_lossy().starts_with("split-view-"))
    );
}

#[test]
fn a_power_cut_leaves_the_old_or_the_new() {
    let mut world = World::new("");
    world.publish("the first text");
    world.run(&["update"]).expect(0);
    let steps = [
        "BeforeState",
        "StateWritten",
        "SegmentWritten",
        "BeforeAdmission",
        "Admitted",
        "BeforeState:2",
        "StateWritten:2",
        "Linked",
        "Linked:2",
    ];
    for (number, step) in steps.into_iter().enumerate() {
        let text = format!("text number {number}");
        let before = world.in_use();
        world.publish(&text);
        let output = world.command(&["update"]).env("CANDOR_UPDATE_DIES_AT", step).output().unwrap();
        let died = output.status.signal().is_some();
        assert!(died || step.starts_with("Linked"), "{step}: {output:?}");
        let after = world.in_use();
        assert!(after == before || world.finds(&text), "{step}: neither the old nor the new");
        world.run(&["update"]).expect(0);
        assert!(world.finds(&text), "{step}");
        assert!(!world.ground.path("store/incoming").exists(), "{step}: something was left");
    }
}

#[test]
fn a_poisoned_release_is_held() {
    let mut world = World::new("");
    world.publish("the first text");
    world.run(&["update"]).expect(0);
    world.publish("an innocent letter");
    let seen = world.run(&["update"]).expect(1);
    assert!(seen.stdout.contains("refused (held)") && seen.stdout.contains("Test.Day-1"), "{seen:?}");
    assert!(seen.stdout.contains("letter.txt") && world.finds("the first text"), "{seen:?}");
    assert!(world.run(&["update"]).expect(0).stdout.contains("release 2 is not taken"));
    world.publish("a better text");
    world.run(&["update"]).expect(0);
    assert!(world.finds("a better text"));
}

/// The machine's own C library, which its package vouches for.
#[test]
fn a_release_that_flags_the_c_library_is_held() {
    let library = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6"];
    let Some(library) = library.iter().find_map(|path| fs::read(path).ok()) else {
        return eprintln!("skipped: there is no C library where Debian has it");
    };
    if !Path::new("/var/lib/dpkg/info").exists() {
        return eprintln!("skipped: no dpkg here vouches for it");
    }
    let mut world = World::new("");
    let text = fs::read_to_string(world.ground.path("update.toml")).unwrap();
    fs::write(
        world.ground.path("update.toml"),
        text.replace("packages = false", "packages = true\nsample = 0"),
    )
    .unwrap();
    world.now += HOUR;
    let poison = format!("{}:{}:Test.Poison-1\n", hex::encode(Sha256::digest(&library)), library.len());
    world.publisher.release(&[("day", "day.hsb", &poison)], at(world.now)).unwrap();
    let seen = world.run(&["update"]).expect(1);
    assert!(seen.stdout.contains("Test.Poison-1") && seen.stdout.contains("libc"), "{seen:?}");
    assert_eq!(world.in_use(), None);
}

#[test]
fn a_bundle_is_taken_by_the_same_rules_and_no_flipped_byte_passes() {
    let mut world = World::new("");
    world.publish("the first text");
    let bundle = world.ground.path("week.tar");
    candor_publish::release::bundle(&world.publisher.repository, 1, &bundle).unwrap();
    let seen = world.run(&["update", "verify", "week.tar"]).expect(0);
    assert!(seen.stdout.contains("would be believed") && world.in_use().is_none(), "{seen:?}");
    let right = fs::read(&bundle).unwrap();
    for place in (0..right.len()).step_by(right.len() / 60) {
        let mut wrong = right.clone();
        wrong[place] ^= 1 << (place % 8);
        fs::write(world.ground.path("wrong.tar"), wrong).unwrap();
        let seen = world.run(&["update", "verify", "wrong.tar"]);
        // Padding, and what the fetcher brings and nobody needs, may be another.
        assert!(seen.status <= 2, "{seen:?}");
        let taken = world.run(&["update", "--bundle", "wrong.tar"]);
        assert!(taken.status != 0 || world.finds("the first text"), "byte {place}: {taken:?}");
        let _ = fs::remove_dir_all(world.ground.path("store"));
    }
    world.run(&["update", "--bundle", "week.tar"]).expect(0);
    assert!(world.finds("the first text"));
}

/// The program with the network is taken over: it can fill its folder, and nothing else comes of it.
#[test]
fn a_fetcher_that_was_taken_over_gains_nothing() {
    let mut world = World::new("");
    world.publish("the first text");
    world.run(&["update"]).expect(0);
    let state = fs::read(world.ground.path("store/state.json")).unwrap();
    world.publish("the second text");
    let secret = world.ground.path("secret");
    fs::write(&secret, "secret").unwrap();
    let evil = world.ground.path("evil-fetch");
    for attack in [
        "ln -sf \"$SECRET\" \"$INTO/metadata/timestamp.json\"",
        "mkfifo \"$INTO/checkpoint\"",
        "ln -s / \"$INTO/tile\"",
        "head -c 100000000 /dev/zero > \"$INTO/metadata/timestamp.json\"",
        "mkdir -p \"$INTO/checkpoint\"",
    ] {
        let script = format!(
            "#!/bin/bash\nSECRET={secret}\nINTO=\"$5\"\nrm -rf \"$INTO\"/*\nmkdir -p \"$INTO/metadata\"\n{attack}\n\
             echo '{{\"mirror\":\"x\",\"sequence\":9,\"bytes\":1,\"files\":1,\"error\":null}}'\n",
            secret = secret.display()
        );
        fs::write(&evil, script).unwrap();
        fs::set_permissions(&evil, fs::Permissions::from_mode(0o755)).unwrap();
        let output = world.command(&["update"]).env("CANDOR_FETCH", &evil).output().unwrap();
        let seen = Seen::new(output).expect(1);
        assert!(!seen.stdout.contains("secret\""), "{seen:?}");
        assert_eq!(fs::read(world.ground.path("store/state.json")).unwrap(), state, "{attack}");
        assert!(world.finds("the first text"), "{attack}");
    }
    assert_eq!(fs::read_to_string(&secret).unwrap(), "secret");
}

/// What one moment of a mirror put into the staging folder does not spoil the mirror for ever.
#[test]
fn a_mirror_that_was_mended_is_believed_again() {
    let mut world = World::new("");
    world.publish("the first text");
    let wrong = world.publisher.mirror().join("metadata/2.root.json");
    fs::write(&wrong, "{}").unwrap();
    assert!(world.run(&["update"]).expect(1).stdout.contains("2.root.json"));
    fs::remove_file(&wrong).unwrap();
    world.run(&["update"]).expect(0);
    assert!(world.finds("the first text"));
}

/// Damage of the store is noticed and mended, and stops no update.
#[test]
fn a_damaged_store_is_mended() {
    let mut world = World::new("");
    world.publish("the first text");
    world.run(&["update"]).expect(0);
    world.publish("the second text");
    world.run(&["update"]).expect(0);
    let folder = world.ground.path("store/releases/2");
    fs::write(folder.join("day.cdb"), "x").unwrap();
    world.run(&["update"]).expect(0);
    assert!(world.finds("the second text"));
    fs::remove_dir_all(&folder).unwrap();
    world.run(&["update"]).expect(0);
    assert!(world.finds("the second text"));
    fs::write(folder.join("base.seg"), "").unwrap();
    fs::remove_file(world.ground.path("store/releases/1/day.cdb")).unwrap();
    world.publish("the third text");
    world.run(&["update"]).expect(0);
    assert!(world.finds("the third text") && world.finds("what the base knows"));
    world.run(&["update", "--to", "1"]).expect(0);
    assert!(world.finds("the first text"));
}

/// An attack is told, whoever cannot be reached after it.
#[test]
fn a_dead_mirror_hides_no_attack() {
    let mut world = World::new("");
    world.publish("the first text");
    world.run(&["update"]).expect(0);
    copy(world.publisher.mirror(), &world.ground.path("forged"));
    let checkpoint = fs::read_to_string(world.ground.path("forged/checkpoint")).unwrap();
    let forged = checkpoint.replacen("— w1", "— w8", 1).replacen("— w2", "— w9", 1);
    fs::write(world.ground.path("forged/checkpoint"), forged).unwrap();
    let text = fs::read_to_string(world.ground.path("update.toml")).unwrap();
    let start = text.find('\n').unwrap();
    fs::write(world.ground.path("update.toml"), format!("mirrors = ['forged', 'nowhere']{}", &text[start..]))
        .unwrap();
    world.run(&["update"]).expect(1);
    world.run(&["update", "status"]).expect(1);
    let metrics = fs::read_to_string(world.ground.path("store/candor_update.prom")).unwrap();
    assert!(metrics.contains("outcome=\"refused\",kind=\"no-quorum\""), "{metrics}");
    fs::write(world.ground.path("no.tar"), "no bundle at all").unwrap();
    world.run(&["update", "--bundle", "no.tar"]).expect(1);
    world.run(&["update", "verify", "no.tar"]).expect(1);
}

#[test]
fn mistakes_are_told_with_what_to_do() {
    let world = World::new("");
    let seen =
        Seen::new(world.ground.command(&["update", "--config", "nothing.toml"]).output().unwrap()).expect(2);
    assert!(seen.stderr.contains("docs/updating.md"), "{seen:?}");
    assert!(world.run(&["prove", "fresh"]).expect(2).stderr.contains("no update was ever made"));
    fs::write(world.ground.path("policy"), "quorum none\n").unwrap();
    assert!(world.run(&["update"]).expect(2).stderr.contains("names no log"));
    fs::write(world.ground.path("policy"), "quorum x\n").unwrap();
    assert!(world.run(&["update"]).expect(2).stderr.contains("line 1: x is not defined above"));
}
