//! The tables of the configuration, with their defaults. Every key is explained in docs/candord.md.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::quantities::{Bytes, Time};
use crate::{breaker, frontends, metrics};

/// All settings. Each table is a struct with defaults; a key that is not written has its default.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Configuration {
    pub(crate) service: Service,
    pub(crate) database: Database,
    pub(crate) breaker: Breaker,
    pub(crate) limits: Limits,
    pub(crate) policy: Policy,
    pub(crate) cache: Cache,
    pub(crate) log: Log,
    pub(crate) metrics: metrics::Settings,
    /// One table per front-end.
    #[serde(flatten)]
    pub(crate) frontends: frontends::Tables,
}

/// `[service]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Service {
    /// Workers that scan at once; by default one per processor.
    pub(crate) workers: Option<NonZeroUsize>,
    /// Scans under way at once, those that wait for a worker included; more wait in their front-ends.
    pub(crate) queue: usize,
    /// The folder for content that arrives in pieces and is too long for memory; by default `TMPDIR` or `/tmp`.
    pub(crate) temporary: Option<PathBuf>,
    /// The user to become when started as root.
    pub(crate) user: Option<String>,
    /// The worker program; by default `candor-worker` beside `candord`.
    pub(crate) worker: Option<PathBuf>,
    /// How long requests under way may take to end when the service stops.
    pub(crate) stop_within: Time,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            workers: None,
            queue: 1000,
            temporary: None,
            user: None,
            worker: None,
            stop_within: Time::seconds(30),
        }
    }
}

/// `[database]`
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Database {
    /// Compiled databases, or folders of them; without any, the one that is part of the program.
    pub(crate) files: Vec<PathBuf>,
    /// Those to go back to when the breaker trips.
    pub(crate) previous: Vec<PathBuf>,
    /// The list of rules that are switched off; nobody need have written it.
    pub(crate) disabled: Option<PathBuf>,
    /// A file of passwords, one on each line, for what is encrypted.
    pub(crate) passwords: Option<PathBuf>,
}

/// `[breaker]`, against new databases that detect too much.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Breaker {
    /// Whether it is there at all.
    pub(crate) enabled: bool,
    /// How long databases are new.
    pub(crate) window: Time,
    /// Least distinct contents in which one signature is found.
    pub(crate) contents_of_a_signature: usize,
    /// Least distinct contents in which anything is found.
    pub(crate) contents: usize,
    /// And least how many times as many as before.
    pub(crate) factor: usize,
    /// Detection names that do not count.
    pub(crate) ignored: Vec<String>,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            enabled: true,
            window: Time::seconds(3600),
            contents_of_a_signature: 50,
            contents: 200,
            factor: 10,
            ignored: [
                "Candor.Test.Malware.Eicar-1",
                "Candor.Test.Unwanted.Eicar-1",
                "Eicar-Signature",
                "Eicar-Test-Signature",
            ]
            .map(str::to_owned)
            .to_vec(),
        }
    }
}

impl From<&Breaker> for breaker::Settings {
    fn from(table: &Breaker) -> Self {
        Self {
            enabled: table.enabled,
            window: table.window.0,
            contents_of_a_signature: table.contents_of_a_signature,
            contents: table.contents,
            factor: table.factor,
            ignored: table.ignored.clone(),
        }
    }
}

/// `[limits]`, of each root object.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    pub(crate) objects: u32,
    pub(crate) depth: u32,
    pub(crate) unpacked_bytes: Bytes,
    pub(crate) object_bytes: Bytes,
    pub(crate) held_bytes: Bytes,
    pub(crate) time: Time,
    pub(crate) bytes_per_second: Bytes,
    pub(crate) program_time: Time,
}

impl Default for Limits {
    fn default() -> Self {
        let default = candor_object::Limits::default();
        Self {
            objects: default.objects,
            depth: default.depth,
            unpacked_bytes: Bytes(default.unpacked_bytes),
            object_bytes: Bytes(default.object_bytes),
            held_bytes: Bytes(default.held_bytes),
            time: Time(default.time),
            bytes_per_second: Bytes(default.bytes_per_second),
            program_time: Time(default.program_time),
        }
    }
}

impl From<&Limits> for candor_object::Limits {
    fn from(limits: &Limits) -> Self {
        Self {
            objects: limits.objects,
            depth: limits.depth,
            unpacked_bytes: limits.unpacked_bytes.0,
            object_bytes: limits.object_bytes.0,
            held_bytes: limits.held_bytes.0,
            time: limits.time.0,
            bytes_per_second: limits.bytes_per_second.0,
            program_time: limits.program_time.0,
        }
    }
}

/// `[policy]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Policy {
    /// A file with a policy; what is written beside it in this table counts more.
    pub(crate) file: Option<PathBuf>,
    pub(crate) report_unwanted: bool,
    pub(crate) gaps_are_suspicious: bool,
    pub(crate) trust_lists: bool,
    pub(crate) report_links: bool,
    pub(crate) report_unencrypted_links: bool,
    pub(crate) report_cloaked_links: bool,
    pub(crate) disabled: BTreeSet<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self::from(candor_policy::Policy::default())
    }
}

impl From<candor_policy::Policy> for Policy {
    fn from(policy: candor_policy::Policy) -> Self {
        let candor_policy::Policy {
            report_unwanted,
            gaps_are_suspicious,
            trust_lists,
            report_links,
            report_unencrypted_links,
            report_cloaked_links,
            disabled,
        } = policy;
        Self {
            file: None,
            report_unwanted,
            gaps_are_suspicious,
            trust_lists,
            report_links,
            report_unencrypted_links,
            report_cloaked_links,
            disabled,
        }
    }
}

impl From<&Policy> for candor_policy::Policy {
    fn from(policy: &Policy) -> Self {
        let Policy {
            file: _,
            report_unwanted,
            gaps_are_suspicious,
            trust_lists,
            report_links,
            report_unencrypted_links,
            report_cloaked_links,
            disabled,
        } = policy.clone();
        Self {
            report_unwanted,
            gaps_are_suspicious,
            trust_lists,
            report_links,
            report_unencrypted_links,
            report_cloaked_links,
            disabled,
        }
    }
}

/// `[cache]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Cache {
    /// Reports that are remembered by the digest of their content; 0 remembers none.
    pub(crate) reports: usize,
    /// Memory for reports, as far as it can be estimated.
    pub(crate) bytes: Bytes,
    /// Longer content is not remembered.
    pub(crate) content: Bytes,
}

impl Default for Cache {
    fn default() -> Self {
        Self { reports: 10_000, bytes: Bytes(16 << 20), content: Bytes(16 << 20) }
    }
}

/// `[log]`
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    /// What is told.
    pub(crate) level: Level,
    /// How it is written.
    pub(crate) format: Format,
    /// The file that it is appended to; by default standard error.
    pub(crate) file: Option<PathBuf>,
}

/// What the log tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// What keeps the service from its work.
    Error,
    /// And what somebody should look at.
    Warn,
    /// And what happens: findings, gaps, starting and stopping.
    #[default]
    Info,
    /// And every connection and every scan.
    Debug,
    /// And more.
    Trace,
}

/// How events are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// A line for people.
    #[default]
    Human,
    /// A JSON object on a line.
    Json,
}
