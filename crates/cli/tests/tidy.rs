//! The promises of ARCHITECTURE.md, kept by a machine.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Files that may contain unsafe code, each for a reason that stands in it.
const UNSAFE: [&str; 14] = [
    "crates/detect/src/hash/md5_lanes.rs",
    "crates/detect/src/map.rs",
    "crates/detect/src/pattern/grams.rs",
    "crates/detect/src/pattern/needle.rs",
    "crates/detect/src/pattern/pairs.rs",
    "crates/gate/src/beginning.rs",
    "crates/gate/src/group.rs",
    "crates/gate/src/idle.rs",
    "crates/gate/src/lease.rs",
    "crates/gate/src/pending.rs",
    "crates/gate/tests/protect/soundness.rs",
    "crates/jail/src/confine/descriptors.rs",
    "crates/jail/src/read_back.rs",
    "crates/worker/src/escape/call.rs",
];
/// Most lines of a file.
const MOST_LINES: usize = 800;
/// Most lines of the map.
const MOST_LINES_OF_THE_MAP: usize = 150;
/// Names that explain nothing.
const EMPTY_NAMES: [&str; 7] = ["util", "utils", "common", "helper", "helpers", "misc", "manager"];
/// What stands on the trust page like the name of a test and is a setting.
const SETTINGS: [&str; 1] = ["max_age"];
/// Folders that are made by tools.
const MADE: [&str; 6] = ["target", "corpus", "artifacts", "coverage", "node_modules", "golden"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// All Rust files, as paths from the root.
fn rust_files() -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                if !name.starts_with('.') && !MADE.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if name.ends_with(".rs") {
                files.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    files.sort();
    assert!(files.len() > 50);
    files
}

/// The crates of the workspace, by folder name.
fn crates() -> BTreeSet<String> {
    fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("Cargo.toml").exists())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

/// What each package of the workspace needs of the workspace when it runs; tests and build scripts apart.
fn direct() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    packages
        .iter()
        .map(|package| {
            let needs = package["dependencies"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|need| need["kind"].is_null() && need["path"].is_string())
                .map(|need| text(&need["name"]))
                .collect();
            (text(&package["name"]), needs)
        })
        .collect()
}

/// All that a package reaches.
fn reached(from: &str) -> BTreeSet<String> {
    let direct = direct();
    let mut reached = BTreeSet::new();
    let mut next = vec![from.to_owned()];
    while let Some(package) = next.pop() {
        for need in direct.get(&package).unwrap_or_else(|| panic!("no package {package}")) {
            if reached.insert(need.clone()) {
                next.push(need.clone());
            }
        }
    }
    reached
}

#[test]
fn object_depends_on_nothing_of_ours() {
    assert_eq!(reached("candor-object"), BTreeSet::new());
}

#[test]
fn formats_and_detection_do_not_reach_each_other() {
    assert!(!reached("candor-formats").contains("candor-detect"));
    assert!(!reached("candor-detect").contains("candor-formats"));
}

#[test]
fn judging_sees_only_data_and_signatures_never_see_formats() {
    assert_eq!(reached("candor-policy"), BTreeSet::from(["candor-object".to_owned()]));
    assert!(!reached("candor-signatures").contains("candor-formats"));
    // A worker links the engine; signature text is parsed elsewhere.
    assert!(!reached("candor-engine").contains("candor-signatures"));
    assert!(!reached("candor-engine").contains("candor-policy"));
}

#[test]
fn only_the_worker_links_parsers() {
    for program in ["candor-cli", "candor-daemon", "candor-gate"] {
        let reached = reached(program);
        assert!(!reached.contains("candor-formats"), "{program} reaches a parser");
        assert!(!reached.contains("candor-engine"), "{program} reaches the scan");
    }
    assert!(reached("candor-worker").contains("candor-formats"));
    for package in ["candor-loader", "candor-vetting", "candor-packages"] {
        assert!(!reached(package).contains("candor-formats"), "{package} reaches a parser");
    }
    // What is compiled in a jail is not compiled in the service as well.
    assert!(!reached("candor-daemon").contains("candor-signatures"));
    // What a worker says is hostile, so what reads it must not be able to scan.
    assert_eq!(reached("candor-protocol"), BTreeSet::from(["candor-object".to_owned()]));
}

