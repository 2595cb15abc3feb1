//! Every picture is decoded and every program's icons are: none panics, spins or outgrows its limits.
#![no_main]

use std::time::{Duration, Instant};

use candor_formats::{formats, identify};
use candor_object::Content;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    // The first byte says whether the format that recognises the rest is asked, or another one.
    let Some((choice, bytes)) = input.split_first() else { return };
    let content = Content::from_vec(bytes.to_vec());
    let format = match *choice {
        0..128 => identify(&content).unwrap(),
        other => formats().nth(usize::from(other - 128)),
    };
    let Some(format) = format else { return };
    let deadline = Instant::now() + Duration::from_secs(5);
    let _ = format.perceptual_hash(&content, deadline);
    let icons = format.icons(&content, deadline).statistics;
    assert!(icons.len() <= 100);
    for icon in icons {
        assert!(matches!(icon.side, 16 | 24 | 32));
        assert!(icon.colored <= 100 && icon.spread.iter().all(|part| *part <= 100));
    }
});
