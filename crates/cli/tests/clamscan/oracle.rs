//! Both programs over the same files with the same options say the same.

use std::collections::BTreeSet;

use super::program::Seen;
use super::{Scene, clamscan_is_there};

/// What both are asked. Each is run with `-d db` unless it names a database.
const QUESTIONS: &[&[&str]] = &[
    &["t"],
    &["-r", "t"],
    &["-r", "-i", "t"],
    &["-r", "-o", "t"],
    &["-r", "--quiet", "t"],
    &["-r", "-v", "t/sub"],
    &["-r", "--no-summary", "t/", "./t/good", "t//good"],
    &["--recursive=no", "t"],
    &["--rec", "t"],
    &["t/good", "nothere", "t/bad"],
    &["nothere"],
    &["--stdout", "nothere", "t/fifo", "t/bad"],
    &["--quiet", "nothere"],
    &["t/fifo", "/dev/null"],
    &["t/link", "t/dirlink", "t/empty"],
    &["--follow-file-symlinks=0", "t/link"],
    &["--follow-file-symlinks=2", "t/good", "t/link"],
    &["--follow-dir-symlinks=0", "t/dirlink"],
    &["-r", "--follow-dir-symlinks=2", "l"],
    &["-r", "--max-dir-recursion=5", "t"],
    &["-r", "--cross-fs=no", "t"],
    &["-r", "--exclude=bad", "t"],
    &["-r", "--exclude=bad2", "--exclude=good", "t"],
    &["-r", "--exclude=^t/good$", "t"],
    &["-r", "--exclude=/t/good$", "t"],
    &["--exclude=link", "t/link"],
    &["--exclude=bad", "t/link"],
    &["-r", "--exclude-dir=sub", "t"],
    &["-r", "--exclude-dir=^t$", "t"],
    &["-r", "--exclude-dir=^t/sub/deep$", "t"],
    &["-r", "--include=bad", "t"],
    &["-r", "--include=bad", "--exclude=bad", "t"],
    &["-r", "--include-dir=deep", "t"],
    &["-r", "--include-dir=t", "t"],
    &["--exclude=o{2}", "t/good"],
    &["--exclude=\\w", "t/good"],
    &["--exclude=[[:<:]]good", "t/good"],
    &["--exclude=(?i)GOOD", "t/good"],
    &["--exclude=[]g]ood", "t/good"],
    &["--exclude=[[:alpha:]]ood$", "t/good"],
    &["-f", "list", "t/bad"],
    &["-f", "nolist"],
    &["-a", "t/bad", "z/one.zip", "z/nest.zip"],
    &["z/one.zip", "z/nest.zip", "z/many.zip"],
    &["z/enc.zip"],
    &["--alert-encrypted", "z/enc.zip", "z/one.zip"],
    &["--alert-encrypted-archive=yes", "z/enc.zip"],
    &["--alert-encrypted-doc", "z/enc.zip"],
    &["--max-recursion=2", "z/nest.zip", "z/one.zip"],
    &["--max-recursion=2", "--alert-exceeds-max", "z/nest.zip", "z/one.zip"],
    &["--max-recursion=3", "--alert-exceeds-max", "z/nest.zip"],
    &["--max-recursion=0", "z/nest.zip"],
    &["--max-files=10", "z/many.zip"],
    &["--max-files=10", "--alert-exceeds-max", "z/many.zip"],
    &["--max-files=2", "z/one.zip"],
    &["--max-files=1", "z/one.zip"],
    &["--max-filesize=10", "t/bad", "t/sub/bad2"],
    &["--max-filesize=10", "--block-max", "t/bad", "t/sub/bad2"],
    &["--max-filesize=1K", "t/bad"],
    &["--max-filesize=1", "--max-filesize=1K", "--alert-exceeds-max", "t/bad"],
    &["--max-scansize=10", "--alert-exceeds-max", "t/bad"],
    &["--max-filesize=0", "--max-scansize=0", "--max-files=0", "t/bad"],
    &["-d", "pua.ndu", "t/bad"],
    &["-d", "pua.ndu", "--detect-pua", "t/bad"],
    &["-d", "pua.ndu", "--detect-pua", "--exclude-pua=Win", "--no-summary", "t/bad"],
    &["-d", "pua.ndu", "--detect-pua", "--include-pua=Linux", "--no-summary", "t/bad"],
    &["-d", "pua.ndu", "--detect-pua", "--include-pua=Win", "--exclude-pua=Win", "--no-summary", "t/bad"],
    &["-d", "deep.ndu", "--detect-pua", "--include-pua=Tool", "--no-summary", "t/bad"],
    &["-d", "deep.ndu", "--detect-pua", "--exclude-pua=Tool", "--no-summary", "t/bad"],
    &["-d", "db", "-d", "db/a.ndb", "t/bad"],
    &["-d", "nodb", "t/bad"],
    &["-d", "t", "t/bad"],
    &["-d", "t/good", "t/bad"],
    &["-d", "db", "--official-db-only", "t/bad"],
    &["-d", "db/a.ndb", "--official-db-only", "t/bad"],
    &["-d", "db", "--fail-if-cvd-older-than=3", "t/bad"],
    &["-d", "db", "--fail-if-cvd-older-than=0", "t/bad"],
    &["-d", "nodb", "--fail-if-cvd-older-than=3", "t/bad"],
    &["-d", "broken/blank.ndb", "t/bad"],
    &["-d", "broken/space.ndb", "t/bad"],
    &["-d", "broken/semicolon.ndb", "t/bad"],
    &["-d", "broken/empty.ndb", "t/bad"],
    &["-d", "broken/digest.hdb", "t/bad"],
    &["-d", "broken/list.ign2", "t/bad"],
    &["-d", "broken", "t/bad"],
    &["-d", "others.ndb", "t/bad"],
    &["-d", "ignored.ign2", "-d", "trusted.fp", "-d", "db", "t/bad", "t/good"],
    &["--badopt", "t/good"],
    &["-Z"],
    &["--max=5"],
    &["--badopt=5"],
    &["--alert-enc"],
    &["--infected=maybe"],
    &["--max-filesize=abc"],
    &["--exclude="],
    &["--database"],
    &["-d"],
    &["--structured-cc-mode=9"],
    &["--bytecode-mode=foo"],
    &["--no-mail", "-t", "t/good"],
    &["--", "-i", "t/bad"],
    &["-id", "db", "t/bad"],
];

