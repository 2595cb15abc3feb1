//! A publisher, its log and its witnesses, in a folder, with all their keys: what is needed to do right, and wrong.
//!
//! It is written from the specifications and shares with the client only the formats of statements and places, so that
//! reader and writer cannot agree on a mistake.

#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use candor_tlog::{
    Checkpoint, Hash, KeyKind, Note, Policy, SigningKey, bundle_of, cosign, hashes_of, leaf_hash, root_of,
    tiles_of,
};
use candor_update::delta::compress;
use candor_update::install::{Compiled, Installed, Vetted, Workshop, install};
use candor_update::schedule::Schedule;
use candor_update::state::State;
use candor_update::statement::{Segment, Statement};
use candor_update::store::Store;
use candor_update::tuf::{self, Thresholds};
use candor_update::{Choice, Refusal, Staging, Timestamp, Trust, check, place};
use ed25519_dalek::Signer;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// When the world begins.
pub(crate) const START: i64 = 1_800_000_000;
pub(crate) const HOUR: i64 = 3600;
pub(crate) const DAY: i64 = 24 * HOUR;
/// The layout that the workshop of these tests makes.
pub(crate) const LAYOUT: u32 = 4;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).expect("a time")
}

pub(crate) fn sha(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// What compiling is in these tests: the same bytes in, the same bytes out.
pub(crate) fn image_of(segment: &[u8]) -> Vec<u8> {
    [b"CANDORDB", segment].concat()
}

/// A key of a TUF role.
#[derive(Clone)]
pub(crate) struct Key {
    key: ed25519_dalek::SigningKey,
    party: &'static str,
}

impl Key {
    pub(crate) fn new(seed: u8, party: &'static str) -> Self {
        Self { key: ed25519_dalek::SigningKey::from_bytes(&[seed; 32]), party }
    }

    pub(crate) fn public(&self) -> String {
        hex::encode(self.key.verifying_key().as_bytes())
    }

    pub(crate) fn id(&self) -> String {
        hex::encode(sha(format!("key {}", self.public()).as_bytes()))
    }

    fn object(&self) -> Value {
        json!({ "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": self.public() }, "x-candor-party": self.party })
    }
}

/// Canonical JSON as TUF signs it: keys in order, nothing between, no escapes but of quotes and backslashes.
pub(crate) fn canonical(value: &Value) -> Vec<u8> {
    fn write(value: &Value, out: &mut String) {
        match value {
            Value::Object(map) => {
                let sorted: BTreeMap<_, _> = map.iter().collect();
                out.push('{');
                for (number, (key, value)) in sorted.into_iter().enumerate() {
                    out.push_str(if number == 0 { "" } else { "," });
                    out.push_str(&format!("\"{key}\":"));
                    write(value, out);
                }
                out.push('}');
            }
            Value::Array(values) => {
                out.push('[');
                for (number, value) in values.iter().enumerate() {
                    out.push_str(if number == 0 { "" } else { "," });
                    write(value, out);
                }
                out.push(']');
            }
            Value::String(text) => {
                out.push_str(&format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")));
            }
            other => out.push_str(&other.to_string()),
        }
    }
    let mut out = String::new();
    write(value, &mut out);
    out.into_bytes()
}

/// Metadata, signed by these keys.
pub(crate) fn signed<'k>(value: Value, keys: impl IntoIterator<Item = &'k Key>) -> Vec<u8> {
    let message = canonical(&value);
    let signatures: Vec<Value> = keys
        .into_iter()
        .map(|key| json!({ "keyid": key.id(), "sig": hex::encode(key.key.sign(&message).to_bytes()) }))
        .collect();
    serde_json::to_vec(&json!({ "signed": value, "signatures": signatures })).expect("JSON")
}

/// A whole publisher.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) root_keys: Vec<Key>,
    pub(crate) targets_keys: Vec<Key>,
    pub(crate) snapshot_key: Key,
    pub(crate) timestamp_key: Key,
    pub(crate) log: SigningKey,
    pub(crate) witnesses: Vec<SigningKey>,
    pub(crate) root_version: u64,
    pub(crate) version: u64,
    pub(crate) now: i64,
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) targets: BTreeMap<String, Vec<u8>>,
    pub(crate) releases: Vec<Statement>,
    pub(crate) schedule: Schedule,
}

