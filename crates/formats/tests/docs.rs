//! What docs/formats.md says of types and of what ClamAV finds is so.

#![expect(clippy::disallowed_methods, reason = "the test reads documents; the formats read nothing")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use candor_formats::{formats, is_opened};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
}

/// The names in backticks.
fn names(text: &str) -> BTreeSet<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// A section without its title.
fn section<'a>(text: &'a str, title: &str) -> &'a str {
    let start = text.find(&format!("\n## {title}\n")).unwrap();
    let body = &text[start + 1..];
    &body[..body[1..].find("\n## ").map_or(body.len(), |end| end + 1)]
}

/// The types in the first columns of tables; forms have a table of their own behind them.
fn rows(text: &str) -> Vec<&str> {
    let types = text.lines().take_while(|line| *line != "## Normalized forms");
    types.filter_map(|line| line.strip_prefix("| `")?.split(" |").next()).flat_map(named).collect()
}

fn named(first: &str) -> impl Iterator<Item = &str> {
    first.split("`, `").map(|name| name.trim_end_matches('`'))
}

#[test]
fn every_type_is_told_of() {
    let text = read("docs/formats.md");
    let (listed, only_named) = (rows(&text), names(section(&text, "Types that are only named")));
    let rows: BTreeSet<&str> = listed.iter().copied().collect();
    assert_eq!(rows.len(), listed.len(), "a type has two rows: {listed:?}");
    for format in formats() {
        let name = format.file_type().name();
        assert!(rows.contains(name) || only_named.contains(name), "nothing is told of {name}");
        // Most kinds of vmdk are opened.
        let is_false = is_opened(name) && only_named.contains(name) && name != "vmdk";
        assert!(!is_false, "{name} is opened");
    }
    let known: BTreeSet<&str> = formats().map(|format| format.file_type().name()).collect();
    let strange: Vec<_> = rows.difference(&known).collect();
    assert_eq!(strange, [&""; 0], "rows of types that do not exist");
}

/// `7z-bzip2` is of `7z`: the longest type that a wrapper's name begins with, else its first word.
fn family(wrapper: &str) -> &str {
    wrapper.split('-').next().unwrap_or(wrapper)
}

#[test]
fn what_clamav_finds_is_as_measured() {
    let table = read("tests/wrap/table.tsv");
    let mut families: BTreeMap<&str, [Vec<&str>; 4]> = BTreeMap::new();
    let mut nests = [0_usize; 4];
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let [wrapper, candor, clamscan] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let place = match (candor == "yes", clamscan == "yes") {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        if wrapper.contains(" in ") {
            nests[place] += 1;
        } else {
            families.entry(family(wrapper)).or_default()[place].push(wrapper);
        }
    }
    let mut lines = String::from(
        "| packed by | both find | only Candor finds | only `clamscan` finds | neither finds |\n|---|---|---|---|---|\n",
    );
    for (family, places) in &families {
        let cells = places.each_ref().map(|wrappers| match wrappers.as_slice() {
            [] => String::from("–"),
            wrappers => wrappers.join(", "),
        });
        lines += &format!("| {family} | {} |\n", cells.join(" | "));
    }
    let [both, ours, theirs, none] = nests;
    lines += &format!("| three of them in each other, by chance | {both} | {ours} | {theirs} | {none} |\n");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats.md");
    let text = fs::read_to_string(&path).unwrap();
    let start = text.find("<!-- wrapped -->\n").unwrap() + "<!-- wrapped -->\n".len();
    let end = start + text[start..].find("\n## ").unwrap();
    let expected = format!("\n{lines}");
    if std::env::var_os("INSTA_UPDATE").is_some_and(|how| how == "always") {
        fs::write(&path, [&text[..start], &expected, &text[end..]].concat()).unwrap();
    } else {
        assert_eq!(
            &text[start..end],
            expected,
            "INSTA_UPDATE=always cargo test -p candor-formats --test docs"
        );
    }
}