/// What both say of the same question, without what may differ.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    status: i32,
    /// As a set: the order of a folder is that of the disk there.
    lines: Vec<String>,
    summary: Vec<String>,
    errors: Vec<String>,
}

fn said(seen: &Seen) -> Said {
    let (lines, summary) =
        seen.stdout.split_once("\n----------- SCAN SUMMARY -----------\n").unwrap_or((&seen.stdout, ""));
    let mut lines: Vec<String> = lines.lines().map(str::to_owned).collect();
    lines.sort();
    // Values that depend on the clock and on how content is counted.
    let changing = ["Engine version", "Data scanned", "Data read", "Time", "Start Date", "End Date"];
    let summary = summary.lines().map(|line| match line.split_once(':') {
        Some((key, _)) if changing.contains(&key) => key.to_owned(),
        _ => line.to_owned(),
    });
    // Of the library's lines those about parsing are the same; others explain, each in its own words.
    let of_parsing =
        ["Problem parsing", "Can't load", "error loading", "Empty database", "No supported", "cl_load()"];
    let errors = seen
        .stderr
        .lines()
        .filter(|line| !line.starts_with("LibClamAV") || of_parsing.iter().any(|word| line.contains(word)));
    Said {
        status: seen.status,
        lines,
        summary: summary.collect(),
        errors: errors.map(str::to_owned).collect(),
    }
}

fn scene() -> Scene {
    let scene = Scene::new();
    std::fs::create_dir(scene.0.path("broken")).unwrap();
    let good = "A:0:*:6576696c6f6e65";
    for (name, text) in [
        ("blank.ndb", format!("{good}\n\n{good}\n")),
        ("space.ndb", format!("{good} \n")),
        ("semicolon.ndb", format!("{good};\n")),
        ("empty.ndb", String::new()),
        ("digest.hdb", "x\n".to_owned()),
        ("list.ign2", "\n".to_owned()),
    ] {
        scene.write(&format!("broken/{name}"), text.as_bytes());
    }
    scene.write("others.ndb", format!("B:99:*:6161\nC:0:*:616161:300\n{good}\n").as_bytes());
    std::fs::create_dir(scene.0.path("l")).unwrap();
    std::os::unix::fs::symlink("../t/sub", scene.0.path("l/dirlink")).unwrap();
    std::os::unix::fs::symlink("../t/bad", scene.0.path("l/link")).unwrap();
    scene.write("deep.ndu", b"PUA.Win.Tool.A:0:*:6576696c\nPUA.Tool:0:*:6f6e65\nPUA.Win.B:0:*:74776f\n");
    scene.write("trusted.fp", b"dcd5fd3e4cfca675ac2784e563ede167:35:A\n");
    scene.write("ignored.ign2", b"Evil.One\n");
    scene.write("list", b"t/good\nt/bad\nnothere\n t/good\nt/sub");
    scene
}

