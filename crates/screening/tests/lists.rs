//! Lists in every format that is read, with what is wrong in them, against what is to come of it.
//! `CANDOR_BLESS=1` writes what came of it; look at the difference before you believe it.

use std::fmt::Write as _;
use std::path::Path;

use candor_screening::lists::{self, Read};

fn told(read: &Read) -> String {
    let mut text = format!("{:?}, made {}\n", read.kind, read.date.as_deref().unwrap_or("-"));
    for entry in &read.entries {
        let _ =
            writeln!(text, "\n{} [{}] {:?}: {}", entry.id, entry.list, entry.kind, entry.names.join(" | "));
        let more = [
            ("countries", &entry.countries),
            ("addresses", &entry.addresses),
            ("born", &entry.born),
            ("programs", &entry.programs),
        ];
        for (what, values) in more.into_iter().filter(|(_, values)| !values.is_empty()) {
            let _ = writeln!(text, "  {what}: {}", values.join(" | "));
        }
        for (what, value) in [("source", &entry.source), ("remarks", &entry.remarks)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
        {
            let _ = writeln!(text, "  {what}: {value}");
        }
    }
    for problem in &read.problems {
        let file = Path::new(&problem.file).file_name().unwrap_or_default();
        let _ = writeln!(text, "\nproblem {}:{}: {}", file.display(), problem.line, problem.reason);
    }
    text
}

#[test]
fn lists_are_read_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lists");
    let mut wrong = Vec::new();
    let names = [
        "consolidated.csv",
        "consolidated.json",
        "supplement-4.xml",
        "entity-list.csv",
        "sdn.xml",
        "sdn_advanced.xml",
        "sdn.csv",
        "own.csv",
        "own.toml",
    ];
    for name in names {
        let read = lists::read(&folder.join(name)).unwrap();
        let (told, expected) = (told(&read), folder.join(format!("{name}.expected")));
        if std::env::var_os("CANDOR_BLESS").is_some() {
            std::fs::write(&expected, &told).unwrap();
        }
        if std::fs::read_to_string(&expected).unwrap_or_default() != told {
            wrong.push(format!("{name}:\n{told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each format names all twelve persons and three companies that it is about.
#[test]
fn the_public_facts_are_the_same_in_all_formats() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lists");
    let names = |file: &str| -> Vec<String> {
        let read = lists::read(&folder.join(file)).unwrap();
        let names = read
            .entries
            .iter()
            .filter(|entry| entry.programs == ["RUSSIA-EO14024"] || entry.source.starts_with("89 FR 52362"));
        let mut names: Vec<String> = names.map(|entry| entry.names[0].to_lowercase()).collect();
        names.sort();
        names
    };
    let consolidated = names("consolidated.csv");
    assert_eq!(consolidated.len(), 15);
    assert_eq!(names("consolidated.json"), consolidated);
    let listed = names("supplement-4.xml");
    assert_eq!(listed, names("entity-list.csv"));
    let persons: Vec<String> = consolidated.iter().filter(|name| !listed.contains(name)).cloned().collect();
    assert_eq!((listed.len(), persons.len()), (3, 12));
    for file in ["sdn.xml", "sdn_advanced.xml", "sdn.csv"] {
        assert_eq!(names(file), persons, "{file}");
    }
}

#[test]
fn what_is_no_list_is_refused() {
    for content in [&b""[..], b"\x7fELF", b"<html></html>", b"a,b\n1,2\n", b"{}"] {
        assert!(lists::read_bytes("x", content).is_err(), "{content:?}");
    }
    assert!(lists::read(Path::new("/dev/null")).is_err());
}
