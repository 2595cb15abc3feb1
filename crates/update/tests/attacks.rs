//! Every attack that an update has to withstand, each with all the keys that it needs. After each of them what was
//! in use is in use, and the next right update is taken.

mod world;

use std::fs;
use std::path::Path;

use candor_tlog::{Checkpoint, Evidence, KeyKind, SigningKey, cosign, leaf_hash, root_of};
use candor_update::install::Vetted;
use candor_update::segments::Way;
use candor_update::statement::Statement;
use candor_update::{Choice, Kind, Staging, check, place};
use world::{Client, DAY, HOUR, Key, World, at, copy_folder, image_of, sha, signed};

const BASE: &[u8] = b"base: a hundred signatures that do not change";
const DAYS: [&[u8]; 3] = [b"day one", b"day two, one more", b"day three, two more"];

/// A world with one release, and a client that has it.
fn begin() -> (World, Client) {
    let mut world = World::new();
    world.publish(&[("base", BASE), ("day", DAYS[0])]);
    let mut client = Client::new(&world);
    client.take(&world);
    assert_eq!(client.state.current(), Some(1));
    (world, client)
}

/// The attack is refused for this reason, nothing changes in use, and a right release is still taken.
fn refused(mut world: World, mut client: Client, kind: Kind, part: &str) {
    let before = client.in_use();
    let refusal = client.update(&world.mirror(), world.now + 60).expect_err("it must be refused");
    assert_eq!(refusal.kind, kind, "{refusal}");
    assert!(refusal.text.contains(part), "{refusal}");
    assert_eq!(client.in_use(), before);
    world.publish(&[("base", BASE), ("day", b"all is well again")]);
    client.take(&world);
    assert_eq!(client.in_use()["day"], image_of(b"all is well again"));
}

#[test]
fn releases_are_taken_one_after_the_other() {
    let (mut world, mut client) = begin();
    assert_eq!(client.in_use()["day"], image_of(DAYS[0]));
    assert_eq!(client.take(&world).0, Choice::UpToDate);
    world.publish(&[("base", BASE), ("day", DAYS[1])]);
    let (_, installed) = client.take(&world);
    let ways = installed.expect("it is installed").ways;
    assert!(matches!(ways[..], [Way::Kept, Way::Delta(_)]), "{ways:?}");
    assert_eq!(client.in_use()["day"], image_of(DAYS[1]));
    world.now += DAY;
    world.refresh();
    assert_eq!(client.take(&world).0, Choice::UpToDate);
}

/// Attack 1 of the table: a file that the targets keys did not sign.
#[test]
fn a_forged_file_is_refused() {
    let (mut world, client) = begin();
    let statement = world.publish(&[("base", BASE), ("day", DAYS[1])]);
    let [base, day] = &statement.segments[..] else { panic!("two segments") };
    for name in
        [place::segment(&day.digest), place::delta(&world.releases[0].segments[1].digest, &day.digest)]
    {
        world.write(&format!("targets/{name}"), &vec![0; world.targets[&name].len()]);
    }
    assert_ne!(base.digest, day.digest);
    refused(world, client, Kind::Mismatch, "not what the keys vouch for");
}

/// Attack 2: older metadata, though it is still valid.
#[test]
fn a_rollback_is_refused() {
    let (mut world, mut client) = begin();
    let old = world.read(place::TIMESTAMP);
    world.publish(&[("base", BASE), ("day", DAYS[1])]);
    client.take(&world);
    world.write(place::TIMESTAMP, &old);
    refused(world, client, Kind::Rollback, "rollback");
}

/// Attack 2 with the keys of the timestamp and the snapshot: the targets go back.
#[test]
fn a_rollback_of_the_targets_with_stolen_online_keys_is_refused() {
    let (mut world, mut client) = begin();
    let old = world.read(&place::targets(1));
    world.publish(&[("base", BASE), ("day", DAYS[1])]);
    client.take(&world);
    world.version += 1;
    let mut snapshot = world.snapshot_value(&old);
    snapshot["meta"]["targets.json"]["version"] = 1.into();
    let snapshot = signed(snapshot, [&world.snapshot_key]);
    world.write(&place::snapshot(world.version), &snapshot);
    world.write(place::TIMESTAMP, &signed(world.timestamp_value(&snapshot), [&world.timestamp_key]));
    refused(world, client, Kind::Rollback, "targets.json");
}

