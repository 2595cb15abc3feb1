//! The configuration: `update.toml`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use candor_tlog::VerifyingKey;
use serde::{Deserialize, Deserializer, de};

use crate::feed::Feed;
use crate::tuf::Thresholds;

/// Where the configuration lies unless the user says otherwise.
pub const DEFAULT: &str = "/etc/candor/update.toml";

/// What the user wants. Paths that are not absolute are below the folder of the file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Addresses and folders, tried in this order. None of them is trusted.
    #[serde(default)]
    pub mirrors: Vec<String>,
    /// The first TUF root; empty in a configuration that has feeds only.
    #[serde(default)]
    pub root: PathBuf,
    /// Logs, witnesses and quorum; empty in a configuration that has feeds only.
    #[serde(default)]
    pub policy: PathBuf,
    /// Where verified databases lie.
    #[serde(default = "store")]
    pub store: PathBuf,
    /// The only folder that the program with the network may write.
    #[serde(default = "staging")]
    pub staging: PathBuf,
    /// How old the witnesses' cosignatures may be.
    #[serde(default = "max_age", deserialize_with = "duration")]
    pub max_age: Duration,
    /// How many releases are kept.
    #[serde(default = "keep")]
    pub keep: usize,
    /// How many signatures are demanded at least.
    #[serde(default)]
    pub thresholds: Thresholds,
    /// The key of the site's own director.
    #[serde(default, deserialize_with = "key")]
    pub director: Option<VerifyingKey>,
    /// Certificates that mirrors are believed by, beside the system's.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// Through which proxy mirrors are reached.
    #[serde(default)]
    pub proxy: Option<String>,
    /// The clean-file gate.
    #[serde(default)]
    pub gate: Gate,
    /// Other sources than releases: see `docs/feeds.md`.
    #[serde(default, deserialize_with = "crate::feed::read_all")]
    pub source: Vec<Feed>,
}

/// What a new database has to spare before it is put into use.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gate {
    /// Whether the files are looked at that the package manager vouches for.
    pub packages: bool,
    /// How many of them, besides those that the machine needs to start.
    pub sample: usize,
    /// How long this may take.
    #[serde(deserialize_with = "duration")]
    pub time: Duration,
    /// Files and folders that are known to be clean.
    pub known_good: Vec<PathBuf>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { packages: true, sample: 2000, time: Duration::from_secs(300), known_good: Vec::new() }
    }
}

fn store() -> PathBuf {
    PathBuf::from("/var/lib/candor/databases")
}

fn staging() -> PathBuf {
    PathBuf::from("/var/lib/candor/staging")
}

fn max_age() -> Duration {
    Duration::from_secs(48 * 3600)
}

fn keep() -> usize {
    3
}

impl Settings {
    /// Reads a configuration whose file is, or would be, at this path.
    ///
    /// # Errors
    /// The line that is wrong, for people.
    pub fn read(text: &str, path: &Path) -> Result<Self, toml::de::Error> {
        let mut settings: Self = toml::from_str(text)?;
        settings.is_complete().map_err(de::Error::custom)?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let place = |path: &mut PathBuf| {
            if !path.as_os_str().is_empty() {
                *path = folder.join(&*path);
            }
        };
        for path in [&mut settings.root, &mut settings.policy, &mut settings.store, &mut settings.staging] {
            place(path);
        }
        settings.ca.iter_mut().chain(&mut settings.gate.known_good).for_each(place);
        for mirror in settings.mirrors.iter_mut().filter(|mirror| !mirror.contains("://")) {
            *mirror = folder.join(&*mirror).display().to_string();
        }
        for feed in &mut settings.source {
            for url in feed.signature.iter_mut().chain([&mut feed.url]).filter(|url| !url.contains("://")) {
                *url = folder.join(&*url).display().to_string();
            }
        }
        Ok(settings)
    }

    /// Whether releases are wanted, and not only feeds.
    pub fn has_releases(&self) -> bool {
        !self.root.as_os_str().is_empty()
    }

    /// Feeds alone need neither mirrors nor whom to believe; releases need both.
    fn is_complete(&self) -> Result<(), &'static str> {
        let (root, policy) = (self.root.as_os_str().is_empty(), self.policy.as_os_str().is_empty());
        if root && policy && self.mirrors.is_empty() && !self.source.is_empty() {
            return Ok(());
        }
        match (root, policy) {
            (true, _) => Err("missing field `root`: the first TUF root"),
            (_, true) => Err("missing field `policy`: the log and its witnesses"),
            _ => Ok(()),
        }
    }
}

/// Reads `90s`, `15m`, `48h` or `7d`.
pub fn read_duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    read_duration(&text)
        .ok_or_else(|| de::Error::custom("a time is a number with s, m, h or d behind it, such as 48h"))
}

fn key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<VerifyingKey>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_below_the_folder_of_the_file() {
        let text = "mirrors = ['https://example.org/m', 'mirror', '/srv/m']\nroot = 'root.json'\npolicy = '/p'\nmax_age = '7d'\n";
        let settings = Settings::read(text, Path::new("/etc/candor/update.toml")).expect("a configuration");
        assert_eq!(settings.mirrors, ["https://example.org/m", "/etc/candor/mirror", "/srv/m"]);
        assert_eq!((settings.root, settings.policy), ("/etc/candor/root.json".into(), "/p".into()));
        assert_eq!((settings.max_age, settings.keep), (Duration::from_secs(7 * 86_400), 3));
    }

    #[test]
    fn feeds_alone_need_no_mirrors_and_releases_need_everything() {
        let feed = "[[source]]\nname = 'mine'\nurl = '/rules'\nfile = 'r.yar'\nlicence = 'MIT'\n";
        let settings = Settings::read(feed, Path::new("/etc/candor/update.toml")).expect("feeds");
        assert!(!settings.has_releases() && settings.mirrors.is_empty());
        for (lines, part) in [
            ("", "`root`"),
            ("mirrors = ['/m']\n", "`root`"),
            ("root = 'r'\n", "`policy`"),
            ("policy = 'p'\n", "`root`"),
        ] {
            let with_feed = if lines.is_empty() { String::new() } else { format!("{lines}{feed}") };
            let error = Settings::read(&with_feed, Path::new("x")).expect_err(lines).to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let good = "mirrors = []\nroot = 'r'\npolicy = 'p'\n";
        for (line, part) in [
            ("max_age = '48'", "such as 48h"),
            ("max_agee = '48h'", "unknown field"),
            ("director = 'x'", "NAME+ID+KEY"),
            ("[gate]\nsamples = 1", "unknown field"),
        ] {
            let error =
                Settings::read(&format!("{good}{line}\n"), Path::new("x")).expect_err(line).to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
