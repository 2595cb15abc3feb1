//! The input is a file of differences between containers, or the script in one: it is read as if somebody had signed
//! it, and its script edits members in a folder of its own, outside of which nothing may change.
#![no_main]

use std::fs;

use candor_signatures::container::cdiff::{read_unsigned, run_unsigned};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let script = match read_unsigned(input) {
        Ok((_, script)) => script,
        Err(_) => input.to_vec(),
    };
    // Longer ones only take longer.
    if script.len() > 1 << 20 {
        return;
    }
    let outer = std::env::temp_dir().join(format!("candor-fuzz-cdiff-{}", std::process::id()));
    let folder = outer.join("members");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("a.ndb"), "one\ntwo\nthree\n\nfive").unwrap();
    fs::write(folder.join("b.ndb"), "x\n").unwrap();
    let _ = run_unsigned(&script, &folder);
    assert_eq!(fs::read_dir(&outer).unwrap().count(), 1, "nothing is written outside");
    assert!(fs::read_dir(&folder).unwrap().all(|entry| entry.unwrap().file_type().unwrap().is_file()));
    fs::remove_dir_all(&outer).unwrap();
});
