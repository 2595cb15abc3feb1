//! What was put into documents comes out of them byte by byte.

use candor_object::{Budget, Content, Limits};

use super::{DisplacedPdf, Pdf};
use crate::{Collector, Format, Glimpse};

/// What the samples hold: `crates/formats/tests/make/pdf.py`.
const PAYLOAD: &[u8] =
    b"A harmless payload of a test, which has to come out byte by byte.\r\n\x00\x01\xfe\xff";

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!("../../tests/golden/pdf/", $name)).as_slice()
    };
}

fn opened(bytes: &[u8]) -> Collector {
    let sink = Collector::new(Budget::new(&Limits::default(), bytes.len() as u64));
    let mut sink = sink.with_passwords(&["wrong", "infected"]);
    Pdf.open(&Content::from_vec(bytes.to_vec()), &mut sink).unwrap();
    sink
}

#[test]
fn an_embedded_file_comes_out_byte_by_byte() {
    for (bytes, name) in [
        (sample!("embedded.pdf"), "p\u{e4}yload.bin"),
        (sample!("displaced.pdf"), "p\u{e4}yload.bin"),
        (sample!("not-encrypted.pdf"), "p\u{e4}yload.bin"),
        (sample!("hidden.pdf"), "p\u{e4}yload.bin"),
        (sample!("streams.pdf"), "inner.txt"),
        (sample!("qpdf-streams.pdf"), "p\u{e4}yload.bin"),
        (sample!("qpdf-linearized.pdf"), "p\u{e4}yload.bin"),
        (sample!("qpdf-rc4-40.pdf"), "p\u{e4}yload.bin"),
        (sample!("qpdf-rc4-128.pdf"), "p\u{e4}yload.bin"),
        (sample!("qpdf-aes-128.pdf"), "p\u{e4}yload.bin"),
        (sample!("qpdf-aes-128-metadata.pdf"), "p\u{e4}yload.bin"),
        (sample!("qpdf-aes-256-r5.pdf"), "p\u{e4}yload.bin"),
        (sample!("qpdf-aes-256-r6.pdf"), "p\u{e4}yload.bin"),
        (sample!("qpdf-password-r3.pdf"), "p\u{e4}yload.bin"),
        (sample!("qpdf-password-r6.pdf"), "p\u{e4}yload.bin"),
        (sample!("qpdf-owner-r3.pdf"), "p\u{e4}yload.bin"),
        (sample!("qpdf-owner-r6.pdf"), "p\u{e4}yload.bin"),
    ] {
        assert!(memchr::memmem::find(bytes, PAYLOAD).is_none(), "it is not hidden");
        let sink = opened(bytes);
        let file = sink.children.iter().find(|child| child.name == name).unwrap();
        assert_eq!(file.content.as_slice().unwrap(), PAYLOAD.repeat(3));
        assert!(sink.children.iter().any(|child| child.name.starts_with("javascript")));
    }
}

#[test]
fn a_document_reads_the_same_from_memory_and_from_a_device() {
    struct Device(Vec<u8>);
    impl candor_object::Source for Device {
        fn size(&self) -> u64 {
            self.0.len() as u64
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
            let rest = &self.0[offset as usize..];
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        }
    }
    for bytes in
        [sample!("nasty.pdf"), sample!("filters.pdf"), sample!("lengths.pdf"), sample!("streams.pdf")]
    {
        let memory = opened(bytes);
        let mut device = Collector::new(Budget::new(&Limits::default(), 0));
        let source = std::sync::Arc::new(Device(bytes.to_vec()));
        Pdf.open(&Content::from_source(source), &mut device).unwrap();
        let all = |sink: &Collector| {
            let bytes = |content: &Content| content.window(0, usize::MAX).unwrap().into_owned();
            sink.children.iter().map(|child| (child.name.clone(), bytes(&child.content))).collect::<Vec<_>>()
        };
        assert_eq!(all(&memory), all(&device));
        assert_eq!(memory.gaps, device.gaps);
    }
}

#[test]
fn what_is_no_document_is_not_in_itself() {
    let sink = opened(b"#!/bin/sh\nnothing of a document, whatever magic says of it\n");
    assert!(sink.children.is_empty() && sink.gaps.len() == 1);
}

#[test]
fn texts_about_documents_are_none() {
    let recognised = |head: &[u8]| {
        DisplacedPdf.recognises(&Glimpse { head, deep: head, tail: head, size: head.len() as u64 })
    };
    assert!(recognised(b"junk %PDF-1.4\n1 0 obj <<>>"));
    assert!(!recognised(b"A document begins with %PDF-1.4."));
    assert!(!recognised(b"A document begins with %PDF- and has 1 0 obj <<>>."));
}

#[test]
fn thousands_of_unclosed_values_and_streams_end_soon() {
    let started = std::time::Instant::now();
    for part in [
        "1 0 obj (",
        "1 0 obj <<",
        "1 0 obj [",
        "1 0 obj <</Length 9>> stream\n",
        "xref 0 1 trailer <<",
        "1 0 obj <</JS 1 0 R/Filter 1 0 R>> stream\n",
    ] {
        let bytes = [&b"%PDF-1.7\n"[..], &part.as_bytes().repeat(20_000)].concat();
        let limits = Limits { objects: 500, ..Limits::default() };
        let mut sink = Collector::new(Budget::new(&limits, bytes.len() as u64));
        let _ = Pdf.open(&Content::from_vec(bytes), &mut sink);
        assert!(started.elapsed() < std::time::Duration::from_secs(60), "{part}");
    }
}
