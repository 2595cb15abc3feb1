//! The configuration: defaults, one TOML file, the environment and the command line, in this order.
//!
//! The keys are those of the types in [`tables`]; nothing else lists them. Every value keeps its [`Origin`].

pub(crate) mod bounds;
mod clamd;
mod explained;
mod file;
mod keys;
pub(crate) mod quantities;
pub(crate) mod show;
mod tables;
mod text;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

pub(crate) use clamd::translated;

use anyhow::{anyhow, bail};
use serde::Deserialize;

pub(crate) use keys::Keys;
pub(crate) use tables::{Configuration, Format, Level, Log};

/// Where the configuration is when nobody says otherwise; it need not exist.
pub(crate) const DEFAULT_FILE: &str = "/etc/candor/candord.toml";

/// What the names of environment variables begin with.
const ENVIRONMENT: &str = "CANDORD_";
/// A variable for clients, which is no key.
const FOR_CLIENTS: &str = "CANDORD_SOCKET";

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A line of a file.
    File(PathBuf, usize),
    /// A clamd.conf of ClamAV, or what clamd does where it says nothing.
    Clamd(PathBuf),
    /// An environment variable.
    Environment(String),
    /// `--set` on the command line.
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Clamd(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}

/// A value that somebody gave to a key such as `service.workers`.
#[derive(Clone, Debug)]
struct Given {
    key: String,
    value: toml::Value,
    origin: Origin,
}

/// The settings in effect, and where each value that is no default comes from.
#[derive(Debug)]
pub(crate) struct Effective {
    pub(crate) configuration: Configuration,
    pub(crate) origins: BTreeMap<String, Origin>,
    /// What there is to say about a clamd.conf.
    pub(crate) remarks: Vec<String>,
}

/// Puts the configuration together. Without `file`, [`DEFAULT_FILE`] is read if it exists; what it says counts
/// more than a `clamd` file of ClamAV.
///
/// # Errors
/// When a file cannot be read, a key is unknown, or a value cannot be used; the message names the place.
pub(crate) fn load(
    file: Option<&Path>,
    clamd: Option<&Path>,
    environment: impl Iterator<Item = (OsString, OsString)>,
    overrides: &[String],
) -> anyhow::Result<Effective> {
    let keys = Keys::of_the_types();
    let (mut given, remarks) = clamd.map(clamd::read).transpose()?.unwrap_or_default();
    match file {
        Some(path) => given.extend(file::read(path, "", &keys)?),
        None if Path::new(DEFAULT_FILE).exists() => {
            given.extend(file::read(Path::new(DEFAULT_FILE), "", &keys)?);
        }
        None => {}
    }
    given.extend(from_environment(environment, &keys)?);
    given.extend(from_overrides(overrides, &keys)?);
    let policy = given.iter().rev().find(|given| given.key == "policy.file");
    if let Some(path) = policy.and_then(|given| given.value.as_str()) {
        // What stands in the policy's file counts less than what is written beside its name.
        let mut policy = file::read(Path::new(path), "policy", &keys)?;
        policy.append(&mut given);
        given = policy;
    }
    let mut origins = BTreeMap::new();
    let mut values = toml::Table::new();
    for Given { key, value, origin } in given {
        // One value alone, so that the complaint is about this one.
        let mut alone = toml::Table::new();
        insert(&mut alone, &key, value.clone());
        Configuration::deserialize(alone)
            .map_err(|error| error.message().to_owned())
            .and_then(|_| bounds::check(&key, &value))
            .map_err(|wrong| anyhow!("{origin}: `{key}`: {wrong}"))?;
        insert(&mut values, &key, value);
        origins.insert(key, origin);
    }
    Ok(Effective { configuration: Configuration::deserialize(values)?, origins, remarks })
}

fn from_environment(
    environment: impl Iterator<Item = (OsString, OsString)>,
    keys: &Keys,
) -> anyhow::Result<Vec<Given>> {
    let mut given = Vec::new();
    for (name, text) in environment {
        let Some(name) = name.to_str().filter(|name| name.starts_with(ENVIRONMENT) && *name != FOR_CLIENTS)
        else {
            continue;
        };
        let Some(key) = keys.names().find(|key| variable(key) == name) else {
            let nearest = keys.names().map(variable);
            bail!("environment: unknown variable {name}{}", keys::hint(name, nearest));
        };
        let Some(text) = text.to_str() else { bail!("environment: {name} is no UTF-8") };
        given.push(Given {
            key: key.to_owned(),
            value: text::value(key, text),
            origin: Origin::Environment(name.to_owned()),
        });
    }
    Ok(given)
}

/// The environment variable of a key: `CANDORD_SERVICE_WORKERS` for `service.workers`.
pub(crate) fn variable(key: &str) -> String {
    format!("{ENVIRONMENT}{}", key.replace(['.', '-'], "_").to_uppercase())
}

