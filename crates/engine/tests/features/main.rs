//! For every feature of ClamAV's languages and of YARA's: a file that must be found, and a twin with one byte changed
//! that must not, in valid carriers of six kinds.
//!
//! An entry of a table gives the signature, what is planted, and the byte that breaks it; the carriers are applied
//! where the feature allows. With `CANDOR_ORACLE` set, ClamAV's clamscan is asked about the same files.

#![expect(clippy::print_stdout, reason = "a test that skips says so")]

mod carriers;
mod comparisons;
mod conditions;
mod feature;
mod hashes;
mod ignoring;
mod logic;
mod modifiers;
mod normalised;
mod offsets;
mod oracle;
mod regexes;
mod rules;
mod wildcards;

use std::sync::Arc;

use candor_engine::{Category, Content, Database, Engine, Limits, Report};
use candor_signatures::{Programs, Settings, Sources, Unwanted};

use carriers::{ALL, Kind};
use feature::{Feature, HIT, Made, NEVER};

/// All tables.
fn features() -> Vec<Feature> {
    [
        hashes::features(),
        wildcards::features(),
        modifiers::features(),
        offsets::features(),
        logic::features(),
        conditions::features(),
        regexes::features(),
        comparisons::features(),
        ignoring::features(),
        rules::features(),
        normalised::features(),
    ]
    .concat()
}

fn engine(signatures: &[(String, String)]) -> Result<Engine, String> {
    let settings = Settings {
        unwanted: Unwanted::All,
        clamav_rules: true,
        programs: Programs::All,
        ..Settings::default()
    };
    let mut sources = Sources::new(settings);
    for (name, text) in signatures {
        sources.add_text(name, text);
    }
    let mut problems = Vec::new();
    // What an ignore list names is left out with a word, as it should.
    let built = sources.build(|problem| problems.push(problem.to_string())).unwrap();
    problems.retain(|problem| !problem.contains("an ignore list names it"));
    if !problems.is_empty() {
        return Err(problems.join(", "));
    }
    let database = Database::from_vec(built.image).map_err(|error| error.to_string())?;
    Ok(Engine::new(vec![Arc::new(database)], Limits::default()))
}

fn scan(engine: &Engine, bytes: &[u8]) -> Report {
    engine.scan("sample", Content::from_vec(bytes.to_vec()))
}

/// Whether a signature of this name counts: what is trusted is not found.
fn finds(report: &Report, name: &str) -> bool {
    let trusted = report.findings.iter().any(|finding| finding.category == Category::Trusted);
    !trusted && report.findings.iter().any(|finding| finding.name == name)
}

/// What is wrong with a feature in a carrier.
fn wrong(feature: &Feature, made: &Made) -> Option<String> {
    if made.apart != 1 {
        return Some(format!("the twin is {} bytes apart", made.apart));
    }
    let engine = match engine(&made.signatures) {
        Ok(engine) => engine,
        Err(problems) => return Some(problems),
    };
    let (hit, miss) = (scan(&engine, &made.hit), scan(&engine, &made.miss));
    let seen = |name| (finds(&hit, name), finds(&miss, name));
    let expects_hit = made.signatures.iter().any(|(_, text)| text.contains(HIT));
    assert!(expects_hit, "{} has no signature to find", feature.what);
    let expected = [(true, false), (false, false)];
    let seen = [seen(HIT), seen(NEVER)];
    (seen != expected)
        .then(|| format!("found and found in its twin: {HIT} {:?}, {NEVER} {:?}", seen[0], seen[1]))
}

#[test]
fn every_feature_hits_and_its_twin_does_not() {
    let mut failures = Vec::new();
    let features = features();
    let mut pairs = 0;
    for feature in &features {
        for kind in feature.carriers {
            let made = feature.made(*kind);
            pairs += 1;
            if let Some(wrong) = wrong(feature, &made) {
                failures.push(format!("{} in {kind:?}: {wrong}", feature.what));
            }
        }
    }
    println!("{} features, {pairs} pairs of files", features.len());
    assert!(features.len() > 150 && pairs > 600, "{} features, {pairs} pairs", features.len());
    assert!(failures.is_empty(), "{} of {pairs}:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_carriers_are_what_they_say() {
    for kind in ALL.iter().chain([&Kind::Text]) {
        let made = Feature::pattern("'hello'").has("hello", "hellp").made(*kind);
        let engine = engine(&made.signatures).unwrap();
        for bytes in [&made.hit, &made.miss] {
            let report = scan(&engine, bytes);
            assert_eq!(report.objects[0].file_type.name(), kind.file_type(), "{kind:?}");
            // What is not opened yet says so; nothing is called damaged.
            let damaged = report.gaps.iter().any(|gap| !gap.detail.contains("not opened yet"));
            assert!(!damaged, "{kind:?}: {:?}", report.gaps);
        }
    }
}