#[test]
fn both_say_the_same() {
    if !clamscan_is_there() {
        return;
    }
    let scene = scene();
    let mut different = Vec::new();
    for question in QUESTIONS {
        let named = question.iter().any(|argument| {
            argument.starts_with("-d") || argument.starts_with("-id") || argument.starts_with("--database")
        });
        let arguments = if named { question.to_vec() } else { [&["-d", "db"], *question].concat() };
        let (theirs, ours) = (said(&scene.clamscan(&arguments)), said(&scene.run(&arguments)));
        // Of a folder of broken files each takes the first, in an order of its own.
        let same = theirs == ours
            || arguments[1] == "broken" && theirs.status == ours.status && theirs.summary == ours.summary;
        if !same {
            different.push(format!("{arguments:?}\n  clamscan {theirs:?}\n  ours     {ours:?}"));
        }
    }
    assert!(different.is_empty(), "{} of {}:\n{}", different.len(), QUESTIONS.len(), different.join("\n"));
}

#[test]
fn with_all_matches_the_names_are_the_same() {
    if !clamscan_is_there() {
        return;
    }
    let scene = scene();
    let arguments = ["-d", "db", "-z", "-r", "--no-summary", "t", "z"];
    // clamscan tells a name twice that matches text and its normalized form.
    let lines = |seen: Seen| seen.stdout.lines().map(str::to_owned).collect::<BTreeSet<String>>();
    assert_eq!(lines(scene.run(&arguments)), lines(scene.clamscan(&arguments)));
}

#[test]
fn the_log_is_the_same() {
    if !clamscan_is_there() {
        return;
    }
    let scene = scene();
    let log = |name: &str| {
        let text = std::fs::read_to_string(scene.0.path(name)).unwrap();
        text.lines()
            .filter(|line| {
                !line.contains(" Date:")
                    && !line.starts_with("Time")
                    && !line.starts_with("Data")
                    && !line.starts_with("Engine")
            })
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    for quiet in ["--quiet", "-v"] {
        let arguments = |name| ["-d", "db", "-l", name, quiet, "t/bad", "nothere", "t/good"];
        assert_eq!(scene.run(&arguments("ours")).status, scene.clamscan(&arguments("theirs")).status);
    }
    assert_eq!(log("ours"), log("theirs"));
}

#[test]
fn every_option_of_clamscan_is_taken() {
    if !clamscan_is_there() {
        return;
    }
    let scene = scene();
    let help = scene.clamscan(&["--help"]).stdout;
    let options: Vec<&str> = help
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("--"))
        .map(|line| line.split(['=', '[', ' ']).next().unwrap())
        .collect();
    assert!(options.len() > 90, "{options:?}");
    for option in options {
        // An option that is known and has a wrong argument, or none at all, is not called unknown.
        let seen = scene.run(&["-d", "nodb", &format!("--{option}=")]);
        assert!(!seen.stderr.contains("Unknown option"), "{option}: {seen:?}");
    }
}

#[test]
fn files_are_moved_copied_and_removed_alike() {
    if !clamscan_is_there() {
        return;
    }
    for deed in ["--move=to", "--copy=to", "--remove", "--remove=no"] {
        let [theirs, ours] = [Scene::new(), Scene::new()];
        let arguments =
            ["-d", "db", "--no-summary", deed, "t/bad", "bad", "t/sub/bad2", "z/one.zip", "t/good"];
        let told = |scene: &Scene, run: fn(&Scene, &[&str]) -> Seen| {
            // The same name twice, and members of an archive.
            std::fs::copy(scene.0.path("t/bad"), scene.0.path("bad")).unwrap();
            let seen = run(scene, &arguments);
            let place = scene.0.path("").canonicalize().unwrap().display().to_string();
            let files = [".", "t", "t/sub", "z", "to"].map(|folder| {
                let names = std::fs::read_dir(scene.0.path(folder)).unwrap();
                names.map(|name| name.unwrap().file_name()).collect::<BTreeSet<_>>()
            });
            (seen.status, seen.stdout.replace(&place, "HERE"), files)
        };
        assert_eq!(told(&theirs, Scene::clamscan), told(&ours, Scene::run), "{deed}");
    }
}