impl World {
    pub(crate) fn new() -> Self {
        let party = |number: u8| if number == 0 { "vendor" } else { "institute" };
        let world = Self {
            folder: tempfile::tempdir().expect("a folder"),
            root_keys: (0..5).map(|number| Key::new(10 + number, "holder")).collect(),
            targets_keys: (0..3).map(|number| Key::new(20 + number, party(number))).collect(),
            snapshot_key: Key::new(30, "vendor"),
            timestamp_key: Key::new(31, "vendor"),
            log: SigningKey::new("example.org/log", KeyKind::Note, &[40; 32]).expect("a key"),
            witnesses: (0..3)
                .map(|number| {
                    SigningKey::new(
                        &format!("w{number}.example.org"),
                        KeyKind::Cosignature,
                        &[50 + number; 32],
                    )
                    .expect("a key")
                })
                .collect(),
            root_version: 1,
            version: 0,
            now: START,
            entries: Vec::new(),
            targets: BTreeMap::new(),
            releases: Vec::new(),
            schedule: Schedule::immediate(),
        };
        let root = world.root();
        world.write(&place::root(1), &signed(root, &world.root_keys[..3]));
        world
    }

    pub(crate) fn mirror(&self) -> PathBuf {
        self.folder.path().join("mirror")
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        let path = self.mirror().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.mirror().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.mirror().join(name)).expect("it is there");
    }

    pub(crate) fn root(&self) -> Value {
        let all = [
            &self.root_keys[..],
            &self.targets_keys,
            std::slice::from_ref(&self.snapshot_key),
            std::slice::from_ref(&self.timestamp_key),
        ];
        let keys: serde_json::Map<_, _> = all.concat().iter().map(|key| (key.id(), key.object())).collect();
        let role = |keys: &[Key], threshold: u64| json!({ "keyids": keys.iter().map(Key::id).collect::<Vec<_>>(), "threshold": threshold });
        json!({
            "_type": "root", "spec_version": "1.0.31", "version": self.root_version, "consistent_snapshot": true,
            "expires": at(START + 365 * DAY).to_string(),
            "keys": keys,
            "roles": {
                "root": role(&self.root_keys, 3),
                "targets": role(&self.targets_keys, 2),
                "snapshot": role(std::slice::from_ref(&self.snapshot_key), 1),
                "timestamp": role(std::slice::from_ref(&self.timestamp_key), 1),
            },
        })
    }

    pub(crate) fn targets_value(&self, statement: &Statement) -> Value {
        let targets: serde_json::Map<_, _> = self
            .targets
            .iter()
            .map(|(name, content)| {
                (
                    name.clone(),
                    json!({ "length": content.len(), "hashes": { "sha256": hex::encode(sha(content)) } }),
                )
            })
            .collect();
        json!({
            "_type": "targets", "spec_version": "1.0.31", "version": self.version,
            "expires": at(self.now + 90 * DAY).to_string(), "targets": targets,
            "x-candor-statement": statement.without_targets(),
        })
    }

    pub(crate) fn snapshot_value(&self, targets: &[u8]) -> Value {
        let pin = json!({ "version": self.version, "length": targets.len(), "hashes": { "sha256": hex::encode(sha(targets)) } });
        json!({
            "_type": "snapshot", "spec_version": "1.0.31", "version": self.version,
            "expires": at(self.now + 7 * DAY).to_string(), "meta": { "targets.json": pin },
        })
    }

    pub(crate) fn timestamp_value(&self, snapshot: &[u8]) -> Value {
        let pin = json!({ "version": self.version, "length": snapshot.len(), "hashes": { "sha256": hex::encode(sha(snapshot)) } });
        json!({
            "_type": "timestamp", "spec_version": "1.0.31", "version": self.version,
            "expires": at(self.now + 2 * DAY).to_string(), "meta": { "snapshot.json": pin },
        })
    }

    /// Writes the metadata of the next version, signed as it should be together with this statement; the targets file.
    pub(crate) fn sign_metadata(&mut self, draft: &Statement) -> Vec<u8> {
        self.version += 1;
        let targets = signed(self.targets_value(draft), &self.targets_keys[..2]);
        self.write_metadata(&targets);
        targets
    }

    /// Writes snapshot and timestamp of this version over this targets file.
    pub(crate) fn write_metadata(&self, targets: &[u8]) {
        let snapshot = signed(self.snapshot_value(targets), [&self.snapshot_key]);
        let timestamp = signed(self.timestamp_value(&snapshot), [&self.timestamp_key]);
        self.write(&place::targets(self.version), targets);
        self.write(&place::snapshot(self.version), &snapshot);
        self.write(place::TIMESTAMP, &timestamp);
    }

    /// Makes a release of these segments, an hour later.
    pub(crate) fn publish(&mut self, segments: &[(&str, &[u8])]) -> Statement {
        self.now += HOUR;
        for (name, content) in segments {
            let new = sha(content);
            self.targets.insert(place::segment(&new), compress(content, None, 3).expect("compressed"));
            let older = self
                .releases
                .last()
                .and_then(|last| last.segments.iter().find(|segment| segment.name == *name))
                .cloned();
            if let Some(older) = older.filter(|older| older.digest != new) {
                let whole = &self.targets[&place::segment(&older.digest)];
                let old = candor_update::delta::decompress(whole, None, older.size).expect("decompressed");
                self.targets.insert(
                    place::delta(&older.digest, &new),
                    compress(content, Some(&old), 3).expect("compressed"),
                );
            }
        }
        for (name, content) in &self.targets {
            self.write(&format!("{}{name}", place::TARGETS), content);
        }
        let draft = self.statement(segments);
        let targets = self.sign_metadata(&draft);
        let statement = Statement { targets: sha(&targets), ..draft };
        self.append(statement.clone());
        statement
    }

    /// A statement that nobody has signed: what it says of the targets is still to come.
    pub(crate) fn statement(&self, segments: &[(&str, &[u8])]) -> Statement {
        let segment = |(name, content): &(&str, &[u8])| {
            let image = image_of(content);
            Segment {
                name: (*name).to_owned(),
                size: content.len() as u64,
                digest: sha(content),
                layout: LAYOUT,
                image_size: image.len() as u64,
                image: sha(&image),
            }
        };
        Statement {
            sequence: self.releases.last().map_or(1, |last| last.sequence + 1),
            date: at(self.now),
            previous: self.releases.last().map(Statement::digest),
            targets: [0; 32],
            source: "commit 0".to_owned(),
            schedule: self.schedule.clone(),
            segments: segments.iter().map(segment).collect(),
        }
    }

    /// Appends a release to the log, and has the log witnessed.
    pub(crate) fn append(&mut self, statement: Statement) {
        self.entries.push(statement.to_string().into_bytes());
        self.write(&place::statement(statement.sequence), statement.to_string().as_bytes());
        self.write(place::LATEST, format!("{}\n", statement.sequence).as_bytes());
        self.releases.push(statement);
        self.write_log();
        self.write_checkpoint(&self.head(), &[0, 1, 2]);
    }

    pub(crate) fn leaves(&self) -> Vec<Hash> {
        self.entries.iter().map(|entry| leaf_hash(entry)).collect()
    }

    pub(crate) fn head(&self) -> Checkpoint {
        let leaves = self.leaves();
        Checkpoint { origin: "example.org/log".to_owned(), size: leaves.len() as u64, root: root_of(&leaves) }
    }

    pub(crate) fn write_log(&self) {
        let leaves = self.leaves();
        for tile in tiles_of(leaves.len() as u64).expect("a small log") {
            let content = match tile.level {
                Some(_) => hashes_of(&leaves, tile).expect("a tile"),
                None => {
                    let first = (tile.index * 256) as usize;
                    bundle_of(&self.entries[first..first + tile.width as usize]).expect("a bundle")
                }
            };
            self.write(&tile.to_string(), &content);
        }
    }

    /// The checkpoint, signed by the log, and cosigned by these witnesses now.
    pub(crate) fn checkpoint(&self, head: &Checkpoint, witnesses: &[usize]) -> Note {
        let mut note = head.to_note().expect("a note");
        note.sign(&self.log);
        for &witness in witnesses {
            let line = cosign(&note, &self.witnesses[witness], self.now as u64).expect("a line");
            note.put(line);
        }
        note
    }

    pub(crate) fn write_checkpoint(&self, head: &Checkpoint, witnesses: &[usize]) {
        self.write(place::CHECKPOINT, &self.checkpoint(head, witnesses).to_bytes());
    }

    /// Signs what is there once more, later: nothing new, but fresh.
    pub(crate) fn refresh(&mut self) {
        self.version += 1;
        let targets = self.read(&place::targets(self.version - 1));
        // The targets keep their version and their bytes, which the newest statement names.
        let targets_version =
            serde_json::from_slice::<Value>(&targets).expect("JSON")["signed"]["version"].clone();
        let mut snapshot = self.snapshot_value(&targets);
        snapshot["meta"]["targets.json"]["version"] = targets_version.clone();
        let snapshot = signed(snapshot, [&self.snapshot_key]);
        let timestamp = signed(self.timestamp_value(&snapshot), [&self.timestamp_key]);
        self.write(&place::snapshot(self.version), &snapshot);
        self.write(place::TIMESTAMP, &timestamp);
        self.write(&place::targets(self.version), &targets);
        self.write(&place::targets(targets_version.as_u64().expect("a number")), &targets);
        self.write_checkpoint(&self.head(), &[0, 1, 2]);
    }

    pub(crate) fn policy_text(&self, quorum: usize) -> String {
        let mut text = format!("log {}\n", self.log.public());
        for (number, witness) in self.witnesses.iter().enumerate() {
            text.push_str(&format!("witness w{number} {}\n", witness.public()));
        }
        text.push_str(&format!("group majority {quorum} w0 w1 w2\nquorum majority\n"));
        text
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust {
            policy: Policy::read(self.policy_text(2).as_bytes()).expect("a policy"),
            max_age: 48 * 3600,
            thresholds: Thresholds::default(),
            director: None,
        }
    }
}

