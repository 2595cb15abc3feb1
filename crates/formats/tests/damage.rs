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
    let mut paths: Vec<_> = std::fs::read_dir(root).unwrap().map(|folder| folder.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().flat_map(|folder| read_folder(&folder)).collect()
}

fn read_folder(folder: &std::path::Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none_or(|extension| extension != "snap"))
        .collect();
    paths.sort();
    paths.into_iter().map(|path| image::read(&path)).collect()
}

/// Opens the bytes with the format that recognises them; with `every`, with all formats.
fn open(bytes: &[u8], every: bool) {
    let time = Duration::from_secs(20);
    let limits =
        Limits { objects: 200, unpacked_bytes: 4 << 20, object_bytes: 1 << 20, time, ..Limits::default() };
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

/// Numbers in headers that are nothing or as large as can be, one after the other.
#[test]
#[ignore = "takes minutes"]
fn fields_of_zeros_and_of_ones() {
    // Copying large samples would take longer than opening them.
    for sample in samples().iter().filter(|sample| sample.len() < 64 << 10) {
        let head = (0..sample.len().min(192)).step_by(2);
        let tail = (sample.len().saturating_sub(64)..sample.len()).step_by(2);
        for start in head.chain(tail) {
            let end = (start + 4).min(sample.len());
            for value in [0, 0xff] {
                let mut bytes = sample.clone();
                bytes[start..end].fill(value);
                open(&bytes, false);
            }
        }
    }
}

/// Numbers by chance, the same in every run (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end.max(1)
    }
}

/// Changes a sample in some places: bytes, fields of zeros and of 0xff, pieces that are missing, doubled or of another sample.
fn mutate(bytes: &mut Vec<u8>, others: &[Vec<u8>], chance: &mut Chance) {
    for _ in 0..=chance.below(6) {
        // Headers decide most, and stand at either end.
        let near = bytes.len().min(512);
        let start = match chance.below(4) {
            0 => chance.below(near),
            1 => bytes.len() - near + chance.below(near),
            _ => chance.below(bytes.len()),
        };
        let length = [1, 2, 4, 8, 16][chance.below(5)].min(bytes.len().saturating_sub(start));
        match chance.below(8) {
            0 => bytes[start..start + length].fill(0xff),
            1 => bytes[start..start + length].fill(0),
            2 => drop(bytes.drain(start..start + length)),
            3 => {
                let again = bytes[start..start + length].to_vec();
                bytes.splice(start..start, again);
            }
            4 => {
                let other = &others[chance.below(others.len())];
                let from = chance.below(other.len());
                let piece = other[from..(from + 64).min(other.len())].to_vec();
                let end = (start + piece.len()).min(bytes.len());
                bytes.splice(start..end, piece);
            }
            _ => bytes[start..start + length].iter_mut().for_each(|byte| *byte = chance.below(256) as u8),
        }
    }
}

/// 10,000 mutations of the samples of each folder, or as many as `MUTATIONS` says; of folders whose names begin with
/// `FOLDER`, if that is set:
/// `cargo test -p candor-formats --test damage -- --ignored --nocapture`.
#[test]
#[ignore = "takes an hour"]
fn mutations_of_each_format() {
    let count = std::env::var("MUTATIONS").map_or(10_000, |count| count.parse().unwrap());
    let wanted = std::env::var("FOLDER").unwrap_or_default();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut folders: Vec<_> = std::fs::read_dir(root).unwrap().map(|folder| folder.unwrap().path()).collect();
    folders.sort();
    for folder in folders {
        let name = folder.file_name().unwrap().to_str().unwrap();
        if !name.starts_with(&wanted) {
            continue;
        }
        let (samples, mut chance) = (read_folder(&folder), Chance(0x9e37_79b9_7f4a_7c15));
        let (started, mut slowest) = (Instant::now(), Duration::ZERO);
        for number in 0..count {
            let mut bytes = samples[number % samples.len()].clone();
            mutate(&mut bytes, &samples, &mut chance);
            let before = Instant::now();
            open(&bytes, false);
            slowest = slowest.max(before.elapsed());
        }
        eprintln!("{name}: {count} in {:.1?}, the slowest {slowest:.1?}", started.elapsed());
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
