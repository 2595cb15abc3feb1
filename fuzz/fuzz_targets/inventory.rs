//! Every reader of the inventory reads the input, whether it recognises it or not: none panics, spins or tells too much.
#![no_main]

use std::time::{Duration, Instant};

use candor_inventory::{Facts, HEAD, READERS, Subject};
use candor_object::{Content, FileType, MAX_FACTS, Object, ObjectId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    // The first line is the name, which tells some forms apart.
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (name, content) = input.split_at(end);
    let content = content.get(1..).unwrap_or_default();
    let mut object = Object::root(Content::from_vec(content.to_vec()), FileType::DATA);
    object.name = String::from_utf8_lossy(name).into_owned();
    let subject = Subject {
        object: &object,
        head: &content[..content.len().min(HEAD)],
        containers: &[],
        layout: None,
        signed: None,
        deadline: Instant::now() + Duration::from_secs(10),
    };
    let (mut all, mut text) = (Vec::new(), 0);
    for reader in READERS {
        let _ = reader.reads(&subject);
        let _ = reader.read(&subject, &mut Facts::new(ObjectId::ROOT, &mut all, &mut text));
    }
    assert!(all.len() <= MAX_FACTS as usize);
});
