//! Every golden sample, cut short at many places and with bytes changed at random: no format may panic,
//! exceed its budget or run on after the time is up.

#![expect(clippy::disallowed_methods, reason = "the test reads samples; the formats read nothing")]

use std::time::{Duration, Instant};

use candor_formats::{Collector, formats, identify};
use candor_object::{Budget, Content, Limits};
use proptest::prelude::*;

mod image;

static SAMPLES: std::sync::LazyLock<Vec<Vec<u8>>> = std::sync::LazyLock::new(read_samples);

fn samples() -> &'static [Vec<u8>] {
    &SAMPLES
}

fn read_samples() -> Vec<Vec<u8>> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut paths: Vec<_> = std::fs::read_dir(root)
        .unwrap()
        .flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none_or(|extension| extension != "snap"))
        .collect();
    paths.sort();
    paths.into_iter().map(|path| image::read(&path)).collect()
}

/// Opens the bytes with the format that recognises them; with `every`, with all formats.
fn open(bytes: &[u8], every: bool) {
    let limits = Limits { objects: 200, unpacked_bytes: 4 << 20, object_bytes: 1 << 20, ..Limits::default() };
    let content = Content::from_vec(bytes.to_vec());
    let recognised = identify(&content).unwrap();
    let all = formats().filter(|_| every);
    for format in recognised.into_iter().chain(all) {
        let started = Instant::now();
        let mut sink = Collector::new(Budget::new(&limits, 0)).with_passwords(&["infected"]);
        let _ = format.layout(&content).unwrap();
        let _ = format.open(&content, &mut sink);
        // What is read at need, such as the disk in an image, is in no memory; the engine pays for it by its size.
        let held = sink.children.iter().filter(|child| child.content.as_slice().is_some());
        let total: u64 = held.map(|child| child.content.size()).sum();
        assert!(sink.children.len() <= 200);
        // Ranges cost no memory and are not counted, but they cannot outgrow the container.
        assert!(total <= (4 << 20) + 200 * content.size());
        assert!(started.elapsed() < Duration::from_secs(60), "{} does not end", format.file_type());
    }
}

#[test]
fn cut_at_every_64th() {
    for sample in samples() {
        for part in 0..64 {
            open(&sample[..sample.len() * part / 64], false);
        }
        open(sample, true);
        open(&[], true);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn random_damage(which in any::<prop::sample::Index>(),
                     damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 1usize..9), 1..9)) {
        let samples = samples();
        let mut bytes = samples[which.index(samples.len())].clone();
        for (place, value, length) in damage {
            if bytes.is_empty() { break }
            let start = place.index(bytes.len());
            let end = (start + length).min(bytes.len());
            bytes[start..end].fill(value);
        }
        open(&bytes, true);
    }

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        open(&bytes, true);
    }
}
