//! No way to change a file lets an old verdict stand.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use memmap2::MmapMut;

use crate::ground::{Ground, eicar, is_refused, run, until};

/// Lets a file be known as clean.
fn known(path: &Path) {
    for _ in 0..3 {
        assert!(!is_refused(path));
    }
}

#[test]
fn writing_in_every_way_gives_a_new_verdict() {
    let Some(ground) = Ground::new("") else { return };
    let clean = vec![b'a'; eicar().len()];
    for (name, change) in [
        (
            "write",
            (|path: &Path| OpenOptions::new().write(true).open(path).unwrap().write_all(&eicar()).unwrap())
                as fn(&Path),
        ),
        ("truncate", |path| {
            let mut file = OpenOptions::new().write(true).open(path).unwrap();
            file.set_len(0).unwrap();
            file.rewind().unwrap();
            file.write_all(&eicar()).unwrap();
        }),
        ("shorten", |path| {
            let file = OpenOptions::new().write(true).open(path).unwrap();
            file.write_all_at(&[&eicar()[..], b"x"].concat(), 0).unwrap();
            file.set_len(eicar().len() as u64).unwrap();
        }),
        ("rename", |path| {
            let other = path.with_extension("other");
            fs::write(&other, eicar()).unwrap();
            fs::rename(other, path).unwrap();
        }),
        ("time", |path| {
            let times = fs::metadata(path).unwrap();
            let file = OpenOptions::new().write(true).open(path).unwrap();
            file.write_all_at(&eicar(), 0).unwrap();
            let back = fs::FileTimes::new().set_modified(times.modified().unwrap());
            file.set_times(back).unwrap();
        }),
    ] {
        let path = ground.write(name, &clean);
        known(&path);
        change(&path);
        assert!(is_refused(&path), "{name}");
    }
}

/// A store through a mapping changes no time when the page is dirty already, and no event tells of it.
#[test]
#[expect(unsafe_code, reason = "a mapping that others may change is what is tested")]
fn stores_through_a_mapping_are_seen() {
    let Some(ground) = Ground::new("") else { return };
    let path = ground.write("mapped", &vec![b'a'; eicar().len()]);
    let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    // SAFETY: only this test knows the file.
    let mut map = unsafe { MmapMut::map_mut(&file) }.unwrap();
    drop(file);
    // The page is dirty from here on.
    map[0] = b'b';
    known(&path);
    map.copy_from_slice(&eicar());
    assert!(is_refused(&path), "a store into a dirty page was not seen");
    map.fill(b'c');
    assert!(!is_refused(&path), "and neither may the new verdict stand");
    drop(map);
    known(&path);
    assert!(ground.count("remembered") > 0);
}

/// What the kernel does not ask about any more is asked about again before anybody can write to it.
#[test]
#[expect(unsafe_code, reason = "a mapping that others may change is what is tested")]
fn what_the_kernel_keeps_is_given_back_to_writers() {
    let Some(ground) = Ground::unwatched() else { return };
    let place = ground.path("");
    let Some(ground) = ground.watch(&format!("[kept]\nfolders = [{place:?}]\n")) else { return };
    let clean = vec![b'a'; eicar().len()];
    let kept = |path: &Path, number: u64| {
        until("the kernel keeps it", || {
            assert!(!is_refused(path));
            ground.count("kept") == number
        });
        let before = ground.count("opens");
        for _ in 0..20 {
            assert!(!is_refused(path));
        }
        assert_eq!(ground.count("opens"), before, "the kernel asked");
    };
    let written = ground.write("written", &clean);
    kept(&written, 1);
    OpenOptions::new().write(true).open(&written).unwrap().write_all(&eicar()).unwrap();
    assert!(is_refused(&written));

    let mapped = ground.write("mapped", &clean);
    kept(&mapped, 1);
    let file = OpenOptions::new().read(true).write(true).open(&mapped).unwrap();
    // SAFETY: only this test knows the file.
    let mut map = unsafe { MmapMut::map_mut(&file) }.unwrap();
    map[0] = b'b';
    known(&mapped);
    map.copy_from_slice(&eicar());
    assert!(is_refused(&mapped));
    drop((map, file));

    let cut = ground.write("cut", &[&eicar()[..], b"x"].concat());
    kept(&cut, 1);
    nix::unistd::truncate(&cut, eicar().len() as i64).unwrap();
    assert!(is_refused(&cut));

    // A file without a name is not held for long.
    let gone = ground.write("gone", &clean);
    kept(&gone, 1);
    fs::remove_file(&gone).unwrap();
    until("it is closed", || ground.count("kept") == 0);
    // New databases give everything back.
    let again = ground.write("again", &clean);
    kept(&again, 1);
    assert!(ground.protect(&["reload"]).status.success());
    until("the kernel asks again", || {
        let before = ground.count("opens");
        assert!(!is_refused(&again));
        ground.count("opens") > before
    });
}