fn from_overrides(overrides: &[String], keys: &Keys) -> anyhow::Result<Vec<Given>> {
    let mut given = Vec::new();
    for text in overrides {
        let Some((key, text)) = text.split_once('=') else {
            bail!("command line: --set \"{text}\": expected SECTION.KEY=VALUE");
        };
        let key = key.trim();
        if !keys.contains(key) {
            bail!("command line: unknown key `{key}`{}", keys.hint(key));
        }
        let value = text::value(key, text.trim());
        given.push(Given { key: key.to_owned(), value, origin: Origin::CommandLine });
    }
    Ok(given)
}

/// Puts a value under a key with points.
fn insert(table: &mut toml::Table, key: &str, value: toml::Value) {
    match key.split_once('.') {
        None => drop(table.insert(key.to_owned(), value)),
        Some((section, rest)) => {
            let section =
                table.entry(section.to_owned()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            if let toml::Value::Table(section) = section {
                insert(section, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn load_text(text: &str, environment: &[(&str, &str)], overrides: &[&str]) -> Result<Effective, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let environment = environment.iter().map(|(name, value)| (name.into(), value.into()));
        let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
        load(Some(file.path()), None, environment, &overrides)
            .map_err(|error| format!("{error:#}").replace(&file.path().display().to_string(), "FILE"))
    }

    #[test]
    fn the_later_layer_wins_and_is_named() {
        let text = "[service]\nqueue = 1\nworkers = 2\n\n[limits]\ntime = \"1s\"\n";
        let environment = [("CANDORD_SERVICE_WORKERS", "3"), ("CANDORD_LIMITS_TIME", "2s"), ("HOME", "/")];
        let effective = load_text(text, &environment, &["limits.time=3s"]).unwrap();
        let configuration = &effective.configuration;
        assert_eq!(configuration.service.queue, 1);
        assert_eq!(configuration.service.workers.unwrap().get(), 3);
        assert_eq!(configuration.limits.time, quantities::Time::seconds(3));
        let origin = |key| effective.origins.get(key).unwrap().to_string();
        assert!(origin("service.queue").ends_with(":2"));
        assert_eq!(origin("service.workers"), "environment CANDORD_SERVICE_WORKERS");
        assert_eq!(origin("limits.time"), "command line");
        assert!(!effective.origins.contains_key("limits.depth"));
    }

    #[test]
    fn complaints_name_the_place_and_the_nearest_key() {
        let complaint = |text| load_text(text, &[], &[]).unwrap_err();
        assert_eq!(
            complaint("\n[service]\nwrokers = 3\n"),
            "FILE:3: unknown key `service.wrokers`; did you mean `service.workers`?"
        );
        assert_eq!(complaint("[sevrice]\n"), "FILE:1: unknown table `sevrice`; did you mean `service`?");
        let wrong = complaint("[limits]\n\ntime = true\n");
        assert!(wrong.starts_with("FILE:3: `limits.time`: ") && wrong.contains("expected a time"), "{wrong}");
        assert!(complaint("[service\n").contains("FILE:1"));
        let unknown = load_text("", &[("CANDORD_SERVICE_WORKER_", "x")], &[]).unwrap_err();
        assert!(unknown.contains("did you mean `CANDORD_SERVICE_WORKER`?"), "{unknown}");
        let unknown = load_text("", &[], &["service.quue=1"]).unwrap_err();
        assert_eq!(unknown, "command line: unknown key `service.quue`; did you mean `service.queue`?");
        assert!(
            load_text("", &[], &["service.queue=many"])
                .unwrap_err()
                .contains("command line: `service.queue`")
        );
    }

    #[test]
    fn a_policy_file_counts_less_than_the_table() {
        let mut policy = tempfile::NamedTempFile::new().unwrap();
        policy.write_all(b"report_unwanted = false\ngaps_are_suspicious = true\n").unwrap();
        let text = format!("[policy]\nfile = \"{}\"\ngaps_are_suspicious = false\n", policy.path().display());
        let effective = load_text(&text, &[], &[]).unwrap();
        let policy = candor_policy::Policy::from(&effective.configuration.policy);
        assert!(!policy.report_unwanted && !policy.gaps_are_suspicious && policy.trust_lists);
    }

    #[test]
    fn the_environment_may_be_a_list() {
        let effective = load_text("", &[("CANDORD_METRICS_LISTEN", "tcp:127.0.0.1:0")], &[]).unwrap();
        assert_eq!(effective.configuration.metrics.listen.len(), 1);
        let listen = "metrics.listen=[\"tcp:127.0.0.1:0\", \"unix:/a\"]";
        assert_eq!(load_text("", &[], &[listen]).unwrap().configuration.metrics.listen.len(), 2);
        let user = load_text("", &[], &["service.user=12"]).unwrap().configuration.service.user;
        assert_eq!(user.as_deref(), Some("12"));
    }
}