/// A machine that takes updates from a folder.
pub(crate) struct Client {
    pub(crate) folder: TempDir,
    pub(crate) trust: Trust,
    pub(crate) state: State,
    pub(crate) vetted: Result<(), Vetted>,
    pub(crate) loader: Option<String>,
}

impl Client {
    pub(crate) fn new(world: &World) -> Self {
        let trusted = tuf::first_root(&world.read(&place::root(1)), Thresholds::default()).expect("a root");
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            trust: world.trust(),
            state: State::new(trusted, [0; 4]),
            vetted: Ok(()),
            loader: None,
        }
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(self.folder.path()).expect("a store")
    }

    /// An update out of a mirror's folder at this time, step by step as the command does it.
    pub(crate) fn update(&mut self, mirror: &Path, now: i64) -> Result<(Choice, Option<Installed>), Refusal> {
        let store = self.store();
        let staging = Staging::open(mirror).expect("a mirror");
        let believed = check(&staging, &self.state, &self.trust, at(now))?;
        believed.remember(&mut self.state);
        store.remember(&self.state)?;
        let choice = believed.choose(&self.state, None)?;
        let Choice::Take(statement) = &choice else {
            return Ok((choice, None));
        };
        let mut workshop = Copying { vetted: self.vetted.clone(), broken: self.loader.clone() };
        let installed =
            install(&staging, &store, &mut self.state, &believed, statement.clone(), &mut workshop, 3)?;
        Ok((choice, Some(installed)))
    }

    /// An update that must be believed.
    pub(crate) fn take(&mut self, world: &World) -> (Choice, Option<Installed>) {
        self.update(&world.mirror(), world.now + 60).expect("it is believed")
    }

    /// What lies in use: the databases, by segment.
    pub(crate) fn in_use(&self) -> BTreeMap<String, Vec<u8>> {
        let folder = self.folder.path().join("current");
        let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("an entry").path());
        let databases = entries.filter(|path| path.extension().is_some_and(|extension| extension == "cdb"));
        databases
            .map(|path| {
                (
                    path.file_stem().expect("a name").to_string_lossy().into_owned(),
                    fs::read(&path).expect("a file"),
                )
            })
            .collect()
    }
}

struct Copying {
    vetted: Result<(), Vetted>,
    broken: Option<String>,
}

impl Workshop for Copying {
    fn compile(&mut self, archive: &File, database: &File) -> Result<Compiled, String> {
        if let Some(reason) = &self.broken {
            return Err(reason.clone());
        }
        let mut content = vec![0; archive.metadata().expect("a file").len() as usize];
        archive.read_exact_at(&mut content, 0).expect("a file");
        let image = image_of(&content);
        database.write_all_at(&image, 0).expect("a file");
        Ok(Compiled { layout: LAYOUT, image: sha(&image) })
    }

    fn vet(&mut self, _databases: &[PathBuf]) -> Result<(), Vetted> {
        self.vetted.clone()
    }
}

/// A copy of a folder, for a mirror that stays behind.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_folder(&path, &target)
        } else {
            let _ = fs::copy(&path, &target).expect("a copy");
        }
    }
}
