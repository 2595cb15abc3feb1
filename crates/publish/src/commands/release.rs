//! `candor-publish release`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, ExitCode};

use anyhow::{Context, bail, ensure};
use candor_loader::{Loader, loader_program};
use candor_object::Escaped;
use candor_publish::compile::Compiler;
use candor_publish::http::Http;
use candor_publish::keys::TufKey;
use candor_publish::publish;
use candor_publish::release::{self, Built, CHANGES, Order, lacks, read_draft};
use candor_publish::repository::{NEXT, Repository};
use clap::Subcommand;
use serde_json::json;

use super::{GOOD, confirm, now, print, repository, tell};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make the next release out of folders with signature files.
    Build {
        /// The working folder.
        repository: PathBuf,
        /// A part of the release, such as base or day, and its folder; once for each.
        #[arg(long = "segment", value_name = "NAME=FOLDER", value_parser = segment, required = true)]
        segments: Vec<(String, PathBuf)>,
        /// Where the signatures come from: a commit or a digest of their public source.
        #[arg(long)]
        source: String,
        /// Files or folders in which nothing may be found; once for each.
        #[arg(long, value_name = "PATH")]
        clean: Vec<PathBuf>,
        /// Compile in this program and not in the jailed loader: for signatures that you wrote yourself.
        #[arg(long)]
        unconfined: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what a release changes, and sign it. Needs only the folder releases/next, which can travel.
    Sign {
        /// The working folder, or the folder that travelled.
        folder: PathBuf,
        /// Your private key.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Sign without asking.
        #[arg(long)]
        yes: bool,
    },
    /// Take the signatures of folders that came back.
    Join {
        /// The working folder.
        repository: PathBuf,
        /// The folders.
        #[arg(required = true)]
        copies: Vec<PathBuf>,
    },
    /// Publish the release: into the log, past the witnesses, into the mirror. Again after a failure goes on.
    Publish {
        /// The working folder.
        repository: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

fn segment(text: &str) -> Result<(String, PathBuf), String> {
    let (name, folder) = text.split_once('=').ok_or("a segment has the form NAME=FOLDER")?;
    Ok((name.to_owned(), folder.into()))
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Build { repository, segments, source, clean, unconfined, json } => {
            let repository = Repository::open(repository)?;
            let compiler = match unconfined {
                true => Compiler::Here,
                false => Compiler::Jailed(Loader::new(loader_program()?)),
            };
            let order = Order { segments: segments.clone(), source: source.clone() };
            let built = release::build(&repository, &order, &compiler, now())?;
            if let Err(error) = spares(&built, clean) {
                fs::remove_dir_all(&built.folder)?;
                return Err(error);
            }
            for database in &built.databases {
                fs::remove_file(database)?;
            }
            tell_built(&built, *json)?;
        }
        Command::Sign { folder, key, yes } => sign(folder, key, *yes)?,
        Command::Join { repository, copies } => {
            let repository = Repository::open(repository)?;
            for copy in copies {
                release::join(&repository.release(NEXT), copy).with_context(|| copy.display().to_string())?;
            }
            let (targets, _) = read_draft(&repository.release(NEXT))?;
            let lacking = lacks(&targets, &repository.root()?, now())?;
            print(&if lacking.is_empty() {
                "It may be published.".to_owned()
            } else {
                format!("lacks: {}", lacking.join(", and "))
            })?;
        }
        Command::Publish { repository: folder, json } => {
            let folder = Repository::open(folder)?;
            let http = Http::new(folder.settings.ca.as_deref())?;
            let published = publish::publish(&folder, &http, now())?;
            repository::tell_published(&published, *json)?;
        }
    }
    GOOD
}

fn sign(folder: &Path, key: &Path, yes: bool) -> anyhow::Result<()> {
    let inside = folder.join("releases").join(NEXT);
    let folder = if inside.exists() { &inside } else { folder };
    // Nobody signs a text that was made for something else: what is signed is checked again when it is.
    read_draft(folder)?;
    print(&fs::read_to_string(folder.join(CHANGES)).context(CHANGES)?)?;
    let key = TufKey::read(key)?;
    confirm(yes, "This is what you sign.")?;
    release::sign(folder, &key)
}

/// Nothing may be found in clean files.
fn spares(built: &Built, clean: &[PathBuf]) -> anyhow::Result<()> {
    if clean.is_empty() {
        return Ok(());
    }
    let beside = std::env::current_exe()?.with_file_name("candor");
    let program = std::env::var_os("CANDOR_PROGRAM").map(PathBuf::from);
    let program = program.unwrap_or_else(|| if beside.is_file() { beside } else { "candor".into() });
    let mut scan = Process::new(&program);
    scan.args(["scan", "--quiet"]);
    for database in &built.databases {
        scan.arg("--database").arg(database);
    }
    let scanned = scan.arg("--").args(clean).output();
    let scanned = scanned.with_context(|| format!("the scan of clean files with {}", program.display()))?;
    let said = || {
        let said = [scanned.stdout.as_slice(), scanned.stderr.as_slice()].concat();
        String::from_utf8_lossy(&said).chars().take(4000).collect::<String>()
    };
    match scanned.status.code() {
        Some(0 | 3) => Ok(()),
        Some(1) => bail!("it finds something in clean files, and is no release:\n{}", said()),
        _ => bail!("the clean files could not be scanned: {}\n{}", scanned.status, said()),
    }
}

fn tell_built(built: &Built, json: bool) -> anyhow::Result<()> {
    let mut text = format!("release {} in {}\n", built.sequence, built.folder.display());
    let mut segments = serde_json::Map::new();
    for (name, image) in &built.images {
        let (signatures, left_out) = (image.signatures, image.left_out);
        text.push_str(&format!("segment {name}: {signatures} signatures, {left_out} left out\n"));
        for problem in &image.problems {
            text.push_str(&format!("  {}\n", Escaped(problem)));
        }
        let value = json!({ "signatures": signatures, "left_out": left_out, "problems": image.problems,
            "layout": image.layout, "image_size": image.size, "image_sha256": hex::encode(image.digest) });
        segments.insert(name.clone(), value);
    }
    ensure!(!built.images.is_empty(), "the release is empty");
    let value = json!({ "sequence": built.sequence, "folder": built.folder, "segments": segments });
    tell(json, &value, &text)
}
