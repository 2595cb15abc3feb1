//! The configuration file, in TOML.

use std::collections::BTreeSet;
use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use candor_tlog::{KeyKind, VerifyingKey};
use serde::Deserialize;

use crate::key_file::read_key;
use crate::store::folder_of;
use crate::witness::{Cosigners, Logs};

/// Most logs of one witness: its state is written as a whole for each answer.
const MOST_LOGS: usize = 1024;
/// Most connections at once.
const MOST_CONNECTIONS: usize = 4096;
/// Longest wait for a client, in seconds.
const MOST_PATIENCE: u64 = 300;

/// What the administrator wants.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// Address and port.
    pub listen: SocketAddr,
    /// The file with what the witness remembers; its folder must be there.
    pub state: PathBuf,
    /// Files with private keys. All of them cosign. `credential:NAME` is what systemd passes under this name.
    keys: Vec<PathBuf>,
    /// Public keys that cosigned before and do not any more.
    #[serde(default)]
    retired: Vec<String>,
    /// What stands before the paths: nothing, or `/` and more.
    #[serde(default)]
    pub submission_prefix: String,
    /// The folder for evidence; `evidence` beside the state if it is not named.
    evidence: Option<PathBuf>,
    /// Connections that are served at once.
    #[serde(default = "connections")]
    pub connections: usize,
    /// Seconds that a client has for the head of a request, for its body, and between two requests.
    #[serde(default = "patience")]
    pub patience: u64,
    #[serde(default)]
    log: Vec<Log>,
}

/// `[[log]]`: a key of a log. A log with several keys has several tables.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Log {
    vkey: String,
    /// The first line of its checkpoints; the name of the key if it is not given.
    origin: Option<String>,
}

fn connections() -> usize {
    256
}

fn patience() -> u64 {
    15
}

