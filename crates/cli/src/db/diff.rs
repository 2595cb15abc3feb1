//! `candor db diff`: what one set of signatures has that another has not, line by line.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use candor_object::Escaped;
use candor_signatures::segment::Segment;
use candor_update::store;
use sha2::{Digest, Sha256};

use crate::exit_status::Outcome;
use crate::numbers::{counted, grouped};
use crate::update::Configured;

/// Longest line that is compared; no signature language has longer ones.
const LONGEST_LINE: u64 = 4 << 20;
/// Most characters of a line that are shown.
const SHOWN: usize = 160;

/// What to compare.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  candor db diff 41 42                releases in the store
  candor db diff old.seg new.seg      segments of releases
  candor db diff signatures-then/ signatures-now/

Exit status: 0 no difference, 1 differences, 2 error.")]
pub(super) struct Options {
    /// A release in the store, a segment, a signature file or a folder of them.
    #[arg(value_name = "OLD")]
    old: String,
    /// The same.
    #[arg(value_name = "NEW")]
    new: String,
    /// Most lines that are shown of each kind; 0 shows all.
    #[arg(long, value_name = "LINES", default_value_t = 50)]
    limit: u64,
    #[command(flatten)]
    configured: Configured,
}

/// Compares.
pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let place = |text: &str| -> anyhow::Result<Vec<PathBuf>> {
        match text.parse() {
            Ok(sequence) => segments_of(&options.configured.settings()?.store, sequence),
            Err(_) => Ok(vec![PathBuf::from(text)]),
        }
    };
    let (old, new) = (place(&options.old)?, place(&options.new)?);
    let mut out = io::stdout().lock();
    let differences = write_differences(&mut out, &old, &new, options.limit)?;
    Ok(if differences { Outcome::found() } else { Outcome::default() })
}

/// The segments of a release in a store.
pub(crate) fn segments_of(folder: &Path, sequence: u64) -> anyhow::Result<Vec<PathBuf>> {
    let statement = store::statement_of(folder, sequence)?;
    let release = store::release_of(folder, sequence);
    Ok(statement.segments.iter().map(|segment| release.join(format!("{}.seg", segment.name))).collect())
}

/// Writes what differs; whether anything does.
pub(crate) fn write_differences(
    out: &mut impl Write,
    old: &[PathBuf],
    new: &[PathBuf],
    limit: u64,
) -> anyhow::Result<bool> {
    let mut gone = HashSet::new();
    each_line(old, &mut |file, line| {
        gone.insert(digest(file, line));
        Ok(())
    })?;
    let mut kept = HashSet::new();
    let mut added = Lines::new('+', limit);
    each_line(new, &mut |file, line| {
        let digest = digest(file, line);
        if gone.remove(&digest) {
            kept.insert(digest);
        } else if kept.insert(digest) {
            added.write(out, file, line)?;
        }
        Ok(())
    })?;
    let mut removed = Lines::new('-', limit);
    each_line(old, &mut |file, line| {
        if gone.remove(&digest(file, line)) {
            removed.write(out, file, line)?;
        }
        Ok(())
    })?;
    for lines in [&added, &removed] {
        lines.write_rest(out)?;
    }
    let files: BTreeMap<&String, ()> =
        added.counts.keys().chain(removed.counts.keys()).map(|file| (file, ())).collect();
    for file in files.keys() {
        let count = |lines: &Lines| grouped(lines.counts.get(*file).copied().unwrap_or(0));
        writeln!(out, "{:<32} +{} -{}", Escaped(file).to_string(), count(&added), count(&removed))?;
    }
    writeln!(
        out,
        "{} added, {} removed",
        counted(added.total, "line", "lines"),
        counted(removed.total, "line", "lines")
    )?;
    Ok(added.total + removed.total > 0)
}

/// Lines of one kind, of which only the first are shown.
struct Lines {
    sign: char,
    limit: u64,
    total: u64,
    counts: BTreeMap<String, u64>,
}

impl Lines {
    fn new(sign: char, limit: u64) -> Self {
        Self { sign, limit, total: 0, counts: BTreeMap::new() }
    }

    fn write(&mut self, out: &mut impl Write, file: &str, line: &[u8]) -> io::Result<()> {
        self.total += 1;
        *self.counts.entry(file.to_owned()).or_default() += 1;
        if self.limit > 0 && self.total > self.limit {
            return Ok(());
        }
        let text = String::from_utf8_lossy(line);
        let shown: String = text.chars().take(SHOWN).collect();
        let more = if shown.len() < text.len() { " …" } else { "" };
        writeln!(out, "{} {}: {}{more}", self.sign, Escaped(file), Escaped(&shown))
    }

    fn write_rest(&self, out: &mut impl Write) -> io::Result<()> {
        match self.total.saturating_sub(self.limit) {
            rest if self.limit > 0 && rest > 0 => {
                writeln!(out, "{} … and {} more; --limit 0 shows all", self.sign, grouped(rest))
            }
            _ => Ok(()),
        }
    }
}

fn digest(file: &str, line: &[u8]) -> [u8; 16] {
    let digest = Sha256::new().chain_update(file).chain_update([0]).chain_update(line).finalize();
    let mut short = [0; 16];
    short.copy_from_slice(&digest[..16]);
    short
}

/// Shows every line of every file with the name of the file in its segment or folder.
pub(crate) fn each_line(
    places: &[PathBuf],
    show: &mut dyn FnMut(&str, &[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for place in places {
        let name = || place.display().to_string();
        if fs::metadata(place).with_context(name)?.is_dir() {
            let mut inside: Vec<PathBuf> =
                fs::read_dir(place)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
            inside.sort();
            each_line(&inside, show)?;
        } else if place.extension().is_some_and(|extension| extension == "seg") {
            let segment = Segment::open(File::open(place).with_context(name)?).with_context(name)?;
            for member in segment.members() {
                lines(segment.reader(member), &member.name, show).with_context(name)?;
            }
        } else if place.extension().is_some_and(|extension| extension == "cdb") {
            bail!(
                "{}: a compiled database has no lines; compare the segments, or what it was built from",
                name()
            );
        } else {
            let file = place.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            lines(BufReader::new(File::open(place).with_context(name)?), &file, show).with_context(name)?;
        }
    }
    Ok(())
}

fn lines(
    mut reader: impl BufRead,
    file: &str,
    show: &mut dyn FnMut(&str, &[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        if !line.is_empty() {
            show(file, line)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_told_by_file_and_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        fs::create_dir_all(&old).expect("a folder");
        fs::create_dir_all(&new).expect("a folder");
        fs::write(old.join("a.hdb"), "one\ntwo\n").expect("a file");
        fs::write(new.join("a.hdb"), "two\nthree\nthree\n").expect("a file");
        fs::write(new.join("b.hdb"), "two\n").expect("a file");
        let mut out = Vec::new();
        assert!(write_differences(&mut out, std::slice::from_ref(&old), &[new], 50).expect("compared"));
        let text = String::from_utf8(out).expect("text");
        assert!(text.starts_with("+ a.hdb: three\n+ b.hdb: two\n- a.hdb: one\n"), "{text}");
        assert!(text.ends_with("2 lines added, 1 line removed\n"), "{text}");
        assert!(
            !write_differences(&mut Vec::new(), std::slice::from_ref(&old), std::slice::from_ref(&old), 0)
                .expect("compared")
        );
    }
}