/// A descriptor that was opened for writing while the file was clean.
#[test]
fn a_writer_from_before_is_no_way_around() {
    let Some(ground) = Ground::new("") else { return };
    let path = ground.write("held", b"nothing to see");
    let mut writer = OpenOptions::new().write(true).open(&path).unwrap();
    known(&path);
    writer.write_all(&eicar()).unwrap();
    assert!(is_refused(&path));
    drop(writer);
    assert!(is_refused(&path));
}

#[test]
fn an_overlay_shows_what_lies_below_as_it_is_now() {
    let Some(ground) = Ground::unwatched() else { return };
    for folder in ["lower", "upper", "work"] {
        fs::create_dir(ground.path(folder)).unwrap();
    }
    let merged = ground.beside("merged");
    fs::create_dir(&merged).unwrap();
    let bad = ground.write("lower/bad", &eicar());
    ground.write("lower/changed", b"nothing to see");
    let folders = format!(
        "lowerdir={},upperdir={},workdir={}",
        ground.path("lower").display(),
        ground.path("upper").display(),
        ground.path("work").display()
    );
    let only = format!("[file_systems]\nonly = [{:?}, {merged:?}]\n", ground.path(""));
    let Some(_ground) = ground.watch(&only) else { return };
    if !run("mount", &["-t", "overlay", "overlay", "-o", &folders, merged.to_str().unwrap()]).status.success()
    {
        eprintln!("skipped: no overlays here");
        return;
    }
    until("an overlay is watched", || is_refused(&merged.join("bad")));
    assert!(is_refused(&bad));
    let changed = merged.join("changed");
    known(&changed);
    fs::write(&changed, eicar()).unwrap();
    assert!(is_refused(&changed));
    run("umount", &[merged.to_str().unwrap()]);
}

#[test]
fn a_copy_that_shares_its_blocks_has_a_verdict_of_its_own() {
    let Some(ground) = Ground::unwatched() else { return };
    let (image, place) = (ground.beside("image"), ground.beside("place"));
    fs::create_dir(&place).unwrap();
    File::create(&image).unwrap().set_len(512 << 20).unwrap();
    let (image, at) = (image.to_str().unwrap(), place.to_str().unwrap());
    let made = [("mkfs.btrfs", vec!["-q", image]), ("mkfs.xfs", vec!["-q", image])]
        .into_iter()
        .any(|(program, arguments)| run(program, &arguments).status.success());
    if !made || !run("mount", &["-o", "loop", image, at]).status.success() {
        eprintln!("skipped: no file system here that shares blocks");
        return;
    }
    let only = format!("[file_systems]\nonly = [{:?}, {place:?}]\n", ground.path(""));
    let Some(_ground) = ground.watch(&only) else { return };
    let clean = place.join("clean");
    fs::write(&clean, vec![b'a'; 8192]).unwrap();
    known(&clean);
    let copy = place.join("copy");
    assert!(
        run("cp", &["--reflink=always", clean.to_str().unwrap(), copy.to_str().unwrap()]).status.success()
    );
    known(&copy);
    fs::write(&copy, eicar()).unwrap();
    assert!(is_refused(&copy) && !is_refused(&clean));
    run("umount", &[at]);
}
