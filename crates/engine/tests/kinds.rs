//! Documents in a zip are zips as well, to signatures for either, and to no other. `clamscan` 1.4.6 says the same.

use std::path::Path;
use std::sync::Arc;

use candor_detect::logical::{Condition, Expression, LogicalSignature};
use candor_detect::pattern::{Element, Group, Pattern, Place};
use candor_engine::{Compiler, Content, Database, Engine, Limits};

/// A signature for a text in objects of a type, or in what comes out of a container of a type.
fn signature(text: &str, file_type: Option<&str>, container: Option<&str>) -> LogicalSignature {
    let elements = text.bytes().map(Element::literal).collect();
    let pattern = Pattern { place: Place::ANYWHERE, groups: vec![Group { gap: 0, elements }] };
    let name = file_type.or(container).unwrap();
    LogicalSignature {
        types: file_type.map(str::to_owned).into_iter().collect(),
        conditions: container.map(|name| Condition::Containers(vec![name.to_owned()])).into_iter().collect(),
        ..LogicalSignature::new(name, "test.ldb", Expression::Pattern(0), vec![pattern])
    }
}

fn found(signatures: &[LogicalSignature], sample: &str) -> Vec<String> {
    let mut compiler = Compiler::default();
    for signature in signatures {
        compiler.logical(signature);
    }
    let database = Database::from_vec(compiler.finish()).unwrap();
    let engine = Engine::new(vec![Arc::new(database)], Limits::default());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../formats/tests/golden").join(sample);
    let report = engine.scan(sample, Content::from_vec(std::fs::read(path).unwrap()));
    let ours = report.findings.into_iter().filter(|finding| finding.source == "test.ldb");
    let mut names: Vec<String> = ours.map(|finding| finding.name).collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn what_lies_in_a_document_lies_in_a_zip() {
    let all = ["zip", "docx", "xlsx", "jar"].map(|container| signature("<", None, Some(container)));
    assert_eq!(found(&all, "office/targets.docx"), ["docx", "zip"]);
    assert_eq!(found(&all, "office/sheets.xlsx"), ["xlsx", "zip"]);
    assert_eq!(found(&all, "office/book.epub"), ["zip"]);
}

#[test]
fn a_signature_for_zips_sees_documents() {
    let all = ["zip", "docx", "xlsx"].map(|file_type| signature("PK", Some(file_type), None));
    assert_eq!(found(&all, "office/targets.docx"), ["docx", "zip"]);
    assert_eq!(found(&all, "office/book.epub"), ["zip"]);
}

/// It is full of what it looks for; what differs from it in one byte, or is longer, is looked at as anything else.
#[test]
fn a_database_does_not_find_itself() {
    let mut compiler = Compiler::default();
    let text = "some words that it keeps";
    // Names are kept as they are.
    let everywhere = LogicalSignature { types: Vec::new(), ..signature(text, Some("any"), None) };
    compiler.logical(&LogicalSignature { name: text.to_owned(), ..everywhere });
    let bytes = compiler.finish();
    assert!(bytes.windows(text.len()).any(|window| window == text.as_bytes()));
    let database = Arc::new(Database::from_vec(bytes.clone()).unwrap());
    let engine = Engine::new(vec![database], Limits::default());
    let found = |bytes: Vec<u8>| engine.scan("a.cdb", Content::from_vec(bytes)).findings.len();
    assert_eq!(found(format!("here are {text}").into_bytes()), 1);
    assert_eq!(found(bytes.clone()), 0);
    let (mut longer, mut other) = (bytes.clone(), bytes);
    longer.push(0);
    *other.last_mut().unwrap() ^= 1;
    assert_eq!((found(longer), found(other)), (1, 1));
}