impl Configuration {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or says what cannot be; file and reason are named.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path);
        let read = || -> anyhow::Result<Self> {
            let configuration: Self = toml::from_str(&text?)?;
            configuration.check()?;
            Ok(configuration)
        };
        read().with_context(|| format!("the configuration {}", path.display()))
    }

    fn check(&self) -> anyhow::Result<()> {
        let prefix = &self.submission_prefix;
        let fit = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
        ensure!(
            prefix.is_empty() || prefix.starts_with('/') && !prefix.ends_with('/') && prefix.bytes().all(fit),
            "submission_prefix: it begins with a slash, does not end with one, and has no escapes"
        );
        ensure!(self.state.file_name().is_some(), "state: it is no file");
        ensure!(!self.keys.is_empty(), "keys: without a key nothing can be cosigned");
        ensure!(
            (1..=MOST_CONNECTIONS).contains(&self.connections),
            "connections: from 1 to {MOST_CONNECTIONS}"
        );
        ensure!((1..=MOST_PATIENCE).contains(&self.patience), "patience: from 1 to {MOST_PATIENCE} seconds");
        self.logs()?;
        self.retired()?;
        Ok(())
    }

    /// The logs and their keys.
    ///
    /// # Errors
    /// When a key is none of a log.
    pub fn logs(&self) -> anyhow::Result<Logs> {
        ensure!(!self.log.is_empty(), "[[log]]: there is none to witness");
        let mut logs = Logs::new();
        for log in &self.log {
            let key = vkey(&log.vkey, KeyKind::Note).context("[[log]] vkey")?;
            let origin = log.origin.clone().unwrap_or_else(|| key.name().to_owned());
            ensure!(
                !origin.is_empty() && !origin.chars().any(char::is_control),
                "[[log]] origin: it is one line"
            );
            let keys = logs.entry(origin).or_default();
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        ensure!(logs.len() <= MOST_LOGS, "[[log]]: there are more than {MOST_LOGS} logs");
        Ok(logs)
    }

    /// The keys that cosign and those that did.
    ///
    /// # Errors
    /// When a file has no key, or one that others can read; when a key is there twice.
    pub fn cosigners(&self) -> anyhow::Result<Cosigners> {
        let signing = self
            .keys
            .iter()
            .map(|path| {
                located(path)
                    .and_then(|path| read_key(&path))
                    .with_context(|| format!("the key {}", path.display()))
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        let retired = self.retired()?;
        // Version 1 cosignatures do not name who signs: with one key two names could be swapped.
        let mut known = BTreeSet::new();
        for key in signing.iter().map(|key| key.public()).chain(&retired) {
            if !known.insert(*key.as_bytes()) {
                bail!("keys: {} is there twice; each name needs a key of its own", key.name());
            }
        }
        Ok(Cosigners { signing, retired })
    }

    fn retired(&self) -> anyhow::Result<Vec<VerifyingKey>> {
        self.retired.iter().map(|text| vkey(text, KeyKind::Cosignature).context("retired")).collect()
    }

    /// The folder for evidence.
    pub fn evidence(&self) -> PathBuf {
        self.evidence.clone().unwrap_or_else(|| self.state.with_file_name("evidence"))
    }

    /// The folder of the state.
    pub fn state_folder(&self) -> &Path {
        folder_of(&self.state)
    }
}

/// Where the file with a key is.
fn located(path: &Path) -> anyhow::Result<PathBuf> {
    let Some(name) = path.to_str().and_then(|path| path.strip_prefix("credential:")) else {
        return Ok(path.to_owned());
    };
    let folder =
        env::var_os("CREDENTIALS_DIRECTORY").context("systemd passes no credentials: LoadCredential=")?;
    Ok(Path::new(&folder).join(name))
}

fn vkey(text: &str, kind: KeyKind) -> anyhow::Result<VerifyingKey> {
    let key: VerifyingKey = text.parse()?;
    let whose = match kind {
        KeyKind::Note => "a log",
        KeyKind::Cosignature => "a witness",
    };
    ensure!(key.kind() == kind, "{text} is no key of {whose}");
    Ok(key)
}

#[cfg(test)]
mod tests {
    use candor_tlog::SigningKey;

    use super::*;

    fn key(name: &str, kind: KeyKind, seed: u8) -> String {
        SigningKey::new(name, kind, &[seed; 32]).expect("a key").public().to_string()
    }

    fn parse(text: &str) -> anyhow::Result<Configuration> {
        let configuration: Configuration = toml::from_str(text)?;
        configuration.check()?;
        Ok(configuration)
    }

    fn example() -> String {
        let (one, two) = (key("example.org/log", KeyKind::Note, 1), key("example.org/log", KeyKind::Note, 2));
        format!(
            "listen = \"127.0.0.1:0\"\nstate = \"/s/state\"\nkeys = [\"k\"]\n\
             [[log]]\nvkey = \"{one}\"\n[[log]]\nvkey = \"{two}\"\n[[log]]\nvkey = \"{one}\"\norigin = \"an other\"\n"
        )
    }

    #[test]
    fn keys_of_one_origin_are_one_log() {
        let configuration = parse(&example()).expect("the example");
        let logs = configuration.logs().expect("logs");
        assert_eq!(
            logs.iter().map(|(origin, keys)| (origin.as_str(), keys.len())).collect::<Vec<_>>(),
            [("an other", 1), ("example.org/log", 2)]
        );
        assert_eq!(configuration.evidence(), Path::new("/s/evidence"));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let (log, witness) = (key("l", KeyKind::Note, 1), key("w", KeyKind::Cosignature, 1));
        let head = example();
        for bad in [
            head.split("[[log]]").next().unwrap_or_default().to_owned(),
            format!("unknown = 1\n{head}"),
            format!("submission_prefix = \"w\"\n{head}"),
            format!("submission_prefix = \"/w/\"\n{head}"),
            format!("submission_prefix = \"/w?\"\n{head}"),
            format!("connections = 0\n{head}"),
            format!("patience = 0\n{head}"),
            format!("retired = [\"{log}\"]\n{head}"),
            format!("{head}[[log]]\nvkey = \"{witness}\"\n"),
            format!("{head}[[log]]\nvkey = \"{log}\"\norigin = \"a\\nb\"\n"),
            head.replace("[\"k\"]", "[]"),
        ] {
            assert!(parse(&bad).is_err(), "{bad}");
        }
        assert!(parse(&format!("submission_prefix = \"/w/1\"\nretired = [\"{witness}\"]\n{head}")).is_ok());
    }
}
