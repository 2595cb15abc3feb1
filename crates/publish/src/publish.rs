//! Publishes a release: into the log, past the witnesses, into the mirror. Each step can be done again.

use std::fs;

use anyhow::{Context, anyhow, bail, ensure};
use candor_tlog::{Note, Policy};
use candor_update::state::State;
use candor_update::statement::Statement;
use candor_update::tuf::{Thresholds, first_root};
use candor_update::{Staging, Timestamp, Trust, check, place};
use sha2::{Digest, Sha256};

use crate::files;
use crate::log::Log;
use crate::metadata::Document;
use crate::mirror::{self, Files};
use crate::online;
use crate::release::{is_signed_with, lacks, names, read_draft, with_targets};
use crate::repository::{NEXT, Repository, STATEMENT, TARGETS};
use crate::root::Plan;
use crate::witness::{Courier, Outcome, Trouble, collect};

/// How old cosignatures may be for the clients that are played here, in seconds.
const MAX_AGE: u64 = 48 * 3600;

/// What was published.
#[derive(Clone, Debug)]
pub struct Published {
    /// The newest release.
    pub sequence: u64,
    /// How many entries the log has.
    pub size: u64,
    /// What the witnesses said.
    pub witnesses: Vec<Outcome>,
}

/// Publishes the release that is being made, or goes on with one that was begun.
///
/// # Errors
/// When signatures are missing, too few witnesses cosign, or a client would refuse what is to be published. What the
/// mirror shows stays as it was then.
pub fn publish(repository: &Repository, courier: &dyn Courier, now: Timestamp) -> anyhow::Result<Published> {
    if repository.release(NEXT).exists() {
        freeze(repository, now)?;
    }
    let releases = repository.releases()?;
    let newest =
        releases.last().ok_or_else(|| anyhow!("there is no release: candor-publish release build"))?;
    let mut log = repository.log()?;
    for release in &releases {
        if log.position(release.to_string().as_bytes()).is_none() {
            may_be_logged(repository, release, now).with_context(|| {
                let folder = repository.release(release.sequence);
                format!("{} (it is not in the log yet, and can be removed)", folder.display())
            })?;
        }
        log.append(release.to_string().as_bytes())?;
    }
    show(repository, &log, newest, courier, now)
}

/// Renews timestamp, snapshot and cosignatures for what is published already.
///
/// # Errors
/// As [`publish`]; also when a release waits to be published.
pub fn refresh(repository: &Repository, courier: &dyn Courier, now: Timestamp) -> anyhow::Result<Published> {
    let releases = repository.releases()?;
    let newest = releases.last().ok_or_else(|| anyhow!("nothing was published yet"))?;
    let log = repository.log()?;
    let logged = log.position(newest.to_string().as_bytes()).is_some();
    ensure!(logged, "release {} is not in the log yet: candor-publish release publish", newest.sequence);
    show(repository, &log, newest, courier, now)
}

/// From here on the release does not change any more: its statement names the targets with just these signatures.
fn freeze(repository: &Repository, now: Timestamp) -> anyhow::Result<()> {
    let folder = repository.release(NEXT);
    let statement_path = folder.join(STATEMENT);
    // A program that was killed may have written the statement, and not renamed the folder.
    let written = Statement::read(&files::read(&statement_path)?).ok();
    let statement = match written {
        Some(statement) => statement,
        None => {
            let (targets, draft) = read_draft(&folder)?;
            let root = repository.root()?;
            demand(&targets, &root, now)?;
            let bytes = targets.cleaned(&root.targets.keys)?.to_bytes()?;
            let statement = with_targets(&draft, &Sha256::digest(&bytes).into())?;
            let last = repository.releases()?.last().map(Statement::digest);
            ensure!(statement.previous == last, "the release was made before the last one; make it again");
            files::replace(&folder.join(TARGETS), &bytes)?;
            files::replace(&statement_path, statement.to_string().as_bytes())?;
            statement
        }
    };
    files::rename_folder(&folder, &repository.release(statement.sequence))
}

/// Whether a release whose statement is complete may go into the log: what is there cannot be taken back.
fn may_be_logged(repository: &Repository, statement: &Statement, now: Timestamp) -> anyhow::Result<()> {
    let folder = repository.release(statement.sequence);
    let bytes = files::read(&folder.join(TARGETS))?;
    let digest = <[u8; 32]>::from(Sha256::digest(&bytes));
    ensure!(statement.targets == digest, "the targets were changed after the statement was complete");
    let targets = Document::read(&bytes, "targets")?;
    ensure!(
        is_signed_with(&targets, &statement.to_string()),
        "the statement is not the one that was signed with the targets"
    );
    demand(&targets, &repository.root()?, now)
}

fn demand(targets: &Document, root: &Plan, now: Timestamp) -> anyhow::Result<()> {
    let lacking = lacks(targets, root, now)?;
    ensure!(lacking.is_empty(), "the release lacks {}", lacking.join(", and "));
    Ok(())
}

fn show(
    repository: &Repository,
    log: &Log,
    newest: &Statement,
    courier: &dyn Courier,
    now: Timestamp,
) -> anyhow::Result<Published> {
    let mut note = log.checkpoint(&repository.log_key()?)?;
    if let Some(before) = log.cosigned()?.filter(|before| before.text() == note.text()) {
        before.signatures().iter().for_each(|line| note.put(line.clone()));
    }
    let outcomes = ask_witnesses(repository, log, &mut note, courier, now)?;
    let files = files_of(repository, log, newest, &note, now)?;
    rehearse(repository, &files, now).context("a client would refuse this, so it is not published")?;
    mirror::write(&repository.settings.mirror, &files)?;
    Ok(Published { sequence: newest.sequence, size: log.size(), witnesses: outcomes })
}