/// Attack 3: the same state for ever. It runs out.
#[test]
fn a_freeze_is_noticed() {
    let (mut world, client) = begin();
    world.now += 3 * DAY;
    refused(world, client, Kind::Expired, "expired");
}

/// Attack 3 by the vendor: fresh signatures over an old state. The witnesses know better, or say nothing.
#[test]
fn a_freeze_with_correct_signatures_of_the_vendor_is_noticed() {
    let (mut world, client) = begin();
    let cosigned = world.read(place::CHECKPOINT);
    world.now += 3 * DAY;
    world.refresh();
    world.write(place::CHECKPOINT, &cosigned);
    refused(world, client, Kind::NoQuorum, "too long ago");
}

/// Attack 4: files of two moments.
#[test]
fn mix_and_match_is_refused() {
    let (mut world, client) = begin();
    let old = world.read(&place::targets(1));
    world.publish(&[("base", BASE), ("day", DAYS[1])]);
    world.write(&place::targets(2), &old);
    refused(world, client, Kind::Mismatch, "targets.json");
}

/// Attack 5: endless metadata, endless segments.
#[test]
fn endless_data_is_refused() {
    for name in [
        place::TIMESTAMP.to_owned(),
        place::snapshot(2),
        place::targets(2),
        place::root(2),
        place::CHECKPOINT.to_owned(),
    ] {
        let (mut world, client) = begin();
        world.publish(&[("base", BASE), ("day", DAYS[1])]);
        let kept = fs::read(world.mirror().join(&name)).ok();
        world.write(&name, &vec![b' '; 8 << 20]);
        let mut client = client;
        let refusal = client.update(&world.mirror(), world.now + 60).expect_err(&name);
        assert_eq!(refusal.kind, Kind::Malformed, "{refusal}");
        match kept {
            Some(kept) => world.write(&name, &kept),
            None => world.remove(&name),
        }
        client.take(&world);
    }
    let (mut world, client) = begin();
    let statement = world.publish(&[("base", BASE), ("day", DAYS[1])]);
    let (old, new) = (world.releases[0].segments[1].digest, statement.segments[1].digest);
    world.write(&format!("targets/{}", place::delta(&old, &new)), &vec![0; 64 << 20]);
    refused(world, client, Kind::Mismatch, "longer than");
}

/// Attack 6: the version that is the highest there can be, so that nothing newer comes. New keys for the role end it.
#[test]
fn a_fast_forward_is_ended_by_new_keys() {
    let (mut world, mut client) = begin();
    let version = world.version;
    world.version = u64::from(u32::MAX);
    let targets = world.read(&place::targets(1));
    let mut snapshot = world.snapshot_value(&targets);
    snapshot["meta"]["targets.json"]["version"] = 1.into();
    let snapshot = signed(snapshot, [&world.snapshot_key]);
    world.write(&place::snapshot(world.version), &snapshot);
    world.write(place::TIMESTAMP, &signed(world.timestamp_value(&snapshot), [&world.timestamp_key]));
    client.take(&world);
    world.version = version;
    world.publish(&[("base", BASE), ("day", DAYS[1])]);
    let stuck = client.update(&world.mirror(), world.now + 60).expect_err("the highest version was seen");
    assert_eq!(stuck.kind, Kind::Rollback);
    (world.snapshot_key, world.timestamp_key) = (Key::new(130, "vendor"), Key::new(131, "vendor"));
    world.root_version = 2;
    world.write(&place::root(2), &signed(world.root(), &world.root_keys[..3]));
    world.publish(&[("base", BASE), ("day", DAYS[2])]);
    client.take(&world);
    assert_eq!(client.in_use()["day"], image_of(DAYS[2]));
}

/// Attack 7: a file that is signed, in the place of another.
#[test]
fn the_wrong_file_is_refused() {
    let (mut world, client) = begin();
    let statement = world.publish(&[("base", BASE), ("day", DAYS[1])]);
    let base = world.targets[&place::segment(&statement.segments[0].digest)].clone();
    for name in world.targets.keys().filter(|name| !name.contains(&hex::encode(statement.segments[0].digest)))
    {
        world.write(&format!("targets/{name}"), &base);
    }
    refused(world, client, Kind::Mismatch, "");
}

