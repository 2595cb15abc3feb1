//! `kill -9` at every step: the file or the entry is there, and the next command mends what is left.
//!
//! The test starts itself as a child that takes or restores and kills itself at the step that it is told.

mod ground;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use candor_quarantine::{Afterwards, Ending, Mended, Vault, open};
use ground::{Ground, Likeness, take};
use rustix::process::{Signal, getpid, kill_process};

const STEP: &str = "CANDOR_TEST_STEP";
const WHAT: &str = "CANDOR_TEST_WHAT";
const FOLDER: &str = "CANDOR_TEST_FOLDER";

/// The child. As an ordinary test it has nothing to do.
#[test]
fn child() {
    let Ok(step) = std::env::var(STEP) else { return };
    let step: usize = step.parse().unwrap();
    let folder = std::env::var(FOLDER).unwrap();
    let folder = Path::new(&folder);
    let reached = AtomicUsize::new(0);
    let vault = Vault::open(&folder.join("vault")).unwrap().with_packages_of(&folder.join("none")).with_hook(
        move |_| {
            if reached.fetch_add(1, Ordering::SeqCst) == step {
                kill_process(getpid(), Signal::KILL).unwrap();
                loop {
                    std::thread::park();
                }
            }
        },
    );
    let path = folder.join("files/file");
    match std::env::var(WHAT).unwrap().as_str() {
        "take" => drop(take(&vault, &path).unwrap()),
        "restore" => {
            let id = vault.list().unwrap().entries[0].entry.id;
            vault.restore(id, None, Afterwards::Remove).unwrap();
        }
        "mend" => drop(vault.mend().unwrap()),
        other => panic!("{other}"),
    }
}

/// Runs the child; whether it lived.
fn survives(ground: &Ground, what: &str, step: usize) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--test-threads", "1"])
        .env(STEP, step.to_string())
        .env(WHAT, what)
        .env(FOLDER, ground.path(""))
        .output()
        .unwrap();
    let killed = status.status.signal() == Some(9);
    assert!(killed || status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
    !killed
}

/// Long enough for three chunks.
fn content() -> Vec<u8> {
    (0..150_000).map(|number| (number % 249) as u8).collect()
}

/// Fails unless the file, under any name, or a whole entry is there; tells how many of each.
fn present(ground: &Ground) -> (usize, usize) {
    let files = ground.names();
    for name in &files {
        assert_eq!(ground::read(&ground.path("files").join(name)), content(), "{name} is not whole");
    }
    let vault = ground.vault();
    let entries: Vec<_> = vault
        .list()
        .unwrap()
        .entries
        .into_iter()
        .filter(|listed| vault.verify(listed.entry.id).is_ok())
        .collect();
    assert!(files.len() + entries.len() > 0, "neither the file nor its entry is there");
    (files.len(), entries.len())
}

fn start() -> (Ground, Likeness) {
    let ground = Ground::new();
    let path = ground.file("file", &content());
    ground.vault();
    let likeness = Likeness::of(&path);
    (ground, likeness)
}

#[test]
fn taking_can_be_killed_at_every_step() {
    let mut seen = Vec::new();
    for step in 0.. {
        assert!(step < 100, "it never ends");
        let (ground, likeness) = start();
        let lived = survives(&ground, "take", step);
        seen.push(present(&ground));
        if lived {
            assert_eq!(seen.last(), Some(&(0, 1)));
            assert!(step >= 10, "only {step} steps");
            break;
        }
        // Whatever comes next mends it: here it is taken again where it still can be.
        let vault = ground.vault();
        let path = ground.path("files/file");
        if path.exists() {
            let taken = take(&vault, &path).unwrap();
            assert_eq!(taken.entry.path, path);
        } else {
            vault.mend().unwrap();
        }
        assert!(ground.names().is_empty(), "step {step} left {:?}", ground.names());
        assert_eq!(ground.in_vault().len(), 1, "step {step} left {:?}", ground.in_vault());
        let id = vault.list().unwrap().entries[0].entry.id;
        vault.restore(id, None, Afterwards::Remove).unwrap();
        assert_eq!(Likeness::of(&path), likeness, "step {step}");
    }
    // The steps covered all there is: file alone, both, entry alone.
    for state in [(1, 0), (1, 1), (0, 1)] {
        assert!(seen.contains(&state), "{seen:?}");
    }
}

#[test]
fn listing_and_mending_finish_what_was_killed() {
    for step in 0..100 {
        let (ground, _) = start();
        if survives(&ground, "take", step) {
            return;
        }
        let mending = ground.vault().mend().unwrap();
        assert!(!mending.busy);
        let listing = ground.vault().list().unwrap();
        assert!(listing.broken.is_empty());
        assert!(listing.entries.iter().all(|listed| !listed.unfinished), "step {step}");
        assert_eq!(ground.names().len() + listing.entries.len(), 1, "step {step}: {mending:?}");
        assert!(ground.names().iter().all(|name| name == "file"), "step {step}");
        assert!(ground.vault().mend().unwrap().mended.is_empty());
    }
}

