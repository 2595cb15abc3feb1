//! Makes a release out of folders with signatures, for the holders of targets keys to look at and to sign.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use candor_signatures::segment::pack_folder;
use candor_update::delta::{MAX_PATCHED, compress};
use candor_update::place;
use candor_update::statement::{SIGNED_STATEMENT, Segment, Sha, Statement};
use candor_update::{Timestamp, bundle};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::changes;
use crate::compile::{Compiler, Image};
use crate::files;
use crate::keys::{TufKey, VENDOR};
use crate::metadata::{Document, hashes, whole_seconds};
use crate::repository::{NEXT, Repository, STATEMENT, TARGETS};
use crate::root::Plan;

/// What people read before they sign.
pub const CHANGES: &str = "changes.txt";
/// zstd level of small segments and of differences to them.
const SMALL: i32 = 19;
/// zstd level of large segments and of differences to them: the other one takes minutes there, for a sixth less.
const LARGE: i32 = 9;
/// From how many bytes on a segment is large.
const LARGE_FROM: usize = 16 << 20;

/// What a release is to be made of.
#[derive(Clone, Debug)]
pub struct Order {
    /// Names and folders with signature files.
    pub segments: Vec<(String, PathBuf)>,
    /// Where the signatures come from, one line for people.
    pub source: String,
}

/// A release that is being made.
#[derive(Clone, Debug)]
pub struct Built {
    /// Its number.
    pub sequence: u64,
    /// What each segment compiles to.
    pub images: BTreeMap<String, Image>,
    /// Files with the compiled databases; they are for the check against clean files and can go then.
    pub databases: Vec<PathBuf>,
    /// The folder that travels to those who sign.
    pub folder: PathBuf,
}

/// Makes the next release. One that was being made before, and its signatures, are gone.
///
/// # Errors
/// When a folder cannot be a segment, nothing in it can be used, or the last release is not published yet.
pub fn build(
    repository: &Repository,
    order: &Order,
    compiler: &Compiler,
    now: Timestamp,
) -> anyhow::Result<Built> {
    let releases = repository.releases()?;
    let log = repository.log()?;
    if let Some(waits) =
        releases.iter().find(|release| log.position(release.to_string().as_bytes()).is_none())
    {
        bail!("release {} is not in the log yet: candor-publish release publish", waits.sequence);
    }
    let last = releases.last();
    let work = tempfile::Builder::new().prefix(".build-").tempdir_in(repository.folder())?;
    let images = repository.folder().join("images");
    files::make_folder(&images)?;
    let (mut segments, mut results, mut databases) = (Vec::new(), BTreeMap::new(), Vec::new());
    let mut ordered: Vec<_> = order.segments.iter().collect();
    ordered.sort();
    for (name, folder) in ordered {
        let database = images.join(format!("{name}.cdb"));
        let (segment, image) = segment(repository, name, folder, &database, work.path(), compiler)
            .with_context(|| format!("the segment {name}"))?;
        segments.push(segment);
        results.insert(name.clone(), image);
        databases.push(database);
    }
    let sequence = last.map_or(1, |last| last.sequence + 1);
    let statement = Statement {
        sequence,
        date: whole_seconds(now),
        previous: last.map(Statement::digest),
        targets: [0; 32],
        source: order.source.clone(),
        schedule: repository.settings.schedule.clone(),
        segments,
    };
    let text = statement.to_string();
    let read = Statement::read(text.as_bytes()).map_err(|error| anyhow!("the statement, {error}"))?;
    ensure!(read == statement, "the statement cannot be written");
    let draft = without_targets(&text);
    let kept = releases.len().saturating_sub(repository.settings.keep);
    let kept = releases.get(kept..).unwrap_or_default();
    make_deltas(repository, kept, &statement)?;
    let expires = now + repository.settings.expires.targets;
    let targets = targets(repository, kept, &statement, expires)?;
    let next = work.path().join(NEXT);
    files::make_folder(&next)?;
    files::replace(&next.join(TARGETS), &targets.to_bytes()?)?;
    files::replace(&next.join(STATEMENT), draft.as_bytes())?;
    files::replace(&next.join(CHANGES), readable(repository, last, &statement, &draft)?.as_bytes())?;
    let place = repository.release(NEXT);
    if place.exists() {
        fs::remove_dir_all(&place)?;
    }
    files::rename_folder(&next, &place)?;
    Ok(Built { sequence, images: results, databases, folder: place })
}

