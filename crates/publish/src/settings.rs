//! The publisher's configuration: `publisher.toml` in the working folder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use candor_tlog::{KeyKind, VerifyingKey};
use candor_update::schedule::Schedule;
use candor_update::settings::read_duration;
use serde::{Deserialize, Deserializer, de};

use crate::witness::Witness;

/// What the file is called.
pub const NAME: &str = "publisher.toml";

/// The configuration. Paths that are not absolute are below the working folder.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The first line of the log's checkpoints.
    pub origin: String,
    /// The private key of the log.
    pub log_key: PathBuf,
    /// The private key of the TUF role snapshot.
    pub snapshot_key: PathBuf,
    /// The private key of the TUF role timestamp.
    pub timestamp_key: PathBuf,
    /// The folder that web servers show, or that is copied to them.
    #[serde(default = "mirror")]
    pub mirror: PathBuf,
    /// From how many releases clients get differences, and how many can still be had.
    #[serde(default = "keep")]
    pub keep: usize,
    /// When releases are for whom: hours after the date and percent of all machines.
    #[serde(default, deserialize_with = "schedule")]
    pub schedule: Schedule,
    /// How many witnesses must have cosigned before anything is published; a majority if it is not given.
    pub quorum: Option<usize>,
    /// Certificates that witnesses are believed by, beside the system's.
    pub ca: Option<PathBuf>,
    /// How long metadata hold.
    #[serde(default)]
    pub expires: Expires,
    #[serde(default)]
    witness: Vec<Asked>,
}

/// How long metadata hold, from the moment that they are signed.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expires {
    /// After this without a new release clients refuse the last one.
    #[serde(deserialize_with = "duration")]
    pub targets: Duration,
    /// Renewed with each timestamp.
    #[serde(deserialize_with = "duration")]
    pub snapshot: Duration,
    /// After this without `refresh` clients complain.
    #[serde(deserialize_with = "duration")]
    pub timestamp: Duration,
}

impl Default for Expires {
    fn default() -> Self {
        let days = |number: u64| Duration::from_secs(number * 86_400);
        Self { targets: days(90), snapshot: days(7), timestamp: days(3) }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    url: String,
    vkey: String,
}

fn mirror() -> PathBuf {
    "mirror".into()
}

fn keep() -> usize {
    5
}

impl Settings {
    /// Reads the configuration of a working folder.
    ///
    /// # Errors
    /// With the path, and what is wrong.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(NAME);
        let read = || Self::of(&std::fs::read_to_string(&path)?, folder);
        read().with_context(|| path.display().to_string())
    }

    /// Reads a text as the configuration of a working folder.
    ///
    /// # Errors
    /// What is wrong.
    pub fn of(text: &str, folder: &Path) -> anyhow::Result<Self> {
        let mut settings: Self = toml::from_str(text)?;
        for path in [
            &mut settings.log_key,
            &mut settings.snapshot_key,
            &mut settings.timestamp_key,
            &mut settings.mirror,
        ] {
            *path = folder.join(&*path);
        }
        settings.ca.iter_mut().for_each(|path| *path = folder.join(&*path));
        ensure!((1..=100).contains(&settings.keep), "keep: from 1 to 100");
        let origin = &settings.origin;
        ensure!(!origin.is_empty() && !origin.chars().any(char::is_control), "origin: it is one line");
        let witnesses = settings.witnesses()?;
        let quorum = settings.quorum(witnesses.len());
        ensure!(quorum <= witnesses.len(), "quorum: there are only {} witnesses", witnesses.len());
        Ok(settings)
    }

    /// The witnesses.
    ///
    /// # Errors
    /// When a key is none of a witness, or stands there twice.
    pub fn witnesses(&self) -> anyhow::Result<Vec<Witness>> {
        let mut witnesses: Vec<Witness> = Vec::new();
        for Asked { url, vkey } in &self.witness {
            let key: VerifyingKey = vkey.parse().with_context(|| format!("[[witness]] {url}"))?;
            ensure!(key.kind() == KeyKind::Cosignature, "[[witness]] {url}: the key is none of a witness");
            let twice = witnesses.iter().any(|known| known.key.as_bytes() == key.as_bytes());
            ensure!(!twice, "[[witness]] {url}: the key stands there twice");
            let http = url.starts_with("https://") || url.starts_with("http://");
            ensure!(http, "[[witness]] {url}: it is no URL");
            witnesses.push(Witness { url: url.clone(), key });
        }
        Ok(witnesses)
    }

    /// How many of so many witnesses must cosign.
    pub fn quorum(&self, witnesses: usize) -> usize {
        self.quorum.unwrap_or(if witnesses == 0 { 0 } else { witnesses / 2 + 1 })
    }
}

fn schedule<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Schedule, D::Error> {
    Schedule::read(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    read_duration(&text)
        .filter(|time| !time.is_zero())
        .ok_or_else(|| de::Error::custom("a time is a number with s, m, h or d behind it, such as 48h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_refused() {
        let good = "origin = \"o\"\nlog_key = \"l\"\nsnapshot_key = \"s\"\ntimestamp_key = \"t\"\n";
        let read = |text: &str| Settings::of(text, Path::new("/p"));
        let settings = read(good).expect("settings");
        assert_eq!((settings.mirror.as_path(), settings.quorum(0)), (Path::new("/p/mirror"), 0));
        assert_eq!([1, 2, 3, 4, 5].map(|number| settings.quorum(number)), [1, 2, 2, 3, 3]);
        for bad in
            ["quorum = 1", "keep = 0", "schedule = \"0:5\"", "unknown = 1", "[expires]\ntargets = \"0d\""]
        {
            assert!(read(&format!("{good}{bad}\n")).is_err(), "{bad}");
        }
    }
}
