//! Compound files that a writer makes here, whole and damaged.

use candor_object::{Budget, Content, Limits, Reason};
use proptest::prelude::*;

use super::Ole2;
use crate::{Collector, Format, file_type};

const FREE: u32 = 0xffff_ffff;
const END: u32 = 0xffff_fffe;
const TABLE: u32 = 0xffff_fffd;

/// A macro's source that does nothing.
const SOURCE: &[u8] =
    b"Attribute VB_Name = \"M\"\r\nSub  Hello()\r\n\tMsgBox \"Hi  There\", _\r\n  1\r\nEnd Sub\r\n";

/// A stream: its storages and name with slashes between them, and its bytes.
type Streams<'a> = &'a [(&'a str, Vec<u8>)];

/// Packs without looking for repetitions.
fn packed(text: &[u8]) -> Vec<u8> {
    let mut out = vec![1];
    for chunk in text.chunks(3600) {
        let body: Vec<u8> = chunk.chunks(8).flat_map(|group| [&[0][..], group].concat()).collect();
        out.extend((0xb000 | u16::try_from(body.len() - 1).unwrap()).to_le_bytes());
        out.extend(body);
    }
    out
}

fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    let size = u32::try_from(data.len()).unwrap();
    [&kind.to_le_bytes()[..], &size.to_le_bytes(), data].concat()
}

/// The stream `dir` of a project with these modules, whose sources begin at an offset.
fn dir(modules: &[&str], offset: u32) -> Vec<u8> {
    let mut dir = record(3, &1252_u16.to_le_bytes());
    dir.extend(b"\x09\0\x04\0\0\0\x01\0\0\0\x01\0");
    for module in modules {
        dir.extend(record(0x19, module.as_bytes()));
        dir.extend(record(0x1a, module.as_bytes()));
        dir.extend(record(0x31, &offset.to_le_bytes()));
        dir.extend(record(0x2b, b""));
    }
    packed(&dir)
}

/// Writes a compound file of version 3 with one storage for each level of the first stream's path.
fn written(streams: Streams<'_>) -> Vec<u8> {
    let mut sectors: Vec<Vec<u8>> = Vec::new();
    let mut chains: Vec<u32> = Vec::new();
    let mut put = |bytes: &[u8]| {
        let start = chains.len();
        for part in bytes.chunks(512) {
            chains.push(u32::try_from(chains.len() + 1).unwrap());
            sectors.push([part, &vec![0; 512 - part.len()]].concat());
        }
        match chains.last_mut() {
            Some(last) if !bytes.is_empty() => *last = END,
            _ => return END,
        }
        u32::try_from(start).unwrap()
    };
    let (mut mini, mut mini_chains) = (Vec::new(), Vec::<u32>::new());
    // Name, kind, first sector, size, right, child.
    let mut entries = vec![("Root Entry".to_owned(), 5_u8, END, 0, FREE, FREE)];
    let mut storages = std::collections::HashMap::from([(String::new(), 0_usize)]);
    for (path, bytes) in streams {
        let (mut around, mut before) = (0, String::new());
        for part in path.split('/') {
            let whole = if before.is_empty() { part.to_owned() } else { format!("{before}/{part}") };
            let is_stream = whole == *path;
            if is_stream || !storages.contains_key(&whole) {
                let (start, size) = match bytes.len() {
                    _ if !is_stream => (END, 0),
                    size if size >= 4096 => (put(bytes), size),
                    size => {
                        let start = u32::try_from(mini_chains.len()).unwrap();
                        for part in bytes.chunks(64) {
                            mini_chains.push(u32::try_from(mini_chains.len() + 1).unwrap());
                            mini.extend([part, &vec![0; 64 - part.len()]].concat());
                        }
                        if let Some(last) = mini_chains.last_mut().filter(|_| size > 0) {
                            *last = END;
                        }
                        (start, size)
                    }
                };
                let right = entries[around].5;
                entries[around].5 = u32::try_from(entries.len()).unwrap();
                storages.insert(whole.clone(), entries.len());
                entries.push((part.to_owned(), if is_stream { 2 } else { 1 }, start, size, right, FREE));
            }
            around = storages[&whole];
            before = whole;
        }
    }
    entries[0].2 = put(&mini);
    entries[0].3 = mini.len();
    mini_chains.resize(mini_chains.len().next_multiple_of(128), FREE);
    let mini_table: Vec<u8> = mini_chains.iter().flat_map(|next| next.to_le_bytes()).collect();
    let mini_start = put(&mini_table);
    let mut directory = Vec::new();
    for (name, kind, start, size, right, child) in entries {
        let name: Vec<u8> = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        directory.extend(&name);
        directory.resize(directory.len() + 64 - name.len(), 0);
        directory.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        directory.extend([kind, 1]);
        directory.extend([FREE, right, child].map(u32::to_le_bytes).concat());
        directory.extend([0; 36]);
        directory.extend(start.to_le_bytes());
        directory.extend((size as u64).to_le_bytes());
    }
    let directory_start = put(&directory);
    let table = chains.len();
    assert!(table < 128);
    chains.push(TABLE);
    chains.resize(128, FREE);
    sectors.push(chains.iter().flat_map(|next| next.to_le_bytes()).collect());
    let mut header = super::MAGIC.to_vec();
    header.extend([0; 16]);
    header.extend([0x3e_u16, 3, 0xfffe, 9, 6].map(u16::to_le_bytes).concat());
    header.extend([0; 6]);
    let mini_sectors = u32::try_from(mini_table.len() / 512).unwrap();
    header.extend(
        [0, 1, directory_start, 0, 4096, mini_start, mini_sectors, END, 0, u32::try_from(table).unwrap()]
            .map(u32::to_le_bytes)
            .concat(),
    );
    header.resize(512, 0xff);
    header.into_iter().chain(sectors.concat()).collect()
}

fn opened(bytes: &[u8]) -> Collector {
    let content = Content::from_vec(bytes.to_vec());
    let mut sink = Collector::new(Budget::new(&Limits::default(), content.size()));
    Ole2.open(&content, &mut sink).unwrap();
    sink
}

fn bytes_of<'s>(sink: &'s Collector, name: &str, form: bool) -> Option<&'s [u8]> {
    let mut all = sink.children.iter();
    all.find(|child| child.name == name && child.file_type.is_some() == form)?.content.as_slice()
}

