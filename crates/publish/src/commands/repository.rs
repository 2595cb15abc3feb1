//! `candor-publish init`, `refresh`, `bundle`, `policy` and `status`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use candor_object::Escaped;
use candor_publish::http::Http;
use candor_publish::metadata::Document;
use candor_publish::publish::{self, Published};
use candor_publish::release::{self, lacks, read_draft};
use candor_publish::repository::{NEXT, Repository, TARGETS};
use candor_publish::{Timestamp, files};
use candor_tlog::cosigned;
use candor_update::place;
use clap::Args;
use serde_json::{Value, json};

use super::{GOOD, now, print, tell};

#[derive(Args)]
pub(crate) struct Init {
    /// The new folder.
    repository: PathBuf,
    /// The first line of the log's checkpoints, the same as the name of its key, such as example.org/candor.
    #[arg(long)]
    origin: String,
    /// The private key of the log.
    #[arg(long, value_name = "FILE")]
    log_key: PathBuf,
    /// The private key of the role snapshot.
    #[arg(long, value_name = "FILE")]
    snapshot_key: PathBuf,
    /// The private key of the role timestamp.
    #[arg(long, value_name = "FILE")]
    timestamp_key: PathBuf,
    /// The folder that web servers show [default: mirror in the working folder].
    #[arg(long, value_name = "FOLDER")]
    mirror: Option<PathBuf>,
    /// A witness: its address and its key; once for each.
    #[arg(long = "witness", value_name = "URL=VKEY", value_parser = witness)]
    witnesses: Vec<(String, String)>,
    /// Hours after the date and percent of all machines, such as "0:5 6:25 24:100" [default: everybody at once].
    #[arg(long, default_value = "", hide_default_value = true)]
    schedule: String,
}

fn witness(text: &str) -> Result<(String, String), String> {
    let (url, key) = text.split_once('=').ok_or("a witness has the form URL=VKEY")?;
    Ok((url.to_owned(), key.to_owned()))
}

pub(crate) fn init(options: &Init) -> anyhow::Result<ExitCode> {
    let absolute = |path: &PathBuf| std::path::absolute(path).with_context(|| path.display().to_string());
    let mut table = toml::Table::new();
    table.insert("origin".to_owned(), options.origin.clone().into());
    for (name, path) in [
        ("log_key", Some(&options.log_key)),
        ("snapshot_key", Some(&options.snapshot_key)),
        ("timestamp_key", Some(&options.timestamp_key)),
        ("mirror", options.mirror.as_ref()),
    ] {
        if let Some(path) = path {
            table.insert(name.to_owned(), absolute(path)?.display().to_string().into());
        }
    }
    table.insert("schedule".to_owned(), options.schedule.clone().into());
    let witness = |(url, vkey): &(String, String)| {
        toml::Value::from(toml::Table::from_iter([
            ("url".to_owned(), toml::Value::from(url.clone())),
            ("vkey".to_owned(), vkey.clone().into()),
        ]))
    };
    if !options.witnesses.is_empty() {
        let witnesses: Vec<toml::Value> = options.witnesses.iter().map(witness).collect();
        table.insert("witness".to_owned(), witnesses.into());
    }
    let repository = Repository::init(&options.repository, &toml::to_string(&table)?)?;
    print(&repository.log_key()?.public().to_string())?;
    GOOD
}