fn segment(
    repository: &Repository,
    name: &str,
    folder: &Path,
    database: &Path,
    work: &Path,
    compiler: &Compiler,
) -> anyhow::Result<(Segment, Image)> {
    let packed = work.join(format!("{name}.seg"));
    let size = pack_folder(folder, std::io::BufWriter::new(File::create(&packed)?))
        .with_context(|| folder.display().to_string())?;
    let open = File::options().read(true).write(true).create(true).truncate(true).open(database)?;
    let image = compiler.compile(&File::open(&packed)?, &open)?;
    let content = files::read(&packed)?;
    let digest: Sha = Sha256::digest(&content).into();
    let whole = repository.target(&place::segment(&digest));
    if !whole.exists() {
        let compressed = compress(&content, None, level_for(&content))?;
        files::replace(&whole, &compressed)?;
    }
    if !repository.segment(&digest).exists() {
        files::replace(&repository.segment(&digest), &content)?;
    }
    let (layout, image_size) = (image.layout, image.size);
    let segment = Segment { name: name.to_owned(), size, digest, layout, image_size, image: image.digest };
    Ok((segment, image))
}

/// From each segment of the same name in the last releases to the new one, where that is shorter than the whole.
fn make_deltas(repository: &Repository, kept: &[Statement], statement: &Statement) -> anyhow::Result<()> {
    for segment in &statement.segments {
        let content = files::read(&repository.segment(&segment.digest))?;
        let whole = fs::metadata(repository.target(&place::segment(&segment.digest)))?.len();
        for old in kept.iter().flat_map(|release| &release.segments) {
            let path = repository.target(&place::delta(&old.digest, &segment.digest));
            let same = old.name != segment.name || old.digest == segment.digest;
            if same || path.exists() || old.size + segment.size > MAX_PATCHED {
                continue;
            }
            let old = files::read(&repository.segment(&old.digest))?;
            let level = level_for(&content);
            let delta = compress(&content, Some(&old), level)?;
            if (delta.len() as u64) < whole {
                files::replace(&path, &delta)?;
            }
        }
    }
    Ok(())
}

/// All that clients may still need: the segments of the last releases, and the differences between them.
fn targets(
    repository: &Repository,
    kept: &[Statement],
    statement: &Statement,
    expires: Timestamp,
) -> anyhow::Result<Document> {
    let all: Vec<&Segment> =
        kept.iter().flat_map(|release| &release.segments).chain(&statement.segments).collect();
    let mut names: Vec<String> = all.iter().map(|segment| place::segment(&segment.digest)).collect();
    for old in &all {
        let newer = all.iter().filter(|new| new.name == old.name && new.digest != old.digest);
        names.extend(newer.map(|new| place::delta(&old.digest, &new.digest)));
    }
    let mut targets = BTreeMap::new();
    for name in names {
        if let Some(content) = files::read_if_there(&repository.target(&name))? {
            targets.insert(name, json!({ "length": content.len(), "hashes": hashes(&content) }));
        }
    }
    let text = without_targets(&statement.to_string());
    let fields = json!({ "targets": targets, SIGNED_STATEMENT: text });
    Document::new("targets", statement.sequence, expires, fields)
}

fn readable(
    repository: &Repository,
    last: Option<&Statement>,
    statement: &Statement,
    draft: &str,
) -> anyhow::Result<String> {
    let mut text = format!("Release {}\n\n{draft}\n", statement.sequence);
    for segment in &statement.segments {
        let old = last.and_then(|last| last.segments.iter().find(|old| old.name == segment.name));
        if old.is_some_and(|old| old.digest == segment.digest) {
            text.push_str(&format!("segment {} is as it was\n", segment.name));
            continue;
        }
        let old = old.map(|old| repository.segment(&old.digest));
        text.push_str(&changes::of_segment(
            &segment.name,
            old.as_deref(),
            &repository.segment(&segment.digest),
        )?);
    }
    let gone = |old: &&Segment| !statement.segments.iter().any(|segment| segment.name == old.name);
    for old in last.iter().flat_map(|last| &last.segments).filter(gone) {
        text.push_str(&format!("segment {} is gone\n", old.name));
    }
    Ok(text)
}

/// A statement before it is known what the signed targets will be.
pub fn without_targets(statement: &str) -> String {
    statement.split_inclusive('\n').filter(|line| !line.starts_with("targets ")).collect()
}

fn level_for(content: &[u8]) -> i32 {
    if content.len() < LARGE_FROM { SMALL } else { LARGE }
}

/// The statement, when the signed targets are known.
///
/// # Errors
/// When the draft is none.
pub fn with_targets(draft: &str, targets: &Sha) -> anyhow::Result<Statement> {
    let line = format!("targets {}\n", hex::encode(targets));
    let insert = |part: &str| match part.starts_with("source ") {
        true => format!("{line}{part}"),
        false => part.to_owned(),
    };
    let text: String = draft.split_inclusive('\n').map(insert).collect();
    Statement::read(text.as_bytes()).map_err(|error| anyhow!("the statement, {error}"))
}

/// Whether these targets were signed together with this statement.
pub fn is_signed_with(targets: &Document, statement: &str) -> bool {
    targets.signed[SIGNED_STATEMENT] == without_targets(statement).as_str()
}

