//! Signatures of ClamAV's targets 3 and 7 look at normalized forms and at nothing else. What is expected here is what
//! `clamscan` 1.4.6 answers, except that the pages as they are stay visible to target 0 as well.

use std::collections::BTreeSet;
use std::sync::Arc;

use candor_engine::{Content, Database, Engine, Limits, Relation, Report};
use candor_signatures::Sources;

/// What the signatures look for, each for the targets 0, 3 and 7.
const TEXTS: &[(&str, &str)] = &[
    ("raw", "RaWToKeN   qq"),
    ("folded", "rawtoken qq"),
    ("markup", "<title>rawtoken qq</title>"),
    ("script-in-markup", "varfoo=\"a\"+\"b\""),
    ("script", "n000=\"ab\""),
    ("text", "var foo = \"a\""),
];

const PAGE: &str = "<!DOCTYPE HTML>\n<HTML><HEAD><TITLE>RaWToKeN   qq</TITLE>\
    <script>var Foo = \"a\" + \"b\"; alert(Foo);</script>\n<body>hello\n";
const TEXT: &str = "RaWToKeN   qq  var Foo = \"a\" + \"b\"; alert(Foo);\n";

fn database(lines: &str) -> Arc<Database> {
    let mut sources = Sources::default();
    sources.add_text("test.ldb", lines);
    let built = sources.build(|problem| panic!("{problem:?}")).unwrap();
    Arc::new(Database::from_vec(built.image).unwrap())
}

fn scan(lines: &str, content: &[u8]) -> Report {
    let engine = Engine::new(vec![database(lines)], Limits::default());
    engine.scan("sample", Content::from_vec(content.to_vec()))
}

fn found(lines: &str, content: &[u8]) -> BTreeSet<String> {
    scan(lines, content).findings.into_iter().map(|finding| finding.name.replace(".UNOFFICIAL", "")).collect()
}

fn line(name: &str, conditions: &str, target: u32, text: &str) -> String {
    format!("{name};Engine:51-255,{conditions}Target:{target};0;{}\n", hex::encode(text))
}

fn all_lines() -> String {
    let lines =
        |target| TEXTS.iter().map(move |(name, text)| line(&format!("{target}-{name}"), "", target, text));
    [0, 3, 7].into_iter().flat_map(lines).collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(to_bytes).collect()
}

#[test]
fn each_target_sees_what_it_sees_in_clamscan() {
    let page = [
        "0-folded",
        "0-markup",
        "0-script",
        "0-script-in-markup",
        "3-folded",
        "3-markup",
        "3-script",
        "3-script-in-markup",
        "7-script",
    ];
    let page_as_it_is = [&page[..], &["0-raw"]].concat();
    let text = ["0-folded", "0-raw", "0-text", "7-folded", "7-text"];
    let mail = format!(
        "From: a@b\nTo: c@d\nSubject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=ZZ\n\n--ZZ\n\
         Content-Type: text/plain\n\nRaWToKeN   qq\n\n--ZZ\nContent-Type: text/html\n\n{PAGE}\n--ZZ--\n"
    );
    let lines = all_lines();
    for (sample, expected) in [
        (PAGE.as_bytes().to_vec(), &page_as_it_is[..]),
        (format!("\u{feff}{PAGE}").into_bytes(), &page_as_it_is),
        (utf16(&format!("\u{feff}{PAGE}"), u16::to_le_bytes), &page),
        (utf16(&format!("\u{feff}{PAGE}"), u16::to_be_bytes), &page),
        (utf16(PAGE, u16::to_le_bytes), &page),
        (TEXT.as_bytes().to_vec(), &text),
        (format!("#!/bin/sh\n{TEXT}").into_bytes(), &text),
        (utf16(&format!("\u{feff}{TEXT}"), u16::to_le_bytes), &["0-folded", "0-text", "7-folded", "7-text"]),
        (mail.into_bytes(), &[&page_as_it_is[..], &["7-folded"]].concat()),
    ] {
        assert_eq!(found(&lines, &sample), names(expected), "{}", sample.escape_ascii());
    }
}

