//! A publisher in a folder, and the client's own verification of what it publishes.

use std::fs;
use std::path::Path;
use std::time::Duration;

use candor_publish::publish::{policy, publish, refresh};
use candor_publish::rehearsal::{self, Rehearsal, Witnesses};
use candor_publish::witness::{Courier, Reply};
use candor_publish::{Timestamp, mirror, release};
use candor_tlog::{Checkpoint, Note, Proof};
use candor_update::state::State;
use candor_update::statement::Statement;
use candor_update::tuf::{Thresholds, first_root};
use candor_update::{Believed, Choice, Kind, Refusal, Staging, Trust, bundle, check, delta, place};

const DAY: Duration = Duration::from_secs(86_400);

fn start() -> Timestamp {
    "2026-11-22T20:00:00Z".parse().expect("a time")
}

fn list(numbers: std::ops::Range<u32>) -> String {
    numbers.map(|number| format!("{number:032x}:{}:Test-{number}\n", number + 100)).collect()
}

fn client(rehearsal: &Rehearsal) -> State {
    let root = fs::read(rehearsal.repository.root_path(1)).expect("the root");
    State::new(first_root(&root, Thresholds::default()).expect("a root"), [0; 4])
}

fn trust(rehearsal: &Rehearsal) -> Trust {
    let policy = policy(&rehearsal.repository).expect("a policy");
    Trust { policy, max_age: 48 * 3600, thresholds: Thresholds::default(), director: None }
}

fn verify(rehearsal: &Rehearsal, folder: &Path, state: &State, now: Timestamp) -> Result<Believed, Refusal> {
    check(&Staging::open(folder).expect("a folder"), state, &trust(rehearsal), now)
}

#[test]
fn clients_believe_release_after_release() {
    let (ground, mut now) = (tempfile::tempdir().expect("a folder"), start());
    let rehearsal = Rehearsal::new(ground.path(), now).expect("a publisher");
    let mut state = client(&rehearsal);
    for sequence in 1..=4_u32 {
        let day = list(1000..1100 + 10 * sequence);
        let base = list(0..500);
        let segments = [("base", "base.hdb", base.as_str()), ("day", "day.hdb", day.as_str())];
        let published = rehearsal.release(&segments, now).expect("published");
        assert_eq!((published.sequence, published.size), (u64::from(sequence), u64::from(sequence)));
        assert!(published.witnesses.iter().all(|outcome| outcome.result.is_ok()));
        let believed = verify(&rehearsal, rehearsal.mirror(), &state, now).expect("believed");
        believed.remember(&mut state);
        let Ok(Choice::Take(statement)) = believed.choose(&state, None) else { panic!("not taken") };
        state.installed.insert(0, statement.sequence);
        // Everything that is signed is there, and makes what the statement says.
        let read =
            |name: String| fs::read(rehearsal.mirror().join(place::TARGETS).join(name)).expect("a target");
        for segment in &statement.segments {
            let plain = delta::decompress(&read(place::segment(&segment.digest)), None, segment.size);
            let plain = plain.expect("the segment");
            assert_eq!(plain, fs::read(rehearsal.repository.segment(&segment.digest)).expect("the segment"));
        }
        now += DAY;
    }
    let releases = rehearsal.repository.releases().expect("releases");
    let [first, .., last] = releases.as_slice() else { panic!("too few releases") };
    let (old, new) = (&first.segments[1], &last.segments[1]);
    let name = place::delta(&old.digest, &new.digest);
    let patch = fs::read(rehearsal.mirror().join(place::TARGETS).join(name)).expect("a difference");
    let plain = fs::read(rehearsal.repository.segment(&old.digest)).expect("the old segment");
    let patched = delta::decompress(&patch, Some(&plain), new.size).expect("patched");
    assert_eq!(patched, fs::read(rehearsal.repository.segment(&new.digest)).expect("the new segment"));
    let text = fs::read(rehearsal.mirror().join(place::statement(4))).expect("the statement");
    let proof = fs::read(rehearsal.mirror().join(place::proof(4))).expect("the proof");
    let proof = Proof::read(&proof).expect("a proof");
    assert_eq!(proof.includes(&text).expect("it is in the log").size, 4);
}