/// Attack 8: one stolen key of the targets, and one that signs twice.
#[test]
fn too_few_keys_are_refused() {
    for signers in [vec![0], vec![2], vec![]] {
        let (mut world, client) = begin();
        sign_with(&mut world, &signers);
        refused(world, client, Kind::Signature, "threshold");
    }
    let (mut world, client) = begin();
    sign_with(&mut world, &[1, 1]);
    refused(world, client, Kind::Malformed, "duplicate");
}

/// The vendor's own keys do not suffice, however many they are.
#[test]
fn the_vendor_alone_is_refused() {
    let mut world = World::new();
    world.targets_keys = vec![Key::new(20, "vendor"), Key::new(21, "vendor"), Key::new(22, "institute")];
    world.write(&place::root(1), &signed(world.root(), &world.root_keys[..3]));
    let mut client = Client::new(&world);
    world.publish(&[("base", BASE), ("day", DAYS[0])]);
    let refusal = client.update(&world.mirror(), world.now + 60).expect_err("only the vendor signed");
    assert_eq!(refusal.kind, Kind::Signature);
    assert!(refusal.text.contains("only the vendor"), "{refusal}");
    world.targets_keys.swap(0, 2);
    world.publish(&[("base", BASE), ("day", DAYS[0])]);
    client.take(&world);
}

fn sign_with(world: &mut World, signers: &[usize]) {
    world.publish(&[("base", BASE), ("day", DAYS[1])]);
    world.version += 1;
    let keys: Vec<Key> = signers.iter().map(|&signer| world.targets_keys[signer].clone()).collect();
    let draft = world.statement(&[("base", BASE), ("day", DAYS[1])]);
    let targets = signed(world.targets_value(&draft), &keys);
    world.write_metadata(&targets);
    world.append(Statement { targets: sha(&targets), ..draft });
}

/// Attack 9: stolen online keys vouch for targets of their own.
#[test]
fn stolen_online_keys_are_not_enough() {
    let (mut world, client) = begin();
    world.publish(&[("base", BASE), ("day", DAYS[1])]);
    world.version += 1;
    let (snapshot, timestamp) = (world.snapshot_key.clone(), world.timestamp_key.clone());
    let draft = world.statement(&[("base", BASE), ("day", DAYS[1])]);
    let targets = signed(world.targets_value(&draft), [&snapshot, &timestamp]);
    world.write_metadata(&targets);
    refused(world, client, Kind::Signature, "threshold");
}

/// Attack 10: roots that the old root's keys did not sign, that skip a version, or ask for less.
#[test]
fn wrong_roots_are_refused() {
    let thief: Vec<Key> = (0..5).map(|number| Key::new(100 + number, "thief")).collect();
    for case in ["new keys only", "two of the old keys", "a version is left out", "fewer signatures"] {
        let (mut world, mut client) = begin();
        let mut stolen = World::new();
        stolen.root_version = 2;
        stolen.root_keys = thief.clone();
        let mut root = stolen.root();
        let signers: Vec<Key> = match case {
            "new keys only" => thief[..3].to_vec(),
            "two of the old keys" => [&thief[..3], &world.root_keys[..2]].concat(),
            "a version is left out" => {
                root["version"] = 3.into();
                [&thief[..3], &world.root_keys[..3]].concat()
            }
            _ => {
                root["roles"]["root"]["threshold"] = 1.into();
                [&thief[..3], &world.root_keys[..3]].concat()
            }
        };
        world.write(&place::root(2), &signed(root, &signers));
        let before = client.in_use();
        let refusal = client.update(&world.mirror(), world.now + 60).expect_err(case);
        let expected = if case == "a version is left out" { Kind::Mismatch } else { Kind::Signature };
        assert_eq!(refusal.kind, expected, "{case}: {refusal}");
        assert_eq!(client.in_use(), before);
        world.remove(&place::root(2));
        world.publish(&[("base", BASE), ("day", DAYS[1])]);
        client.take(&world);
    }
}

