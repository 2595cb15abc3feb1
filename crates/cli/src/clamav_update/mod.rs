//! ClamAV's containers as a source of updates: fetched by `candor-fetch`, verified and installed here, without a network.
//!
//! [`fetcher`] runs the program that has a network, which writes into a staging folder and is not believed. [`install`]
//! makes a container of what lies there, verifies all of it, tries it, and puts it in its place by a rename. [`folder`]
//! is the folder of containers, which may be one that clamd and freshclam know.

pub(crate) mod fetcher;
mod folder;
mod install;
pub(crate) mod notify;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use candor_signatures::container::Keys;

use fetcher::{Answer, Fetched, Wanted};
use folder::Folder;
use install::{Installer, Refused};

/// The containers that everybody wants.
pub(crate) const OFFICIAL: [&str; 3] = ["main", "daily", "bytecode"];
/// What the publisher's DNS record is called.
pub(crate) const DNS_NAME: &str = "current.cvd.clamav.net";
/// After how many days without a new one the container `daily` is told to be old.
const OLD_DAYS: u64 = 7;

/// What to update, and from where.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The folder of containers.
    pub(crate) folder: PathBuf,
    /// The names of the containers, without extensions.
    pub(crate) databases: Vec<String>,
    /// The mirrors, in the order in which they are asked; the publisher's if there are none.
    pub(crate) mirrors: Vec<String>,
    /// The mirrors of an organisation, which are asked in the place of those.
    pub(crate) private_mirrors: Vec<String>,
    /// The name in the DNS that tells the newest versions.
    pub(crate) dns: Option<String>,
    /// Whether differences are fetched where they are enough.
    pub(crate) differences: bool,
    /// Signature files of others, by URL: nobody has signed them.
    pub(crate) custom: Vec<String>,
    /// How often a file is asked for.
    pub(crate) attempts: u32,
    /// A proxy, `http://HOST:PORT`.
    pub(crate) proxy: Option<String>,
    /// Most seconds in which nothing arrives.
    pub(crate) patience: u64,
    /// Whether plain http to other machines is allowed: what is fetched is signed, but everybody sees it.
    pub(crate) insecure_http: bool,
    /// Whether containers are compiled before they are installed.
    pub(crate) tried: bool,
    /// Whom signatures are believed.
    pub(crate) keys: Keys,
}

impl Options {
    /// The publisher's containers in a folder, by the defaults of freshclam.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            databases: OFFICIAL.map(str::to_owned).to_vec(),
            mirrors: Vec::new(),
            private_mirrors: Vec::new(),
            dns: Some(DNS_NAME.to_owned()),
            differences: true,
            custom: Vec::new(),
            attempts: 3,
            proxy: None,
            patience: 60,
            insecure_http: false,
            tried: true,
            keys: Keys::clamav(),
        }
    }
}

/// What came of an update.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Each container and file.
    pub(crate) databases: Vec<Updated>,
    /// The number of the newest ClamAV, if the DNS tells.
    pub(crate) software: Option<String>,
    /// What else is worth knowing.
    pub(crate) notes: Vec<String>,
}

impl Outcome {
    /// Whether anything new was installed.
    pub(crate) fn has_news(&self) -> bool {
        self.databases.iter().any(|one| matches!(one.result, Ok(Standing { is_new: true, .. })))
    }

    /// The first failure.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        self.databases.iter().find_map(|one| one.result.as_ref().err())
    }
}

/// What came of one container or file.
#[derive(Debug)]
pub(crate) struct Updated {
    /// Its name, such as `daily`, or that of the file.
    pub(crate) name: String,
    /// The version that was there before.
    pub(crate) before: Option<u32>,
    /// The newest version there is, as told by those who were asked.
    pub(crate) newest: Option<u32>,
    /// What is installed now, or why nothing new is.
    pub(crate) result: Result<Standing, Failure>,
    /// What was in the way.
    pub(crate) notes: Vec<String>,
}

/// What is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Its file.
    pub(crate) file: String,
    /// Whether it was installed now.
    pub(crate) is_new: bool,
    /// Whether a signature beside it was verified, which is the stronger proof.
    pub(crate) is_signed_beside: bool,
    /// What its header says; nothing for a file of others.
    pub(crate) about: Option<About>,
}

/// What the header of a container says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct About {
    /// Its version.
    pub(crate) version: u32,
    /// The number of its signatures.
    pub(crate) signatures: u32,
    /// The functionality level that it needs.
    pub(crate) level: u32,
    /// Who made it.
    pub(crate) builder: String,
    /// When, in seconds since 1970.
    pub(crate) time: Option<u64>,
}

/// Why something was not installed. What was there before is still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It could not be fetched: a word of the fetcher, and the text for people.
    NotFetched(String, String),
    /// It is damaged, nobody who is trusted has signed it, or it cannot be used.
    Refused(String),
    /// The folder cannot be read or written.
    Local(String),
}

impl Failure {
    /// For people.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::NotFetched(_, text) | Self::Refused(text) | Self::Local(text) => text,
        }
    }

    /// Whether the server has asked to be left alone.
    pub(crate) fn is_limit(&self) -> bool {
        matches!(self, Self::NotFetched(kind, _) if kind == "limited" || kind == "paused")
    }
}