#[derive(Args)]
pub(crate) struct Refresh {
    /// The working folder.
    repository: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn refresh(options: &Refresh) -> anyhow::Result<ExitCode> {
    let repository = Repository::open(&options.repository)?;
    let http = Http::new(repository.settings.ca.as_deref())?;
    tell_published(&publish::refresh(&repository, &http, now())?, options.json)?;
    GOOD
}

/// Says what was published, and what each witness said.
pub(crate) fn tell_published(published: &Published, json: bool) -> anyhow::Result<()> {
    let mut text = format!("release {}, entry {} of the log\n", published.sequence, published.size);
    let mut witnesses = Vec::new();
    for outcome in &published.witnesses {
        let name = outcome.witness.key.name();
        let (said, value) = match &outcome.result {
            Ok(time) => {
                (format!("cosigned at {}", when(*time)), json!({ "name": name, "cosigned": when(*time) }))
            }
            Err(trouble) => (trouble.to_string(), json!({ "name": name, "trouble": trouble.to_string() })),
        };
        text.push_str(&format!("{name}: {}\n", Escaped(&said)));
        witnesses.push(value);
    }
    let value = json!({ "sequence": published.sequence, "size": published.size, "witnesses": witnesses });
    tell(json, &value, &text)
}

#[derive(Args)]
pub(crate) struct Bundle {
    /// The working folder.
    repository: PathBuf,
    /// The release.
    #[arg(long, value_name = "N")]
    sequence: u64,
    /// The file; what was there is replaced.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(crate) fn bundle(options: &Bundle) -> anyhow::Result<ExitCode> {
    let repository = Repository::open(&options.repository)?;
    let count = release::bundle(&repository, options.sequence, &options.out)?;
    print(&format!("{count} files in {}", options.out.display()))?;
    GOOD
}

#[derive(Args)]
pub(crate) struct Policy {
    /// The working folder.
    repository: PathBuf,
}

pub(crate) fn policy(options: &Policy) -> anyhow::Result<ExitCode> {
    print(&publish::policy_text(&Repository::open(&options.repository)?)?)?;
    GOOD
}

#[derive(Args)]
pub(crate) struct Status {
    /// The working folder.
    repository: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Exit status 1 when something is to be done: a release waits, or metadata have run out.
pub(crate) fn status(options: &Status) -> anyhow::Result<ExitCode> {
    let repository = Repository::open(&options.repository)?;
    let now = now();
    let root = repository.root()?;
    let (releases, log) = (repository.releases()?, repository.log()?);
    let mirror = &repository.settings.mirror;
    let mut lines = vec![format!("log {} with {} entries", repository.settings.origin, log.size())];
    let mut todo = Vec::new();
    let mut runs_out = serde_json::Map::new();
    let mut expiry = |what: &str, expires: Timestamp, lines: &mut Vec<String>, todo: &mut Vec<String>| {
        lines.push(format!("{what} holds until {expires}"));
        if expires <= now {
            todo.push(format!("{what} has run out"));
        }
        runs_out.insert(what.to_owned(), json!(expires.to_string()));
    };
    expiry(&format!("root {}", root.version), root.expires, &mut lines, &mut todo);
    if let Some(newest) = releases.last() {
        let targets = files::read(&repository.release(newest.sequence).join(TARGETS))?;
        let expires = Document::read(&targets, "targets")?.expires()?;
        expiry(&format!("release {}", newest.sequence), expires, &mut lines, &mut todo);
        if log.position(newest.to_string().as_bytes()).is_none() {
            todo.push(format!("release {} is signed and not published", newest.sequence));
        }
    }
    match files::read_if_there(&mirror.join(place::TIMESTAMP))? {
        Some(timestamp) => {
            let expires = Document::read(&timestamp, "timestamp")?.expires()?;
            expiry("the timestamp", expires, &mut lines, &mut todo);
        }
        None => todo.push("nothing is published yet".to_owned()),
    }
    let witnesses = witnesses(&repository, &log, &mut lines)?;
    let next = repository.release(NEXT);
    if next.exists() {
        let lacking = match read_draft(&next) {
            Ok((targets, _)) => lacks(&targets, &root, now)?,
            // The statement is complete, and only the last step is missing.
            Err(_) => Vec::new(),
        };
        todo.push(match lacking.as_slice() {
            [] => "the next release can be published".to_owned(),
            lacking => format!("the next release lacks {}", lacking.join(", and ")),
        });
    }
    todo.iter().for_each(|what| lines.push(format!("to do: {what}")));
    let value = json!({ "origin": repository.settings.origin, "size": log.size(), "root": root.version,
        "release": releases.last().map(|release| release.sequence), "runs_out": runs_out,
        "witnesses": witnesses, "to_do": todo });
    tell(options.json, &value, &lines.join("\n"))?;
    Ok(if todo.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn witnesses(
    repository: &Repository,
    log: &candor_publish::log::Log,
    lines: &mut Vec<String>,
) -> anyhow::Result<Vec<Value>> {
    let note = log.cosigned()?;
    let mut values = Vec::new();
    for witness in repository.settings.witnesses()? {
        let time = note.as_ref().and_then(|note| cosigned(note, &witness.key).ok());
        let time = time.map(|cosignature| when(cosignature.time));
        let name = witness.key.name();
        lines.push(match &time {
            Some(time) => format!("witness {name} cosigned at {time}"),
            None => format!("witness {name} has not cosigned the newest checkpoint"),
        });
        values.push(json!({ "name": name, "url": witness.url, "cosigned": time }));
    }
    Ok(values)
}

fn when(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| format!("second {seconds}"), |time| time.to_string())
}