#[test]
fn without_enough_signatures_nothing_is_published() {
    let (ground, now) = (tempfile::tempdir().expect("a folder"), start());
    let rehearsal = Rehearsal::new(ground.path(), now).expect("a publisher");
    let folder = rehearsal.build(&[("day", "day.hdb", &list(0..9))], now).expect("a release");
    let change = |edit: &dyn Fn(&mut Vec<serde_json::Value>)| {
        let path = folder.join("targets.json");
        let mut json: serde_json::Value =
            serde_json::from_slice(&fs::read(&path).expect("targets")).expect("JSON");
        edit(json["signatures"].as_array_mut().expect("signatures"));
        fs::write(&path, serde_json::to_vec(&json).expect("JSON")).expect("written");
    };
    let refused = |words: &str| {
        let error = publish(&rehearsal.repository, &rehearsal.witnesses, now).expect_err("refused");
        assert!(format!("{error:#}").contains(words), "{error:#}");
        assert_eq!(rehearsal.repository.log().expect("the log").size(), 0);
    };
    let both = release::read_draft(&folder).expect("a draft").0.signatures;
    change(&|signatures| drop(signatures.pop()));
    refused("1 of 2 signatures");
    // One signature twice is one signature.
    change(&|signatures| signatures.push(signatures[0].clone()));
    refused("1 of 2 signatures");
    change(&|signatures| {
        signatures.pop();
        let of_other = both.iter().find(|line| signatures[0]["keyid"] != line.keyid.as_str()).expect("two");
        signatures.push(serde_json::json!({ "keyid": of_other.keyid, "sig": signatures[0]["sig"] }));
    });
    refused("1 of 2 signatures");
    release::sign(&folder, &rehearsal::key(11)).expect("signed");
    release::sign(&folder, &rehearsal::key(12)).expect("signed");
    // Wrong lines beside the right ones do no harm.
    change(&|signatures| {
        for signature in signatures.clone() {
            let wrong = "00".repeat(64);
            signatures.insert(0, serde_json::json!({ "keyid": signature["keyid"], "sig": wrong }));
        }
    });
    publish(&rehearsal.repository, &rehearsal.witnesses, now).expect("published");
}

#[test]
fn another_statement_than_the_one_that_was_signed_is_not_logged() {
    let (ground, now) = (tempfile::tempdir().expect("a folder"), start());
    let rehearsal = Rehearsal::new(ground.path(), now).expect("a publisher");
    let folder = rehearsal.build(&[("day", "day.hdb", &list(0..9))], now).expect("a release");
    let path = folder.join("statement");
    let draft = fs::read_to_string(&path).expect("a draft");
    fs::write(&path, draft.replace("source rehearsal", "source elsewhere")).expect("written");
    assert!(publish(&rehearsal.repository, &rehearsal.witnesses, now).is_err());
    // As if it were complete.
    let targets = fs::read(folder.join("targets.json")).expect("targets");
    let digest = <sha2::Sha256 as sha2::Digest>::digest(&targets).into();
    let whole = release::with_targets(&draft.replace("source rehearsal", "source elsewhere"), &digest);
    fs::write(&path, whole.expect("a statement").to_string()).expect("written");
    let error = publish(&rehearsal.repository, &rehearsal.witnesses, now).expect_err("refused");
    assert!(format!("{error:#}").contains("not the one that was signed"), "{error:#}");
    assert_eq!(rehearsal.repository.log().expect("the log").size(), 0);
}

