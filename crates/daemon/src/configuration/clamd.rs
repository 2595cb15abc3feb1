//! Reads a clamd.conf of ClamAV as a layer of the configuration, beneath our own file.

use std::path::Path;

use anyhow::{Context, bail};
use serde_json::json;

use super::{Given, Origin};
use crate::clamd_config::{self, Kind, Note};
use crate::local_file;

/// Longest file that is read; the one with all explanations has thirty kilobytes.
const MOST_BYTES: u64 = 1 << 20;

/// The same for other programs: `keys` with their values, and `notes` with line, option, kind and text.
pub(crate) fn translated(path: &Path) -> anyhow::Result<serde_json::Value> {
    let text = local_file::text(path, MOST_BYTES);
    let text = text.with_context(|| format!("the configuration {}", path.display()))?;
    let translated = clamd_config::read(&text);
    let keys = translated.keys().with_context(|| format!("the configuration {}", path.display()))?;
    let keys: serde_json::Map<String, serde_json::Value> = keys
        .into_iter()
        .map(|(key, value)| Ok((key, serde_json::to_value(value)?)))
        .collect::<anyhow::Result<_>>()?;
    let notes: Vec<serde_json::Value> = translated
        .notes
        .iter()
        .map(|note| json!({"line": note.line, "option": note.option, "kind": note.kind.word(), "text": note.text}))
        .collect();
    Ok(json!({"keys": keys, "notes": notes}))
}

/// The values that it comes to, and what there is to say about it.
pub(super) fn read(path: &Path) -> anyhow::Result<(Vec<Given>, Vec<String>)> {
    let text = local_file::text(path, MOST_BYTES);
    let text = text.with_context(|| format!("the configuration {}", path.display()))?;
    let translated = clamd_config::read(&text);
    let told = |note: &Note| format!("{}: {note}", path.display());
    let wrong: Vec<String> =
        translated.notes.iter().filter(|note| note.kind == Kind::Wrong).map(told).collect();
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    let keys = translated.keys().with_context(|| format!("the configuration {}", path.display()))?;
    let origin = || Origin::Clamd(path.to_owned());
    let given = keys.into_iter().map(|(key, value)| Given { key, value, origin: origin() }).collect();
    Ok((given, translated.notes.iter().map(told).collect()))
}
