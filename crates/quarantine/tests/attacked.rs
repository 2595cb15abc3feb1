//! Somebody who owns the folder plays with its names while a file in it is taken or restored.

mod ground;

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use candor_quarantine::{Afterwards, Error, Grounds, Original, Protection, Step, Vault, open};
use ground::{Ground, take};

/// A vault in which this happens once, when that point is reached.
fn vault_with(ground: &Ground, at: Step, attack: impl Fn() + Send + Sync + 'static) -> Vault {
    let done = AtomicBool::new(false);
    ground.vault().with_hook(move |step| {
        if step == at && !done.swap(true, Ordering::SeqCst) {
            attack();
        }
    })
}

fn private_name(folder: &Path) -> PathBuf {
    let names = ground::names(folder);
    folder.join(names.iter().find(|name| name.starts_with(".candor-quarantine-")).unwrap())
}

#[test]
fn a_file_that_is_put_in_its_place_stays() {
    for at in [Step::EntryBegun, Step::EntryDurable, Step::EntryCompared] {
        let ground = Ground::new();
        let path = ground.file("file", b"taken");
        let (from, to) = (path.clone(), ground.path("files/hidden"));
        let vault = vault_with(&ground, at, move || {
            fs::rename(&from, &to).unwrap();
            fs::write(&from, "innocent").unwrap();
        });
        // Renaming changes the inode, so it is taken anew where it went, or not at all.
        match take(&vault, &path) {
            Err(Error::Moved(_)) => {
                assert_eq!(fs::read(ground.path("files/hidden")).unwrap(), b"taken");
                assert!(ground.in_vault().is_empty());
            }
            other => panic!("{at:?}: {other:?}"),
        }
        assert_eq!(fs::read(&path).unwrap(), b"innocent", "{at:?}");
    }
}

#[test]
fn a_file_under_the_private_name_gets_the_old_name() {
    let ground = Ground::new();
    let path = ground.file("file", b"taken");
    let files = ground.path("files");
    let vault = vault_with(&ground, Step::OriginalSetAside, move || {
        let private = private_name(&files);
        fs::rename(&private, files.join("hidden")).unwrap();
        fs::write(&private, "innocent").unwrap();
    });
    assert!(matches!(take(&vault, &path), Err(Error::Moved(_))));
    assert_eq!(fs::read(&path).unwrap(), b"innocent");
    assert_eq!(fs::read(ground.path("files/hidden")).unwrap(), b"taken");
    assert_eq!((ground.names().len(), ground.in_vault().len()), (2, 0));
}

#[test]
fn what_cannot_get_its_name_back_is_told() {
    let ground = Ground::new();
    let path = ground.file("file", b"taken");
    let files = ground.path("files");
    let vault = vault_with(&ground, Step::OriginalSetAside, move || {
        let private = private_name(&files);
        fs::rename(&private, files.join("hidden")).unwrap();
        fs::write(&private, "first").unwrap();
        fs::write(files.join("file"), "second").unwrap();
    });
    let Err(Error::Displaced { at, .. }) = take(&vault, &path) else { panic!("it was not told") };
    assert_eq!(fs::read(at).unwrap(), b"first");
    assert_eq!(fs::read(&path).unwrap(), b"second");
    assert_eq!(fs::read(ground.path("files/hidden")).unwrap(), b"taken");
}

#[test]
fn a_folder_that_is_exchanged_for_a_link_leads_nowhere() {
    let ground = Ground::new();
    let path = ground.file("file", b"taken");
    fs::create_dir(ground.path("system")).unwrap();
    fs::write(ground.path("system/file"), "system").unwrap();
    let (files, away, system) = (ground.path("files"), ground.path("away"), ground.path("system"));
    let vault = vault_with(&ground, Step::EntryCompared, move || {
        fs::rename(&files, &away).unwrap();
        symlink(&system, &files).unwrap();
    });
    take(&vault, &path).unwrap();
    assert_eq!(fs::read(ground.path("system/file")).unwrap(), b"system");
    assert!(ground::names(&ground.path("away")).is_empty(), "the file was removed where it went");
    // Nor does restoring follow the link.
    let id = vault.list().unwrap().entries[0].entry.id;
    fs::remove_file(ground.path("system/file")).unwrap();
    assert!(matches!(vault.restore(id, None, Afterwards::Remove), Err(Error::SymbolicLinkOnTheWay(_))));
    assert!(ground::names(&ground.path("system")).is_empty());
    assert!(matches!(open(&path), Err(Error::SymbolicLinkOnTheWay(_))));
}

#[test]
fn a_file_that_changes_once_is_taken_as_it_became() {
    for at in [Step::EntryBegun, Step::ChunkSealed, Step::EntryWritten, Step::EntryDurable] {
        let ground = Ground::new();
        let path = ground.file("file", &[b'a'; 100_000]);
        let target = path.clone();
        let vault = vault_with(&ground, at, move || fs::write(&target, [b'b'; 50_000]).unwrap());
        let taken = take(&vault, &path).unwrap();
        assert_eq!((taken.original, taken.entry.size), (Original::Removed, 50_000), "{at:?}");
        assert_eq!(ground.in_vault().len(), 1);
        let exported = ground.path("raw");
        vault.export(taken.entry.id, &exported, candor_quarantine::Form::Raw).unwrap();
        assert!(fs::read(exported).unwrap() == [b'b'; 50_000]);
    }
}

#[test]
fn a_file_that_keeps_changing_is_left() {
    let ground = Ground::new();
    let path = ground.file("file", b"begin");
    let target = path.clone();
    let count = AtomicUsize::new(0);
    let vault = ground.vault().with_hook(move |step| {
        if step == Step::EntryDurable {
            fs::write(&target, format!("{}", count.fetch_add(1, Ordering::SeqCst))).unwrap();
        }
    });
    assert!(matches!(take(&vault, &path), Err(Error::Changed(_))));
    assert_eq!(fs::read(&path).unwrap(), b"2");
    assert!(ground.in_vault().is_empty());
}

