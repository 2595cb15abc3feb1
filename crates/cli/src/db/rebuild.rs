//! `candor db rebuild`: makes a release anew from its sources, and compares every bit with what was published.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use candor_loader::{Limits, Loader, loader_program};
use candor_object::Escaped;
use candor_signatures::segment::pack_folder;
use candor_update::statement::Statement;
use candor_update::store;
use sha2::{Digest, Sha256};

use crate::exit_status::Outcome;
use crate::update::Configured;

/// What to rebuild, and what to compare it with.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  candor db rebuild --from base=sources/base --from day=sources/day --release 42

Exit status: 0 every bit is the published one, 1 something differs, 2 error.")]
pub(super) struct Options {
    /// The folder that a segment is made of (repeatable, once for each segment).
    #[arg(long, value_name = "SEGMENT=FOLDER", required = true, value_parser = parse_source)]
    from: Vec<(String, PathBuf)>,
    /// The statement of the release, as a mirror has it.
    #[arg(long, value_name = "FILE", required_unless_present = "release", conflicts_with = "release")]
    statement: Option<PathBuf>,
    /// The release in the store [default: the one that --statement names].
    #[arg(long, value_name = "RELEASE")]
    release: Option<u64>,
    #[command(flatten)]
    configured: Configured,
}

fn parse_source(text: &str) -> Result<(String, PathBuf), String> {
    let (name, folder) = text.split_once('=').ok_or("it has the form SEGMENT=FOLDER")?;
    Ok((name.to_owned(), folder.into()))
}

/// Rebuilds and compares.
pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let statement = match (&options.statement, options.release) {
        (Some(path), _) => {
            let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
            Statement::read(&bytes).with_context(|| path.display().to_string())?
        }
        (None, Some(sequence)) => store::statement_of(&options.configured.settings()?.store, sequence)?,
        (None, None) => bail!("name a release with --release or --statement"),
    };
    let loader = Loader::new(loader_program()?);
    let mut out = io::stdout().lock();
    let mut same = true;
    for segment in &statement.segments {
        let name = &segment.name;
        let Some((_, folder)) = options.from.iter().find(|(from, _)| from == name) else {
            bail!(
                "release {} has a segment {name}; say what it is made of with --from {name}=FOLDER",
                statement.sequence
            );
        };
        let mut archive = tempfile::tempfile()?;
        let size = pack_folder(folder, &mut archive).with_context(|| folder.display().to_string())?;
        let digest = sha256(&archive)?;
        if digest != segment.digest {
            same = false;
            writeln!(
                out,
                "{name}: the archive differs: {size} bytes, SHA-256 {}\n  published: {} bytes, SHA-256 {}",
                hex::encode(digest),
                segment.size,
                hex::encode(segment.digest)
            )?;
            continue;
        }
        writeln!(
            out,
            "{name}: the archive is the published one, {size} bytes, SHA-256 {}",
            hex::encode(digest)
        )?;
        let image = tempfile::tempfile()?;
        let loaded = loader.compile(&archive, &image, &Limits::default())?;
        if loaded.layout != segment.layout {
            same = false;
            writeln!(
                out,
                "{name}: the published database has layout {}; this program makes {}",
                segment.layout, loaded.layout
            )?;
        } else if loaded.image_sha256 != segment.image {
            same = false;
            writeln!(
                out,
                "{name}: the database differs: SHA-256 {}\n  published: {}",
                hex::encode(loaded.image_sha256),
                hex::encode(segment.image)
            )?;
        } else {
            writeln!(
                out,
                "{name}: the database is the published one, {} signatures, SHA-256 {}",
                loaded.signatures,
                hex::encode(segment.image)
            )?;
        }
    }
    let verdict = if same { "every bit is the published one" } else { "NOT what was published" };
    writeln!(out, "release {}: {}", statement.sequence, Escaped(verdict))?;
    Ok(if same { Outcome::default() } else { Outcome::found() })
}

fn sha256(mut file: &File) -> io::Result<[u8; 32]> {
    io::Seek::rewind(&mut file)?;
    let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finalize().into()),
            length => hasher.update(&buffer[..length]),
        }
    }
}
