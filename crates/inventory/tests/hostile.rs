//! Whatever the content is, no reader panics, and what it tells is bounded.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use candor_inventory::{Error, Facts, HEAD, READERS, Subject};
use candor_object::{
    Content, Fact, FileType, MAX_ATTRIBUTES, MAX_FACTS, MAX_VALUE, Object, ObjectId, Source,
};
use proptest::prelude::*;

/// Names and contents of all golden samples.
fn samples() -> &'static [(String, Vec<u8>)] {
    static SAMPLES: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let mut samples = Vec::new();
        let mut folders = vec![golden.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_none_or(|extension| extension != "facts") {
                    let name = path.strip_prefix(&golden).unwrap().to_str().unwrap().to_owned();
                    samples.push((name, fs::read(&path).unwrap()));
                }
            }
        }
        samples.sort();
        samples
    })
}

/// Lets every reader read the content, whether it recognises it or not.
fn all_read(name: &str, content: Content) -> Vec<Fact> {
    let head = content.window(0, HEAD).unwrap().into_owned();
    let mut object = Object::root(content, FileType::DATA);
    name.clone_into(&mut object.name);
    let deadline = Instant::now() + Duration::from_secs(60);
    let subject =
        Subject { object: &object, head: &head, containers: &[], layout: None, signed: None, deadline };
    let (mut all, mut text) = (Vec::new(), 0);
    for reader in READERS {
        let _ = reader.reads(&subject);
        let _ = reader.read(&subject, &mut Facts::new(ObjectId::ROOT, &mut all, &mut text));
    }
    assert!(all.len() <= MAX_FACTS as usize);
    for fact in &all {
        assert!(fact.attributes.len() <= MAX_ATTRIBUTES);
        assert!(fact.attributes.iter().all(|(_, value)| value.len() <= MAX_VALUE));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_panic_nowhere(sample in 0_usize..1000, bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let samples = samples();
        all_read(&samples[sample % samples.len()].0, Content::from_vec(bytes));
    }

    #[test]
    fn damaged_samples_panic_nowhere(
        sample in 0_usize..1000,
        cut in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        let samples = samples();
        let (name, content) = &samples[sample % samples.len()];
        let mut bytes = content.clone();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        all_read(name, Content::from_vec(bytes.clone()));
        bytes.truncate(cut.index(bytes.len() + 1));
        all_read(name, Content::from_vec(bytes));
    }
}

/// A document that is made while it is read: a beginning, one piece many times, an end.
struct Repeated {
    start: &'static [u8],
    piece: &'static [u8],
    times: u64,
}

impl Source for Repeated {
    fn size(&self) -> u64 {
        self.start.len() as u64 + self.piece.len() as u64 * self.times
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        let (start, piece) = (self.start.len() as u64, self.piece.len() as u64);
        let count = buffer.len().min((self.size() - offset) as usize);
        for (place, byte) in (offset..).zip(&mut buffer[..count]) {
            *byte = match place.checked_sub(start) {
                None => self.start[place as usize],
                Some(place) => self.piece[(place % piece) as usize],
            };
        }
        Ok(count)
    }
}

/// The most memory that this process had, in KiB.
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}

#[test]
fn a_million_components_need_no_more_memory_than_their_facts() {
    let source = Repeated {
        start: br#"{"bomFormat": "CycloneDX", "components": ["#,
        piece: br#"{"name": "component", "description": "A description that makes a record long", "licenses": [{"license": {"id": "MIT"}}]},"#,
        times: 1_000_000,
    };
    let size = source.size();
    let content = Content::from_source(Arc::new(source));
    let head = content.window(0, HEAD).unwrap().into_owned();
    let object = Object::root(content, FileType::DATA);
    let deadline = Instant::now() + Duration::from_secs(600);
    let subject =
        Subject { object: &object, head: &head, containers: &[], layout: None, signed: None, deadline };
    let reader = READERS.iter().find(|reader| reader.name() == "cyclonedx").unwrap();
    assert!(reader.reads(&subject));
    let (mut all, mut text) = (Vec::new(), 0);
    let before = peak();
    let result = reader.read(&subject, &mut Facts::new(ObjectId::ROOT, &mut all, &mut text));
    assert!(matches!(result, Err(Error::Full)), "{result:?}");
    assert!(all.len() > 400_000 && all.len() <= MAX_FACTS as usize, "{}", all.len());
    assert!(size > 110_000_000);
    if let (Some(before), Some(after)) = (before, peak()) {
        let held: usize =
            all.iter().map(|fact| fact.attributes.capacity() * 32 + 64).sum::<usize>() + text * 2;
        assert!(
            (after - before) * 1024 < held as u64 * 2 + (64 << 20),
            "{} KiB for {held} bytes",
            after - before
        );
    }
}
