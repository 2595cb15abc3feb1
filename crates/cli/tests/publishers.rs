//! Publishers of programs: each case is what `clamscan` 1.4.6 says of a sample with lists of publishers and catalogs.
//! Samples, lists and cases are made by `crates/detect/tests/publishers/make.py`.

mod program;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use program::Ground;

const MARK: &str = "Mark:0:*:43616e646f72206d6164652074686973\n";

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../detect/tests/publishers")
}

fn entries() -> HashMap<String, String> {
    let text = fs::read_to_string(samples().join("entries.crb")).unwrap();
    let named = |line: &str| (line.split(';').next().unwrap().to_owned(), format!("{line}\n"));
    text.lines().map(named).collect()
}

/// What `candor clamscan` says of a sample with lists.
fn said(ground: &Ground, sample: &str, lists: &str, more: &[&str]) -> String {
    let entries = entries();
    let chosen: String = lists.split(' ').filter_map(|name| entries.get(name)).map(String::as_str).collect();
    let folder = ground.path("lists");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("mark.ndb"), MARK).unwrap();
    if !chosen.is_empty() {
        fs::write(folder.join("chosen.crb"), chosen).unwrap();
    }
    for catalog in lists.split(' ').filter(|name| name.ends_with(".cat")) {
        fs::copy(samples().join(catalog), folder.join(catalog)).unwrap();
    }
    let sample = samples().join(sample);
    let arguments = ["clamscan", "--no-summary", "-d", "lists", sample.to_str().unwrap()];
    let output = ground.command(&[&arguments[..], more].concat()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let Some((_, said)) = text.lines().next().and_then(|line| line.rsplit_once(": ")) else {
        panic!("{sample:?} {lists}: {}", String::from_utf8_lossy(&output.stderr));
    };
    said.trim_end_matches(" FOUND").trim_end_matches(".UNOFFICIAL").to_owned()
}

#[test]
fn publishers_are_judged_as_by_clamscan() {
    let ground = Ground::new();
    let cases = fs::read_to_string(samples().join("cases.tsv")).unwrap();
    let mut wrong = Vec::new();
    for case in cases.lines() {
        let [sample, lists, expected] = case.split('\t').collect::<Vec<_>>()[..] else { panic!("{case}") };
        let said = said(&ground, sample, lists, &[]);
        if said != expected {
            wrong.push(format!("{case}: {said}"));
        }
    }
    assert!(cases.lines().count() > 100);
    assert_eq!(wrong, [""; 0]);
}

/// Where we look further than `clamscan` does: it looks for blocked publishers in the first signature only, and in
/// none if something is behind the table.
#[test]
fn blocked_publishers_are_looked_for_in_all_signatures() {
    let ground = Ground::new();
    assert_eq!(said(&ground, "two-direct-first.exe", "Blocked.Leaf", &[]), "Blocked.Leaf");
    assert_eq!(said(&ground, "two-chain-first.exe", "between Blocked.Direct", &[]), "Blocked.Direct");
    assert_eq!(said(&ground, "tail.exe", "Blocked.Direct", &[]), "Blocked.Direct");
}

#[test]
fn publishers_can_be_left_out() {
    let ground = Ground::new();
    for lists in ["root", "Blocked.Direct"] {
        assert_eq!(said(&ground, "direct-sha256.exe", lists, &["--nocerts"]), "Mark", "{lists}");
    }
    assert_eq!(said(&ground, "unsigned.exe", "root programs.cat", &["--nocerts"]), "Mark");
}

/// The lines are those of `clamscan --debug --dumpcerts`, and what is told is no finding.
#[test]
fn certificates_are_told_of() {
    let ground = Ground::new();
    fs::write(ground.path("none.ndb"), "None:0:*:00112233445566778899\n").unwrap();
    let sample = samples().join("chain.exe");
    let seen =
        ground.run(&["clamscan", "--no-summary", "--dumpcerts", "-d", "none.ndb", sample.to_str().unwrap()]);
    assert!(seen.stdout.ends_with("chain.exe: OK\n"), "{seen:?}");
    let entries = entries();
    for name in ["Blocked.Leaf", "Blocked.Between"] {
        let fields: Vec<&str> = entries[name].split(';').collect();
        for (word, value) in [("subject", fields[2]), ("serial", fields[3]), ("pubkey", fields[4])] {
            let line = format!("LibClamAV debug:   {word}: {value}\n");
            assert!(seen.stderr.contains(&line), "{line} {}", seen.stderr);
        }
    }
    assert!(seen.stderr.contains("1577836800->2493072000 code \n"), "{}", seen.stderr);
}

#[test]
fn a_database_keeps_publishers_and_tells_of_them() {
    let ground = Ground::new();
    let entries = entries();
    fs::write(ground.path("a.crb"), format!("{}\n{}", entries["root"], entries["Blocked.Leaf"])).unwrap();
    fs::write(ground.path("mark.ndb"), MARK).unwrap();
    for name in ["direct-sha256.exe", "chain.exe"] {
        fs::copy(samples().join(name), ground.path("files").join(name)).unwrap();
    }
    fs::copy(samples().join("programs.cat"), ground.path("programs.cat")).unwrap();
    let built = ground.run(&["db", "build", "--output", "all.db", "a.crb", "mark.ndb", "programs.cat"]);
    assert!(built.stderr.is_empty() || built.stdout.contains("publishers"), "{built:?}");
    let report = |name: &str| {
        let path = format!("files/{name}");
        ground.run(&["scan", &path, "--database", "all.db", "--format", "json"]).json()
    };
    let trusted = report("direct-sha256.exe");
    assert_eq!(trusted["roots"][0]["verdict"], "trusted", "{trusted:#}");
    let findings = trusted["roots"][0]["findings"].as_array().unwrap();
    let spoken = findings.iter().find(|finding| finding["category"] == "trusted").unwrap();
    assert_eq!((&spoken["name"], &spoken["detector"]), (&"root".into(), &"trust".into()));
    let what = spoken["evidence"][0]["what"].as_str().unwrap();
    assert_eq!(what, "trusted signer CN=Test Direct, O=Candor Tests, C=XX");
    let blocked = report("chain.exe");
    assert_eq!(blocked["roots"][0]["verdict"], "malicious", "{blocked:#}");
}