/// The targets and the statement in a folder that travels, when they belong together.
///
/// # Errors
/// When they do not.
pub fn read_draft(folder: &Path) -> anyhow::Result<(Document, String)> {
    let path = folder.join(TARGETS);
    let targets =
        Document::read(&files::read(&path)?, "targets").with_context(|| path.display().to_string())?;
    let path = folder.join(STATEMENT);
    let draft = String::from_utf8(files::read(&path)?).with_context(|| path.display().to_string())?;
    let statement = with_targets(&draft, &[0; 32])?;
    ensure!(is_signed_with(&targets, &draft), "{}: the targets are not its own", path.display());
    ensure!(targets.version()? == statement.sequence, "{}: the targets have another number", path.display());
    for segment in &statement.segments {
        let name = place::segment(&segment.digest);
        ensure!(
            targets.signed["targets"][&name].is_object(),
            "{}: {name} is not among the targets",
            path.display()
        );
    }
    Ok((targets, draft))
}

/// Signs the targets in a folder that travels.
///
/// # Errors
/// When targets and statement do not belong together.
pub fn sign(folder: &Path, key: &TufKey) -> anyhow::Result<()> {
    let (mut targets, _) = read_draft(folder)?;
    targets.sign(key)?;
    files::replace(&folder.join(TARGETS), &targets.to_bytes()?)
}

/// Takes the signatures that came back with another copy of the folder.
///
/// # Errors
/// When the other is of another release.
pub fn join(folder: &Path, other: &Path) -> anyhow::Result<()> {
    let (mut targets, _) = read_draft(folder)?;
    targets.join(&read_draft(other)?.0)?;
    files::replace(&folder.join(TARGETS), &targets.to_bytes()?)
}

/// What the targets still lack before they may be published.
///
/// # Errors
/// When they cannot be read.
pub fn lacks(targets: &Document, root: &Plan, now: Timestamp) -> anyhow::Result<Vec<String>> {
    let mut lacks = Vec::new();
    let signers = targets.signers(&root.targets.keys)?;
    if signers.len() < root.targets.threshold {
        lacks.push(format!("{} of {} signatures", signers.len(), root.targets.threshold));
    }
    if !signers.iter().any(|key| key.party != VENDOR) {
        lacks.push("the signature of somebody who is not the vendor".to_owned());
    }
    if targets.expires()? <= now {
        lacks.push("time: they have run out".to_owned());
    }
    Ok(lacks)
}

/// The names of targets in a targets file, with their lengths.
pub fn names(targets: &Document) -> Vec<(String, u64)> {
    let list = targets.signed["targets"].as_object();
    let length = |value: &Value| value["length"].as_u64().unwrap_or(0);
    list.into_iter().flatten().map(|(name, value)| (name.clone(), length(value))).collect()
}

/// Writes one release as a bundle: a tar archive of the part of the mirror that a machine without network needs.
///
/// # Errors
/// When the release cannot be had from the mirror any more, or the file cannot be written.
pub fn bundle(repository: &Repository, sequence: u64, out: &Path) -> anyhow::Result<usize> {
    let mirror = &repository.settings.mirror;
    let releases = repository.releases()?;
    let statement = releases.iter().find(|release| release.sequence == sequence);
    let statement = statement.ok_or_else(|| anyhow!("there is no release {sequence}"))?;
    let log = repository.log()?;
    let newest = releases.last().map_or(sequence, |release| release.sequence);
    let mut names: Vec<String> = (1..=repository.roots()?.len() as u64).map(place::root).collect();
    let timestamp = Document::read(&files::read(&mirror.join(place::TIMESTAMP))?, "timestamp")?;
    let version = timestamp.signed["meta"]["snapshot.json"]["version"].as_u64().unwrap_or(0);
    names.extend([place::TIMESTAMP.to_owned(), place::snapshot(version), place::targets(newest)]);
    names.push(place::CHECKPOINT.to_owned());
    names.extend(log.tiles()?.into_keys());
    names.extend([place::LATEST.to_owned(), place::statement(sequence), place::proof(sequence)]);
    let wholes = statement.segments.iter().map(|segment| place::segment(&segment.digest));
    names.extend(wholes.map(|name| format!("{}{name}", place::TARGETS)));
    if mirror.join(place::DIRECTOR).exists() {
        names.push(place::DIRECTOR.to_owned());
    }
    let folder = files::folder_of(out);
    let fresh = tempfile::NamedTempFile::new_in(folder)?;
    bundle::pack(mirror, &names, std::io::BufWriter::new(fresh.as_file()))?;
    fresh.as_file().sync_all()?;
    fresh.persist(out).with_context(|| out.display().to_string())?;
    Ok(names.len())
}
