//! A damaged database is refused or harmless: whatever byte is changed, nothing panics or runs on for ever.

mod image;

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use candor_detect::switch::PROGRAMS;
use candor_detect::trust::trusted;
use candor_detect::{DETECTORS, Database, Digests, Found, Inspection};
use candor_object::{
    Content, FileType, Icons, Layout, Link, Listed, Object, ObjectId, Pictures, Section, Signed, Undecoded,
};
use proptest::prelude::*;

/// Built once.
static IMAGE: LazyLock<Vec<u8>> = LazyLock::new(image::image);

const CONTENT: &[u8] = b"....hello blee....HELLO....qqqq \x7fELF hello again";

/// Links, of which the first three make a finding.
const LINKS: &[(&str, &str)] = &[
    ("http://other.example", "www.bank.example"),
    ("http://other.example", "shop.example"),
    ("http://a.evil.example/x", "click"),
    ("http://good.example", "bank.example"),
    ("http://also.fine", "bank.example"),
    ("http://other.example", "http://x.fine"),
];

/// What is known of the pictures in an object: a signature asks for each.
#[derive(Debug)]
struct Known;

impl Pictures for Known {
    fn perceptual_hash(&self, _: Instant) -> Result<Option<u64>, Undecoded> {
        Ok(Some(image::PICTURE))
    }

    fn icons(&self, _: Instant) -> Icons {
        Icons { statistics: vec![image::icon()], undecoded: None }
    }
}

/// A program of a publisher who is blocked, and one of a publisher who is trusted.
const BLOCKED: &[u8] = include_bytes!("../publishers/direct-sha256.exe");
const TRUSTED: &[u8] = include_bytes!("../publishers/by-root.exe");

/// A signed program, and what its headers say.
fn program(program: &[u8]) -> (Content, Signed) {
    const CHECKSUM: u64 = 64 + 24 + 64;
    const DIRECTORY: u64 = 64 + 24 + 96 + 32;
    let number = |at: u64| u64::from(u32::from_le_bytes(program[at as usize..][..4].try_into().unwrap()));
    let table = number(DIRECTORY);
    let signed = Signed {
        covered: vec![0..CHECKSUM, CHECKSUM + 4..DIRECTORY, DIRECTORY + 8..table],
        signatures: std::iter::once(table + 8..table + number(DIRECTORY + 4)).collect(),
        irregular: false,
    };
    (Content::from_vec(program.to_vec()), signed)
}

/// How many things the database says of some content, a program, a member, links, magic, passwords and switches.
fn inspect(database: Database) -> usize {
    let database = &Arc::new(database);
    let content = Content::from_vec(CONTENT.to_vec());
    let file_type = FileType::new("elf");
    let object = Object::root(content, file_type);
    let sections = vec![Section { name: ".text".into(), offset: 4, size: 10 }];
    let layout = Layout { sections, complete: true, ..Layout::default() };
    let deadline = Instant::now() + Duration::from_secs(2);
    let inspection = Inspection {
        object: &object,
        id: ObjectId::ROOT,
        layout: Some(&layout),
        signed: None,
        pictures: Some(&Known),
        containers: &[],
        deadline,
        program_time: Duration::from_secs(1),
        hashed: true,
        digests: &Digests::default(),
    };
    let mut found = Found::default();
    for detector in DETECTORS {
        let _ = detector.inspect(database, &inspection, &mut found);
    }
    let (content, signed) = program(TRUSTED);
    let is_trusted =
        trusted(std::slice::from_ref(database), &content, &signed, ObjectId::ROOT, deadline).ok().flatten();
    let (content, signed) = program(BLOCKED);
    let signed = Inspection {
        object: &Object::root(content, FileType::new("pe")),
        layout: None,
        signed: Some(&signed),
        pictures: None,
        ..inspection
    };
    for detector in DETECTORS {
        let _ = detector.inspect(database, &signed, &mut found);
    }
    let archive = Object::root(Content::from_vec(CONTENT.to_vec()), FileType::new("zip"));
    let listed = Listed { name: "abc", packed: 7, size: 7, encrypted: false, position: Some(1) };
    let members = database.members(&archive, ObjectId::ROOT, &listed, deadline).unwrap_or_default();
    let by_digest = database.trusted(&object.content, ObjectId::ROOT, deadline);
    let _ = (database.verify(), database.counts(), database.sources(), by_digest);
    let scanning = [
        database.magic(CONTENT).is_ok_and(|magic| magic.is_some()),
        database.switched_off(PROGRAMS).is_ok_and(|line| line.is_some()),
        database.passwords("zip").is_ok_and(|passwords| passwords.len() == 2),
        is_trusted.is_some(),
    ];
    let _ =
        (database.official_sources(), database.programs().map(Iterator::count), database.searches(file_type));
    for (target, shown) in LINKS {
        let link = Link { target: target.as_bytes(), shown: shown.as_bytes(), is_text: true };
        found.findings.extend(
            candor_detect::link(std::slice::from_ref(database), ObjectId::ROOT, &link, deadline)
                .ok()
                .flatten(),
        );
    }
    let scanning = scanning.into_iter().filter(|is_told| *is_told).count();
    found.findings.len() + found.handle_as.len() + members.len() + scanning
}

#[test]
fn the_undamaged_one_finds_what_is_there() {
    assert_eq!(inspect(Database::from_vec(IMAGE.clone()).unwrap()), 15);
}

/// A new kind of section has to be in the image that is damaged here.
#[test]
fn it_has_sections_of_every_kind() {
    let image = &*IMAGE;
    let number = |at: usize| u32::from_le_bytes(image[at..at + 4].try_into().unwrap());
    let kinds: BTreeSet<u32> = (0..number(12) as usize).map(|row| number(72 + 24 * row)).collect();
    let source = include_str!("../../src/image.rs");
    let list = source.split_once("pub(crate) enum Kind {").unwrap().1.split_once("\n}").unwrap().0;
    let all: Vec<(&str, u32)> = list
        .lines()
        .filter_map(|line| line.trim().strip_suffix(',')?.split_once(" = "))
        .map(|(name, number)| (name, number.parse().unwrap()))
        .collect();
    assert!(all.len() > 30, "{all:?}");
    let missing: Vec<&str> =
        all.into_iter().filter(|(_, number)| !kinds.contains(number)).map(|(name, _)| name).collect();
    assert!(missing.is_empty(), "no section of these kinds is damaged: {missing:?}");
}

#[test]
fn every_truncation_is_refused() {
    let image = &*IMAGE;
    for length in 0..image.len().min(4096) {
        assert!(Database::from_vec(image[..length].to_vec()).is_err());
    }
    assert!(Database::from_vec(image[..image.len() - 1].to_vec()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3000) })]

    #[test]
    fn changed_bytes_are_refused_or_harmless(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let mut bytes = IMAGE.clone();
        let length = bytes.len();
        for (place, value) in changes {
            bytes[place.index(length)] = value;
        }
        // With its checksum mended the header hides the damage, and the readers of the sections meet it.
        let refused = Database::from_vec(bytes.clone());
        Database::mend_header(&mut bytes);
        for database in [refused, Database::from_vec(bytes)].into_iter().flatten() {
            inspect(database);
        }
    }
}
