//! It never forgets: kill -9 at every step, power cuts, a full disk, restarts, old, changed and missing files.

mod ground;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use candor_tlog::{KeyKind, MAX_NOTE, Note, SigningKey};
use candor_witness::{Cosigners, Logs, Shelf, Store, Witness, read_key};
use ground::{Ground, Log, ORIGIN, page_of, program, time_of};

/// The steps of a write, and whether the new state is there after a kill.
const STEPS: [(&str, bool); 8] = [
    ("Begun", false),
    ("HalfWritten", false),
    ("Written", false),
    ("Synced", false),
    ("Named", true),
    ("Durable", true),
    ("Marked", true),
    ("MarkDurable", true),
];

#[test]
fn killed_at_every_step_it_goes_on_where_it_was() {
    if !cfg!(debug_assertions) {
        eprintln!("skipped: only debug builds can be told to die");
        return;
    }
    let (log, fork) = (Log::new(12), Log::with_history(1, 12));
    for (step, there) in STEPS {
        let ground = Ground::new();
        let mut command = program();
        command.args(["serve", "--config"]).arg(ground.config());
        command.env("CANDOR_WITNESS_KILL_AT", format!("{step} 2"));
        let running = ground.start_with(&mut command);
        time_of(&running.add(&log.request(0, 5)), &log.note(5), &ground.key);
        let answer = running.client().post("/add-checkpoint", &log.request(5, 9).to_bytes());
        assert_eq!(answer, None, "{step}: nothing is answered before it is on the disk");
        assert_eq!(running.wait().signal(), Some(9), "{step}");

        let running = ground.start();
        let size = if there { 9 } else { 5 };
        assert_eq!(running.add(&log.request(0, 12)).body, format!("{size}\n"), "{step}");
        assert_eq!(running.add(&fork.request(size, 12)).status, 422, "{step}");
        time_of(&running.add(&log.request(size, 12)), &log.note(12), &ground.key);
        let names: Vec<_> =
            fs::read_dir(ground.path("state")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 3, "state, mark and evidence: {names:?}");
    }
}

#[test]
fn a_restart_keeps_all() {
    let ground = Ground::new();
    let log = Log::new(20);
    for size in 1..6 {
        let running = ground.start();
        time_of(&running.add(&log.request(size - 1, size)), &log.note(size), &ground.key);
        assert_eq!(running.stop().0, Some(0));
    }
    // A log that is not configured any more is not forgotten, and is there when it comes back.
    ground.configure("", &["example.org/other"]);
    let running = ground.start();
    assert_eq!(running.add(&log.request(5, 6)).status, 404);
    let mut other = log.request(0, 7);
    other.note = log.note_of("example.org/other", 7);
    time_of(&running.add(&other), &other.note, &ground.key);
    drop(running);
    ground.configure("", &[ORIGIN, "example.org/other"]);
    let running = ground.start();
    assert_eq!(running.add(&log.request(0, 6)).body, "5\n");
    other.old = 9;
    assert_eq!(running.add(&other).status, 400);
}

#[test]
fn what_a_power_cut_leaves_is_mended() {
    let ground = Ground::new();
    let log = Log::new(20);
    let running = ground.start();
    time_of(&running.add(&log.request(0, 5)), &log.note(5), &ground.key);
    time_of(&running.add(&log.request(5, 6)), &log.note(6), &ground.key);
    drop(running);
    // The next state is half there, and the older line of the mark (of generation 1) torn.
    fs::write(ground.path("state/state.new"), "candor.witness.state/v1\ngener").unwrap();
    let mut mark = fs::read(ground.path("state/state.mark")).unwrap();
    mark[64..90].fill(0);
    fs::write(ground.path("state/state.mark"), mark).unwrap();
    let running = ground.start();
    assert_eq!(running.add(&log.request(0, 9)).body, "6\n");
    assert!(!ground.path("state/state.new").exists());
}