#[test]
fn a_right_rotation_is_followed_and_the_old_keys_are_out() {
    let (mut world, mut client) = begin();
    let old = world.root_keys.clone();
    let old_targets = world.targets_keys.clone();
    world.root_keys = (0..5).map(|number| Key::new(110 + number, "holder")).collect();
    world.targets_keys = (0..3).map(|number| Key::new(120 + number, "institute")).collect();
    world.root_version = 2;
    world.write(&place::root(2), &signed(world.root(), old[..3].iter().chain(&world.root_keys[..3])));
    world.publish(&[("base", BASE), ("day", DAYS[1])]);
    client.take(&world);
    world.targets_keys = old_targets;
    world.publish(&[("base", BASE), ("day", DAYS[2])]);
    let refusal = client.update(&world.mirror(), world.now + 60).expect_err("the old keys signed");
    assert_eq!(refusal.kind, Kind::Signature);
}

/// A key that stands in a role under two names would count twice (an advisory of `tough`).
#[test]
fn one_key_under_two_names_is_refused() {
    let (world, mut client) = begin();
    let mut root = world.root();
    root["version"] = 2.into();
    let first = world.targets_keys[0].id();
    root["keys"]["another name"] = root["keys"][&first].clone();
    root["roles"]["targets"]["keyids"] = serde_json::json!([first, "another name"]);
    world.write(&place::root(2), &signed(root, &world.root_keys[..3]));
    let refusal = client.update(&world.mirror(), world.now + 60).expect_err("one key twice");
    assert_eq!(refusal.kind, Kind::Signature);
    assert!(refusal.text.contains("twice"), "{refusal}");
}

/// Advisories of `tough`: a timestamp was kept before it was checked.
#[test]
fn nothing_is_remembered_of_what_was_refused() {
    let (mut world, mut client) = begin();
    let remembered = client.state.clone();
    world.version = 77;
    let snapshot = signed(world.snapshot_value(b"x"), [&world.snapshot_key]);
    world.write(place::TIMESTAMP, &signed(world.timestamp_value(&snapshot), [&Key::new(99, "thief")]));
    client.update(&world.mirror(), world.now + 60).expect_err("a thief signed");
    assert_eq!(client.state, remembered);
    world.write(place::TIMESTAMP, &signed(world.timestamp_value(&snapshot), [&world.timestamp_key]));
    client.update(&world.mirror(), world.now + 60).expect_err("there is no such snapshot");
    assert_eq!(client.state, remembered);
}

/// Advisories of `tough`: an entry of the snapshot vanished.
#[test]
fn a_snapshot_without_targets_is_refused() {
    let (mut world, client) = begin();
    world.version += 1;
    let mut snapshot = world.snapshot_value(b"");
    snapshot["meta"] = serde_json::json!({});
    let snapshot = signed(snapshot, [&world.snapshot_key]);
    world.write(&place::snapshot(world.version), &snapshot);
    world.write(place::TIMESTAMP, &signed(world.timestamp_value(&snapshot), [&world.timestamp_key]));
    refused(world, client, Kind::Mismatch, "removes targets.json");
}

/// Advisories of `tough`: delegations. There are none here, and one that is added gives nobody a say.
#[test]
fn a_delegation_gives_nobody_a_say() {
    let (mut world, mut client) = begin();
    world.publish(&[("base", BASE), ("day", DAYS[1])]);
    let thief = Key::new(99, "thief");
    world.version += 1;
    let draft = world.statement(&[("base", BASE), ("day", DAYS[2])]);
    let mut targets = world.targets_value(&draft);
    targets["targets"] = serde_json::json!({});
    targets["delegations"] = serde_json::json!({
        "keys": { thief.id(): { "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": thief.public() } } },
        "roles": [{ "name": "thief", "keyids": [thief.id()], "threshold": 1, "terminating": true, "paths": ["*"] }],
    });
    let targets = signed(targets, &world.targets_keys[..2]);
    world.write_metadata(&targets);
    world.append(Statement { targets: sha(&targets), ..draft });
    let (choice, installed) =
        client.update(&world.mirror(), world.now + 60).expect("the signatures are right");
    assert!(matches!(choice, Choice::Declined { .. }) && installed.is_none(), "{choice:?}");
}

/// The vendor signs, and hides it from the log.
#[test]
fn what_is_not_in_the_log_is_refused() {
    let (mut world, client) = begin();
    let draft = world.statement(&[("base", BASE), ("day", DAYS[1])]);
    world.sign_metadata(&draft);
    refused(world, client, Kind::NotLogged, "newest release in the log is 1");
}

