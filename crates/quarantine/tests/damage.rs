//! Whatever bytes an entry has, it is read as it was sealed or refused; nothing panics.

use candor_quarantine::fuzzing::{entry, read_entry, read_record, record};
use proptest::collection::vec;
use proptest::prelude::{any, proptest};
use proptest::prop_assert;

/// More than one chunk.
fn content() -> Vec<u8> {
    (0..70_000).map(|number| (number % 253) as u8).collect()
}

#[test]
fn a_whole_entry_is_read() {
    assert!(read_entry(&entry(&content())));
    assert!(read_entry(&entry(b"")));
    assert!(read_record(&record(&content()), &content()));
    assert!(!read_record(&record(&content()), b"other content"));
}

#[test]
fn every_single_change_of_header_and_record_is_refused() {
    let whole = entry(b"short");
    for place in 0..whole.len() {
        for bit in [0x01, 0x80] {
            let mut bytes = whole.clone();
            bytes[place] ^= bit;
            assert!(!read_entry(&bytes), "{place}");
        }
    }
    for length in 0..whole.len() {
        assert!(!read_entry(&whole[..length]), "{length}");
    }
    assert!(!read_entry(&[&whole[..], b"x"].concat()));
}

proptest! {
    #[test]
    fn changed_bytes_are_refused(changes in vec((any::<usize>(), 1..=255_u8), 1..4)) {
        let whole = entry(&content());
        let mut bytes = whole.clone();
        for (place, change) in changes {
            bytes[place % whole.len()] ^= change;
        }
        prop_assert!(read_entry(&bytes) == (bytes == whole));
    }

    #[test]
    fn moved_bytes_are_refused(from in any::<usize>(), to in any::<usize>(), length in 1..70_000_usize) {
        let whole = entry(&content());
        let mut bytes = whole.clone();
        let from = from % bytes.len();
        let piece: Vec<u8> = bytes.drain(from..(from + length).min(whole.len())).collect();
        let to = to % (bytes.len() + 1);
        bytes.splice(to..to, piece);
        prop_assert!(read_entry(&bytes) == (bytes == whole));
    }

    #[test]
    fn any_bytes_are_refused(bytes in vec(any::<u8>(), 0..400)) {
        prop_assert!(!read_entry(&bytes));
        prop_assert!(!read_record(&bytes, b""));
    }

    #[test]
    fn a_changed_record_never_panics(changes in vec((any::<usize>(), any::<u8>()), 1..8)) {
        let mut json = record(&content());
        let length = json.len();
        for (place, byte) in changes {
            json[place % length] = byte;
        }
        read_record(&json, &content());
    }
}