#[test]
fn a_state_that_is_older_changed_or_missing_is_refused() {
    let ground = Ground::new();
    let log = Log::new(20);
    let path = |name: &str| ground.path(name);
    let mut older = Vec::new();
    let running = ground.start();
    for size in 1..6 {
        time_of(&running.add(&log.request(size - 1, size)), &log.note(size), &ground.key);
        older.push(fs::read(path("state/state")).unwrap());
    }
    drop(running);
    let good = older.pop().unwrap();
    for state in &older {
        fs::write(path("state/state"), state).unwrap();
        assert!(ground.refusal().contains("generation"));
    }
    for place in (0..good.len()).step_by(17) {
        let mut changed = good.clone();
        changed[place] ^= 4;
        fs::write(path("state/state"), changed).unwrap();
        assert!(ground.refusal().contains("damaged"), "byte {place}");
    }
    fs::write(path("state/state"), b"").unwrap();
    assert!(ground.refusal().contains("damaged"));
    fs::remove_file(path("state/state")).unwrap();
    assert!(ground.refusal().contains("is gone"));
    assert!(!ground.init().status.success(), "and it cannot be begun anew");
    fs::write(path("state/state"), &good).unwrap();
    fs::rename(path("state/state.mark"), path("mark")).unwrap();
    assert!(ground.refusal().contains("mark"));
    assert!(!ground.init().status.success());
    fs::rename(path("mark"), path("state/state.mark")).unwrap();

    // A state goes with its key.
    fs::rename(path("key"), path("old-key")).unwrap();
    assert!(
        program().args(["key", "--name", "w", "--out"]).arg(path("key")).output().unwrap().status.success()
    );
    assert!(ground.refusal().contains("neither among the keys nor retired"));
    fs::rename(path("old-key"), path("key")).unwrap();
    let running = ground.start();
    assert!(ground.refusal().contains("another program uses it"));
    assert_eq!(running.add(&log.request(0, 9)).body, "5\n");
}

#[test]
fn it_does_not_start_before_init() {
    let ground = Ground::new();
    fs::remove_dir_all(ground.path("state")).unwrap();
    fs::create_dir(ground.path("state")).unwrap();
    assert!(ground.refusal().contains("candor-witness init"));
    assert!(ground.init().status.success() && !ground.init().status.success());
    ground.start();
}

#[test]
fn systemd_passes_the_key() {
    let ground = Ground::new();
    let config = fs::read_to_string(ground.config()).unwrap();
    fs::write(
        ground.config(),
        config.replace(&format!("[{:?}]", ground.path("key")), "[\"credential:key\"]"),
    )
    .unwrap();
    assert!(ground.refusal().contains("LoadCredential"));
    let mut command = program();
    command.args(["serve", "--config"]).arg(ground.config()).env("CREDENTIALS_DIRECTORY", ground.path(""));
    let log = Log::new(5);
    time_of(&ground.start_with(&mut command).add(&log.request(0, 5)), &log.note(5), &ground.key);
}

#[test]
fn its_own_cosignature_shows_that_it_forgot() {
    let ground = Ground::new();
    let log = Log::new(20);
    let state = ground.path("state");
    let copied = ["state", "state.mark"];
    let running = ground.start();
    time_of(&running.add(&log.request(0, 5)), &log.note(5), &ground.key);
    drop(running);
    let backup = copied.map(|name| fs::read(state.join(name)).unwrap());
    let running = ground.start();
    time_of(&running.add(&log.request(5, 9)), &log.note(9), &ground.key);
    let cosigned = running.get(&page_of(ORIGIN)).body;
    drop(running);

    // Both files come out of a backup: nothing on this machine shows it. The next that it knows does.
    copied.iter().zip(&backup).for_each(|(name, bytes)| fs::write(state.join(name), bytes).unwrap());
    let running = ground.start();
    let mut request = log.request(5, 9);
    request.note = Note::read(cosigned.as_bytes()).unwrap();
    assert_eq!(running.add(&request).status, 500);
    assert_eq!(running.add(&log.request(5, 9)).status, 500, "nothing any more");
    assert_eq!(running.get("/health").status, 503);
    assert!(running.stop().1.contains("does not remember"));
    assert!(ground.refusal().contains("does not remember"));
}