#[test]
fn without_a_quorum_the_mirror_stays_and_the_next_run_goes_on() {
    let (ground, now) = (tempfile::tempdir().expect("a folder"), start());
    let rehearsal = Rehearsal::new(ground.path(), now).expect("a publisher");
    rehearsal.release(&[("day", "day.hdb", &list(0..9))], now).expect("published");
    let before = fs::read(rehearsal.mirror().join(place::CHECKPOINT)).expect("a checkpoint");
    rehearsal.witnesses.silence(&["https://w1.example", "https://w2.example"]).expect("silent");
    let error = rehearsal.release(&[("day", "day.hdb", &list(0..10))], now).expect_err("too few");
    assert!(format!("{error:#}").contains("1 of 2 witnesses"), "{error:#}");
    assert_eq!(fs::read(rehearsal.mirror().join(place::CHECKPOINT)).expect("a checkpoint"), before);
    verify(&rehearsal, rehearsal.mirror(), &client(&rehearsal), now).expect("the old release");
    rehearsal.witnesses.silence(&["https://w1.example"]).expect("silent");
    let published = publish(&rehearsal.repository, &rehearsal.witnesses, now).expect("published");
    assert_eq!((published.sequence, published.size), (2, 2));
    // The witness that slept is brought up from where it was.
    rehearsal.witnesses.silence(&[]).expect("awake");
    let again = publish(&rehearsal.repository, &rehearsal.witnesses, now).expect("nothing new");
    assert_eq!((again.sequence, again.size), (2, 2));
    assert!(again.witnesses.iter().all(|outcome| outcome.result.is_ok()));
    let note = fs::read(rehearsal.mirror().join(place::CHECKPOINT)).expect("a checkpoint");
    assert_eq!(Note::read(&note).expect("a note").signatures().len(), 4);
}

#[test]
fn refreshing_keeps_clients_content() {
    let (ground, mut now) = (tempfile::tempdir().expect("a folder"), start());
    let rehearsal = Rehearsal::new(ground.path(), now).expect("a publisher");
    rehearsal.release(&[("day", "day.hdb", &list(0..9))], now).expect("published");
    let mut state = client(&rehearsal);
    verify(&rehearsal, rehearsal.mirror(), &state, now).expect("believed").remember(&mut state);
    now += 5 * DAY;
    let stale = verify(&rehearsal, rehearsal.mirror(), &state, now).expect_err("five days old");
    assert_eq!(stale.kind, Kind::Expired);
    rehearsal.witnesses.set_clock(now).expect("a clock");
    refresh(&rehearsal.repository, &rehearsal.witnesses, now).expect("refreshed");
    verify(&rehearsal, rehearsal.mirror(), &state, now).expect("believed again");
}

#[test]
fn copies_and_bundles_are_verified_like_mirrors() {
    let (ground, mut now) = (tempfile::tempdir().expect("a folder"), start());
    let rehearsal = Rehearsal::new(ground.path(), now).expect("a publisher");
    let state = client(&rehearsal);
    let copy = ground.path().join("copy");
    for end in 9..12 {
        rehearsal.release(&[("day", "day.hdb", &list(0..end))], now).expect("published");
        mirror::copy(rehearsal.mirror(), &copy).expect("copied");
        verify(&rehearsal, &copy, &state, now).expect("believed");
        now += DAY;
    }
    let (file, unpacked) = (ground.path().join("bundle.tar"), ground.path().join("unpacked"));
    release::bundle(&rehearsal.repository, 3, &file).expect("a bundle");
    fs::create_dir(&unpacked).expect("a folder");
    bundle::unpack(fs::File::open(&file).expect("the bundle"), &unpacked).expect("unpacked");
    let believed = verify(&rehearsal, &unpacked, &state, now).expect("believed");
    let Ok(Choice::Take(statement)) = believed.choose(&state, None) else { panic!("not taken") };
    for segment in &statement.segments {
        assert!(unpacked.join(place::TARGETS).join(place::segment(&segment.digest)).exists());
    }
    assert!(release::bundle(&rehearsal.repository, 4, &file).is_err());
}

#[test]
fn every_moment_of_writing_is_a_valid_mirror_for_who_knows_the_old_or_the_new_head() {
    let (ground, now) = (tempfile::tempdir().expect("a folder"), start());
    let rehearsal = Rehearsal::new(ground.path(), now).expect("a publisher");
    rehearsal.release(&[("day", "day.hdb", &list(0..9))], now).expect("published");
    let old = ground.path().join("old");
    mirror::copy(rehearsal.mirror(), &old).expect("copied");
    rehearsal.release(&[("day", "day.hdb", &list(0..10))], now + DAY).expect("published");
    // All that is new, except what points to it: for clients nothing has changed.
    let state = client(&rehearsal);
    let part = ground.path().join("part");
    mirror::copy(rehearsal.mirror(), &part).expect("copied");
    for name in mirror::CHANGING {
        if old.join(name).exists() {
            fs::copy(old.join(name), part.join(name)).expect("copied");
        }
    }
    let believed = verify(&rehearsal, &part, &state, now).expect("the old release");
    let Ok(Choice::Take(statement)) = believed.choose(&state, None) else { panic!("not taken") };
    assert_eq!(statement.sequence, 1);
}