/// Updates the folder of containers with the program `candor-fetch`.
///
/// # Errors
/// When the folder cannot be used at all, or the fetcher is not there; what is wrong with one container is in the outcome.
pub(crate) fn update(options: &Options) -> anyhow::Result<Outcome> {
    let program = fetcher::program()?;
    update_with(options, &mut |wanted, staging| fetcher::run(&program, options, wanted, staging))
}

/// What fetches into the staging folder.
type Fetch<'a> = dyn FnMut(&Wanted<'_>, &std::path::Path) -> anyhow::Result<Fetched> + 'a;

fn update_with(options: &Options, fetch: &mut Fetch<'_>) -> anyhow::Result<Outcome> {
    let folder = Folder::open(&options.folder)?;
    let installer = Installer { folder: &folder, keys: &options.keys, tried: options.tried };
    let mut outcome = Outcome::default();
    let have: Vec<(String, Option<u32>)> = options
        .databases
        .iter()
        .map(|name| (name.clone(), folder.newest(name).map(|(_, header)| header.version)))
        .collect();
    let asked: Vec<String> = have.iter().map(|(name, version)| wanted(name, *version, "")).collect();
    if !asked.is_empty() {
        let fetched = fetch(&Wanted::Containers(&asked), &folder.staging())?;
        outcome.software = fetched.software;
        outcome.notes = fetched.notes;
        let mut answers = fetched.databases;
        for (name, before) in &have {
            let place = answers.iter().position(|answer| answer.name == *name);
            let answer = place.map(|place| answers.swap_remove(place)).unwrap_or_default();
            outcome.databases.push(one(&installer, name, *before, answer, fetch)?);
        }
    }
    for url in &options.custom {
        outcome.databases.push(custom(&installer, url, fetch)?);
    }
    Ok(outcome)
}

fn wanted(name: &str, version: Option<u32>, whole: &str) -> String {
    version.map_or_else(|| name.to_owned(), |version| format!("{name}={version}{whole}"))
}

/// Installs what was fetched of one container, and has all of it fetched if the differences are of no use.
fn one(
    installer: &Installer<'_>,
    name: &str,
    before: Option<u32>,
    mut answer: Answer,
    fetch: &mut Fetch<'_>,
) -> anyhow::Result<Updated> {
    let mut notes = std::mem::take(&mut answer.notes);
    let mut result = installed(installer, name, &answer);
    if let (Err(Refused(failure)), false) = (&result, answer.differences.is_empty()) {
        notes.push(format!("{}; the whole container is fetched", failure.text()));
        let again = [wanted(name, before, "!")];
        let fetched = fetch(&Wanted::Containers(&again), &installer.folder.staging())?;
        let again = fetched.databases.into_iter().find(|again| again.name == name).unwrap_or_default();
        notes.extend(again.notes.iter().cloned());
        result = installed(installer, name, &again);
        answer = Answer { newest: answer.newest.max(again.newest), ..again };
    }
    let result = result.map_err(|Refused(failure)| failure);
    if let Ok(standing) = &result {
        notes.extend(age(name, standing));
        if standing.is_new && !standing.is_signed_beside {
            notes.push(format!(
                "{}: it has no verified signature beside it (.sign), only the older ones inside",
                standing.file
            ));
        }
    }
    Ok(Updated { name: name.to_owned(), before, newest: answer.newest, result, notes })
}

fn installed(installer: &Installer<'_>, name: &str, answer: &Answer) -> Result<Standing, Refused> {
    if let Some(problem) = &answer.problem {
        return Err(Refused(Failure::NotFetched(problem.kind.clone(), problem.text.clone())));
    }
    if !answer.differences.is_empty() {
        return installer.patch(name, &answer.differences);
    }
    match &answer.whole {
        Some(file) => installer.take(name, file),
        None => installer.standing(name),
    }
}

/// Says when the container of every day is old: nobody may learn that updates stay away from an attack.
fn age(name: &str, standing: &Standing) -> Option<String> {
    let made = standing.about.as_ref()?.time?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
    let days = now.saturating_sub(made) / 86_400;
    (name == "daily" && days > OLD_DAYS).then(|| format!("{} is {days} days old", standing.file))
}

/// Fetches and installs a file that nobody has signed.
fn custom(installer: &Installer<'_>, url: &str, fetch: &mut Fetch<'_>) -> anyhow::Result<Updated> {
    let name = install::custom_name(url);
    let result = match &name {
        Err(failure) => Err(failure.clone()),
        Ok(name) => {
            let fetched = fetch(&Wanted::File { url, name }, &installer.folder.staging())?;
            match fetched.databases.into_iter().find_map(|answer| answer.problem) {
                Some(problem) => Err(Failure::NotFetched(problem.kind, problem.text)),
                None => installer.replace(name).map_err(|Refused(failure)| failure),
            }
        }
    };
    let name = name.unwrap_or_else(|_| url.to_owned());
    Ok(Updated { name, before: None, newest: None, result, notes: Vec::new() })
}
