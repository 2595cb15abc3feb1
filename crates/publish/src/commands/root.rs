//! `candor-publish root`: the ceremony, in steps that can be done in different places.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use candor_publish::keys::{PublicKey, TufKey};
use candor_publish::metadata::Document;
use candor_publish::repository::Repository;
use candor_publish::root::{Plan, Role, changes, lacks};
use candor_publish::{Timestamp, files};
use clap::{Args, Subcommand};
use serde_json::json;

use super::{GOOD, confirm, print, tell, time};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Draft a first root.
    New {
        /// The new file.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Until when it holds.
        #[arg(long, value_name = "DATE", value_parser = time)]
        expires: Timestamp,
        #[command(flatten)]
        roles: Roles,
    },
    /// Draft the root after this one. What is not said stays.
    Rotate {
        /// The root that holds now.
        #[arg(long, value_name = "ROOT")]
        from: PathBuf,
        /// The new file.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Until when it holds.
        #[arg(long, value_name = "DATE", value_parser = time)]
        expires: Timestamp,
        #[command(flatten)]
        roles: Roles,
    },
    /// Show what a draft changes, and sign it.
    Sign {
        /// The draft.
        draft: PathBuf,
        /// Your private key.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The root before it.
        #[arg(long, value_name = "ROOT")]
        previous: Option<PathBuf>,
        /// Sign without asking.
        #[arg(long)]
        yes: bool,
    },
    /// Take the signatures of other copies of a draft.
    Join {
        /// The draft.
        draft: PathBuf,
        /// The copies.
        #[arg(required = true)]
        copies: Vec<PathBuf>,
    },
    /// Say what a draft changes, who signed it, and what it lacks; exit status 1 if it lacks anything.
    Check {
        /// The draft.
        draft: PathBuf,
        /// The root before it.
        #[arg(long, value_name = "ROOT")]
        previous: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Put a root into a working folder. Mirrors get it with the next release or refresh.
    Publish {
        /// The working folder.
        repository: PathBuf,
        /// The root.
        root: PathBuf,
    },
}

/// Who speaks for what. Each key is a public file.
#[derive(Args)]
pub(crate) struct Roles {
    /// A key that may replace the root; once for each.
    #[arg(long, value_name = "PUB")]
    root_key: Vec<PathBuf>,
    /// How many of them must sign.
    #[arg(long, value_name = "NUMBER")]
    root_threshold: Option<usize>,
    /// A key that vouches for signatures; once for each.
    #[arg(long, value_name = "PUB")]
    targets_key: Vec<PathBuf>,
    /// How many of them must sign.
    #[arg(long, value_name = "NUMBER")]
    targets_threshold: Option<usize>,
    /// The key that says which metadata belong together; it lies where releases are published.
    #[arg(long, value_name = "PUB")]
    snapshot_key: Vec<PathBuf>,
    /// The key that says what is newest; it lies there, too.
    #[arg(long, value_name = "PUB")]
    timestamp_key: Vec<PathBuf>,
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::New { out, expires, roles } => draft(None, *expires, roles, out),
        Command::Rotate { from, out, expires, roles } => {
            draft(Some(&Plan::of(&read(from)?)?), *expires, roles, out)
        }
        Command::Sign { draft, key, previous, yes } => {
            let mut document = read(draft)?;
            let plan = Plan::of(&document)?;
            let before = before(previous.as_deref(), plan.version)?;
            print(&changes(before.as_ref(), &plan).join("\n"))?;
            plan.check()?;
            let key = TufKey::read(key)?;
            let id = key.id()?;
            let mine = |role: &Role| role.keys.iter().any(|known| known.id == id);
            if !mine(&plan.root) && !before.as_ref().is_some_and(|before| mine(&before.root)) {
                bail!("your key ({}) is no root key, here or before", id.get(..12).unwrap_or_default());
            }
            confirm(*yes, "This is what you sign.")?;
            document.sign(&key)?;
            files::replace(draft, &document.to_bytes()?)?;
            GOOD
        }
        Command::Join { draft, copies } => {
            let mut document = read(draft)?;
            for copy in copies {
                document.join(&read(copy)?).with_context(|| copy.display().to_string())?;
            }
            files::replace(draft, &document.to_bytes()?)?;
            GOOD
        }
        Command::Check { draft, previous, json } => check(draft, previous.as_deref(), *json),
        Command::Publish { repository, root } => {
            let version = Repository::open(repository)?.add_root(&read(root)?)?;
            print(&format!("root {version} holds from now on"))?;
            GOOD
        }
    }
}

