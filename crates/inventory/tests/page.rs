//! The page for users lists what is read.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use candor_inventory::READERS;

#[test]
fn the_table_has_a_row_for_every_reader_and_no_other() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/inventory.md");
    let page = fs::read_to_string(page).unwrap();
    let table = page.split("| reader |").nth(1).unwrap().split("\n\n").next().unwrap();
    let rows = table.lines().skip(2).filter_map(|row| row.split('|').nth(1));
    let listed: Vec<&str> = rows.map(str::trim).collect();
    let names: BTreeSet<&str> = READERS.iter().map(|reader| reader.name()).collect();
    assert_eq!(names.len(), READERS.len(), "two readers have one name");
    assert_eq!(listed.iter().copied().collect::<BTreeSet<&str>>(), names);
    assert_eq!(listed.len(), names.len());
}