fn document(offset: usize) -> Vec<u8> {
    let module = [vec![b'p'; offset], packed(SOURCE)].concat();
    written(&[
        ("WordDocument", b"\xec\xa5\xc1\0\0\0\0\0\0\0\0\0".to_vec()),
        ("Macros/VBA/dir", dir(&["M"], u32::try_from(offset).unwrap())),
        ("Macros/VBA/M", module),
        ("Data", (0..9000_u32).map(|byte| byte as u8).collect()),
    ])
}

#[test]
fn streams_and_macros_come_out() {
    for offset in [0, 1000] {
        let bytes = document(offset);
        assert_eq!(file_type(&Content::from_vec(bytes.clone())).unwrap().name(), "ole2");
        let sink = opened(&bytes);
        assert_eq!(sink.gaps, []);
        let names: Vec<&str> = sink.children.iter().map(|child| child.name.as_str()).collect();
        let module = "Macros/VBA/M.vba";
        let project = "Macros/VBA";
        assert_eq!(names, ["WordDocument", "Macros/VBA/dir", "Macros/VBA/M", "Data", module, project]);
        let data: Vec<u8> = (0..9000_u32).map(|byte| byte as u8).collect();
        assert_eq!(bytes_of(&sink, "Data", false), Some(&data[..]));
        assert_eq!(bytes_of(&sink, module, false), Some(SOURCE));
        // As `sigtool --vba` 1.4.6 prints such a source.
        let normalised = b"attribute vb_name = \"M\"\nsub hello()\n msgbox \"Hi  There\", 1\nend sub\n\n";
        assert_eq!(bytes_of(&sink, project, true), Some(&normalised[..]));
    }
}

