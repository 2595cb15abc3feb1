//! Documents that real tools encrypted: see tests/make/office_encryption.py.

use candor_object::{Budget, Content, Limits, Reason};

use crate::ole2::Ole2;
use crate::{Collector, Format};

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/golden/ole2/", $name))
    };
}

fn opened(sample: &[u8]) -> Collector {
    let sink = Collector::new(Budget::new(&Limits::default(), 0));
    let mut sink = sink.with_passwords(&["wrong", "infected"]);
    Ole2.open(&Content::from_vec(sample.to_vec()), &mut sink).unwrap();
    sink
}

fn decrypted(sink: &Collector) -> Vec<Vec<u8>> {
    let children = sink.children.iter().filter(|child| child.name.ends_with("(decrypted)"));
    children.map(|child| child.content.window(0, usize::MAX).unwrap().into_owned()).collect()
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    memchr::memmem::find(bytes, text).is_some()
}

#[test]
fn packages_are_zips_again() {
    let agile = [&sample!("agile-velvet.docx")[..], sample!("agile-infected.docx")];
    let standard = [&sample!("standard-256-velvet.docx")[..], sample!("standard-infected.docx")];
    for sample in agile.into_iter().chain(standard) {
        let sink = opened(sample);
        let [package] = decrypted(&sink).try_into().unwrap();
        assert!(package.starts_with(b"PK\x03\x04"));
        // The end record without a comment is the last thing.
        assert_eq!(package.len() - 22, package.windows(4).rposition(|four| four == b"PK\x05\x06").unwrap());
        assert!(sink.gaps.is_empty(), "{:?}", sink.gaps);
        assert_eq!(sink.anomalies.len(), 1);
    }
    for sample in [&sample!("agile-unknown.docx")[..], sample!("standard-unknown.docx")] {
        let sink = opened(sample);
        assert!(decrypted(&sink).is_empty());
        assert_eq!(sink.gaps[0].0, Reason::Encrypted);
    }
}

#[test]
fn obfuscated_workbooks_are_plain_again() {
    for sample in [&sample!("xor-velvet.xls")[..], sample!("xor-infected.xls")] {
        let sink = opened(sample);
        let [workbook] = decrypted(&sink).try_into().unwrap();
        assert!(holds(&workbook, b"harmless text in a workbook"));
        assert!(sink.gaps.is_empty(), "{:?}", sink.gaps);
    }
}

#[test]
fn streams_with_rc4_are_plain_again() {
    for sample in [&sample!("rc4-velvet.xls")[..], sample!("cryptoapi-velvet.xls")] {
        let sink = opened(sample);
        let [workbook] = decrypted(&sink).try_into().unwrap();
        assert_eq!(memchr::memmem::find_iter(&workbook, b"harmless text in a workbook").count(), 96);
        assert!(sink.gaps.is_empty(), "{:?}", sink.gaps);
    }
    for sample in [&sample!("rc4-infected.doc")[..], sample!("cryptoapi-infected.doc")] {
        let sink = opened(sample);
        let [main, table] = decrypted(&sink).try_into().unwrap();
        assert_eq!(memchr::memmem::find_iter(&main, b"harmless text of a document").count(), 60);
        assert_eq!(memchr::memmem::find_iter(&table, b"harmless table").count(), 30);
        assert!(sink.gaps.is_empty(), "{:?}", sink.gaps);
    }
}
