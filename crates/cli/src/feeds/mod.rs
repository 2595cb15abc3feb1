//! Feeds: YARA rules and digests that others publish, each fetched, verified, compiled and tried by itself.

mod making;
mod report;
mod rules;

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use candor_update::Staging;
use candor_update::feed::{Feed, LONGEST_SIGNATURE};
use candor_update::settings::Settings;
use candor_update::shelf::{self, Shelf};

use crate::exit_status::Outcome;
use crate::update::fetch_file;
use making::{Fetched, make};
use report::Done;

pub(crate) use report::Report;
pub(crate) use rules::{Options, run};

/// What a signature is called in the staging folder.
const SIGNATURE: &str = "signature.minisig";

/// Updates one feed, or all that are enabled.
///
/// # Errors
/// If there is no such feed, or the store cannot be used. What goes wrong with a feed is in its report.
pub(crate) fn update(settings: &Settings, name: Option<&str>) -> anyhow::Result<Vec<Report>> {
    let feeds: Vec<&Feed> = match name {
        Some(name) => {
            let feed = settings.source.iter().find(|feed| feed.name == name);
            vec![feed.with_context(|| format!("the configuration has no source called {name}"))?]
        }
        None => settings.source.iter().filter(|feed| feed.enabled).collect(),
    };
    let gone = if name.is_none() { gone(settings)? } else { Vec::new() };
    if feeds.is_empty() && gone.is_empty() {
        return Ok(Vec::new());
    }
    let shelf = Shelf::open(&settings.store).context("the databases of feeds")?;
    let mut reports: Vec<Report> = gone.iter().filter_map(|name| remove(settings, &shelf, name)).collect();
    for feed in feeds {
        let report = match fetched(settings, feed) {
            Ok(fetched) => make(settings, &shelf, feed, &fetched),
            Err((done, reason)) => {
                Report::new(feed, done, Some(reason), shelf::about(&settings.store, &feed.name)?)
            }
        };
        if let Err(error) = shelf.tell(&feed.name, &report) {
            crate::complain(&format!("the status of {}: {error}", feed.name));
        }
        reports.push(report);
    }
    Ok(reports)
}

/// The feeds of the store that the configuration has no more, not even switched off.
///
/// # Errors
/// If the store cannot be read.
pub(crate) fn gone(settings: &Settings) -> anyhow::Result<Vec<String>> {
    let names = shelf::names(&settings.store).context("the databases of feeds")?;
    let known = |name: &String| settings.source.iter().any(|feed| feed.name == *name);
    Ok(names.into_iter().filter(|name| !known(name)).collect())
}

/// Takes a feed out of use whose table is no more in the configuration.
fn remove(settings: &Settings, shelf: &Shelf, name: &str) -> Option<Report> {
    // It leaves also when what is known of it is damaged.
    let was = shelf::about(&settings.store, name).ok().flatten();
    match shelf.remove(name) {
        Ok(false) => None,
        Ok(true) => {
            let reason = "the configuration has it no more".to_owned();
            Some(Report::removed(name, was, Done::Removed, Some(reason)))
        }
        Err(error) => Some(Report::removed(name, was, Done::Failed, Some(error.to_string()))),
    }
}

/// How the last update of each feed of the configuration went, and what is in use of it.
///
/// # Errors
/// If the store cannot be read.
pub(crate) fn status(settings: &Settings) -> anyhow::Result<Vec<Report>> {
    let told = |feed: &Feed| shelf::told(&settings.store, &feed.name).context("the status of feeds");
    settings.source.iter().filter_map(|feed| told(feed).transpose()).collect()
}

/// Updates as [`update`] does, and writes what came of it.
pub(crate) fn update_and_tell(
    settings: &Settings,
    name: Option<&str>,
    as_json: bool,
) -> anyhow::Result<Outcome> {
    let reports = update(settings, name)?;
    let mut out = io::stdout().lock();
    if as_json {
        out.write_all(&crate::output::json::pretty(&reports)?)?;
    } else {
        reports.iter().try_for_each(|report| write!(out, "{report}"))?;
    }
    let worst = reports.iter().map(Report::outcome).max_by_key(|outcome| outcome.status());
    Ok(worst.unwrap_or_default())
}

/// Fetches a feed, and believes it only if it is what it must be.
fn fetched(settings: &Settings, feed: &Feed) -> Result<Fetched, (Done, String)> {
    let failed = |error: anyhow::Error| (Done::Failed, format!("{error:#}"));
    let folder = settings.staging.join("feeds").join(&feed.name);
    let content = fetch(settings, &folder, &feed.file, &place(feed), feed.most).map_err(failed)?;
    let signature = match &feed.signature {
        Some(url) => Some(fetch(settings, &folder, SIGNATURE, url, LONGEST_SIGNATURE).map_err(failed)?),
        None => None,
    };
    let signed_at = feed.verify(&content, signature.as_deref()).map_err(|reason| (Done::Refused, reason))?;
    Ok(Fetched { content, signed_at })
}

fn fetch(settings: &Settings, folder: &Path, name: &str, url: &str, most: u64) -> anyhow::Result<Vec<u8>> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o755).create(folder).with_context(|| folder.display().to_string())?;
    if let Some(trouble) = fetch_file(settings, url, &folder.join(name), most)?.error {
        anyhow::bail!("{}", trouble.text);
    }
    // The fetcher has the network: what it left there may be anything.
    let content = Staging::open(folder)?.read(name, most)?;
    content.with_context(|| format!("{name} was not fetched"))
}

/// Where the file is: a place that ends in a slash, or is a folder here, has the file in it.
fn place(feed: &Feed) -> String {
    let local = feed.url.strip_prefix("file://").unwrap_or(&feed.url);
    if feed.url.ends_with('/') {
        format!("{}{}", feed.url, feed.file)
    } else if Path::new(local).is_dir() {
        PathBuf::from(local).join(&feed.file).display().to_string()
    } else {
        feed.url.clone()
    }
}