#[test]
fn a_source_that_nothing_leads_to_is_found_by_its_beginning() {
    let hidden = [b"junk".to_vec(), packed(SOURCE)].concat();
    let sink = opened(&written(&[("VBA/dir", b"broken".to_vec()), ("VBA/Hidden", hidden)]));
    assert_eq!(bytes_of(&sink, "VBA/Hidden.vba", false), Some(SOURCE));
    assert!(sink.gaps.iter().any(|(reason, _)| *reason == Reason::Damaged));
}

#[test]
fn macros_of_a_project_are_together_in_its_order() {
    let sink = opened(&written(&[
        ("VBA/dir", dir(&["B", "A"], 0)),
        ("VBA/A", packed(b"Attribute A")),
        ("VBA/Hidden", packed(b"Attribute Hidden")),
        ("VBA/B", packed(b"Attribute B")),
    ]));
    let all = b"attribute b\nattribute a\nattribute hidden\n";
    assert_eq!(bytes_of(&sink, "VBA", true), Some(&all[..]));
}

#[test]
fn macros_of_excel_4_are_text() {
    let sink = opened(include_bytes!("../../tests/golden/ole2/xlm.xls"));
    let text = String::from_utf8(bytes_of(&sink, "Workbook.xlm", false).unwrap().to_vec()).unwrap();
    let expected = [
        "name Auto_Open = Macro1!A1",
        "macro sheet \"Macro1\"",
        "Macro1!A1: =EXEC(\"calc\")",
        "Macro1!A1: was \"33\"",
        "Macro1!A2: =CALL(\"Kernel32\",\"Sleep\",\"JJ\",1)",
        "Macro1!A3: =RUN(Macro1!C2)",
        "Macro1!A4: =HALT()",
        "Macro1!B5: \"//example.com/a\"",
        "Macro1!A6: 99.5",
        "Macro1!A7: 104",
        "Macro1!A8: 105 106",
        "Macro1!A9: =1 (unknown token)",
        "Sheet1!A1: \"http:\"",
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn an_encrypted_document_is_a_gap() {
    let word = b"\xec\xa5\xc1\0\0\0\0\0\0\0\0\x01".to_vec();
    for (name, bytes) in [("EncryptedPackage", b"x".to_vec()), ("WordDocument", word)] {
        let gaps = opened(&written(&[(name, bytes)])).gaps;
        assert_eq!(gaps.first().map(|gap| gap.0), Some(Reason::Encrypted), "{name}");
    }
}

#[test]
fn what_is_cut_or_runs_in_a_circle_is_a_gap() {
    let whole = written(&[("Data", vec![7; 9000])]);
    let cut = opened(&whole[..6000]);
    assert!(!cut.gaps.is_empty());
    let mut circle = whole.clone();
    // The table of chains is the last sector; the data is sectors 0 to 17.
    let table = whole.len() - 512;
    circle[table..table + 4].copy_from_slice(&0_u32.to_le_bytes());
    let directory_entry = whole.windows(8).position(|bytes| bytes == b"D\0a\0t\0a\0").unwrap();
    circle[directory_entry + 120..directory_entry + 124].copy_from_slice(&u32::MAX.to_le_bytes());
    let sink = opened(&circle);
    assert!(sink.gaps.iter().any(|(_, detail)| detail.contains("circle")), "{:?}", sink.gaps);
}

proptest! {
    #[test]
    fn damage_is_harmless(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
        let mut bytes = document(3);
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        let _ = opened(&bytes);
    }

    #[test]
    fn normalising_drops_no_letter(text in prop::collection::vec(prop::sample::select(b"aB_ \"\t\r\n".to_vec()), 0..60)) {
        let count = |bytes: &[u8]| bytes.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
        prop_assert_eq!(count(&super::macros::normalised(&text)), count(&text));
    }
}
