//! The configuration: `/etc/candor/gate.toml`.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io, thread};

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::mounts::Choice;

/// Where it is.
pub const FILE: &str = "/etc/candor/gate.toml";
/// Where the supervisor is asked.
pub const SOCKET: &str = "/run/candor/gate.sock";

/// All of it. What is not written has its default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Configuration {
    pub(crate) protect: Protect,
    pub(crate) late: Late,
    pub(crate) file_systems: FileSystems,
    pub(crate) exclude: Exclude,
    pub(crate) kept: Kept,
    pub(crate) ahead: Ahead,
    pub(crate) database: Databases,
    pub(crate) service: Service,
}

/// What is refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Protect {
    /// Which accesses to what was detected are refused.
    pub(crate) mode: Mode,
    /// Whether unwanted programs count.
    pub(crate) unwanted: bool,
    /// Whether files in which something was found are taken into quarantine.
    pub(crate) quarantine: bool,
    /// Whether processes are ended that execute such a file.
    pub(crate) kill: bool,
    /// The vault, if it is not root's.
    pub(crate) vault: Option<PathBuf>,
}

/// Which accesses to what was detected are refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// All.
    #[default]
    Block,
    /// Executions; other opens are not looked at.
    Executions,
    /// None; what is found is told.
    Report,
}

impl Mode {
    /// Its name in the configuration.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Executions => "executions",
            Self::Report => "report",
        }
    }
}

/// What becomes of an access when there is no verdict in time.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Late {
    /// Seconds that an access may wait.
    pub(crate) after: f64,
    pub(crate) reads: Allowed,
    pub(crate) executions: Allowed,
    /// Accesses to removable media.
    pub(crate) removable: Allowed,
}

/// Whether something goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Allowed {
    /// It does, and it is told.
    Allow,
    /// It does not.
    Deny,
}

/// Which file systems are watched.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FileSystems {
    /// Kinds beside those whose files lie on this machine.
    pub(crate) also: Vec<String>,
    /// Kinds that are left out.
    pub(crate) not: Vec<String>,
    /// Places of mounts; where any is named, nothing else is watched.
    pub(crate) only: Vec<PathBuf>,
}

/// What the kernel does not ask about any more.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Kept {
    /// Folders, in file systems that are never unmounted, whose files of root are kept.
    pub(crate) folders: Vec<PathBuf>,
}

/// What is looked at before anybody opens it.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Ahead {
    /// Folders with programs and libraries.
    pub(crate) folders: Vec<PathBuf>,
}

/// What is answered without a look.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Exclude {
    /// Files and folders.
    pub(crate) paths: Vec<PathBuf>,
    /// Programs whose accesses are not looked at: these very files, whatever others are called.
    pub(crate) programs: Vec<PathBuf>,
}

/// What is looked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Databases {
    /// Compiled databases, or folders of them; without any it is the one that is part of the program.
    pub(crate) files: Vec<PathBuf>,
}

/// How it runs.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Service {
    /// Workers that scan at once.
    pub(crate) workers: NonZeroUsize,
    /// Verdicts that are remembered.
    pub(crate) remembered: NonZeroUsize,
    /// The user and group that the gate becomes.
    pub(crate) user: u32,
    pub(crate) group: u32,
    /// Where `candor protect` asks.
    pub(crate) socket: PathBuf,
}

impl Default for Protect {
    fn default() -> Self {
        Self { mode: Mode::Block, unwanted: true, quarantine: false, kill: false, vault: None }
    }
}

/// Databases are full of what they look for, and only root can put anything beside them.
impl Default for Exclude {
    fn default() -> Self {
        Self { paths: vec!["/var/lib/candor/databases".into()], programs: Vec::new() }
    }
}

impl Default for Ahead {
    fn default() -> Self {
        let folders =
            ["/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64", "/usr/libexec", "/usr/local", "/opt"];
        Self { folders: folders.map(PathBuf::from).to_vec() }
    }
}

impl Default for Kept {
    fn default() -> Self {
        Self { folders: ["/usr", "/etc", "/opt"].map(PathBuf::from).to_vec() }
    }
}

impl Default for Late {
    fn default() -> Self {
        Self { after: 5.0, reads: Allowed::Allow, executions: Allowed::Deny, removable: Allowed::Deny }
    }
}

impl Default for Service {
    fn default() -> Self {
        let (user, group) = candor_jail::NOBODY;
        Self {
            workers: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            remembered: NonZeroUsize::MIN.saturating_add((1 << 18) - 1),
            user,
            group,
            socket: SOCKET.into(),
        }
    }
}

impl Late {
    /// How long an access may wait.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs_f64(self.after)
    }
}

impl FileSystems {
    /// What is done about a kind of file system.
    pub(crate) fn choice(&self) -> Choice {
        Choice { also: self.also.clone(), not: self.not.clone() }
    }
}

impl Configuration {
    /// Reads the file; where it is not named and not there, everything has its default.
    ///
    /// # Errors
    /// When it cannot be read, or has keys or values that make no sense; with the place.
    pub(crate) fn read(path: Option<&Path>) -> anyhow::Result<Self> {
        let place = path.unwrap_or_else(|| Path::new(FILE));
        let text = match fs::read_to_string(place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.is_none() => String::new(),
            text => text.with_context(|| place.display().to_string())?,
        };
        Self::of(&text).with_context(|| place.display().to_string())
    }

    fn of(text: &str) -> anyhow::Result<Self> {
        let configuration: Self = toml::from_str(text)?;
        if !(0.05..=60.0).contains(&configuration.late.after) {
            bail!("late.after is {}: it has to be between 0.05 and 60 seconds", configuration.late.after);
        }
        if configuration.service.user == 0 || configuration.service.group == 0 {
            bail!("service.user and service.group: the gate does not run as root");
        }
        let named = configuration.exclude.paths.iter().chain(&configuration.exclude.programs);
        if let Some(relative) = named.chain(&configuration.file_systems.only).find(|path| !path.is_absolute())
        {
            bail!("{}: paths begin with /", relative.display());
        }
        let both: BTreeSet<_> = configuration.file_systems.also.iter().collect();
        if let Some(kind) = configuration.file_systems.not.iter().find(|kind| both.contains(kind)) {
            bail!("file_systems: {kind} is both in `also` and in `not`");
        }
        Ok(configuration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_written_is_the_default() {
        let configuration = Configuration::of("").unwrap();
        assert_eq!(configuration.protect.mode, Mode::Block);
        assert_eq!(configuration.late.reads, Allowed::Allow);
        assert_eq!(configuration.late.executions, Allowed::Deny);
        assert_eq!(configuration.late.patience(), Duration::from_secs(5));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_a_reason() {
        for (text, reason) in [
            ("[protect]\nmodus = \"block\"", "unknown field"),
            ("[late]\nafter = 0", "between"),
            ("[service]\nuser = 0", "root"),
            ("[exclude]\npaths = [\"tmp\"]", "begin with /"),
            ("[file_systems]\nalso = [\"nfs\"]\nnot = [\"nfs\"]", "both"),
        ] {
            let error = format!("{:#}", Configuration::of(text).unwrap_err());
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