fn ask_witnesses(
    repository: &Repository,
    log: &Log,
    note: &mut Note,
    courier: &dyn Courier,
    now: Timestamp,
) -> anyhow::Result<Vec<Outcome>> {
    let witnesses = repository.settings.witnesses()?;
    let mut known = log.known_to_witnesses();
    let outcomes = collect(log, note, &witnesses, &mut known, courier, now);
    log.remember_witnesses(&known)?;
    log.keep_cosigned(note)?;
    let told =
        |(outcome, trouble): (&Outcome, &Trouble)| format!("{}: {trouble}", outcome.witness.key.name());
    let troubles: Vec<(&Outcome, &Trouble)> =
        outcomes.iter().filter_map(|outcome| Some((outcome, outcome.result.as_ref().err()?))).collect();
    let alarms: Vec<_> =
        troubles.iter().filter(|(_, trouble)| trouble.is_alarm()).copied().map(told).collect();
    if !alarms.is_empty() {
        bail!("nothing is published, because {}", alarms.join("; "));
    }
    let cosigned = outcomes.len() - troubles.len();
    let needed = repository.settings.quorum(witnesses.len());
    if cosigned < needed {
        let told: Vec<String> = troubles.into_iter().map(told).collect();
        bail!("{cosigned} of {needed} witnesses cosigned; nothing is published yet ({})", told.join("; "));
    }
    Ok(outcomes)
}

fn files_of(
    repository: &Repository,
    log: &Log,
    newest: &Statement,
    note: &Note,
    now: Timestamp,
) -> anyhow::Result<Files> {
    let mut files = Files::default();
    let mut put = |name: String, content: Vec<u8>| files.contents.insert(name, content);
    for (number, root) in repository.roots()?.iter().enumerate() {
        put(place::root(number as u64 + 1), root.to_bytes()?);
    }
    let targets = files::read(&repository.release(newest.sequence).join(TARGETS))?;
    let version = newest.sequence;
    let online = online::sign(repository, version, &targets, now)?;
    put(place::targets(version), targets.clone());
    put(place::snapshot(online.versions.snapshot), online.snapshot);
    put(place::TIMESTAMP.to_owned(), online.timestamp);
    log.tiles()?.into_iter().for_each(|(name, content)| drop(put(name, content)));
    put(place::CHECKPOINT.to_owned(), note.to_bytes());
    put(place::LATEST.to_owned(), format!("{version}\n").into_bytes());
    let text = newest.to_string();
    let index = log.position(text.as_bytes()).context("the release is not in the log")?;
    put(place::statement(version), text.into_bytes());
    // The proof of a release is made once: with the checkpoint with which it was published.
    let proof = repository.settings.mirror.join(place::proof(version));
    if !proof.exists() {
        let proof = log.proof(index, note).context("the release is not in the log")?;
        put(place::proof(version), proof.to_bytes());
    }
    for (name, _) in names(&Document::read(&targets, "targets")?) {
        files.copies.push((format!("{}{name}", place::TARGETS), repository.target(&name)));
    }
    Ok(files)
}

/// Plays a client that comes for the first time.
fn rehearse(repository: &Repository, files: &Files, now: Timestamp) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new().prefix(".rehearsal-").tempdir_in(repository.folder())?;
    let small = Files { contents: files.contents.clone(), copies: Vec::new() };
    mirror::write(folder.path(), &small)?;
    let root = repository.root()?;
    let thresholds =
        Thresholds { root: root.root.threshold, targets: root.targets.threshold, independent: true };
    let newest = fs::read(repository.root_path(root.version))?;
    let state = State::new(first_root(&newest, thresholds)?, [0; 4]);
    let trust = Trust { policy: policy(repository)?, max_age: MAX_AGE, thresholds, director: None };
    let believed = check(&Staging::open(folder.path())?, &state, &trust, now)?;
    for (name, path) in &files.copies {
        let name = name.strip_prefix(place::TARGETS).unwrap_or(name);
        let vouched = believed.vouched.target(name);
        let content = files::read(path)?;
        let digest = <[u8; 32]>::from(Sha256::digest(&content));
        ensure!(
            vouched == Some((content.len() as u64, digest)),
            "{}: it is not what was signed",
            path.display()
        );
    }
    Ok(())
}

/// The policy with which clients check this log.
///
/// # Errors
/// When the log's key or those of witnesses cannot be read.
pub fn policy(repository: &Repository) -> anyhow::Result<Policy> {
    Policy::read(policy_text(repository)?.as_bytes()).map_err(|error| anyhow!("the policy, {error}"))
}

/// That policy as a file: <https://c2sp.org/tlog-policy>.
///
/// # Errors
/// As [`policy`].
pub fn policy_text(repository: &Repository) -> anyhow::Result<String> {
    let witnesses = repository.settings.witnesses()?;
    let mut text = format!("log {}\n", repository.log_key()?.public());
    let mut members = String::new();
    for (number, witness) in witnesses.iter().enumerate() {
        text.push_str(&format!("witness w{} {}\n", number + 1, witness.key));
        members.push_str(&format!(" w{}", number + 1));
    }
    match repository.settings.quorum(witnesses.len()) {
        0 => text.push_str("quorum none\n"),
        quorum => text.push_str(&format!("group witnesses {quorum}{members}\nquorum witnesses\n")),
    }
    Ok(text)
}
