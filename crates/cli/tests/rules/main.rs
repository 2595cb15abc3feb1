//! Our own signatures in `rules/`: each detects what it should, and nothing that it should not.

mod documents;
mod eicar;
mod engines;
mod programs;
mod scripts;
mod shells;
mod witness;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use candor_engine::{Content, Database, Engine, Limits, Report, read_file};
use candor_policy::Policy;
use candor_signatures::{Built, Sources};
use walkdir::WalkDir;

use witness::Witness;

/// The workspace's folder.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files of our signatures; schemas and folders beside them are about other rules.
fn files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(workspace().join("rules")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "toml")).collect();
    files.sort();
    files
}

/// Our signatures, compiled; every one of them has to be usable.
fn built() -> Built {
    let mut sources = Sources::default();
    for file in files() {
        sources.add_path(&file).unwrap();
    }
    let mut problems = Vec::new();
    let built = sources.build(|problem| problems.push(problem.to_string())).unwrap();
    assert_eq!(problems, [""; 0]);
    built
}

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let database = Database::from_vec(built().image).unwrap();
        Engine::new(vec![Arc::new(database)], Limits::default())
    })
}

/// They carry the database with all that it looks for.
#[test]
fn our_own_programs_are_not_detected() {
    let report = scan("candor", &std::fs::read(env!("CARGO_BIN_EXE_candor")).unwrap());
    assert_eq!(report.findings, []);
}

/// What a scan of these bytes reports.
fn scan(name: &str, bytes: &[u8]) -> Report {
    engine().scan(name, Content::from_vec(bytes.to_vec()))
}

/// The names of our signatures that a report has, each once.
fn names(report: &Report) -> Vec<String> {
    let names: BTreeSet<String> = report
        .findings
        .iter()
        .filter(|finding| finding.detector == "logical")
        .map(|finding| finding.name.clone())
        .collect();
    names.into_iter().collect()
}

/// Every signature as it is written, with the file that it stands in.
fn tables() -> Vec<(String, toml::Table)> {
    let mut tables = Vec::new();
    for path in files() {
        let text = std::fs::read_to_string(&path).unwrap();
        let root: toml::Table = toml::from_str(&text).unwrap();
        for table in root["signature"].as_array().unwrap() {
            let file = path.file_name().unwrap().to_string_lossy().into_owned();
            tables.push((file, table.as_table().unwrap().clone()));
        }
    }
    tables
}

fn witnesses() -> Vec<Witness> {
    [
        eicar::witnesses(),
        shells::webshells(),
        shells::droppers(),
        scripts::witnesses(),
        documents::macros(),
        documents::links(),
        programs::witnesses(),
        engines::witnesses(),
    ]
    .concat()
}

#[test]
fn every_signature_has_a_reason() {
    let tables = tables();
    assert!(tables.len() >= 48, "{} signatures", tables.len());
    let mut seen = BTreeMap::new();
    for (file, table) in &tables {
        let text = |key: &str| table.get(key).and_then(toml::Value::as_str).unwrap_or_default();
        let name = text("name");
        assert_eq!(seen.insert(name, file), None, "{name} stands in two places");
        let parts: Vec<&str> = name.split('.').collect();
        assert!(parts.len() == 4 && parts[0] == "Candor", "{name} is no Candor.Platform.Category.Family-N");
        let number = parts[3].rsplit_once('-').map(|(_, number)| number);
        assert!(number.is_some_and(|number| number.parse::<u32>().is_ok()), "{name} has no number");
        assert!(text("reference").starts_with("https://"), "{name} refers to {}", text("reference"));
        let description = text("description");
        assert!(description.ends_with('.') && description.len() > 20, "{name}: {description}");
    }
}

#[test]
fn every_signature_has_a_witness() {
    let known: BTreeSet<&str> = witnesses().iter().map(|witness| witness.name).collect();
    for (_, table) in tables() {
        let name = table["name"].as_str().unwrap();
        assert!(known.contains(name), "{name} has no witness");
    }
}

#[test]
fn witnesses_are_detected_by_their_signature_alone() {
    for witness in witnesses() {
        let report = scan(&witness.file, &witness.bytes);
        assert_eq!(names(&report), [witness.name], "{} as {:?}", witness.file, report.objects[0].file_type);
    }
}