#[test]
fn facts_are_taken_in_the_jail_and_judged_outside() {
    for program in ["candor-cli", "candor-daemon"] {
        assert!(!reached(program).contains("candor-inventory"), "{program} reaches a parser");
    }
    for package in ["candor-inventory", "candor-layers"] {
        assert_eq!(reached(package), BTreeSet::from(["candor-object".to_owned()]), "{package}");
    }
}

#[test]
fn the_witness_is_a_program_of_its_own() {
    assert_eq!(reached("candor-witness"), BTreeSet::from(["candor-tlog".to_owned()]));
    for program in ["candor-cli", "candor-daemon", "candor-worker"] {
        assert!(!reached(program).contains("candor-witness"), "{program} links what listens to the world");
        assert!(!reached(program).contains("candor-publish"), "{program} links what only publishers need");
    }
}

#[test]
fn what_has_a_network_sees_no_files_and_nothing_else_has_one() {
    let reached = reached("candor-fetch");
    let harmless = ["candor-jail", "candor-object", "candor-protocol"].map(str::to_owned);
    assert_eq!(reached, BTreeSet::from(harmless));
    for (package, needs) in direct() {
        assert!(!needs.contains("candor-fetch"), "{package} links what has a network");
    }
}

#[test]
fn unsafe_code_is_only_where_it_may_be() {
    let word = "unsafe";
    let openings = ["{", "fn", "impl", "extern", "trait"].map(|what| format!("{word} {what}"));
    let permits = ["allow", "expect"].map(|what| format!("{what}({word}_code"));
    for file in rust_files() {
        let text = read(&file);
        let uses = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .any(|line| openings.iter().chain(&permits).any(|pattern| line.contains(pattern.as_str())));
        let allowed = UNSAFE.contains(&file.as_str());
        assert!(allowed || !uses, "{file} has unsafe code; the places for it are {UNSAFE:?}");
        let notes = text.matches("SAFETY:").count();
        let blocks = text.matches(openings[0].as_str()).count();
        assert!(!allowed || notes >= blocks, "{file} has {blocks} blocks and {notes} notes");
    }
}

#[test]
fn only_attempts_to_break_out_ask_for_less_than_all_mechanisms() {
    let places =
        ["crates/jail/src/confine/mod.rs", "crates/jail/src/lib.rs", "crates/worker/src/escape/mod.rs"];
    let callers: Vec<String> = rust_files()
        .into_iter()
        .filter(|file| file != "crates/cli/tests/tidy.rs" && read(file).contains("confine_partly"))
        .collect();
    assert_eq!(callers, places);
    // The mode in which they are made reads no request, so it cannot scan.
    for file in rust_files().iter().filter(|file| file.starts_with("crates/worker/src/escape/")) {
        let text = read(file);
        for word in ["candor_engine", "candor_protocol", "scanning"] {
            assert!(!text.contains(word), "{file} has {word}");
        }
    }
}

#[test]
fn no_file_is_too_long() {
    for file in rust_files() {
        let lines = read(&file).lines().count();
        assert!(lines <= MOST_LINES, "{file} has {lines} lines");
    }
}

#[test]
fn no_module_has_an_empty_name() {
    for file in rust_files() {
        let empty = Path::new(&file)
            .with_extension("")
            .iter()
            .any(|part| EMPTY_NAMES.contains(&part.to_str().unwrap()));
        assert!(!empty, "{file} has a name that explains nothing");
    }
}

#[test]
fn every_file_begins_with_what_it_is() {
    for file in rust_files() {
        let text = read(&file);
        assert!(text.starts_with("//! "), "{file} does not begin with a sentence");
    }
}

