//! Lists of parties in all formats, files of owners and indexes: none panics, and what is kept is bounded.
#![no_main]

use candor_screening::index::Index;
use candor_screening::lists::{MOST_PROBLEMS, read_bytes};
use candor_screening::ownership::Owners;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(read) = read_bytes("fuzz", input) {
        assert!(read.problems.len() <= MOST_PROBLEMS + 3);
        assert!(read.entries.iter().all(|entry| !entry.names.is_empty() && entry.names.len() <= 200));
        // What was read can be written, and read again.
        let mut index = Index::default();
        index.add("fuzz", read).unwrap();
        let mut bytes = Vec::new();
        index.write(&mut bytes).unwrap();
        assert_eq!(Index::read(&bytes[..]).unwrap(), index);
    }
    let _ = Index::read(input);
    let _ = Owners::read("fuzz", &mut &input[..]);
});