#[test]
fn a_cosignature_of_another_history_shows_a_second_witness_with_its_key() {
    let (ground, log) = (Ground::new(), Log::new(9));
    let running = ground.start();
    let mut fork = Log::with_history(1, 9).request(0, 9);
    fork.note.put(candor_tlog::cosign(&fork.note, &read_key(&ground.path("key")).unwrap(), 7).unwrap());
    time_of(&running.add(&log.request(0, 9)), &log.note(9), &ground.key);
    assert_eq!(running.add(&fork).status, 500);
    assert_eq!(running.add(&log.request(9, 9)).status, 500);
}

#[test]
fn a_checkpoint_that_grows_too_long_is_not_remembered() {
    let ground = Ground::new();
    let log = Log::new(9);
    let running = ground.start();
    let long = |length: usize| {
        let mut request = log.request(0, 9);
        request.note = Note::unsigned(format!("{}{}\n", request.note.text(), "x".repeat(length))).unwrap();
        request.note.sign(&log.key);
        request
    };
    let most = MAX_NOTE - long(0).note.to_bytes().len();
    assert_eq!(running.add(&long(most + 1)).status, 400);
    assert_eq!(running.add(&long(most)).status, 400, "there is no room for a cosignature");
    let fitting = long(most - 250);
    time_of(&running.add(&fitting), &fitting.note, &ground.key);
    drop(running);
    assert_eq!(ground.start().add(&log.request(0, 9)).body, "9\n");
}

#[test]
fn on_a_full_disk_nothing_is_cosigned() {
    let ground = Ground::new();
    let log = Log::new(20);
    // The folder becomes a small file system that only the program sees.
    let script = "mount -t tmpfs -o size=64k none \"$1\" && \"$2\" init --config \"$3\" && exec \"$2\" serve --config \"$3\"";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]);
    command.arg(ground.path("state")).arg(env!("CARGO_BIN_EXE_candor-witness")).arg(ground.config());
    let running = match ground::Running::of(&mut command) {
        Ok(running) => running,
        Err(complaint) => {
            eprintln!("skipped: this user cannot make a file system: {complaint}");
            return;
        }
    };
    let inside = format!("/proc/{}/root{}", running.id(), ground.path("state").display());
    let filler = Path::new(&inside).join("filler");
    time_of(&running.add(&log.request(0, 5)), &log.note(5), &ground.key);
    if fs::write(&filler, b"").is_err() {
        eprintln!("skipped: the file system of the program cannot be reached");
        return;
    }
    let full = fs::write(&filler, vec![0; 1 << 20]).expect_err("there is no room");
    assert_eq!(full.raw_os_error(), Some(28));
    for _ in 0..3 {
        let refused = running.add(&log.request(5, 9));
        assert_eq!((refused.status, refused.body.contains('—')), (500, false), "{refused:?}");
    }
    assert_eq!(running.get("/health").status, 503);
    assert!(running.get("/metrics").body.contains("candor_witness_failed_writes_total 3\n"));
    assert_eq!(running.add(&log.request(0, 9)).body, "5\n", "what it knew it knows");
    fs::remove_file(&filler).unwrap();
    time_of(&running.add(&log.request(5, 9)), &log.note(9), &ground.key);
    assert_eq!(running.get("/health").status, 200);
}