fn draft(previous: Option<&Plan>, expires: Timestamp, roles: &Roles, out: &Path) -> anyhow::Result<ExitCode> {
    let role = |name: &str, keys: &[PathBuf], threshold: Option<usize>| {
        let old = previous.and_then(|plan| plan.role(name));
        let keys = match (keys, old) {
            ([], Some(old)) => old.keys.clone(),
            ([], None) => bail!("the role {name} needs a key: --{name}-key"),
            (keys, _) => keys.iter().map(|path| PublicKey::read(path)).collect::<anyhow::Result<_>>()?,
        };
        let threshold = threshold.or_else(|| old.map(|old| old.threshold));
        Ok(Role { keys, threshold: threshold.with_context(|| format!("--{name}-threshold is missing"))? })
    };
    let plan = Plan {
        version: previous.map_or(1, |plan| plan.version + 1),
        expires: candor_publish::metadata::whole_seconds(expires),
        root: role("root", &roles.root_key, roles.root_threshold)?,
        targets: role("targets", &roles.targets_key, roles.targets_threshold)?,
        snapshot: role("snapshot", &roles.snapshot_key, Some(1))?,
        timestamp: role("timestamp", &roles.timestamp_key, Some(1))?,
    };
    plan.check()?;
    files::write_new(out, &plan.to_document()?.to_bytes()?, false)?;
    print(&changes(previous, &plan).join("\n"))?;
    GOOD
}

fn check(draft: &Path, previous: Option<&Path>, json: bool) -> anyhow::Result<ExitCode> {
    let document = read(draft)?;
    let plan = Plan::of(&document)?;
    let before = previous.map(read).transpose()?;
    if before.is_none() && plan.version > 1 {
        bail!("root {} follows another: --previous names it", plan.version);
    }
    let old = before.as_ref().map(Plan::of).transpose()?;
    let lacking = lacks(&document, before.as_ref())?;
    let mut possible = plan.root.keys.clone();
    possible.extend(
        old.iter().flat_map(|old| &old.root.keys).filter(|key| !plan.root.keys.contains(key)).cloned(),
    );
    let signers: Vec<String> = document.signers(&possible)?.iter().map(|key| key.describe()).collect();
    let words = changes(old.as_ref(), &plan);
    let mut text = words.join("\n");
    signers.iter().for_each(|signer| text.push_str(&format!("\nsigned by {signer}")));
    lacking.iter().for_each(|lacks| text.push_str(&format!("\nlacks: {lacks}")));
    if lacking.is_empty() {
        text.push_str("\nIt may be published.");
    }
    let value = json!({ "version": plan.version, "changes": words, "signed_by": signers, "lacks": lacking });
    tell(json, &value, &text)?;
    Ok(if lacking.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(path: &Path) -> anyhow::Result<Document> {
    Document::read(&files::read(path)?, "root").with_context(|| path.display().to_string())
}

fn before(previous: Option<&Path>, version: u64) -> anyhow::Result<Option<Plan>> {
    match previous {
        Some(path) => Ok(Some(Plan::of(&read(path)?)?)),
        // Without it nobody could say what changes.
        None if version > 1 => bail!("root {version} follows another: --previous names it"),
        None => Ok(None),
    }
}
