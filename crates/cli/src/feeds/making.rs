//! Makes a database of a verified feed, lets it look at clean files, and puts it into use.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use candor_signatures::segment::Packer;
use candor_update::feed::Feed;
use candor_update::install::{Vetted, Workshop};
use candor_update::settings::Settings;
use candor_update::shelf::{self, About, Held, Shelf};
use sha2::{Digest, Sha256};

use super::report::{Done, Report};
use crate::update::{Loading, now};

/// The member of the segment that has the names which are switched off.
const DISABLED: &str = "disabled.ign2";
/// Reasons that are kept of rules that cannot be used.
const PROBLEMS: usize = 5;

/// A feed that is what it must be.
pub(super) struct Fetched {
    pub(super) content: Vec<u8>,
    /// When it was signed, in seconds since 1970, if that is known and counts.
    pub(super) signed_at: Option<u64>,
}

/// Puts this content into use, unless it is, or is held.
pub(super) fn make(settings: &Settings, shelf: &Shelf, feed: &Feed, fetched: &Fetched) -> Report {
    let tried = try_to_make(settings, shelf, feed, fetched);
    let (done, reason) = tried.unwrap_or_else(|error| (Done::Failed, Some(format!("{error:#}"))));
    let in_use = shelf::about(&settings.store, &feed.name).ok().flatten();
    Report::new(feed, done, reason, in_use)
}

fn try_to_make(
    settings: &Settings,
    shelf: &Shelf,
    feed: &Feed,
    fetched: &Fetched,
) -> anyhow::Result<(Done, Option<String>)> {
    let Fetched { content, signed_at } = fetched;
    let store = &settings.store;
    let sha256 = hex::encode(Sha256::digest(content));
    let disabled = ignorable(store)?;
    let same =
        |about: &About| about.sha256 == sha256 && about.file == feed.file && about.disabled == disabled;
    if shelf::about(store, &feed.name)?.is_some_and(|about| same(&about)) {
        return Ok((Done::UpToDate, None));
    }
    let newest = shelf::about(store, &feed.name)?.and_then(|about| about.signed_at);
    if let Some((newest, signed)) = newest.zip(*signed_at).filter(|(newest, signed)| signed < newest) {
        let reason = format!(
            "it was signed at {signed}, before what is in use ({newest}, in seconds since 1970); to go back on purpose, \
             pin it: sha256 = \"{sha256}\""
        );
        return Ok((Done::Refused, Some(reason)));
    }
    let held = shelf::held(store, &feed.name)?;
    if let Some(held) = held.filter(|held| held.sha256 == sha256 && held.disabled == disabled) {
        return Ok((Done::Held, Some(held.reason)));
    }
    let incoming = shelf.begin(&feed.name, &feed.file, content)?;
    let mut loading = Loading::new(settings)?;
    let loaded = match compile(&loading, &incoming, feed, content, &disabled)? {
        Ok(loaded) => loaded,
        Err(reason) => {
            shelf.give_up(&feed.name, None)?;
            return Ok((Done::Refused, Some(reason)));
        }
    };
    if let Err(vetted) = loading.vet(&[incoming.join(format!("{}.cdb", feed.name))]) {
        let (done, reason) = match vetted {
            Vetted::Held(reason) => (Done::Held, reason),
            Vetted::Failed(reason) => (Done::Failed, reason),
        };
        let held = Held { sha256, disabled, reason: reason.clone() };
        shelf.give_up(&feed.name, Some(&held).filter(|_| done == Done::Held))?;
        return Ok((done, Some(reason)));
    }
    let about = About {
        file: feed.file.clone(),
        sha256,
        bytes: content.len() as u64,
        licence: feed.licence.clone(),
        vouching: feed.vouching().to_string(),
        since: now().to_string(),
        signed_at: *signed_at,
        rules: loaded.signatures,
        left_out: loaded.left_out,
        problems: loaded.problems.into_iter().take(PROBLEMS).collect(),
        disabled,
    };
    shelf.admit(&feed.name, &about)?;
    Ok((Done::Installed, None))
}

/// Compiles a feed in the jail; otherwise why nothing of it can be used.
fn compile(
    loading: &Loading,
    incoming: &Path,
    feed: &Feed,
    content: &[u8],
    disabled: &[String],
) -> anyhow::Result<Result<candor_loader::Loaded, String>> {
    let create = |end: &str| -> anyhow::Result<(File, PathBuf)> {
        let path = incoming.join(format!("{}.{end}", feed.name));
        let file = File::options().read(true).write(true).create_new(true).open(&path);
        Ok((file.with_context(|| path.display().to_string())?, path))
    };
    let ((mut segment, _), (image, _)) = (create("seg")?, create("cdb")?);
    pack(&mut segment, feed, content, disabled)?;
    segment.sync_all()?;
    let loaded = match loading.load(&segment, &image) {
        Ok(loaded) => loaded,
        Err(reason) => return Ok(Err(reason)),
    };
    if loaded.signatures == 0 {
        let first = loaded.problems.first().map_or("it is empty", String::as_str);
        return Ok(Err(format!("nothing of it can be used: {first}")));
    }
    image.sync_all()?;
    Ok(Ok(loaded))
}

fn pack(out: impl Write, feed: &Feed, content: &[u8], disabled: &[String]) -> anyhow::Result<()> {
    let list: String = disabled.iter().map(|name| format!("{name}\n")).collect();
    let mut members = BTreeMap::from([(feed.file.as_str(), content)]);
    if !list.is_empty() {
        members.insert(DISABLED, list.as_bytes());
    }
    let mut packer = Packer::new(out);
    for (name, content) in members {
        packer.add(name, content.len() as u64, content)?;
    }
    packer.finish()?;
    Ok(())
}

/// The names that are switched off and that an ignore list can name. Policy leaves out the findings of the others.
fn ignorable(store: &Path) -> anyhow::Result<Vec<String>> {
    let disabled = shelf::disabled(store).context("the list of disabled rules")?;
    let plain = |name: &String| {
        !name.is_empty() && !name.contains(':') && name.bytes().all(|byte| byte.is_ascii_graphic())
    };
    Ok(disabled.names().into_iter().filter(plain).filter(|name| !name.starts_with('#')).collect())
}