#[test]
fn the_map_names_every_crate_and_no_dead_path() {
    let map = read("ARCHITECTURE.md");
    let lines = map.lines().count();
    assert!(lines <= MOST_LINES_OF_THE_MAP, "the map has {lines} lines");
    for name in crates() {
        assert!(map.contains(&format!("`crates/{name}`")), "crates/{name} is not on the map");
    }
    // Whatever stands in backticks and has a slash is a path from the root.
    let paths: Vec<&str> = map
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|quoted| quoted.contains('/') && !quoted.contains([' ', '*', '<', '\n']))
        .collect();
    assert!(paths.len() > 20);
    for path in paths {
        assert!(root().join(path).exists(), "{path} is on the map and nowhere else");
    }
}

/// A claim whose test was renamed away is a claim without one.
#[test]
fn the_claims_of_the_trust_page_have_their_tests() {
    let page = read("docs/trust.md");
    let is_name = |text: &str| {
        text.contains('_') && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
    };
    let quoted: BTreeSet<&str> = page.split('`').skip(1).step_by(2).collect();
    let files: Vec<String> = rust_files().iter().map(|file| read(file)).collect();
    let tests: BTreeSet<&str> = files.iter().flat_map(|text| tests_of(text)).collect();
    let names: Vec<&str> =
        quoted.iter().copied().filter(|text| is_name(text) && !SETTINGS.contains(text)).collect();
    assert!(names.len() > 30, "{names:?}");
    for name in names {
        assert!(tests.contains(name), "docs/trust.md names the test {name}, which is nowhere");
    }
    let paths = quoted.into_iter().filter(|text| text.starts_with("crates/") || text.starts_with("docs/"));
    for path in paths {
        assert!(root().join(path).exists(), "docs/trust.md names {path}, which is nowhere");
    }
    for link in page.split("](").skip(1).filter_map(|after| after.split([')', '#']).next()) {
        let there = link.is_empty() || link.contains("://") || root().join("docs").join(link).exists();
        assert!(there, "docs/trust.md leads to {link}, which is nowhere");
    }
}

/// The names of the functions behind `#[test]`.
fn tests_of(text: &str) -> impl Iterator<Item = &str> {
    text.split("#[test]\n").skip(1).filter_map(|after| {
        let mut lines = after.lines().map(str::trim_start).filter(|line| !line.starts_with(['#', '/']));
        lines.next()?.strip_prefix("fn ")?.split('(').next()
    })
}

#[test]
fn the_front_page_names_the_two_commands() {
    let page = read("README.md");
    for command in ["candor scan", "candor explain"] {
        assert!(page.contains(command), "{command} is missing");
    }
}

#[test]
fn the_usage_page_knows_every_option_and_link() {
    let page = read("docs/usage.md");
    let database = ["build", "info", "check"].map(|verb| vec!["db", verb]);
    let quarantine =
        ["add", "list", "show", "restore", "delete", "export"].map(|verb| vec!["quarantine", verb]);
    let prove = ["sandbox", "network"].map(|what| vec!["prove", what]);
    let others = [vec!["scan"], vec!["explain"], vec!["vet"]];
    for command in others.into_iter().chain(database).chain(quarantine).chain(prove) {
        let output =
            Command::new(env!("CARGO_BIN_EXE_candor")).args(&command).arg("--help").output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        for option in help.lines().filter_map(long_option) {
            assert!(page.contains(&option), "{option} of {command:?} is missing in docs/usage.md");
        }
    }
    assert!(page.contains("report.schema.json"));
}

/// The long option that a line of the help is about.
fn long_option(line: &str) -> Option<String> {
    let line = line.trim_start();
    if !line.starts_with('-') {
        return None;
    }
    let long = line.split_whitespace().find(|word| word.starts_with("--"))?;
    (long != "--help").then(|| long.to_owned())
}