#[test]
fn a_publisher_that_was_killed_goes_on() {
    let (ground, now) = (tempfile::tempdir().expect("a folder"), start());
    let rehearsal = Rehearsal::new(ground.path(), now).expect("a publisher");
    let folder = rehearsal.build(&[("day", "day.hdb", &list(0..9))], now).expect("a release");
    // Killed after the statement was complete, and before the folder was renamed.
    struct Dead;
    impl Courier for Dead {
        fn post(&self, _: &str, _: &[u8]) -> Result<Reply, String> {
            Err("the network is gone".to_owned())
        }
    }
    assert!(publish(&rehearsal.repository, &Dead, now).is_err());
    let frozen = rehearsal.repository.release(1);
    let text = fs::read(frozen.join("statement")).expect("a statement");
    fs::rename(&frozen, &folder).expect("renamed back");
    // Killed after the entry was written, and before anything was signed.
    fs::remove_file(rehearsal.repository.folder().join("log/signed")).expect("no signature");
    let published = publish(&rehearsal.repository, &rehearsal.witnesses, now).expect("published");
    assert_eq!((published.sequence, published.size), (1, 1));
    assert_eq!(fs::read(frozen.join("statement")).expect("a statement"), text);
    assert_eq!(Statement::read(&text).expect("a statement").sequence, 1);
    // Nothing else can take its place in the log.
    let note =
        Note::read(&fs::read(rehearsal.mirror().join(place::CHECKPOINT)).expect("it")).expect("a note");
    assert_eq!(Checkpoint::read(&note).expect("a checkpoint").size, 1);
}

#[test]
fn witnesses_that_saw_another_history_stop_everything() {
    let (ground, now) = (tempfile::tempdir().expect("a folder"), start());
    let one = Rehearsal::new(&ground.path().join("one"), now).expect("a publisher");
    let two = Rehearsal::new(&ground.path().join("two"), now).expect("the same publisher");
    one.release(&[("day", "day.hdb", &list(0..9))], now).expect("published");
    two.build(&[("day", "day.hdb", &list(0..10))], now).expect("another first release");
    let same_size = publish(&two.repository, &one.witnesses, now).expect_err("two histories");
    assert!(format!("{same_size:#}").contains("ANOTHER HISTORY"), "{same_size:#}");
    assert!(!two.mirror().join(place::CHECKPOINT).exists());
    one.release(&[("day", "day.hdb", &list(0..11))], now).expect("published");
    let smaller = publish(&two.repository, &one.witnesses, now).expect_err("a smaller log");
    assert!(format!("{smaller:#}").contains("MORE THAN ARE HERE"), "{smaller:#}");
    // With witnesses of its own it works, and clients of the other one see it.
    publish(&two.repository, &two.witnesses, now).expect("published");
    let mut state = client(&one);
    verify(&one, one.mirror(), &state, now).expect("believed").remember(&mut state);
    assert!(verify(&one, two.mirror(), &state, now).is_err());
}

/// A witness that answers the same to everybody.
struct Fixed(u16, Vec<u8>);

impl Courier for Fixed {
    fn post(&self, _: &str, _: &[u8]) -> Result<Reply, String> {
        Ok(Reply { status: self.0, body: self.1.clone() })
    }
}

