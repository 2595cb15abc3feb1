//! `candor transition verify`: whether an evidence pack is untouched.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use candor_transition::pack::{INPUTS, MOST_BYTES, PACK, PublicKey, verify};
use serde_json::json;

use super::read;
use crate::escape::Escaped;
use crate::exit_status::Outcome;

/// Which pack, and whose.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Exit status: 0 it is untouched and signed with that key, 1 it was changed, or signed with another key,
2 it could not be read, 3 it is untouched, but without --key nobody knows who signed it, or files were not there.")]
pub(super) struct Options {
    /// The folder of the pack, or its pack.json alone.
    #[arg(value_name = "PACK")]
    pack: PathBuf,
    /// The public key that must have signed it: the file, or what stands in it.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Most files of a pack.
const MOST_FILES: usize = 100_000;

pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let key = options.key.as_deref().map(public_key).transpose()?;
    let (pack, files) = if options.pack.is_dir() {
        (read(&options.pack.join(PACK), MOST_BYTES)?, Some(files(&options.pack)?))
    } else {
        (read(&options.pack, MOST_BYTES)?, None)
    };
    let verification = verify(&pack, key.as_ref(), files.as_deref());
    let mut out = io::stdout().lock();
    if options.json {
        let document = json!({
            "untouched": verification.wrong.is_empty(),
            "wrong": verification.wrong,
            "signer": verification.signer,
            "expected_key": verification.expected,
            "files": verification.files,
            "not_here": verification.elsewhere,
            "made": verification.made,
            "remarks": verification.remarks,
        });
        writeln!(out, "{document:#}")?;
    } else {
        for wrong in &verification.wrong {
            writeln!(out, "wrong: {}", Escaped(wrong))?;
        }
        for name in &verification.files {
            writeln!(out, "as signed: {}", Escaped(name))?;
        }
        for name in &verification.elsewhere {
            writeln!(out, "not here: {}", Escaped(name))?;
        }
        for remark in &verification.remarks {
            writeln!(out, "remark: {}", Escaped(remark))?;
        }
        let signer = verification.signer.as_deref().unwrap_or("nobody");
        let made = verification.made.as_deref().unwrap_or("at no time");
        let whose = match verification.expected {
            Some(true) => "the key that was expected",
            Some(false) => "another key than the one that was expected",
            None => "a key that nobody vouched for: give --key",
        };
        let verdict = if verification.wrong.is_empty() { "untouched" } else { "NOT as it was signed" };
        writeln!(out, "{verdict}; signed {} by {signer}, {whose}", Escaped(made))?;
    }
    let mut outcome = Outcome::default();
    if !verification.wrong.is_empty() {
        outcome = Outcome::found();
    } else if !verification.holds() || !verification.elsewhere.is_empty() {
        outcome.stopped_early();
    }
    Ok(outcome)
}

fn public_key(given: &str) -> anyhow::Result<PublicKey> {
    if let Ok(key) = PublicKey::read(given) {
        return Ok(key);
    }
    let text = String::from_utf8(read(Path::new(given), 1000)?).context("the key is no text")?;
    PublicKey::read(&text).map_err(|error| anyhow!("{given}: {error}"))
}

/// The files of a folder and of its inputs; anything else in there is no part of a pack.
fn files(folder: &Path) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for prefix in ["", INPUTS] {
        let within = folder.join(prefix);
        if !within.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&within).with_context(|| within.display().to_string())? {
            let entry = entry?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            match entry.file_type()? {
                kind if kind.is_dir() && prefix.is_empty() && format!("{name}/") == INPUTS => continue,
                kind if kind.is_file() => {}
                _ => bail!("{}: it is no regular file", entry.path().display()),
            }
            ensure!(files.len() < MOST_FILES, "{}: it has too many files", folder.display());
            if name != PACK {
                files.push((name, read(&entry.path(), MOST_BYTES)?));
            }
        }
    }
    Ok(files)
}
