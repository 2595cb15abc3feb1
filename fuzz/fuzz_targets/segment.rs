//! The input is a segment: what is accepted is exactly what its own members make, and it compiles.
#![no_main]

use std::fs::{self, File};
use std::io::Read;

use candor_signatures::Sources;
use candor_signatures::segment::{Packer, Segment};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let path = std::env::temp_dir().join(format!("candor-fuzz-segment-{}", std::process::id()));
    fs::write(&path, input).unwrap();
    let Ok(segment) = Segment::open(File::open(&path).unwrap()) else { return };
    let mut packer = Packer::new(Vec::new());
    for member in segment.members() {
        let mut content = Vec::new();
        segment.reader(member).read_to_end(&mut content).unwrap();
        packer.add(&member.name, member.size, content.as_slice()).unwrap();
    }
    assert!(packer.finish().unwrap().0 == input, "two forms of one segment");
    Sources::of_segment(segment).build(|_| {}).unwrap();
});
