//! The catalogue of products: the one that the program carries, with files of the user.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use candor_products::Catalogue;

use crate::escape::Escaped;

/// Longest file of rules, in bytes.
const MOST: u64 = 16 << 20;
/// Problems that are shown before the rest is counted.
const SHOWN: usize = 20;

/// The catalogue with these files, or all files `.toml` of these folders, beside its own.
pub(crate) fn catalogue(paths: &[PathBuf]) -> anyhow::Result<Catalogue> {
    let own = texts(paths)?;
    let own = own.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let all = Catalogue::embedded_files().iter().copied().chain(own);
    let (catalogue, problems) = Catalogue::parse(all);
    refuse(&problems)?;
    Ok(catalogue)
}

/// Fails if there are problems, and shows them: what rules were meant to say is not guessed.
pub(crate) fn refuse(problems: &[candor_products::Problem]) -> anyhow::Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    let mut lines: Vec<String> = problems.iter().take(SHOWN).map(ToString::to_string).collect();
    if problems.len() > SHOWN {
        lines.push(format!("and {} more", problems.len() - SHOWN));
    }
    bail!("the rules cannot be used:\n{}", lines.join("\n"));
}

/// Files of rules with their names; of a folder all that end in `.toml`.
pub(crate) fn texts(paths: &[PathBuf]) -> anyhow::Result<Vec<(String, String)>> {
    let mut texts = Vec::new();
    for path in paths {
        let metadata = fs::metadata(path).with_context(|| shown(path))?;
        if !metadata.is_dir() {
            texts.push(text(path)?);
            continue;
        }
        let mut files = Vec::new();
        for entry in fs::read_dir(path).with_context(|| shown(path))? {
            let file = entry.with_context(|| shown(path))?.path();
            if file.extension().is_some_and(|extension| extension == "toml") {
                files.push(file);
            }
        }
        if files.is_empty() {
            bail!("{}: no file in it ends in .toml", shown(path));
        }
        files.sort();
        for file in files {
            texts.push(text(&file)?);
        }
    }
    Ok(texts)
}

fn text(path: &Path) -> anyhow::Result<(String, String)> {
    let metadata = fs::metadata(path).with_context(|| shown(path))?;
    if !metadata.is_file() || metadata.len() > MOST {
        bail!("{}: it is no regular file of at most {MOST} bytes", shown(path));
    }
    let text = fs::read_to_string(path).with_context(|| shown(path))?;
    Ok((path.display().to_string(), text))
}

fn shown(path: &Path) -> String {
    Escaped(&path.display().to_string()).to_string()
}
