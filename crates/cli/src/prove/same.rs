//! `candor prove same`: whether two machines, or a machine and the world, hold the same history.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use candor_object::Escaped;
use candor_tlog::{Checkpoint, Evidence, Hash, MAX_NOTE, Note, Policy, beginning_proof, root_of, tiles_of};
use candor_update::{Staging, store};

use crate::exit_status::Outcome;
use crate::update::{Configured, trust};

/// With what to compare.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Without options the own checkpoint is printed: four lines or more, to be carried to another machine.
Exit status: 0 the same history, 1 two histories (the proof is printed: `candor witness evidence` checks it), 2 it cannot be told.")]
pub(super) struct Options {
    /// The checkpoint of another machine, a mirror or a witness; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    with: Option<PathBuf>,
    /// A folder with the log's tiles, for when the other one has seen more [default: what was fetched last].
    #[arg(long, value_name = "FOLDER")]
    tiles: Option<PathBuf>,
    #[command(flatten)]
    configured: Configured,
}

/// Compares.
pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let settings = options.configured.settings()?;
    let policy = trust(&settings)?.policy;
    let state = store::peek(&settings.store)?;
    let own = state
        .and_then(|state| state.checkpoint)
        .context("no checkpoint was ever seen; run `candor update`")?;
    let mut out = io::stdout().lock();
    let Some(path) = &options.with else {
        out.write_all(own.as_bytes())?;
        return Ok(Outcome::default());
    };
    let own = Note::read(own.as_bytes())?;
    let other = read_note(path)?;
    let (mine, theirs) =
        (signed(&policy, &own, "the own checkpoint")?, signed(&policy, &other, "the other checkpoint")?);
    if mine.origin != theirs.origin {
        bail!("these are checkpoints of two logs: {} and {}", Escaped(&mine.origin), Escaped(&theirs.origin));
    }
    let (short, long) = if mine.size <= theirs.size { (&mine, &theirs) } else { (&theirs, &mine) };
    let mut hashes = Vec::new();
    let same = if short.size == long.size {
        short.root == long.root
    } else {
        let leaves = leaves(&settings.store, &folders(options, &settings.staging), long)?;
        let size = usize::try_from(short.size)?;
        hashes = beginning_proof(&leaves, size).unwrap_or_default();
        leaves.get(..size).is_some_and(|beginning| root_of(beginning) == short.root)
    };
    if same {
        writeln!(out, "the same history: {} entries are the beginning of {}", short.size, long.size)?;
        return Ok(Outcome::default());
    }
    let keys = policy.keys_of(&mine.origin);
    let evidence = Evidence::with(&own, &other, &hashes, &keys)
        .context("they do not agree, but that cannot be proven to others")?;
    // The proof alone goes to standard output, so that it can be kept as a file.
    crate::complain(&format!(
        "TWO HISTORIES: the log {} signed both, and they do not agree. Keep the proof on standard output and show it to everybody; \
         `candor witness evidence FILE --log {}` checks it",
        Escaped(&mine.origin),
        keys.first().map(ToString::to_string).unwrap_or_default()
    ));
    out.write_all(&evidence.to_bytes())?;
    Ok(Outcome::found())
}

fn read_note(path: &Path) -> anyhow::Result<Note> {
    let mut bytes = Vec::new();
    let most = MAX_NOTE as u64 + 1;
    if path == Path::new("-") {
        io::stdin().take(most).read_to_end(&mut bytes)?;
    } else {
        let file = fs::File::open(path).with_context(|| path.display().to_string())?;
        file.take(most).read_to_end(&mut bytes)?;
    }
    Note::read(&bytes).with_context(|| path.display().to_string())
}

/// A checkpoint that a log of the policy signed; of others nothing follows.
fn signed(policy: &Policy, note: &Note, what: &'static str) -> anyhow::Result<Checkpoint> {
    policy.signed_by_log(note).context(what)
}

fn folders(options: &Options, staging: &Path) -> Vec<PathBuf> {
    if let Some(folder) = &options.tiles {
        return vec![folder.clone()];
    }
    let entries = fs::read_dir(staging).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

/// The hashes of the entries of the longer history, out of the store or out of tiles, whoever brought them:
/// their root shows that they are the right ones.
fn leaves(store: &Path, folders: &[PathBuf], long: &Checkpoint) -> anyhow::Result<Vec<Hash>> {
    let fits = |leaves: Vec<Hash>| {
        let leaves = leaves.get(..usize::try_from(long.size).ok()?)?.to_vec();
        (root_of(&leaves) == long.root).then_some(leaves)
    };
    if let Some(leaves) = store::leaves_of(store).ok().and_then(fits) {
        return Ok(leaves);
    }
    for folder in folders {
        if let Some(leaves) = tiles(folder, long.size).and_then(fits) {
            return Ok(leaves);
        }
    }
    bail!(
        "{} entries cannot be compared: their tiles are not here; run `candor update`, or name them with --tiles",
        long.size
    )
}

fn tiles(folder: &Path, size: u64) -> Option<Vec<Hash>> {
    let staging = Staging::open(folder).ok()?;
    let mut leaves = Vec::new();
    for tile in tiles_of(size).ok()?.into_iter().filter(|tile| tile.level == Some(0)) {
        let whole = candor_tlog::TilePath { width: candor_tlog::HASHES_PER_TILE, ..tile };
        // A partial tile may be gone when the full one is there.
        let content =
            [tile, whole].iter().find_map(|tile| staging.read(&tile.to_string(), 8192).ok().flatten())?;
        let width = usize::try_from(tile.width).ok()?;
        leaves.extend(content.as_chunks::<32>().0.iter().take(width));
    }
    Some(leaves)
}
