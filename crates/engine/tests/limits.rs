//! The budget is never exceeded, and what it cuts off is a gap.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use candor_engine::{Compiler, Content, Database, Engine, Limit, Limits, Reason, Report};
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

fn scan(limits: Limits, bytes: Vec<u8>) -> Report {
    let database = Database::from_vec(Compiler::default().finish()).unwrap();
    Engine::new(vec![Arc::new(database)], limits).scan("root", Content::from_vec(bytes))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A tar archive of members with a name and content.
fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, content) in members {
        let mut header = [0_u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..108].copy_from_slice(b"0000644\0");
        header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend_from_slice(&header);
        archive.extend_from_slice(content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

fn limits_met(report: &Report) -> Vec<Limit> {
    let limit = |reason| if let Reason::Limit(limit) = reason { Some(limit) } else { None };
    report.gaps.iter().filter_map(|gap| limit(gap.reason)).collect()
}

#[test]
fn depth_is_limited_and_the_rest_is_scanned() {
    let mut nest = b"core".to_vec();
    for _ in 0..10 {
        nest = gzip(&nest);
    }
    let archive = tar(&[("nest", &nest), ("after", b"text")]);
    let report = scan(Limits { depth: 5, ..Limits::default() }, archive);
    assert_eq!(limits_met(&report), [Limit::Depth]);
    assert!(report.objects.iter().any(|object| object.name == "after"));
    assert_eq!(report.objects.len(), 1 + 5 + 1);
}

#[test]
fn a_bomb_is_cut_and_its_start_is_scanned() {
    let bomb = gzip(&vec![b'a'; 20 << 20]);
    let limits = Limits { object_bytes: 1 << 20, ..Limits::default() };
    let report = scan(limits, tar(&[("bomb", &bomb), ("after", b"text")]));
    assert_eq!(limits_met(&report), [Limit::ObjectBytes]);
    assert!(report.objects.iter().all(|object| object.size <= 1 << 20));
    assert!(report.objects.iter().any(|object| object.name == "after"));
}

#[test]
fn the_number_of_objects_is_limited() {
    let members: Vec<(&str, &[u8])> = (0..50).map(|_| ("member", &b"x"[..])).collect();
    let report = scan(Limits { objects: 10, ..Limits::default() }, tar(&members));
    assert_eq!(limits_met(&report), [Limit::Objects]);
    assert_eq!(report.objects.len(), 11);
}

#[test]
fn no_time_is_a_gap_too() {
    let limits = Limits { time: Duration::ZERO, ..Limits::default() };
    let report = scan(limits, gzip(b"content"));
    assert!(limits_met(&report).contains(&Limit::Time));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn nothing_exceeds_the_budget(
        sizes in prop::collection::vec(0_usize..200_000, 1..6),
        wraps in prop::collection::vec(any::<bool>(), 0..6),
        objects in 1_u32..20, depth in 0_u32..6,
        unpacked_bytes in 0_u64..1_000_000, object_bytes in 0_u64..300_000,
    ) {
        let contents: Vec<Vec<u8>> = sizes.iter().map(|size| vec![b'z'; *size]).collect();
        let members: Vec<(&str, &[u8])> = contents.iter().map(|content| ("m", content.as_slice())).collect();
        let mut bytes = tar(&members);
        for wrap in wraps {
            bytes = if wrap { gzip(&bytes) } else { tar(&[("inner", &bytes)]) };
        }
        let root = bytes.len() as u64;
        let limits = Limits { objects, depth, unpacked_bytes, object_bytes, ..Limits::default() };
        let report = scan(limits, bytes);
        prop_assert!(report.objects.len() as u64 <= u64::from(objects) + 1);
        for (number, object) in report.objects.iter().enumerate() {
            let chain = report.chain(candor_engine::ObjectId(number as u32)).count() as u64;
            prop_assert!(chain <= u64::from(depth) + 1);
            prop_assert!(object.size <= object_bytes.max(root));
        }
        let decoded: u64 = report.objects.iter().filter(|object| object.relation.name() == "stream").map(|o| o.size).sum();
        prop_assert!(decoded <= unpacked_bytes);
    }
}

#[test]
fn mails_that_readers_read_differently_at_every_depth_do_not_multiply() {
    for shape in [
        "From: a\nTo: x\r\rFrom: b\nTo: d\n\n",
        "From: a\nTo: x\r\rFrom: b\nTo: d\nz\n \nFrom: c\nTo: d\n\n",
        "From: a\nTo: b\n \nFrom: b\nTo: d\n \n",
    ] {
        let report = scan(Limits::default(), shape.repeat(1000).into_bytes());
        assert!(report.objects.len() < 100, "{shape:?}: {} objects", report.objects.len());
        assert!(!report.gaps.is_empty(), "{shape:?}");
    }
    let odd = b"From: a\nTo: b\nSubject: c\rd\n\ntext".to_vec();
    assert!(scan(Limits::default(), odd).gaps.is_empty());
}