#[test]
fn keys_are_rotated_without_forgetting() {
    let ground = Ground::new();
    let log = Log::new(20);
    let running = ground.start();
    time_of(&running.add(&log.request(0, 5)), &log.note(5), &ground.key);
    drop(running);
    let output = program()
        .args(["key", "--name", "witness.example.org/2", "--out"])
        .arg(ground.path("key2"))
        .output()
        .unwrap();
    let second = String::from_utf8(output.stdout).unwrap().trim_end().parse().unwrap();
    // Both cosign for a while.
    let config = fs::read_to_string(ground.config()).unwrap();
    let (key, key2) = (ground.path("key"), ground.path("key2"));
    fs::write(ground.config(), config.replace(&format!("[{key:?}]"), &format!("[{key:?}, {key2:?}]")))
        .unwrap();
    let running = ground.start();
    let both = running.add(&log.request(5, 6));
    assert_eq!(both.body.lines().count(), 2);
    assert!(time_of(&both, &log.note(6), &ground.key) == time_of(&both, &log.note(6), &second));
    drop(running);
    // Then the old one is retired; the state is still its own.
    let retired = format!("[{key2:?}]\nretired = [\"{}\"]", ground.key);
    fs::write(ground.config(), config.replace(&format!("[{key:?}]"), &retired)).unwrap();
    let running = ground.start();
    let one = running.add(&log.request(6, 7));
    assert_eq!(one.body.lines().count(), 1);
    time_of(&one, &log.note(7), &second);
}

#[test]
fn cosignatures_never_go_back_in_time() {
    let ground = Ground::new();
    let log = Log::new(20);
    let time = Arc::new(AtomicU64::new(1000));
    let clock = Arc::clone(&time);
    let key = read_key(&ground.path("key")).unwrap();
    let cosigners = Cosigners { signing: vec![key], retired: Vec::new() };
    let store = Store::open(&ground.path("state/state"), &cosigners.known()).unwrap();
    let shelf = Shelf::open(ground.path("evidence")).unwrap();
    let logs = Logs::from([(ORIGIN.to_owned(), vec![log.key.public().clone()])]);
    let witness = Witness::new(logs, cosigners, store, shelf, Box::new(move || clock.load(Ordering::SeqCst)));
    let add = |old, size| {
        let answer = witness.add_checkpoint(&log.request(old, size).to_bytes());
        let answer = ground::Answer { status: answer.status, head: String::new(), body: answer.body };
        if answer.status == 200 {
            Ok(time_of(&answer, &log.note(size), &ground.key))
        } else {
            Err(answer.status)
        }
    };
    assert_eq!(add(0, 5), Ok(1000));
    time.store(999, Ordering::SeqCst);
    assert_eq!((add(5, 6), add(5, 5)), (Err(500), Err(500)));
    time.store(1000, Ordering::SeqCst);
    assert_eq!((add(5, 5), add(5, 6)), (Ok(1000), Ok(1000)));
    // The same again within a second writes nothing.
    let generation =
        || candor_witness::State::read(&fs::read(ground.path("state/state")).unwrap()).unwrap().generation;
    let before = generation();
    assert_eq!((add(6, 6), generation()), (Ok(1000), before));
    time.store(1001, Ordering::SeqCst);
    assert_eq!((add(6, 6), generation()), (Ok(1001), before + 1));
    // A time that no cosignature can have.
    time.store(u64::MAX, Ordering::SeqCst);
    assert_eq!(add(6, 7), Err(500));
    time.store(1002, Ordering::SeqCst);
    assert_eq!(add(6, 7), Ok(1002));
}

#[test]
fn a_fork_of_a_log_that_changed_its_key_is_told_too() {
    let ground = Ground::new();
    let (log, mut fork) = (Log::new(9), Log::with_history(1, 9));
    let running = ground.start();
    time_of(&running.add(&log.request(0, 9)), &log.note(9), &ground.key);
    drop(running);
    let new = SigningKey::new(ORIGIN, KeyKind::Note, &[77; 32]).unwrap();
    let config = fs::read_to_string(ground.config()).unwrap();
    fs::write(ground.config(), config.replace(&log.key.public().to_string(), &new.public().to_string()))
        .unwrap();
    fork.key = new;
    let running = ground.start();
    assert_eq!(running.add(&log.request(9, 9)).status, 403, "the old key is none any more");
    assert_eq!(running.add(&fork.request(9, 9)).status, 409);
    assert_eq!(ground.evidence().len(), 1);
}