/// One bit of any of the places that matched makes the signature silent, so that none of its parts is idle.
#[test]
fn twins_with_one_byte_changed_are_not() {
    let mut idle = Vec::new();
    for witness in witnesses() {
        let report = scan(&witness.file, &witness.bytes);
        let finding = report.findings.iter().find(|finding| finding.name == witness.name).unwrap();
        assert!(!finding.evidence.is_empty());
        for evidence in &finding.evidence {
            for place in [evidence.offset, evidence.offset + evidence.size - 1] {
                let mut twin = witness.bytes.clone();
                twin[place as usize] ^= 1;
                if names(&scan(&witness.file, &twin)).iter().any(|name| name == witness.name) {
                    idle.push(format!("{} without {} at {place}", witness.name, evidence.what));
                }
            }
        }
    }
    assert_eq!(idle, [""; 0]);
}

/// White space may be more, and letters in another case, where the interpreter does not mind.
#[test]
fn interpreters_do_not_mind_and_neither_do_we() {
    for (name, text) in shells::variants().into_iter().chain(scripts::variants()) {
        let found = names(&scan("variant", &witness::plain(text)));
        assert_eq!(found, [name], "{text}");
    }
}

#[test]
fn the_policy_says_what_the_category_means() {
    let verdict = |name: &str| {
        let all = witnesses();
        let witness = all.iter().find(|witness| witness.name == name).unwrap();
        Policy::default().decide(&scan(&witness.file, &witness.bytes)).verdict.name()
    };
    assert_eq!(verdict("Candor.Test.Malware.Eicar-1"), "malicious");
    assert_eq!(verdict("Candor.Test.Unwanted.Eicar-1"), "unwanted");
    assert_eq!(verdict("Candor.Test.Spam.Gtube-1"), "undetected");
    // What is forbidden for some is evidence for `candor check`, and nothing in a scan.
    assert_eq!(verdict("Candor.Engine.Kaspersky.Index-1"), "undetected");
    // Weak evidence never alerts alone.
    assert_eq!(verdict("Candor.Text.Ransom.Note-1"), "undetected");
}

/// The database of our signatures holds all their bytes and is not detected by them.
#[test]
fn our_own_database_is_not_detected() {
    assert_eq!(names(&scan("candor.cdb", &built().image)), [""; 0]);
}

#[test]
fn our_own_files_are_not_detected() {
    // The samples of `candor check` are there to be detected; so are these, which show what documents load from elsewhere,
    // and fuzzing grows its corpus and artifacts from them.
    let except = [
        "target",
        ".git",
        "corpus",
        "artifacts",
        "prohibited",
        "targets.docx",
        "targets-stored.docx",
        "template.rtf",
    ];
    let findings = scan_tree(&workspace(), &except);
    assert_eq!(findings, [""; 0]);
}

/// Scans the folders in `CANDOR_CLEAN_CORPUS`, separated by colons: nothing in them should be detected.
#[test]
#[ignore = "needs CANDOR_CLEAN_CORPUS"]
fn a_corpus_is_not_detected() {
    let folders = std::env::var("CANDOR_CLEAN_CORPUS").unwrap();
    let findings: Vec<String> =
        folders.split(':').flat_map(|folder| scan_tree(Path::new(folder), &[])).collect();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

/// Findings in all files of a folder, except below folders of these names.
fn scan_tree(folder: &Path, except: &[&str]) -> Vec<String> {
    let files: Vec<PathBuf> = WalkDir::new(folder)
        .into_iter()
        .filter_entry(|entry| !except.iter().any(|name| entry.file_name() == *name))
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect();
    let mut findings = Vec::new();
    let mut bytes = 0;
    for path in &files {
        let Ok(content) = std::fs::File::open(path).and_then(|file| {
            let size = file.metadata()?.len();
            read_file(file, size, Vec::new())
        }) else {
            continue;
        };
        bytes += content.size();
        let report = engine().scan(&path.to_string_lossy(), content);
        for finding in report.findings.iter().filter(|finding| finding.detector == "logical") {
            let found = format!("{}: {}", report.path(finding.object), finding.name);
            // Shown at once: a corpus takes long.
            let _ = writeln!(std::io::stderr().lock(), "{found}");
            findings.push(found);
        }
    }
    let _ = writeln!(
        std::io::stderr().lock(),
        "{}: {} files, {bytes} bytes, {} findings",
        folder.display(),
        files.len(),
        findings.len()
    );
    findings
}