#[test]
fn mending_can_be_killed_at_every_step() {
    for step in 0..100 {
        for inner in 0..100 {
            let (ground, _) = start();
            if survives(&ground, "take", step) {
                return;
            }
            if survives(&ground, "mend", inner) {
                break;
            }
            present(&ground);
            ground.vault().mend().unwrap();
            let left = (ground.names().len(), ground.in_vault().len());
            assert!(matches!(left, (0, 1) | (1, 0)), "step {step}, {inner}: {left:?}");
        }
    }
}

#[test]
fn restoring_can_be_killed_at_every_step() {
    let mut seen = Vec::new();
    for step in 0.. {
        assert!(step < 100, "it never ends");
        let (ground, likeness) = start();
        let path = ground.path("files/file");
        let id = take(&ground.vault(), &path).unwrap().entry.id;
        let lived = survives(&ground, "restore", step);
        // Nothing unfinished is ever to be seen.
        if path.exists() {
            assert_eq!(Likeness::of(&path), likeness, "step {step}");
        }
        seen.push(present(&ground));
        assert!(ground.names().iter().all(|name| name == "file"), "step {step}: {:?}", ground.names());
        if lived {
            assert_eq!(seen.last(), Some(&(1, 0)));
            assert!(step >= 6, "only {step} steps");
            break;
        }
        if !ground.in_vault().is_empty() {
            let restored = ground.vault().restore(id, None, Afterwards::Remove).unwrap();
            assert!(!restored.kept);
        }
        assert!(ground.in_vault().is_empty());
        assert_eq!(ground.names(), ["file"], "step {step}");
    }
    for state in [(0, 1), (1, 1), (1, 0)] {
        assert!(seen.contains(&state), "{seen:?}");
    }
}

/// Kills a taking after the entry is durable and before the original is touched.
fn interrupted() -> Ground {
    for step in 0..100 {
        let (ground, _) = start();
        assert!(!survives(&ground, "take", step));
        if ground.in_vault().iter().any(|name| name.ends_with(".taken")) {
            return ground;
        }
    }
    panic!("no step leaves both");
}

#[test]
fn an_original_that_was_changed_meanwhile_stays() {
    let ground = interrupted();
    let path = ground.path("files/file");
    fs::write(&path, "changed").unwrap();
    let mending = ground.vault().mend().unwrap();
    assert!(matches!(&mending.mended[..], [Mended::Finished { ending: Ending::OriginalDiffers, .. }]));
    assert_eq!(fs::read(&path).unwrap(), b"changed");
    // It is another file now, and can be taken as well.
    take(&ground.vault(), &path).unwrap();
    assert_eq!(ground.vault().list().unwrap().entries.len(), 2);
}

#[test]
fn an_original_that_is_gone_meanwhile_is_told() {
    let ground = interrupted();
    fs::remove_dir_all(ground.path("files")).unwrap();
    let mending = ground.vault().mend().unwrap();
    assert!(matches!(&mending.mended[..], [Mended::Finished { ending: Ending::OriginalGone, .. }]));
}

#[test]
fn another_file_under_the_private_name_gets_its_name_back() {
    let ground = interrupted();
    let path = ground.path("files/file");
    let id = ground.in_vault()[0].trim_end_matches(".taken").to_owned();
    // As if the name had been given to another file just before it was set aside.
    fs::rename(&path, ground.path("files/hidden")).unwrap();
    let private = ground.path(format!("files/.candor-quarantine-{id}"));
    fs::write(&private, "innocent").unwrap();
    ground.vault().mend().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"innocent");
    assert!(!private.exists());
}

#[test]
fn an_open_file_whose_taking_was_finished_counts_as_taken() {
    let ground = interrupted();
    let path = ground.path("files/file");
    let file = open(&path).unwrap();
    let taken = ground.vault().take(
        &file,
        &path,
        &candor_quarantine::Grounds::default(),
        candor_quarantine::Protection::Packages,
    );
    assert_eq!(taken.unwrap().original, candor_quarantine::Original::TakenEarlier);
    assert_eq!((ground.names().len(), ground.in_vault().len()), (0, 1));
}

#[test]
fn a_damaged_unfinished_entry_is_left_with_its_original() {
    let ground = interrupted();
    let entry = ground.path("vault").join(&ground.in_vault()[0]);
    let mut bytes = fs::read(&entry).unwrap();
    bytes[1000] ^= 1;
    fs::write(&entry, bytes).unwrap();
    let mending = ground.vault().mend().unwrap();
    assert!(matches!(&mending.mended[..], [Mended::Unfinished { .. }]));
    assert!(ground.path("files/file").exists() && entry.exists());
}
