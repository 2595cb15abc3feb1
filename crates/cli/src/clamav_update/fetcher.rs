//! The program that has a network, and what it says. It sees nothing of ours but the versions of containers.

use std::env;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde::Deserialize;

use super::Options;

/// Where packages put it.
const INSTALLED: &str = "/usr/libexec/candor/candor-fetch";
/// The file in the staging folder that says what was fetched.
const STATE: &str = "clamav.json";
/// Longest state in bytes.
const LONGEST_STATE: u64 = 1 << 20;
/// Longest text of the fetcher's that is shown, in letters.
const LONGEST_TEXT: usize = 500;

/// What is to be fetched.
#[derive(Debug)]
pub(crate) enum Wanted<'a> {
    /// Containers, as `NAME=VERSION`.
    Containers(&'a [String]),
    /// One file, to be called so.
    File { url: &'a str, name: &'a str },
}

/// What was fetched, as the fetcher says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Fetched {
    /// The number of the newest ClamAV.
    pub(crate) software: Option<String>,
    /// The containers that were asked for.
    pub(crate) databases: Vec<Answer>,
    /// What else is worth knowing.
    pub(crate) notes: Vec<String>,
}

/// What came of asking for one container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Answer {
    /// Its name, such as `daily`.
    pub(crate) name: String,
    /// The newest version there is.
    pub(crate) newest: Option<u32>,
    /// Differences in the staging folder, in their order.
    pub(crate) differences: Vec<String>,
    /// A whole container in the staging folder.
    pub(crate) whole: Option<String>,
    /// What prevented it.
    pub(crate) problem: Option<Problem>,
    /// What was in the way.
    pub(crate) notes: Vec<String>,
}

/// What prevented something.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    /// In one word.
    pub(crate) kind: String,
    /// For people.
    pub(crate) text: String,
}

/// The program `candor-fetch`: what the environment variable `CANDOR_FETCH` names, else what lies beside this program, else
/// where packages put it.
///
/// # Errors
/// When it is nowhere.
pub(crate) fn program() -> anyhow::Result<PathBuf> {
    let named = env::var_os("CANDOR_FETCH").map(PathBuf::from);
    let beside = env::current_exe()?.with_file_name("candor-fetch");
    let places = match named {
        Some(named) => vec![named],
        None => vec![beside, PathBuf::from(INSTALLED)],
    };
    match places.iter().find(|place| place.is_file()) {
        Some(place) => Ok(place.clone()),
        None => bail!("the program candor-fetch is missing: {} is no file", places[0].display()),
    }
}

/// Runs it and reads what it says.
///
/// # Errors
/// When it cannot be started, or does not say what came of it.
pub(crate) fn run(
    program: &Path,
    options: &Options,
    wanted: &Wanted<'_>,
    staging: &Path,
) -> anyhow::Result<Fetched> {
    let mut command = Command::new(program);
    // Nothing of our surroundings is its business, and proxies are named.
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let state = staging.join(STATE);
    match wanted {
        Wanted::Containers(databases) => {
            command.arg("clamav").arg("--into").arg(staging);
            for database in *databases {
                command.args(["--database", database]);
            }
            for mirror in &options.mirrors {
                command.args(["--mirror", mirror]);
            }
            for mirror in &options.private_mirrors {
                command.args(["--private-mirror", mirror]);
            }
            command.args(["--dns", options.dns.as_deref().unwrap_or("none")]);
            command.args(["--attempts", &options.attempts.clamp(1, 20).to_string()]);
            if !options.differences {
                command.arg("--whole");
            }
        }
        Wanted::File { url, name } => {
            command.args(["source", "--url", url]).arg("--into").arg(staging.join(name));
        }
    }
    command.args(["--patience", &options.patience.clamp(1, 3600).to_string()]);
    if let Some(proxy) = &options.proxy {
        command.args(["--proxy", proxy]);
    }
    // As freshclam has it.
    if let Some(authorities) = env::var_os("CURL_CA_BUNDLE").filter(|path| Path::new(path).is_file()) {
        command.arg("--ca").arg(authorities);
    }
    if options.insecure_http {
        command.arg("--insecure-http");
    }
    let child = command.spawn().with_context(|| format!("the program {}", program.display()))?;
    let output = child.wait_with_output().context("candor-fetch")?;
    let said = String::from_utf8_lossy(&output.stdout).lines().last().map(str::to_owned).unwrap_or_default();
    let last: Last = serde_json::from_str(&said).with_context(|| {
        format!("candor-fetch: {}", shown(String::from_utf8_lossy(&output.stderr).trim()))
    })?;
    match (wanted, last.error) {
        (Wanted::Containers(_), None) => read(&state),
        // What is wrong with single containers is told with them.
        (Wanted::Containers(_), Some(error)) if error.kind == "refused" => read(&state),
        (Wanted::Containers(_), Some(error)) => bail!("candor-fetch: {}", shown(&error.text)),
        (Wanted::File { name, .. }, problem) => {
            let problem = problem.map(Problem::shown);
            let answer = Answer { name: (*name).to_owned(), problem, ..Answer::default() };
            Ok(Fetched { databases: vec![answer], ..Fetched::default() })
        }
    }
}

/// The last line that the fetcher writes.
#[derive(Deserialize)]
struct Last {
    error: Option<Problem>,
}

impl Problem {
    fn shown(self) -> Self {
        Self { kind: self.kind, text: shown(&self.text) }
    }
}

/// Reads the state. Who fetches is not believed: names are compared with what was asked for where they are used, and
/// texts are shortened here and escaped where they are shown.
fn read(path: &Path) -> anyhow::Result<Fetched> {
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(|| path.display().to_string())?;
    file.take(LONGEST_STATE).read_to_end(&mut bytes)?;
    let fetched: Fetched = serde_json::from_slice(&bytes).context("what candor-fetch says")?;
    let notes = |notes: Vec<String>| notes.iter().take(100).map(|note| shown(note)).collect();
    Ok(Fetched {
        software: fetched.software.map(|software| shown(&software)),
        notes: notes(fetched.notes),
        databases: fetched
            .databases
            .into_iter()
            .map(|answer| Answer {
                notes: notes(answer.notes),
                problem: answer.problem.map(Problem::shown),
                ..answer
            })
            .collect(),
    })
}

fn shown(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(LONGEST_TEXT).collect()
}
