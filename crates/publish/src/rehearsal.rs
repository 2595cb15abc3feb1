//! A whole publisher in a folder, with everybody's keys in one hand: for tests, and to practise.
//!
//! Five root keys of which three must sign, three targets keys of which two must, three witnesses of which two
//! must. Each key is made of a number, so that two rehearsals have the same. Nobody may use that for anything else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::Context;
use candor_tlog::{
    Checkpoint, Hash, KeyKind, SigningKey, Submission, cosign, empty_root, verify_consistency,
};
use candor_update::Timestamp;

use crate::compile::Compiler;
use crate::files;
use crate::keys::{PublicKey, TufKey, VENDOR};
use crate::publish::{Published, publish};
use crate::release::{Order, build, sign};
use crate::repository::Repository;
use crate::root::{Plan, Role};
use crate::witness::{Courier, Reply};

/// The origin of the log.
pub const ORIGIN: &str = "rehearsal.example/log";

/// A publisher.
#[derive(Debug)]
pub struct Rehearsal {
    /// Its working folder.
    pub repository: Repository,
    /// Its witnesses.
    pub witnesses: Witnesses,
    sources: PathBuf,
}

/// A private TUF key of this number: root keys are 1 to 5, targets keys 11 to 13, snapshot 21, timestamp 22.
pub fn key(number: u8) -> TufKey {
    TufKey::new(&[number; 32])
}

/// The public half: the first of each role is the vendor's, the others each have a party of their own.
///
/// # Errors
/// Never.
pub fn public(number: u8) -> anyhow::Result<PublicKey> {
    let party = match number {
        1 | 11 | 21.. => VENDOR.to_owned(),
        other => format!("party-{other}"),
    };
    key(number).public(&format!("key-{number}"), &party)
}

/// The key of the log.
///
/// # Errors
/// Never.
pub fn log_key() -> anyhow::Result<SigningKey> {
    Ok(SigningKey::new(ORIGIN, KeyKind::Note, &[31; 32])?)
}

/// The plan of a first root.
///
/// # Errors
/// Never.
pub fn plan(expires: Timestamp) -> anyhow::Result<Plan> {
    let role = |numbers: &[u8], threshold| {
        let keys = numbers.iter().map(|number| public(*number)).collect::<anyhow::Result<_>>()?;
        anyhow::Ok(Role { keys, threshold })
    };
    Ok(Plan {
        version: 1,
        expires,
        root: role(&[1, 2, 3, 4, 5], 3)?,
        targets: role(&[11, 12, 13], 2)?,
        snapshot: role(&[21], 1)?,
        timestamp: role(&[22], 1)?,
    })
}

impl Rehearsal {
    /// Sets everything up in an empty folder, as far as the first root, which holds for a year.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn new(folder: &Path, now: Timestamp) -> anyhow::Result<Self> {
        let witnesses = Witnesses::new(now)?;
        let repository = folder.join("publisher");
        files::make_folder(&repository)?;
        for (name, content) in [
            ("log.key", log_key()?.to_secret_text()),
            ("snapshot.pem", key(21).to_pem()?),
            ("timestamp.pem", key(22).to_pem()?),
        ] {
            files::write_new(&repository.join(name), content.as_bytes(), true)?;
        }
        let mut configuration = format!(
            "origin = \"{ORIGIN}\"\nlog_key = \"log.key\"\nsnapshot_key = \"snapshot.pem\"\ntimestamp_key = \"timestamp.pem\"\n"
        );
        for (url, witness) in &witnesses.keys {
            let key = witness.public();
            configuration.push_str(&format!("[[witness]]\nurl = \"{url}\"\nvkey = \"{key}\"\n"));
        }
        let repository = Repository::init(&repository, &configuration)?;
        let mut root = plan(now + a_year())?.to_document()?;
        (1..=3).try_for_each(|number| root.sign(&key(number)))?;
        repository.add_root(&root)?;
        Ok(Self { repository, witnesses, sources: folder.join("sources") })
    }

    /// Makes a release of these signature files (segment, file, content), and signs it with the targets keys 11 and 12.
    ///
    /// # Errors
    /// As [`build`].
    pub fn build(&self, segments: &[(&str, &str, &str)], now: Timestamp) -> anyhow::Result<PathBuf> {
        if self.sources.exists() {
            std::fs::remove_dir_all(&self.sources)?;
        }
        let mut folders = BTreeMap::new();
        for (segment, name, content) in segments {
            let folder = self.sources.join(segment);
            files::make_folder(&folder)?;
            files::replace(&folder.join(name), content.as_bytes())?;
            folders.insert((*segment).to_owned(), folder);
        }
        let order = Order { segments: folders.into_iter().collect(), source: "rehearsal".to_owned() };
        let built = build(&self.repository, &order, &Compiler::Here, now)?;
        for number in [11, 12] {
            sign(&built.folder, &key(number))?;
        }
        Ok(built.folder)
    }

    /// Makes a release and publishes it.
    ///
    /// # Errors
    /// As [`publish`].
    pub fn release(&self, segments: &[(&str, &str, &str)], now: Timestamp) -> anyhow::Result<Published> {
        self.build(segments, now)?;
        self.witnesses.set_clock(now)?;
        publish(&self.repository, &self.witnesses, now)
    }

    /// The mirror.
    pub fn mirror(&self) -> &Path {
        &self.repository.settings.mirror
    }
}

