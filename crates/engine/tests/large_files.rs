//! Files over 4 GiB are scanned to their end in bounded memory, and offsets are told in 64 bits.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::sync::Arc;

use candor_detect::logical::{Expression, LogicalSignature};
use candor_detect::pattern::{Element, Group, Pattern, Place};
use candor_engine::{Compiler, Database, Engine, Limits, read_file};

#[test]
fn what_stands_beyond_four_gigabytes_is_found() {
    let needle = b"needle beyond 4 GiB";
    let elements = needle.iter().copied().map(Element::literal).collect();
    let mut compiler = Compiler::default();
    let pattern = Pattern { place: Place::ANYWHERE, groups: vec![Group { gap: 0, elements }] };
    compiler.logical(&LogicalSignature::new("Far", "test.ldb", Expression::Pattern(0), vec![pattern]));
    let database = Database::from_vec(compiler.finish()).unwrap();
    let engine = Engine::new(vec![Arc::new(database)], Limits::default());

    // A sparse file takes no room on the disk.
    let path = std::env::temp_dir().join(format!("candor-large-{}", std::process::id()));
    let mut file = File::create_new(&path).unwrap();
    let offset = (4_u64 << 30) + 12_345;
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.write_all(needle).unwrap();
    let file = File::open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();

    let report = engine.scan("large", read_file(file, offset + needle.len() as u64).unwrap());
    assert_eq!(report.gaps, []);
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.findings[0].evidence[0].offset, offset);
}