#[test]
fn a_change_in_the_last_moment_is_noticed() {
    let ground = Ground::new();
    let path = ground.file("file", b"before");
    let files = ground.path("files");
    let vault = vault_with(&ground, Step::OriginalSetAside, move || {
        fs::write(private_name(&files), "after, longer").unwrap();
    });
    let taken = take(&vault, &path).unwrap();
    assert_eq!(taken.entry.size, 13, "it was put back and taken anew");
    assert_eq!((ground.names().len(), ground.in_vault().len()), (0, 1));
}

#[test]
fn a_file_that_somebody_else_removes_is_kept_in_the_vault() {
    for at in [Step::EntryBegun, Step::EntryDurable, Step::EntryCompared] {
        let ground = Ground::new();
        let path = ground.file("file", b"taken");
        let target = path.clone();
        let vault = vault_with(&ground, at, move || fs::remove_file(&target).unwrap());
        let taken = take(&vault, &path).unwrap();
        assert_eq!(taken.original, Original::GoneAlready, "{at:?}");
        vault.verify(taken.entry.id).unwrap();
        assert_eq!((ground.names().len(), ground.in_vault().len()), (0, 1));
    }
}

#[test]
fn a_file_that_comes_while_restoring_is_not_overwritten() {
    for at in [Step::FileBegun, Step::FileSynced] {
        let ground = Ground::new();
        let path = ground.file("file", b"taken");
        let id = take(&ground.vault(), &path).unwrap().entry.id;
        let target = path.clone();
        let vault = vault_with(&ground, at, move || fs::write(&target, "innocent").unwrap());
        assert!(matches!(vault.restore(id, None, Afterwards::Remove), Err(Error::Exists(_))));
        assert_eq!(fs::read(&path).unwrap(), b"innocent");
        assert_eq!((ground.names().len(), ground.in_vault().len()), (1, 1));
    }
}

#[test]
fn what_replaces_the_restored_file_does_not_cost_the_entry() {
    let ground = Ground::new();
    let path = ground.file("file", b"taken");
    let id = take(&ground.vault(), &path).unwrap().entry.id;
    let vault = vault_with(&ground, Step::FileNamed, move || {
        fs::rename(&path, path.with_file_name("hidden")).unwrap();
        fs::write(&path, "other").unwrap();
    });
    assert!(matches!(vault.restore(id, None, Afterwards::Remove), Err(Error::Replaced(_))));
    assert_eq!(ground.in_vault().len(), 1);
}

#[test]
fn while_it_is_restored_nobody_can_run_it() {
    let ground = Ground::new();
    let path = ground.file("file", &[0; 200_000]);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o4751);
    let id = take(&ground.vault(), &path).unwrap().entry.id;
    let files = ground.path("files");
    let vault = ground.vault().with_hook(move |step| {
        if matches!(step, Step::FileBegun | Step::ChunkRestored | Step::FileWritten | Step::FileSynced) {
            assert!(ground::names(&files).is_empty(), "{step:?}: the file has a name already");
        }
    });
    vault.restore(id, None, Afterwards::Remove).unwrap();
}

#[test]
fn two_who_take_the_same_file_do_not_lose_it() {
    for _ in 0..20 {
        let ground = Ground::new();
        let path = ground.file("file", b"taken");
        ground.vault();
        let files = [open(&path).unwrap(), open(&path).unwrap()];
        std::thread::scope(|scope| {
            for file in &files {
                scope.spawn(|| {
                    let vault = ground.vault();
                    // One of them may come too late.
                    let _ = vault.take(file, &path, &Grounds::default(), Protection::Packages);
                });
            }
        });
        let vault = ground.vault();
        vault.mend().unwrap();
        let entries = vault.list().unwrap().entries;
        assert!(ground.names().is_empty() && !entries.is_empty());
        entries.iter().for_each(|listed| vault.verify(listed.entry.id).unwrap());
    }
}

#[test]
fn names_that_are_exchanged_all_the_time_lose_no_file() {
    let ground = Ground::new();
    let target = ground.file("file", b"taken");
    for number in 0..3 {
        fs::write(ground.path(format!("files/{number}")), format!("innocent {number}")).unwrap();
    }
    let vault = ground.vault();
    let stop = AtomicBool::new(false);
    let mut taken = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let folder = fs::File::open(ground.path("files")).unwrap();
            for number in (0..3).cycle() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let other = number.to_string();
                // The name may be away for a moment.
                let _ = rustix::fs::renameat_with(
                    &folder,
                    "file",
                    &folder,
                    &other,
                    rustix::fs::RenameFlags::EXCHANGE,
                );
            }
        });
        for _ in 0..300 {
            if let Ok(file) = open(&target)
                && fs::read(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap() == b"taken"
                && vault.take(&file, &target, &Grounds::default(), Protection::Packages).is_ok()
            {
                taken += 1;
                break;
            }
        }
        stop.store(true, Ordering::SeqCst);
    });
    let contents = |names: Vec<String>| {
        let read = |name: &String| fs::read_to_string(ground.path("files").join(name)).unwrap();
        let mut contents: Vec<String> = names.iter().map(read).collect();
        contents.sort();
        contents
    };
    let mut expected = vec!["innocent 0", "innocent 1", "innocent 2"];
    if taken == 0 {
        expected.push("taken");
    }
    assert_eq!(contents(ground.names()), expected);
    assert_eq!(ground.in_vault().len(), taken);
}
