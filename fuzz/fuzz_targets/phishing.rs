//! Lists about links read the first lines of the input, and a mail whose page is the rest is judged by them.
#![no_main]

use std::sync::Arc;

use candor_engine::{Content, Database, Engine, Limits};
use candor_signatures::Sources;
use libfuzzer_sys::fuzz_target;

/// Lines that all pages are judged by, so that most inputs come to the end of the chain.
const LISTS: &[(&str, &str)] = &[
    ("known.pdb", "H:paypal.com\nR:.+:.*bank\\.(com|de)\n"),
    ("known.wdb", "M:evil.org:paypal.com\nX:.+\\.org([/?].*)?:.+\\.com([/?].*)?\n"),
    ("known.gdb", "S1:F:af983cae1ae76c24880776ff30cee5f6fd05b07f82af01c155e91fccaf8f4ade\n"),
];

fuzz_target!(|input: &[u8]| {
    let Some(end) = input.windows(2).position(|bytes| bytes == b"\n\n") else { return };
    let (lines, page) = input.split_at(end);
    let mut sources = Sources::default();
    for (name, text) in LISTS {
        sources.add_text(name, text);
    }
    for extension in ["pdb", "wdb", "gdb"] {
        sources.add_text(&format!("fuzz.{extension}"), &String::from_utf8_lossy(lines));
    }
    let built = sources.build(|problem| drop(problem.to_string())).unwrap();
    let database = Arc::new(Database::from_vec(built.image).unwrap());
    let mail = [b"From: a@b.c\nTo: d@e.f\nSubject: x\nContent-Type: text/html\n\n<html>".as_slice(), page].concat();
    let report = Engine::new(vec![database], Limits::default()).scan("fuzz", Content::from_vec(mail));
    // A page says each thing once, whatever the number of its links.
    for (number, one) in report.findings.iter().enumerate() {
        let same = |other: &candor_engine::Finding| {
            (other.object, &other.name, other.category) == (one.object, &one.name, one.category)
        };
        assert!(one.detector != "phishing" || !report.findings.iter().skip(number + 1).any(same));
    }
});
