//! Who signed a program, as an inventory tells it: verified only where a list trusts a root that stands for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candor_engine::{Content, Database, Engine, Limits};
use candor_object::{Attribute, FactKind};
use candor_signatures::Sources;

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../detect/tests/publishers")
}

/// An engine that trusts entries of the list by these names.
fn engine(names: &[&str]) -> Engine {
    let list = fs::read_to_string(samples().join("entries.crb")).unwrap();
    let is_wanted = |line: &&str| names.iter().any(|name| line.starts_with(&format!("{name};")));
    let chosen: String = list.lines().filter(is_wanted).map(|line| format!("{line}\n")).collect();
    let mut sources = Sources::default();
    sources.add_text("chosen.crb", &chosen);
    let built = sources.build(|problem| panic!("{problem}")).unwrap();
    Engine::new(vec![Arc::new(Database::from_vec(built.image).unwrap())], Limits::default())
}

/// What is told of the first signature of a sample.
fn verified(engine: &Engine, name: &str) -> Option<String> {
    let bytes = fs::read(samples().join(name)).unwrap();
    let report = engine.inventory(name, Content::from_vec(bytes), Default::default());
    let mut signers = report.facts.iter().filter(|fact| fact.kind == FactKind::Signer);
    signers.next().and_then(|fact| fact.get(Attribute::Verified)).map(str::to_owned)
}

#[test]
fn only_who_is_trusted_is_verified() {
    let trusting = engine(&["root"]);
    let nobody = engine(&[]);
    // What ClamAV says of these programs: `OK` where the publisher speaks for them.
    let cases = fs::read_to_string(samples().join("cases.tsv")).unwrap();
    let mut count = 0;
    for case in cases.lines() {
        let [name, "root", verdict] = case.split('\t').collect::<Vec<_>>()[..] else { continue };
        if !name.ends_with(".exe") || name == "unsigned.exe" {
            continue;
        }
        count += 1;
        let found = verified(&trusting, name);
        assert_eq!(found.as_deref() == Some("yes"), verdict == "OK", "{name}: {found:?}");
        assert_ne!(verified(&nobody, name).as_deref(), Some("yes"), "{name}");
    }
    assert!(count > 20);
}

#[test]
fn what_is_signed_by_nobody_known_is_present_and_what_is_changed_is_not_signed() {
    let trusting = engine(&["root"]);
    for (name, known) in
        [("by-expired.exe", Some("present")), ("changed.exe", Some("no")), ("unsigned.exe", None)]
    {
        assert_eq!(verified(&trusting, name).as_deref(), known, "{name}");
    }
}
