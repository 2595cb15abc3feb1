//! `candor rules` with prohibitions: checks, lists and explains those of the program and those of folders.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn candor(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_candor")).arg("rules").args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_rules_of_the_program_are_right() {
    let output = candor(&["check"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    // The folder that they are made of is the same; signatures beside them are none of its business.
    let output = candor(&["check", root().join("rules").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

#[test]
fn mistakes_are_told_with_file_line_reason_and_hint() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ban.toml");
    fs::write(&file, "id = \"ban\"\ntitel = \"\\u001b[2J\"\n[[forbid]]\nactivity = \"us\"\n").unwrap();
    let output = candor(&["check", file.to_str().unwrap()]);
    let told = text(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("ban.toml:2: unknown key \"titel\"\n  hint: did you mean title?"), "{told}");
    assert!(told.contains("ban.toml:4: activity: \"us\" is not known"), "{told}");
    assert!(!told.contains('\u{1b}'));
    assert_eq!(candor(&["check", "/nowhere/ban.toml"]).status.code(), Some(2));
}

#[test]
fn a_folder_of_the_user_brings_bans_that_the_program_never_heard_of() {
    let folder = root().join("crates/compliance/tests/user-rules");
    let folder = folder.to_str().unwrap();
    let id = "xx-remote-access-2026";
    assert_eq!(candor(&["check", folder]).status.code(), Some(0));
    assert!(text(&candor(&["list", "--prohibitions", "--rules", folder])).contains(id));
    assert!(!text(&candor(&["list", "--prohibitions"])).contains(id));
    let explained = text(&candor(&["explain", id, "--rules", folder]));
    assert!(explained.contains("Gazette 2026/17") && explained.contains("unverified"), "{explained}");
    assert_eq!(candor(&["explain", id]).status.code(), Some(2));
}
