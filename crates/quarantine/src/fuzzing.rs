//! Entries in memory with a known key, for tests that change bytes and look what the reader makes of it.

use std::io::Cursor;

use crate::entry::record::{Attribute, Entry, Extent, Grounds, Time};
use crate::entry::seal::Sealer;
use crate::entry::unseal::Unsealed;
use crate::id::Id;
use crate::key::Key;
use crate::whole_digest::WholeDigest;

const KEY: [u8; 32] = [1; 32];
const ID: Id = Id([2; 16]);

/// Reads these bytes as an entry with the known key; whether it is whole.
pub fn read_entry(bytes: &[u8]) -> bool {
    let unsealed = Unsealed::open(Cursor::new(bytes), &Key::new(&KEY), ID);
    unsealed.is_ok_and(|mut unsealed| unsealed.content(&mut |_, _| Ok(())).is_ok())
}

/// Reads these bytes as the record of an entry; if they are one, seals it with this content and reads that;
/// whether it is whole.
///
/// # Panics
/// When a record that was read is not the same when it is written and read again.
pub fn read_record(bytes: &[u8], content: &[u8]) -> bool {
    let Ok(entry) = Entry::from_json(bytes) else { return false };
    let again = entry.to_json().and_then(|bytes| Entry::from_json(&bytes));
    assert!(again.is_ok_and(|again| again == entry), "a record is not what it was");
    // Digests of petabytes of holes are not what is to be found here.
    entry.size < 1 << 20 && read_entry(&seal(&Entry { id: ID, ..entry }, content))
}

/// The record of this content without holes, as JSON.
pub fn record(content: &[u8]) -> Vec<u8> {
    example(content).to_json().unwrap_or_default()
}

/// An entry with this content.
pub fn entry(content: &[u8]) -> Vec<u8> {
    seal(&example(content), content)
}

fn seal(entry: &Entry, content: &[u8]) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let sealed = Sealer::begin(&mut file, &Key::new(&KEY), ID).and_then(|mut sealer| {
        sealer.push(content)?;
        sealer.finish(entry)
    });
    if sealed.is_ok() { file.into_inner() } else { Vec::new() }
}

fn example(content: &[u8]) -> Entry {
    let mut digest = WholeDigest::default();
    digest.push(0, content);
    let size = content.len() as u64;
    let extents = if content.is_empty() { Vec::new() } else { vec![Extent { offset: 0, length: size }] };
    Entry {
        id: ID,
        path: "/folder/file".into(),
        size,
        sha256: digest.finish(size),
        owner: 1000,
        group: 1000,
        mode: 0o644,
        accessed: Time::default(),
        modified: Time::default(),
        changed: Time::default(),
        attributes: vec![Attribute { name: b"user.name".to_vec(), value: b"value".to_vec() }],
        unread_attributes: Vec::new(),
        device: 1,
        inode: 1,
        other_names: 0,
        grounds: Grounds { findings: vec!["Test.Known-1".to_owned()], database: None },
        taken: Time::default(),
        taken_by: 0,
        packages: String::new(),
        extents,
    }
}
