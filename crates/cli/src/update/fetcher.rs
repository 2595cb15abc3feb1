//! Starts `candor-fetch`, the only program with a network. It is told a place and a folder, and nothing of this machine.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use candor_update::settings::Settings;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Where packages put it.
const INSTALLED: &str = "/usr/libexec/candor/candor-fetch";

/// The environment variable with which tests of debug builds say how many seconds a server may be silent.
const PATIENCE: &str = "CANDOR_UPDATE_PATIENCE";

/// What it says last.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Fetched {
    /// What went wrong.
    pub(crate) error: Option<Trouble>,
}

/// What went wrong.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Trouble {
    /// In one word.
    #[serde(rename = "kind")]
    _kind: String,
    /// For people; it may quote what a hostile mirror said.
    pub(crate) text: String,
}

/// The folder that a mirror is fetched into. Mirrors do not get to see or spoil each other's.
pub(crate) fn staging(settings: &Settings, mirror: &str) -> PathBuf {
    let digest = hex::encode(Sha256::digest(mirror));
    settings.staging.join(digest.get(..16).unwrap_or(&digest))
}

/// What of a mirror is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// What changed since the last time.
    Changes,
    /// Everything of the newest release.
    Whole,
    /// Everything of this release.
    Release(u64),
}

/// Fetches a mirror into its folder.
pub(crate) fn fetch(settings: &Settings, mirror: &str, what: What) -> anyhow::Result<Fetched> {
    let program = program()?;
    let folder = staging(settings, mirror);
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(&folder)
        .with_context(|| folder.display().to_string())?;
    let mut arguments: Vec<OsString> =
        vec!["mirror".into(), "--from".into(), mirror.into(), "--into".into(), folder.into()];
    arguments.extend(network(settings));
    if what != What::Changes {
        arguments.push("--full".into());
    }
    if let What::Release(sequence) = what {
        arguments.extend(["--release".into(), sequence.to_string().into()]);
    }
    run(&program, &arguments)
}

/// Fetches one file, at most so long, into a folder that is there.
pub(crate) fn fetch_file(settings: &Settings, url: &str, into: &Path, most: u64) -> anyhow::Result<Fetched> {
    let mut arguments: Vec<OsString> = vec!["source".into(), "--url".into(), url.into(), "--into".into()];
    arguments.extend([into.into(), "--max".into(), most.to_string().into()]);
    arguments.extend(network(settings));
    run(&program()?, &arguments)
}

/// How the network is reached.
fn network(settings: &Settings) -> impl Iterator<Item = OsString> + use<> {
    let given = [
        ("--ca", settings.ca.as_ref().map(OsString::from)),
        ("--proxy", settings.proxy.as_ref().map(OsString::from)),
        ("--patience", if cfg!(debug_assertions) { std::env::var_os(PATIENCE) } else { None }),
    ];
    given.into_iter().flat_map(|(name, value)| value.map(|value| [name.into(), value])).flatten()
}

fn run(program: &Path, arguments: &[OsString]) -> anyhow::Result<Fetched> {
    let output = Command::new(program)
        .args(arguments)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("{} cannot be started", program.display()))?;
    // It has the network: what it says is believed in nothing but what is told to people.
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    match serde_json::from_str(last) {
        Ok(fetched) => Ok(fetched),
        Err(_) => bail!("candor-fetch ended with {} and said nothing", output.status),
    }
}

/// The program: what `CANDOR_FETCH` names, what lies beside this one, or where packages put it.
fn program() -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os("CANDOR_FETCH") {
        return Ok(named.into());
    }
    let beside = std::env::current_exe()?.with_file_name("candor-fetch");
    let installed = PathBuf::from(INSTALLED);
    match [beside, installed].into_iter().find(|path| path.is_file()) {
        Some(path) => Ok(path),
        None => {
            bail!("candor-fetch is not here; without it updates come as files: `candor update --bundle FILE`")
        }
    }
}
