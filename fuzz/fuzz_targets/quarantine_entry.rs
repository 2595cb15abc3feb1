//! What lies in the vault is refused or read, and never more than that: the input is an entry with changed
//! bytes, or the JSON of a record that is sealed with the right key, so that the readers behind the seal meet it.
#![no_main]

use candor_quarantine::fuzzing::{entry, read_entry, read_record, record};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((kind, input)) = input.split_first() else { return };
    let content = [7; 70_000];
    match kind % 3 {
        0 => drop(read_entry(input)),
        1 => {
            // The nonces differ from run to run, but not what the reader makes of a change.
            let whole = entry(&content);
            let mut bytes = whole.clone();
            for change in input.chunks_exact(4) {
                let place = u32::from_le_bytes([change[0], change[1], change[2], 0]) as usize;
                bytes[place % whole.len()] ^= change[3];
            }
            assert_eq!(read_entry(&bytes), bytes == whole, "a changed entry was read, or a whole one was not");
        }
        _ => {
            // Pieces of a real record let the fuzzer reach the rules behind the syntax.
            let mut json = record(&content);
            let length = json.len();
            for change in input.chunks_exact(4) {
                let place = u32::from_le_bytes([change[0], change[1], change[2], 0]) as usize;
                json[place % length] = change[3];
            }
            read_record(&json, &content);
            read_record(input, &content);
        }
    }
});