fn a_year() -> std::time::Duration {
    std::time::Duration::from_secs(365 * 86_400)
}

/// Three honest witnesses that remember in memory.
pub struct Witnesses {
    /// Their keys, by their URL.
    pub keys: BTreeMap<String, SigningKey>,
    memory: Mutex<Memory>,
}

struct Memory {
    clock: Timestamp,
    seen: BTreeMap<String, (u64, Hash)>,
    silent: Vec<String>,
}

impl std::fmt::Debug for Witnesses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Witnesses").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl Witnesses {
    fn new(clock: Timestamp) -> anyhow::Result<Self> {
        let key = |number: u8| {
            let key =
                SigningKey::new(&format!("w{number}.example"), KeyKind::Cosignature, &[40 + number; 32])?;
            anyhow::Ok((format!("https://w{number}.example"), key))
        };
        let keys = (1..=3).map(key).collect::<anyhow::Result<_>>()?;
        let memory = Memory { clock, seen: BTreeMap::new(), silent: Vec::new() };
        Ok(Self { keys, memory: Mutex::new(memory) })
    }

    /// What time it is for them.
    ///
    /// # Errors
    /// When a test panicked meanwhile.
    pub fn set_clock(&self, now: Timestamp) -> anyhow::Result<()> {
        self.memory.lock().ok().context("a test panicked")?.clock = now;
        Ok(())
    }

    /// Which of them do not answer.
    ///
    /// # Errors
    /// When a test panicked meanwhile.
    pub fn silence(&self, urls: &[&str]) -> anyhow::Result<()> {
        let silent = urls.iter().map(|url| (*url).to_owned()).collect();
        self.memory.lock().ok().context("a test panicked")?.silent = silent;
        Ok(())
    }
}

impl Courier for Witnesses {
    fn post(&self, url: &str, body: &[u8]) -> Result<Reply, String> {
        let reply = |status, body: String| Ok(Reply { status, body: body.into_bytes() });
        let url = url.strip_suffix("/add-checkpoint").ok_or("another path")?;
        let key = self.keys.get(url).ok_or("no such witness")?;
        let mut memory = self.memory.lock().map_err(|error| error.to_string())?;
        if memory.silent.iter().any(|silent| silent == url) {
            return Err("it is silent".to_owned());
        }
        let Submission { old, proof, note, checkpoint } =
            Submission::read(body).map_err(|error| error.to_string())?;
        let log = log_key().map_err(|error| error.to_string())?;
        if note.signed_by(log.public()).is_err() {
            return reply(403, String::new());
        }
        let (size, root) = memory.seen.get(url).copied().unwrap_or_else(|| (0, empty_root()));
        if old != size {
            return reply(409, format!("{size}\n"));
        }
        let Checkpoint { size: new, root: new_root, .. } = checkpoint;
        if size == new && root != new_root {
            return reply(409, format!("{size}\n"));
        }
        if verify_consistency((size, &root), (new, &new_root), &proof).is_err() {
            return reply(422, String::new());
        }
        memory.seen.insert(url.to_owned(), (new, new_root));
        let time = u64::try_from(memory.clock.as_second()).unwrap_or(0);
        let line = cosign(&note, key, time).map_err(|error| error.to_string())?;
        reply(200, line.to_line())
    }
}
