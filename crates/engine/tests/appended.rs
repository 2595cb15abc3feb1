//! What is two files in one is scanned as both: an archive behind a script neither hides the script nor itself.

use std::sync::Arc;

use candor_detect::logical::{Expression, LogicalSignature, Outcome};
use candor_detect::magic::MagicSignature;
use candor_detect::pattern::{Element, Group, Pattern, Place};
use candor_detect::switch::Switches;
use candor_engine::{Compiler, Content, Database, Engine, Limits};

/// A signature for a text of a file type.
fn signature(name: &str, file_type: &str, text: &str) -> LogicalSignature {
    let elements = text.bytes().map(Element::literal).collect();
    let pattern = Pattern { place: Place::ANYWHERE, groups: vec![Group { gap: 0, elements }] };
    LogicalSignature {
        types: vec![file_type.into()],
        ..LogicalSignature::new(name, "test.ldb", Expression::Pattern(0), vec![pattern])
    }
}

/// A zip archive of one stored member.
fn zip(name: &str, content: &[u8]) -> Vec<u8> {
    let sizes =
        [u32::to_le_bytes(0), (content.len() as u32).to_le_bytes(), (content.len() as u32).to_le_bytes()];
    let lengths = [(name.len() as u16).to_le_bytes(), [0, 0]].concat();
    let common = [&[10, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &sizes.concat(), &lengths].concat();
    let mut archive = [b"PK\x03\x04", common.as_slice(), name.as_bytes(), content].concat();
    let directory = [b"PK\x01\x02\x0a\x00", common.as_slice(), &[0; 14], name.as_bytes()].concat();
    let end = [
        &b"PK\x05\x06\0\0\0\0\x01\0\x01\0"[..],
        &(directory.len() as u32).to_le_bytes(),
        &(archive.len() as u32).to_le_bytes(),
        &[0, 0],
    ];
    archive.extend_from_slice(&directory);
    archive.extend_from_slice(&end.concat());
    archive
}

#[test]
fn an_archive_behind_a_script_a_picture_and_a_document() {
    let mut compiler = Compiler::default();
    compiler.logical(&signature("Script", "script", "do something bad"));
    compiler.logical(&signature("Member", "text", "hidden in the archive"));
    let database = Database::from_vec(compiler.finish()).unwrap();
    let engine = Engine::new(vec![Arc::new(database)], Limits::default());
    let archive = zip("member.txt", b"hidden in the archive");
    let names = |front: &[u8]| {
        let report = engine.scan("two", Content::from_vec([front, &archive].concat()));
        let names: Vec<String> = report.findings.iter().map(|finding| finding.name.clone()).collect();
        (report.objects[0].file_type.name(), names, report.gaps.len())
    };
    let script = names(b"#!/bin/sh\ndo something bad\nexit\n");
    assert_eq!((script.0, script.2), ("script", 0));
    assert!(script.1.contains(&"Script".to_owned()) && script.1.contains(&"Member".to_owned()), "{script:?}");
    let picture = names(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR");
    assert_eq!((picture.0, picture.2), ("png", 0));
    assert!(picture.1.contains(&"Member".to_owned()));
    let document = names(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n");
    assert_eq!((document.0, document.2), ("pdf", 1));
    assert!(document.1.contains(&"Member".to_owned()));
    assert_eq!(names(b"\0\x01\x02 nothing that is known").0, "zip");
}

#[test]
fn a_mail_whose_header_makes_it_an_archive() {
    let mut compiler = Compiler::default();
    compiler.logical(&signature("Attached", "text", "hidden in the mail"));
    let database = Database::from_vec(compiler.finish()).unwrap();
    let engine = Engine::new(vec![Arc::new(database)], Limits::default());
    let mut mail =
        b"Received: from a by b; Thu, 1 Jan 1970 00:00:00 +0000\nFrom: a@example.org\nTo: b@example.org\n\
        MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\nX-Padding: "
            .to_vec();
    mail.resize(257, b' ');
    mail.extend_from_slice(b"ustar\x0000\nSubject: a\n\n--b\nContent-Transfer-Encoding: base64\n\n");
    mail.extend_from_slice(b"aGlkZGVuIGluIHRoZSBtYWls\n--b--\n");
    // A tar archive has whole blocks.
    mail.resize(1024, b'\n');
    let report = engine.scan("mail", Content::from_vec(mail));
    assert_eq!(report.objects[0].file_type.name(), "tar");
    assert!(report.findings.iter().any(|finding| finding.name == "Attached"), "{report:#?}");
}

#[test]
fn what_is_switched_off_is_a_gap_and_hides_nothing_else() {
    let mut compiler = Compiler::default();
    compiler.logical(&signature("Member", "text", "hidden in the archive"));
    compiler.logical(&signature("Script", "script", "do something bad"));
    let off = vec!["zip"];
    compiler.switches(&Switches { category: "ARCHIVE", off, source: "daily.cfg", line: 7 });
    let database = Database::from_vec(compiler.finish()).unwrap();
    let engine = Engine::new(vec![Arc::new(database)], Limits::default());
    let archive = zip("member.txt", b"hidden in the archive");
    let report = engine.scan("off", Content::from_vec(archive.clone()));
    assert!(report.findings.is_empty() && report.objects.len() == 1);
    assert_eq!(report.gaps.len(), 1);
    assert_eq!(report.gaps[0].detail, "zip is not opened: switched off by daily.cfg line 7");
    let behind = [b"#!/bin/sh\ndo something bad\nexit\n".to_vec(), archive].concat();
    let report = engine.scan("behind", Content::from_vec(behind));
    assert!(report.findings.iter().any(|finding| finding.name == "Script"), "{report:#?}");
    assert_eq!(report.gaps.len(), 1);
}

/// A database with magic for these bytes at the start, and signatures for what a text and a zip hold.
fn magic(bytes: &[u8], file_type: &str) -> Engine {
    let mut compiler = Compiler::default();
    compiler.logical(&signature("Member", "text", "hidden in the archive"));
    compiler.logical(&signature("Told", file_type, "do something bad"));
    compiler.logical(&signature("Any", "script", "do something bad"));
    assert!(compiler.magic(&MagicSignature { offset: 0, bytes: bytes.to_vec(), file_type }));
    Engine::new(vec![Arc::new(Database::from_vec(compiler.finish()).unwrap())], Limits::default())
}

#[test]
fn magic_comes_first_and_hides_nothing() {
    let engine = magic(b"#!/bin", "pdf");
    let archive = zip("member.txt", b"hidden in the archive");
    let content = [&b"#!/bin/sh\ndo something bad\nexit\n"[..], &archive].concat();
    let report = engine.scan("two", Content::from_vec(content));
    assert_eq!(report.objects[0].file_type.name(), "pdf");
    let names: Vec<&str> = report.findings.iter().map(|finding| finding.name.as_str()).collect();
    assert_eq!(names, ["Told", "Any", "Member"]);
    assert_eq!(report.objects.iter().filter(|seen| seen.name == "member.txt").count(), 1);
    // What the type hides is a gap, once.
    assert_eq!(report.gaps.len(), 1, "{report:#?}");
    let other = engine.scan("other", Content::from_vec(b"#?/bin/sh\ndo something bad\n".to_vec()));
    assert_eq!(other.objects[0].file_type.name(), "text");
}

#[test]
fn what_begins_within_is_opened_a_few_times_and_not_again_in_itself() {
    let mut compiler = Compiler::default();
    compiler.logical(&signature("Member", "text", "hidden in the archive"));
    let begins = LogicalSignature {
        outcome: Outcome::Embedded("zip".to_owned()),
        ..signature("Begins", "data", "PK\x03\x04")
    };
    compiler.logical(&LogicalSignature { types: Vec::new(), ..begins });
    let engine =
        Engine::new(vec![Arc::new(Database::from_vec(compiler.finish()).unwrap())], Limits::default());
    let archive = zip("member.txt", b"hidden in the archive");
    let noise: Vec<u8> = (0..5000_u32).map(|place| ((place * 7919) >> 3) as u8 & 7).collect();
    let report = engine.scan("one", Content::from_vec([&noise[..], &archive, &noise.repeat(40)].concat()));
    assert_eq!(report.objects[0].file_type.name(), "data");
    assert_eq!(report.objects[1].name, "offset 5000");
    assert!(report.findings.iter().any(|finding| finding.name == "Member"), "{report:#?}");
    let many = [&noise[..], &archive].concat().repeat(50);
    let report = engine.scan("many", Content::from_vec([&many[..], &noise.repeat(40)].concat()));
    let begins = report.objects.iter().filter(|seen| seen.name.starts_with("offset ")).count();
    assert_eq!(begins, 10);
}