/// A stolen key of the log: what the log says is not what the holders of the targets' keys signed.
#[test]
fn a_log_that_says_something_else_than_was_signed_is_refused() {
    let (mut world, client) = begin();
    let draft = world.statement(&[("base", BASE), ("day", DAYS[0])]);
    let targets = world.sign_metadata(&draft);
    world.append(Statement { targets: sha(&targets), source: "commit of a thief".to_owned(), ..draft });
    refused(world, client, Kind::Mismatch, "something else than the holders");
}

/// The vendor logs, and keeps the file back.
#[test]
fn a_file_that_is_kept_back_is_missed() {
    let (mut world, client) = begin();
    let statement = world.publish(&[("base", BASE), ("day", DAYS[1])]);
    let (old, new) = (world.releases[0].segments[1].digest, statement.segments[1].digest);
    world.remove(&format!("targets/{}", place::segment(&new)));
    world.remove(&format!("targets/{}", place::delta(&old, &new)));
    refused(world, client, Kind::Missing, "neither it nor a difference");
}

/// Two histories: the second one is refused, and the two checkpoints are the proof.
#[test]
fn a_split_view_is_refused_and_proven() {
    for more in [0, 2] {
        let (mut world, mut client) = begin();
        world.publish(&[("base", BASE), ("day", DAYS[1])]);
        client.take(&world);
        // Another second entry, under the same keys and with the signatures of witnesses that lie.
        let honest = world.entries.clone();
        world.entries.pop();
        world.releases.pop();
        for number in 0..=more {
            world.publish(&[("base", BASE), ("day", format!("for the victim {number}").as_bytes())]);
        }
        let before = client.in_use();
        let refusal = client.update(&world.mirror(), world.now + 60).expect_err("two histories");
        assert_eq!(refusal.kind, Kind::SplitView, "{refusal}");
        assert_eq!(client.in_use(), before);
        let evidence = Evidence::read(refusal.evidence.expect("a proof").as_bytes()).expect("evidence");
        let convicted = evidence.verify(&[world.log.public().clone()]).expect("it convicts the log");
        let leaves: Vec<_> = honest.iter().map(|entry| leaf_hash(entry)).collect();
        let seen = Checkpoint { origin: "example.org/log".to_owned(), size: 2, root: root_of(&leaves) };
        let (convicted, heads) = ([convicted.0, convicted.1], [seen, world.head()]);
        assert!(heads.iter().all(|head| convicted.contains(head)), "{convicted:?}");
    }
}

/// A log that forgets its end is older, not new.
#[test]
fn a_shorter_log_is_refused() {
    let (mut world, mut client) = begin();
    let behind = tempfile::tempdir().expect("a folder");
    copy_folder(&world.mirror(), behind.path());
    world.publish(&[("base", BASE), ("day", DAYS[1])]);
    client.take(&world);
    let refusal = client.update(behind.path(), world.now + 60).expect_err("the mirror is behind");
    assert_eq!(refusal.kind, Kind::Rollback, "{refusal}");
    // With fresh metadata it is still the old log.
    let newest = fs::read(behind.path().join("checkpoint")).expect("a checkpoint");
    world.write(place::CHECKPOINT, &newest);
    let refusal = client.update(&world.mirror(), world.now + 60).expect_err("the log is shorter");
    assert_eq!(refusal.kind, Kind::Rollback, "{refusal}");
}

