//! `--move`, `--copy`, `--remove`, and other files that are written.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::{EVIL, Scene};

#[test]
fn what_is_found_is_moved_under_a_name_that_is_free() {
    let scene = Scene::new();
    let place = scene.0.path("").canonicalize().unwrap();
    for name in ["bad", "bad.001"] {
        scene.write("t/bad", EVIL);
        let seen = scene.run(&["-d", "db", "--no-summary", "--move=to", "t/bad", "t/good"]).expect(1);
        let place = place.display();
        assert_eq!(
            seen.stdout,
            format!(
                "t/bad: Evil.One.UNOFFICIAL FOUND\nt/bad (real path: '{place}/t/bad'): moved to '{place}/to/{name}'\nt/good: OK\n"
            )
        );
        assert!(!scene.0.path("t/bad").exists());
        assert_eq!(fs::read(scene.0.path("to").join(name)).unwrap(), EVIL);
    }
}

#[test]
fn what_is_found_is_copied_or_removed() {
    let scene = Scene::new();
    fs::set_permissions(scene.0.path("t/bad"), fs::Permissions::from_mode(0o4755)).unwrap();
    let seen = scene.run(&["-d", "db", "--no-summary", "--copy=to", "t/bad"]).expect(1);
    assert!(seen.stdout.ends_with("/to/bad'\n") && seen.stdout.contains("): copied to '"), "{seen:?}");
    assert_eq!(fs::metadata(scene.0.path("to/bad")).unwrap().permissions().mode() & 0o7777, 0o600);
    let seen = scene.run(&["-d", "db", "--no-summary", "--remove", "t"]).expect(1);
    assert!(seen.stdout.contains("/t/bad'): Removed.\n"), "{seen:?}");
    assert!(!scene.0.path("t/bad").exists() && scene.0.path("t/good").exists());
}

#[test]
fn a_link_leads_to_what_is_removed_and_stays() {
    let scene = Scene::new();
    symlink("bad", scene.0.path("t/other")).unwrap();
    scene.run(&["-d", "db", "--remove", "t/other"]).expect(1);
    assert!(!scene.0.path("t/bad").exists());
    assert!(scene.0.path("t/other").is_symlink() && scene.0.path("t/link").is_symlink());
}

#[test]
fn members_and_standard_input_are_not_moved() {
    let scene = Scene::new();
    let seen =
        scene.0.run_with_input(&["clamscan", "-d", "db", "--no-summary", "--move=to", "-"], EVIL).expect(1);
    assert_eq!(seen.stdout, "stdin: Evil.One.UNOFFICIAL FOUND\n");
    assert_eq!(fs::read_dir(scene.0.path("to")).unwrap().count(), 0);
    // An archive is moved as a whole.
    scene.run(&["-d", "db", "--move=to", "z/nest.zip"]).expect(1);
    assert!(scene.0.path("to/nest.zip").exists() && !scene.0.path("z/nest.zip").exists());
}

#[test]
fn descriptions_are_left_where_they_are_wanted() {
    let scene = Scene::new();
    let arguments = ["-d", "db", "--gen-json", "--leave-temps", "--tempdir=to", "z/one.zip"];
    scene.run(&arguments).expect(1);
    let made = fs::read_dir(scene.0.path("to")).unwrap().next().unwrap().unwrap().path();
    assert!(made.file_name().unwrap().to_str().unwrap().contains("-one.zip."), "{made:?}");
    let text = fs::read_to_string(made.join("metadata.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&json["path"], &json["object_count"]), (&"z/one.zip".into(), &2.into()));
    let seen = scene.run(&["-d", "db", "--gen-json", "--tempdir=nodir", "--leave-temps", "t/good"]).expect(2);
    assert!(seen.stderr.contains("its description cannot be left"), "{seen:?}");
    // Without --leave-temps nothing is.
    scene.run(&["-d", "db", "--gen-json", "--debug", "t/good"]).expect(0);
}

#[test]
fn a_log_that_cannot_be_written_is_refused() {
    let scene = Scene::new();
    let seen = scene.run(&["-d", "db", "-l", "nodir/log", "t/good"]).expect(2);
    assert_eq!(
        seen.stderr,
        "ERROR: Failed to open log file nodir/log: No such file or directory\nERROR: Problem with internal logger.\n"
    );
}

#[test]
fn a_folder_that_takes_no_files_is_refused_before_anything_is_scanned() {
    let scene = Scene::new();
    for folder in ["nodir", "t/good"] {
        let seen = scene.run(&["-d", "db", &format!("--move={folder}"), "t/bad"]).expect(2);
        assert_eq!(seen.stdout, "");
        assert!(
            seen.stderr.starts_with("ERROR: ") && seen.stderr.contains("cannot be used as a folder"),
            "{seen:?}"
        );
    }
    assert!(scene.0.path("t/bad").exists());
}

#[test]
fn what_lies_in_the_folder_already_stays_as_it_is() {
    let scene = Scene::new();
    scene.write("to/found", EVIL);
    let seen = scene.run(&["-d", "db", "--no-summary", "--move=to", "to"]).expect(1);
    assert_eq!(seen.stdout, "to/found: Evil.One.UNOFFICIAL FOUND\n");
    assert!(scene.0.path("to/found").exists());
}
