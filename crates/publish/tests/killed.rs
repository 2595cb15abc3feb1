//! The program is ended at every step of publishing, and goes on.

use std::fs;
use std::path::Path;
use std::process::Command;

use candor_publish::compile::Compiler;
use candor_publish::publish::policy;
use candor_publish::rehearsal::{Rehearsal, key};
use candor_publish::release::{Order, build, sign};
use candor_publish::repository::Repository;
use candor_publish::{Timestamp, files, metadata};
use candor_tlog::{Checkpoint, Note};
use candor_update::state::State;
use candor_update::tuf::{Thresholds, first_root};
use candor_update::{Kind, Refusal, Staging, Trust, check, place};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let place = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).expect("a copy");
        }
    }
}

/// A publisher without witnesses, since this runs the program, with one release published and one signed.
fn prepared(ground: &Path, now: Timestamp) {
    let folder = Rehearsal::new(ground, now).expect("a publisher").repository.folder().to_owned();
    let configuration = folder.join("publisher.toml");
    let text = fs::read_to_string(&configuration).expect("the configuration");
    fs::write(&configuration, text.split("[[witness]]").next().expect("the beginning")).expect("written");
    let sources = ground.join("sources");
    files::make_folder(&sources).expect("a folder");
    for sequence in 1..=2_u32 {
        let line = format!("{sequence:032x}:9:Test-{sequence}\n");
        files::replace(&sources.join("day.hdb"), line.as_bytes()).expect("written");
        let repository = Repository::open(&folder).expect("the publisher");
        let order = Order { segments: vec![("day".to_owned(), sources.clone())], source: "test".to_owned() };
        let built = build(&repository, &order, &Compiler::Here, now).expect("a release");
        [11, 12].iter().for_each(|number| sign(&built.folder, &key(*number)).expect("signed"));
        drop(repository);
        if sequence == 1 {
            assert!(publish(&folder, None), "the first release");
        }
    }
}

fn publish(folder: &Path, at: Option<u32>) -> bool {
    let mut program = Command::new(env!("CARGO_BIN_EXE_candor-publish"));
    program.args(["release", "publish"]).arg(folder);
    if let Some(at) = at {
        program.env("CANDOR_PUBLISH_ABORT_AT", at.to_string());
    }
    program.output().expect("the program").status.success()
}

/// The newest release that a client sees that comes for the first time.
fn seen(folder: &Path) -> Result<u64, Refusal> {
    let repository = Repository::open(folder).expect("the publisher");
    let root = fs::read(repository.root_path(1)).expect("the root");
    let thresholds = Thresholds::default();
    let state = State::new(first_root(&root, thresholds).expect("a root"), [0; 4]);
    let trust =
        Trust { policy: policy(&repository).expect("a policy"), max_age: 3600, thresholds, director: None };
    let mirror = Staging::open(&repository.settings.mirror).expect("the mirror");
    let believed = check(&mirror, &state, &trust, Timestamp::now())?;
    Ok(believed.history.releases.last().map_or(0, |release| release.statement.sequence))
}

#[test]
fn a_publisher_that_is_killed_at_any_step_goes_on() {
    let ground = tempfile::tempdir().expect("a folder");
    let (start, now) = (ground.path().join("start"), metadata::whole_seconds(Timestamp::now()));
    prepared(&start, now);
    let (mut step, mut between) = (0, 0);
    loop {
        let copied = ground.path().join(format!("killed{step}"));
        copy(&start.join("publisher"), &copied);
        let whole = publish(&copied, Some(step));
        let signed = fs::read(copied.join("log/signed")).expect("a checkpoint");
        match seen(&copied) {
            Ok(sequence) => assert!(sequence == 1 || sequence == 2, "step {step}"),
            // Two files point to a release, and two renames are two moments.
            Err(refusal) if refusal.kind == Kind::NotLogged => between += 1,
            Err(refusal) => panic!("step {step}: {refusal}"),
        }
        assert!(publish(&copied, None), "step {step}");
        assert_eq!(seen(&copied).expect("believed"), 2, "step {step}");
        let repository = Repository::open(&copied).expect("the publisher");
        let log = repository.log().expect("the log");
        assert_eq!((log.size(), repository.releases().expect("releases").len()), (2, 2), "step {step}");
        let before = Checkpoint::read(&Note::read(&signed).expect("a note")).expect("a checkpoint");
        let beginning = &log.leaves()[..usize::try_from(before.size).expect("small")];
        assert_eq!(candor_tlog::root_of(beginning), before.root, "step {step}");
        let latest = fs::read_to_string(repository.settings.mirror.join(place::LATEST)).expect("a number");
        assert_eq!(latest, "2\n");
        let left = fs::read_dir(&copied).expect("the folder").filter_map(Result::ok);
        assert!(left.into_iter().all(|entry| !entry.file_name().as_encoded_bytes().starts_with(b".")));
        drop(repository);
        fs::remove_dir_all(&copied).expect("removed");
        if whole {
            break;
        }
        step += 1;
    }
    assert!(step > 20, "only {step} steps");
    // From the rename of the timestamp to that of the checkpoint.
    assert!(between <= 2, "{between} moments at which a mirror cannot be verified");
}