/// Witnesses: too few, too old, unknown, of the future, lying about another text.
#[test]
fn a_quorum_is_a_quorum() {
    for (case, kind) in [
        ("one", Kind::NoQuorum),
        ("none", Kind::NoQuorum),
        ("stranger", Kind::NoQuorum),
        ("future", Kind::NoQuorum),
        ("forged", Kind::Signature),
    ] {
        let (mut world, client) = begin();
        world.publish(&[("base", BASE), ("day", DAYS[1])]);
        let head = world.head();
        match case {
            "one" => world.write_checkpoint(&head, &[1]),
            "none" => world.write_checkpoint(&head, &[]),
            "stranger" => {
                let stranger =
                    SigningKey::new("w1.example.org", KeyKind::Cosignature, &[77; 32]).expect("a key");
                let mut note = world.checkpoint(&head, &[0]);
                let line = cosign(&note, &stranger, world.now as u64).expect("a line");
                note.put(line);
                world.write(place::CHECKPOINT, &note.to_bytes());
            }
            "future" => {
                world.now += 2 * DAY;
                world.write_checkpoint(&head, &[0, 1, 2]);
                world.now -= 2 * DAY;
            }
            _ => {
                let mut note = world.checkpoint(&head, &[0]);
                let other = world.checkpoint(&Checkpoint { size: head.size + 1, ..head.clone() }, &[1]);
                note.put(other.signatures()[1].clone());
                world.write(place::CHECKPOINT, &note.to_bytes());
            }
        }
        refused(world, client, kind, "");
    }
}

/// All witnesses are gone: an alarm after the age, and what is in use stays.
#[test]
fn the_loss_of_all_witnesses_stops_nothing_but_updates() {
    let (mut world, mut client) = begin();
    world.publish(&[("base", BASE), ("day", DAYS[1])]);
    world.write_checkpoint(&world.head(), &[]);
    let refusal = client.update(&world.mirror(), world.now + 60).expect_err("nobody cosigned");
    assert_eq!(refusal.kind, Kind::NoQuorum);
    assert_eq!(client.in_use()["day"], image_of(DAYS[0]));
}

/// Another log's key, or a checkpoint that nobody signed.
#[test]
fn another_log_is_refused() {
    let (mut world, client) = begin();
    world.publish(&[("base", BASE), ("day", DAYS[1])]);
    let right = std::mem::replace(
        &mut world.log,
        SigningKey::new("example.org/log", KeyKind::Note, &[41; 32]).expect("a key"),
    );
    world.write_checkpoint(&world.head(), &[0, 1, 2]);
    world.log = right;
    refused(world, client, Kind::Signature, "not signed");
}

/// Tiles and entries that are not the log's.
#[test]
fn forged_tiles_and_entries_are_refused() {
    for name in ["tile/0/000.p/2", "tile/entries/000.p/2"] {
        let (mut world, mut client) = begin();
        world.publish(&[("base", BASE), ("day", DAYS[1])]);
        let right = world.read(name);
        for wrong in [Vec::new(), right[1..].to_vec(), right.iter().map(|byte| byte ^ 1).collect()] {
            world.write(name, &wrong);
            let refusal = client.update(&world.mirror(), world.now + 60).expect_err(name);
            assert!(matches!(refusal.kind, Kind::Malformed | Kind::Mismatch), "{refusal}");
        }
        world.write(name, &right);
        client.take(&world);
    }
}

/// A statement that does not continue the chain is no release.
#[test]
fn the_sequence_rises() {
    let (mut world, mut client) = begin();
    world.publish(&[("base", BASE), ("day", DAYS[1])]);
    let again = Statement { sequence: 2, ..world.statement(&[("base", BASE), ("day", DAYS[2])]) };
    let targets = world.sign_metadata(&again);
    world.append(Statement { targets: sha(&targets), ..again });
    let refusal = client.update(&world.mirror(), world.now + 60).expect_err("the sequence does not rise");
    assert_eq!(refusal.kind, Kind::NotLogged);
}

/// A clock that is set back does not make old things young again; one that is ahead refuses, and remembers nothing.
#[test]
fn clocks_do_not_decide() {
    let (mut world, mut client) = begin();
    let frozen = tempfile::tempdir().expect("a folder");
    copy_folder(&world.mirror(), frozen.path());
    world.now += 10 * DAY;
    world.publish(&[("base", BASE), ("day", DAYS[1])]);
    client.take(&world);
    client.update(frozen.path(), world::START + HOUR).expect_err("the clock was set back");
    let ahead = client.update(&world.mirror(), world.now + 400 * DAY).expect_err("the clock is ahead");
    assert_eq!(ahead.kind, Kind::Expired);
    world.publish(&[("base", BASE), ("day", DAYS[2])]);
    client.take(&world);
    assert_eq!(client.in_use()["day"], image_of(DAYS[2]));
}

