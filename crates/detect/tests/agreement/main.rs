//! The fast matcher against a slow, obviously right one, on random signatures and random content: every kind of
//! element, place and subsignature, expressions, digests, and content that is read in pieces.

mod checks;
mod digests;
mod expressions;
mod members;
mod patterns;
mod reading;
mod regexes;
mod slow;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use candor_detect::logical::{Comparison, Count, Expression, LogicalSignature, Subsignature};
use candor_detect::{Compiler, DETECTORS, Database, Digests, Found, Inspection};
use candor_object::{Content, FileType, Finding, Layout, Object, Section, Source};
use proptest::prelude::*;

/// Letters of which random patterns and random content are made, so that they often meet.
const LETTERS: &[u8] = b"abAB";
/// What content is made of besides: boundaries, and what is none.
const OTHERS: &[u8] = b"abAB ab.\nx\0";

/// So many cases, or as many times more as `CANDOR_CASES` says.
fn cases(number: u32) -> ProptestConfig {
    let times = std::env::var("CANDOR_CASES").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    let number = number.saturating_mul(times);
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(number) }
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(OTHERS), 0..150)
}

/// A layout as a hostile header may claim it: nothing fits together.
fn layout() -> impl Strategy<Value = Layout> {
    let section =
        (0_u64..160, 0_u64..60).prop_map(|(offset, size)| Section { name: String::new(), offset, size });
    let version_info = prop::collection::btree_set(0_u64..160, 0..6);
    (prop::option::of(0_u64..160), prop::collection::vec(section, 0..4), version_info, any::<bool>())
        .prop_map(|(entry_point, sections, version_info, complete)| Layout {
            entry_point,
            sections,
            version_info: version_info.into_iter().collect(),
            complete,
            ..Layout::default()
        })
}

/// Content that is read, and not in memory; a reader may get less than it asked for.
struct Pieces {
    bytes: Vec<u8>,
    most: usize,
}

impl Source for Pieces {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.bytes.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len()).min(self.most);
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// The content in pieces of at most so many bytes.
fn in_pieces(bytes: &[u8], most: usize) -> Content {
    Content::from_source(Arc::new(Pieces { bytes: bytes.to_vec(), most }))
}

fn signature(name: &str, expression: Expression, subsignatures: Vec<Subsignature>) -> LogicalSignature {
    LogicalSignature { subsignatures, ..LogicalSignature::new(name, "test.ldb", expression, Vec::new()) }
}

fn database(signatures: &[LogicalSignature]) -> Database {
    let mut compiler = Compiler::default();
    signatures.iter().for_each(|signature| compiler.logical(signature));
    Database::from_vec(compiler.finish()).unwrap()
}

fn findings(database: &Database, content: Content, layout: Option<&Layout>) -> Vec<Finding> {
    let object = Object::root(content, FileType::new("elf"));
    let digests = Digests::default();
    let deadline = Instant::now() + Duration::from_secs(60);
    let inspection = Inspection { layout, ..Inspection::of(&object, &digests, deadline) };
    let mut found = Found::default();
    for detector in DETECTORS {
        detector.inspect(database, &inspection, &mut found).unwrap();
    }
    assert_eq!(found.gaps, []);
    found.findings
}

/// The names of what is found in memory, after it was made sure that the same is found in pieces.
fn found(database: &Database, bytes: &[u8], layout: Option<&Layout>) -> Vec<String> {
    let memory = findings(database, Content::from_vec(bytes.to_vec()), layout);
    let pieces = findings(database, in_pieces(bytes, usize::MAX), layout);
    assert_eq!(memory, pieces);
    memory.into_iter().map(|finding| finding.name).collect()
}

fn one(number: u8) -> Expression {
    Expression::Pattern(number)
}

fn counted(inner: Expression, comparison: Comparison, number: u32, distinct: u32) -> Expression {
    Expression::Counted(Box::new(inner), Count { comparison, number, distinct })
}