#[test]
fn answers_of_witnesses_are_not_believed() {
    let (ground, now) = (tempfile::tempdir().expect("a folder"), start());
    let rehearsal = Rehearsal::new(ground.path(), now).expect("a publisher");
    rehearsal.build(&[("day", "day.hdb", &list(0..9))], now).expect("a release");
    let of = |status, body: &[u8]| {
        let error = publish(&rehearsal.repository, &Fixed(status, body.to_vec()), now).expect_err("refused");
        format!("{error:#}")
    };
    assert!(of(404, b"").contains("its operator must add it"));
    assert!(of(403, b"").contains("does not know this key"));
    assert!(of(500, b"\x1b[31m").contains("it answers 500: \\u{1b}[31m"));
    assert!(of(422, b"").contains("ANOTHER HISTORY"));
    assert!(of(409, b"0\n").contains("ANOTHER HISTORY"));
    assert!(of(409, b"99\n").contains("MORE THAN ARE HERE"));
    assert!(of(409, b"1\n").contains("ANOTHER HISTORY"));
    assert!(of(200, b"").contains("there is no line"));
    assert!(of(200, b"\xff\n").contains("does not count"));
    let other = "\u{2014} w1.example AAAAAA==\n\u{2014} nobody AAAAAAA=\n";
    assert!(of(200, other.as_bytes()).contains("there is no line"));
    // A cosignature of another time than now.
    rehearsal.witnesses.set_clock(now + DAY).expect("a clock");
    let late = publish(&rehearsal.repository, &rehearsal.witnesses, now).expect_err("another time");
    assert!(format!("{late:#}").contains("its clock says"), "{late:#}");
    rehearsal.witnesses.set_clock(now).expect("a clock");
    publish(&rehearsal.repository, &rehearsal.witnesses, now).expect("published");
}

#[test]
fn a_witness_of_this_project_cosigns() {
    use std::collections::BTreeMap;

    use candor_witness::{Cosigners, Shelf, Store, Witness};

    struct Real(BTreeMap<String, Witness>);
    impl Courier for Real {
        fn post(&self, url: &str, body: &[u8]) -> Result<Reply, String> {
            let url = url.strip_suffix("/add-checkpoint").ok_or("another path")?;
            let answer = self.0.get(url).ok_or("nobody")?.add_checkpoint(body);
            Ok(Reply { status: answer.status, body: answer.body.into_bytes() })
        }
    }
    let (ground, now) = (tempfile::tempdir().expect("a folder"), start());
    let rehearsal = Rehearsal::new(ground.path(), now).expect("a publisher");
    let witness = |(url, key): (&String, &candor_tlog::SigningKey)| {
        let folder = ground.path().join(key.public().name());
        fs::create_dir(&folder).expect("a folder");
        let signing = vec![key.to_secret_text().parse().expect("the key")];
        let cosigners = Cosigners { signing, retired: Vec::new() };
        Store::init(&folder.join("state"), &cosigners.known()).expect("a state");
        let store = Store::open(&folder.join("state"), &cosigners.known()).expect("the state");
        let shelf = Shelf::open(folder.join("evidence")).expect("a shelf");
        let log = rehearsal::log_key().expect("a key").public().clone();
        let logs = BTreeMap::from([(rehearsal::ORIGIN.to_owned(), vec![log])]);
        let time = u64::try_from(now.as_second()).expect("a time");
        (url.clone(), Witness::new(logs, cosigners, store, shelf, Box::new(move || time)))
    };
    let Witnesses { keys, .. } = &rehearsal.witnesses;
    let real = Real(keys.iter().map(witness).collect());
    for end in 9..12 {
        rehearsal.build(&[("day", "day.hdb", &list(0..end))], now).expect("a release");
        let published = publish(&rehearsal.repository, &real, now).expect("published");
        assert!(published.witnesses.iter().all(|outcome| outcome.result.is_ok()));
    }
    // What is remembered of them was lost: they say where they are.
    fs::remove_file(rehearsal.repository.folder().join("log/witnesses.json")).expect("removed");
    rehearsal.build(&[("day", "day.hdb", &list(0..20))], now).expect("a release");
    let published = publish(&rehearsal.repository, &real, now).expect("published");
    assert!(published.witnesses.iter().all(|outcome| outcome.result.is_ok()));
    verify(&rehearsal, rehearsal.mirror(), &client(&rehearsal), now).expect("believed");
}