/// A database that finds clean files, and a loader that fails: the release is not taken.
#[test]
fn a_poisoned_database_is_held() {
    let (mut world, mut client) = begin();
    world.publish(&[("base", BASE), ("day", DAYS[1])]);
    client.vetted = Err(Vetted::Held("Bad.Signature finds /lib/libc.so.6".to_owned()));
    let refusal = client.update(&world.mirror(), world.now + 60).expect_err("it finds libc");
    assert_eq!(refusal.kind, Kind::Held);
    client.vetted = Ok(());
    let (choice, _) = client.take(&world);
    assert!(matches!(choice, Choice::Declined { sequence: 2, .. }), "it is not tried again: {choice:?}");
    client.loader = Some("the loader died".to_owned());
    world.publish(&[("base", BASE), ("day", DAYS[2])]);
    let refusal = client.update(&world.mirror(), world.now + 60).expect_err("the loader died");
    assert_eq!(refusal.kind, Kind::NotLoaded);
    assert_eq!(client.in_use()["day"], image_of(DAYS[0]));
    client.loader = None;
    client.take(&world);
    assert_eq!(client.in_use()["day"], image_of(DAYS[2]));
}

/// A database that is not the published one, though the signatures are.
#[test]
fn an_image_that_nobody_published_is_refused() {
    let (mut world, mut client) = begin();
    let mut statement = world.statement(&[("base", BASE), ("day", DAYS[0])]);
    statement.segments[1].image = sha(b"another");
    let targets = world.sign_metadata(&statement);
    world.append(Statement { targets: sha(&targets), ..statement });
    let refusal = client.update(&world.mirror(), world.now + 60).expect_err("another image");
    assert_eq!(refusal.kind, Kind::NotLoaded);
}

/// Whoever takes the state away does not make this machine forget.
#[test]
fn a_lost_state_is_an_error() {
    let (_world, client) = begin();
    fs::remove_file(client.folder.path().join("state.json")).expect("it is there");
    let refusal = client.store().state().expect_err("it is gone");
    assert_eq!(refusal.kind, Kind::Local);
    for garbage in ["", "{}", "{\"version\":2}"] {
        fs::write(client.folder.path().join("state.json"), garbage).expect("a file");
        assert!(client.store().state().is_err());
    }
}

/// Whatever byte of what a mirror brings is another: it is refused, or what is in use is what was published.
#[test]
fn every_flipped_byte_is_noticed_or_without_effect() {
    let (mut world, client) = begin();
    world.publish(&[("base", BASE), ("day", DAYS[1])]);
    let delta = place::delta(&world.releases[0].segments[1].digest, &world.releases[1].segments[1].digest);
    let files = [
        place::TIMESTAMP.to_owned(),
        place::snapshot(2),
        place::targets(2),
        place::CHECKPOINT.to_owned(),
        "tile/0/000.p/2".to_owned(),
        "tile/entries/000.p/2".to_owned(),
        format!("targets/{delta}"),
    ];
    let (mut refused, mut harmless) = (0, 0);
    for name in files {
        let right = world.read(&name);
        for place in 0..right.len() {
            let mut wrong = right.clone();
            wrong[place] ^= 1 << (place % 8);
            world.write(&name, &wrong);
            let staging = Staging::open(&world.mirror()).expect("a mirror");
            if check(&staging, &client.state, &client.trust, at(world.now + 60)).is_err() {
                refused += 1;
                continue;
            }
            let mut victim = Client {
                folder: tempfile::tempdir().expect("a folder"),
                state: client.state.clone(),
                ..Client::new(&world)
            };
            copy_store(client.folder.path(), victim.folder.path());
            match victim.update(&world.mirror(), world.now + 60) {
                Err(_) => refused += 1,
                Ok(_) => {
                    harmless += 1;
                    assert_eq!(victim.in_use()["day"], image_of(DAYS[1]), "{name}: byte {place}");
                }
            }
        }
        world.write(&name, &right);
    }
    // Harmless are names of keys in lines that nobody needs: two of three witnesses are enough.
    assert!(refused > 20 * harmless, "{refused} refused, {harmless} without effect");
}

fn copy_store(from: &Path, to: &Path) {
    for sequence in fs::read_dir(from.join("releases")).expect("releases") {
        let sequence = sequence.expect("an entry").file_name();
        copy_folder(&from.join("releases").join(&sequence), &to.join("releases").join(&sequence));
    }
}