#[test]
fn a_form_is_where_the_page_is() {
    let lines = [
        line("root", "Container:CL_TYPE_ANY,", 3, "rawtoken"),
        line("zip", "Container:CL_TYPE_ZIP,", 3, "rawtoken"),
        line("in-html", "Container:CL_TYPE_HTML,", 3, "rawtoken"),
        line("mail", "Container:CL_TYPE_MAIL,", 3, "rawtoken"),
        line("size-of-form", "FileSize:20-150,", 3, "hello"),
    ]
    .concat();
    let page = "<html>                                      RaWToKeN   qq</html>   hello";
    assert_eq!(found(&lines, page.as_bytes()), names(&["root", "size-of-form"]));
    let mail = format!("From: a@b\nTo: c@d\nSubject: x\nContent-Type: text/html\n\n{PAGE}");
    assert_eq!(found(&lines, mail.as_bytes()), names(&["mail", "size-of-form"]));
}

#[test]
fn the_type_of_a_form_does_not_depend_on_its_content() {
    // The text of the page looks like a page again, and the script like a script of a shell.
    let page = "<html>&lt;html&gt;<script>#!/bin/sh</script>";
    let lines = line("html", "", 3, "html") + &line("script", "", 3, "/bin/sh");
    let report = scan(&lines, page.as_bytes());
    let types: Vec<_> = report.objects.iter().map(|seen| (seen.relation, seen.file_type.name())).collect();
    let form = |name| (Relation::Normalized, name);
    let expected = [form("html-normalized"), form("html-normalized"), form("javascript-normalized")];
    assert_eq!(types, [&[(Relation::Root, "html")][..], &expected].concat());
    assert!(report.gaps.is_empty());
}

#[test]
fn no_form_is_made_that_nothing_looks_at() {
    let lines = line("only-for-programs", "", 1, "never there");
    assert_eq!(scan(&lines, TEXT.as_bytes()).objects.len(), 1);
    assert_eq!(scan(&lines, PAGE.as_bytes()).objects.len(), 1);
    let scripts = scan(&line("x", "", 7, "n000=\"ab\""), PAGE.as_bytes());
    let types: Vec<_> = scripts.objects.iter().map(|seen| seen.file_type.name()).collect();
    assert_eq!(types, ["html", "javascript-normalized"]);
}

#[test]
fn forms_that_nothing_is_said_of_are_not_reported() {
    let lines = line("raw", "", 0, "RaWToKeN") + &line("form", "", 3, "never there");
    let report = scan(&lines, PAGE.as_bytes());
    assert_eq!((report.objects.len(), report.findings.len()), (1, 1));
    // What the page has itself is not said again of its forms.
    let report = scan(&line("both", "", 0, "hello"), PAGE.as_bytes());
    assert_eq!((report.objects.len(), report.findings.len()), (1, 1));
}

#[test]
fn forms_cost_no_object_and_no_depth() {
    let limits = Limits { objects: 0, depth: 0, unpacked_bytes: 0, object_bytes: 0, ..Limits::default() };
    let engine = Engine::new(vec![database(&all_lines())], limits);
    let report = engine.scan("sample", Content::from_vec(PAGE.into()));
    assert!(report.gaps.is_empty() && report.objects.len() == 4, "{report:#?}");
}

#[test]
fn patterns_are_found_where_the_pieces_of_a_long_text_meet() {
    let mut text = vec![b'x'; (16 << 20) - 5];
    text.extend_from_slice(b"RaWToKeN   qq");
    text.resize(20 << 20, b'y');
    assert_eq!(found(&line("7", "", 7, "rawtoken qq"), &text), names(&["7"]));
}

#[test]
fn data_addresses_are_objects() {
    let page = "<html><a href='data:text/plain;base64,UmFXVG9LZU4gICBxcQ=='>x</a>";
    let report = scan(&all_lines(), page.as_bytes());
    let part = report.objects.iter().position(|seen| seen.relation == Relation::Part).unwrap();
    assert_eq!((report.objects[part].file_type.name(), report.objects[part].size), ("text", 13));
    assert!(report.findings.iter().any(|finding| finding.name.starts_with("7-folded")));
}
