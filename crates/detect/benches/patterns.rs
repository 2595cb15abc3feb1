//! Looking for many literals in ordinary content: our filter and, in the same run, aho-corasick.
//!
//! `cargo bench -p candor-detect`. The content is this program's own executable, so that it is ordinary machine
//! code and data; the literals are random, so that both only have to say that there is nothing.

#![allow(missing_docs, reason = "criterion's macros make items without")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use candor_detect::logical::{Expression, LogicalSignature};
use candor_detect::pattern::{Element, Group, Pattern, Place};
use candor_detect::{Compiler, DETECTORS, Database, Digests, Found, Inspection};
use candor_object::{Content, FileType, Object};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Random literals of 8 to 31 bytes, the same in each run.
fn literals(count: usize) -> Vec<Vec<u8>> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..count).map(|_| (0..8 + next() % 24).map(|_| (next() >> 32) as u8).collect()).collect()
}

fn database(literals: &[Vec<u8>]) -> Database {
    let mut compiler = Compiler::default();
    for literal in literals {
        let elements = literal.iter().copied().map(Element::literal).collect();
        let pattern = Pattern { place: Place::ANYWHERE, groups: vec![Group { gap: 0, elements }] };
        compiler.logical(&LogicalSignature::new("Bench", "bench", Expression::Pattern(0), vec![pattern]));
    }
    Database::from_vec(compiler.finish()).unwrap()
}

fn patterns(criterion: &mut Criterion) {
    let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let mut group = criterion.benchmark_group("patterns");
    group.throughput(Throughput::Bytes(bytes.len() as u64)).sample_size(10);
    for count in [1_000, 20_000, 100_000] {
        let literals = literals(count);
        let database = database(&literals);
        let content = Content::from_vec(bytes.clone());
        let object = Object::root(content, FileType::DATA);
        group.bench_function(BenchmarkId::new("candor", count), |bencher| {
            bencher.iter(|| {
                let deadline = Instant::now() + Duration::from_secs(600);
                let digests = Digests::default();
                let inspection = Inspection::of(&object, &digests, deadline);
                let mut found = Found::default();
                for detector in DETECTORS {
                    detector.inspect(&database, &inspection, &mut found).unwrap();
                }
                black_box(found)
            });
        });
        let peer =
            AhoCorasick::builder().kind(Some(AhoCorasickKind::ContiguousNFA)).build(&literals).unwrap();
        group.bench_function(BenchmarkId::new("aho-corasick", count), |bencher| {
            bencher.iter(|| black_box(peer.find_iter(&bytes).count()));
        });
    }
    group.finish();
}

criterion_group!(benches, patterns);
criterion_main!(benches);
