//! Whatever is done to a signed program, only the program that was signed is spoken for, and nothing panics.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use candor_detect::trust::{Catalog, CatalogError, SignerSignature, signatures, trusted};
use candor_detect::{Compiler, DETECTORS, Database, Digests, Found, Inspection};
use candor_object::{Category, Content, FileType, Object, ObjectId, Signed};
use proptest::prelude::*;

fn sample(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/publishers").join(name)).unwrap()
}

fn bytes(digits: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    digits.as_bytes().chunks(2).map(|pair| digit(pair[0]) * 16 + digit(pair[1])).collect()
}

/// A database with these entries.
fn database(names: &[&str]) -> Vec<Arc<Database>> {
    let mut compiler = Compiler::default();
    let entries = String::from_utf8(sample("entries.crb")).unwrap();
    for line in entries.lines() {
        let fields: Vec<&str> = line.split(';').collect();
        if names.contains(&fields[0]) {
            compiler.signer(&SignerSignature {
                name: fields[0].to_owned(),
                source: "entries.crb".to_owned(),
                text: String::new(),
                category: if fields[1] == "1" { Category::Trusted } else { Category::Malware },
                subject: bytes(fields[2]).try_into().unwrap(),
                serial: bytes(fields[3]).try_into().ok(),
                modulus: bytes(fields[4]),
                code: fields[6] == "1",
                time: fields[7] == "1",
                certificates: fields[8] == "1",
            });
        }
    }
    vec![Arc::new(Database::from_vec(compiler.finish()).unwrap())]
}

/// What the headers of the samples say.
fn signed(program: &[u8]) -> Signed {
    const CHECKSUM: u64 = 64 + 24 + 64;
    const DIRECTORY: u64 = 64 + 24 + 96 + 32;
    let number = |at: u64| u64::from(u32::from_le_bytes(program[at as usize..][..4].try_into().unwrap()));
    let table = number(DIRECTORY);
    Signed {
        covered: vec![0..CHECKSUM, CHECKSUM + 4..DIRECTORY, DIRECTORY + 8..table],
        signatures: std::iter::once(table + 8..table + number(DIRECTORY + 4)).collect(),
        irregular: false,
    }
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(600)
}

fn is_trusted(databases: &[Arc<Database>], program: &[u8], signed: &Signed) -> bool {
    let content = Content::from_vec(program.to_vec());
    trusted(databases, &content, signed, ObjectId::ROOT, deadline()).unwrap().is_some()
}

fn found(databases: &[Arc<Database>], program: &[u8], signed: &Signed) -> Found {
    let object = Object::root(Content::from_vec(program.to_vec()), FileType::new("pe"));
    let digests = Digests::default();
    let inspection = Inspection { signed: Some(signed), ..Inspection::of(&object, &digests, deadline()) };
    let mut found = Found::default();
    for detector in DETECTORS {
        detector.inspect(&databases[0], &inspection, &mut found).unwrap();
    }
    found
}

#[test]
fn a_signature_is_told_whether_or_not_anybody_is_trusted() {
    let program = sample("direct-countersigned.exe");
    let facts = |program: &[u8]| {
        let content = Content::from_vec(program.to_vec());
        signatures(&content, &signed(program), deadline()).unwrap().remove(0)
    };
    let signature = facts(&program);
    assert_eq!(signature.subject, "CN=Test Direct, O=Candor Tests, C=XX");
    assert_eq!(signature.issuer, "CN=Test Root, O=Candor Tests, C=XX");
    assert!(signature.serial.starts_with("00f0"), "{}", signature.serial);
    assert_eq!(signature.algorithm.map(|algorithm| algorithm.name()), Some("SHA-256"));
    assert_eq!(signature.countersigned, Some(1_700_000_000));
    assert_eq!(signature.validity, (1_577_836_800, 2_493_072_000));
    assert!(signature.holds);
    assert!(!facts(&sample("changed.exe")).holds && !facts(&sample("changed-signature.exe")).holds);
    assert_eq!(facts(&sample("changed.exe")).subject, signature.subject, "present, and not verified");
}

#[test]
fn a_signature_that_cannot_be_read_is_a_gap_only_where_somebody_is_blocked() {
    let mut program = sample("direct-sha256.exe");
    let signed = signed(&program);
    program[signed.signatures[0].start as usize] = 0;
    assert_eq!(found(&database(&["Blocked.Direct"]), &program, &signed).gaps.len(), 1);
    assert_eq!(found(&database(&["root"]), &program, &signed), Found::default());
}

#[test]
fn a_list_of_another_database_blocks_as_well() {
    let program = sample("chain.exe");
    let databases = [database(&["root"]), database(&["Blocked.Between"])].concat();
    assert!(is_trusted(&databases[..1], &program, &signed(&program)));
    assert!(!is_trusted(&databases, &program, &signed(&program)));
}

#[test]
fn catalogs_need_a_root() {
    let (bytes, expired) = (sample("programs.cat"), sample("expired.cat"));
    assert_eq!(Catalog::verify(&bytes, &database(&[])).unwrap_err(), CatalogError::Untrusted);
    assert_eq!(
        Catalog::verify(&bytes, &database(&["root", "Blocked.Direct"])).unwrap_err(),
        CatalogError::Untrusted
    );
    assert_eq!(Catalog::verify(&expired, &database(&["root"])).unwrap_err(), CatalogError::Untrusted);
    assert_eq!(Catalog::verify(&bytes[..9], &database(&["root"])).unwrap_err(), CatalogError::Malformed);
    assert_eq!(Catalog::verify(&bytes, &database(&["root"])).unwrap().digests().count(), 1);
}

proptest! {
    #[test]
    fn no_other_program_is_spoken_for(place in 0_usize..1024, xor in 1_u8..) {
        let mut program = sample("direct-sha256.exe");
        let (signed, databases) = (signed(&program), database(&["root"]));
        prop_assert!(is_trusted(&databases, &program, &signed));
        program[place] ^= xor;
        let covered = signed.covered.iter().any(|part| part.contains(&(place as u64)));
        prop_assert_eq!(is_trusted(&databases, &program, &signed), !covered);
    }

    #[test]
    fn damaged_signatures_are_no_harm(
        name in prop::sample::select(vec!["direct-countersigned.exe", "chain.exe", "nested.exe", "by-root.exe"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut program = sample(name);
        let mut signed = signed(&program);
        let place = signed.signatures[0].clone();
        let length = (place.end - place.start) as usize;
        for (index, byte) in changes {
            program[place.start as usize + index.index(length)] = byte;
        }
        signed.signatures[0].end -= cut.index(length) as u64;
        let all = database(&["root", "Blocked.Time"]);
        found(&all, &program, &signed);
        is_trusted(&all, &program, &signed);
        signatures(&Content::from_vec(program), &signed, deadline()).unwrap();
    }

    #[test]
    fn damaged_catalogs_are_no_harm(index in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = sample("programs.cat");
        let databases = database(&["root"]);
        let digests = |bytes: &[u8]| {
            Catalog::verify(bytes, &databases).map(|catalog| catalog.digests().collect::<Vec<_>>())
        };
        let genuine = digests(&bytes).unwrap();
        let place = index.index(bytes.len());
        bytes[place] = byte;
        if let Ok(known) = digests(&bytes) {
            prop_assert_eq!(known, genuine, "a change at {} is believed", place);
        }
    }
}
