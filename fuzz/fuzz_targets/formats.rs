//! Every format of the list opens the input: none panics, spins or outgrows its budget.
#![no_main]

use std::time::Duration;

use candor_formats::{Collector, formats, identify};
use candor_object::{Budget, Content, Limits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let limits = Limits {
        objects: 64,
        unpacked_bytes: 2 << 20,
        object_bytes: 1 << 20,
        time: Duration::from_secs(5),
        ..Limits::default()
    };
    // The first byte says whether the format that recognises the rest opens it, or another one.
    let Some((choice, bytes)) = input.split_first() else { return };
    let content = Content::from_vec(bytes.to_vec());
    let format = match *choice {
        0..128 => identify(&content).unwrap(),
        other => formats().nth(usize::from(other - 128)),
    };
    let Some(format) = format else { return };
    let mut sink = Collector::new(Budget::new(&limits, 0)).with_passwords(&["infected", ""]);
    let _ = format.layout(&content).unwrap();
    let _ = format.open(&content, &mut sink);
    assert!(sink.children.len() <= 64);
});
