//! What the log says: its checkpoint with witnesses, its entries, and that it is the log that was seen before.

use candor_tlog::{
    Assessment, Checkpoint, Error as TlogError, Evidence, HASHES_PER_TILE, Hash, MAX_NOTE, Note, Policy,
    VerifyingKey, WitnessState, beginning_proof, entries_of, leaf_hash, root_of, tiles_of,
};
use jiff::Timestamp;

use crate::place;
use crate::refusal::{About, Kind, Refusal};
use crate::staging::Staging;
use crate::statement::{MAX_STATEMENT, Statement};

/// Most bytes of a bundle of entries.
const MAX_BUNDLE: u64 = HASHES_PER_TILE * (MAX_STATEMENT as u64 + 2);

/// The log as far as its newest checkpoint.
#[derive(Clone, Debug)]
pub struct History {
    /// The checkpoint, with all signatures.
    pub note: Note,
    /// How it stands before the policy.
    pub assessment: Assessment,
    /// The hashes of all entries.
    pub leaves: Vec<Hash>,
    /// The releases, oldest first. Each has a higher number than that before it, and names it.
    pub releases: Vec<Release>,
    /// Numbers of entries that are no releases of ours, or break the chain.
    pub strange: Vec<u64>,
}

/// A release in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The number of its entry, from 0.
    pub index: u64,
    /// What it says.
    pub statement: Statement,
}

/// Reads the log, and compares it with the checkpoint that was seen last.
///
/// # Errors
/// If the log did not sign it, if the tiles are not the log's, or if it is not the log that was seen. Whether enough
/// witnesses signed is for [`demand_quorum`].
pub fn read(
    staging: &Staging,
    policy: &Policy,
    seen: Option<&Note>,
    now: Timestamp,
    max_age: u64,
) -> Result<History, Refusal> {
    let bytes = read_required(staging, place::CHECKPOINT, MAX_NOTE as u64)?;
    let note = Note::read(&bytes).about(Kind::Malformed, place::CHECKPOINT)?;
    let assessment = policy.assess(&note, seconds(now), max_age).map_err(|error| {
        let kind = if matches!(error, TlogError::Malformed(_)) { Kind::Malformed } else { Kind::Signature };
        Refusal::new(kind, format!("{}: {error}", place::CHECKPOINT))
    })?;
    let checkpoint = &assessment.checkpoint;
    let seen = seen.map(|seen| Ok::<_, TlogError>((seen, Checkpoint::read(seen)?)));
    let seen = seen.transpose().about(Kind::Local, "the checkpoint that was seen last")?;
    let keys = policy.keys_of(&checkpoint.origin);
    if let Some((seen_note, seen)) = &seen {
        compare_heads((seen_note, seen), (&note, checkpoint), &keys)?;
    }
    let leaves = leaves(staging, checkpoint)?;
    if let Some((seen_note, seen)) = &seen {
        let size = usize::try_from(seen.size).unwrap_or(usize::MAX);
        if leaves.get(..size).is_none_or(|beginning| root_of(beginning) != seen.root) {
            let hashes = beginning_proof(&leaves, size).unwrap_or_default();
            return Err(split_view(Evidence::with(seen_note, &note, &hashes, &keys)));
        }
    }
    let (releases, strange) = releases(staging, &leaves)?;
    Ok(History { note, assessment, leaves, releases, strange })
}

/// Demands that the witnesses of the policy have seen this lately.
///
/// # Errors
/// [`Kind::NoQuorum`], with what each witness says.
pub fn demand_quorum(history: &History, policy: &Policy, max_age: u64) -> Result<(), Refusal> {
    if history.assessment.quorum {
        return Ok(());
    }
    let each = policy
        .witnesses()
        .iter()
        .zip(&history.assessment.witnesses)
        .map(|(witness, state)| format!("{} {}", witness.name, told(state)));
    let each: Vec<String> = each.collect();
    let text = format!(
        "the quorum of witnesses has not seen this within {} minutes ({})",
        max_age / 60,
        each.join(", ")
    );
    Err(Refusal::new(Kind::NoQuorum, text))
}

/// What a witness says, for people.
pub fn told(state: &WitnessState) -> String {
    match state {
        WitnessState::Silent => "has not cosigned it".to_owned(),
        WitnessState::Old { time } => format!("cosigned it last at {}, too long ago", when(*time)),
        WitnessState::Future { time } => format!("cosigned it at {}, which is still to come", when(*time)),
        WitnessState::Counted { time } => format!("cosigned it at {}", when(*time)),
    }
}

/// What needs no tiles: two roots of one size are a lie, and a smaller tree is an old one.
fn compare_heads(
    (seen_note, seen): (&Note, &Checkpoint),
    (note, new): (&Note, &Checkpoint),
    keys: &[VerifyingKey],
) -> Result<(), Refusal> {
    if seen.origin != new.origin {
        let text = format!(
            "the log is {} now, and was {}; forget the old one on purpose if that is right",
            new.origin, seen.origin
        );
        return Err(Refusal::new(Kind::Mismatch, text));
    }
    if seen.size == new.size && seen.root != new.root {
        return Err(split_view(Evidence::of(seen_note, note, keys)));
    }
    if seen.size > new.size {
        let text =
            format!("the log has {} entries here; it had {} when it was seen last", new.size, seen.size);
        return Err(Refusal::new(Kind::Rollback, text));
    }
    Ok(())
}

fn leaves(staging: &Staging, checkpoint: &Checkpoint) -> Result<Vec<Hash>, Refusal> {
    let tiles = tiles_of(checkpoint.size).about(Kind::Malformed, "the log")?;
    let mut leaves = Vec::new();
    for tile in tiles.into_iter().filter(|tile| tile.level == Some(0)) {
        let name = tile.to_string();
        let content = read_required(staging, &name, HASHES_PER_TILE * 32)?;
        if content.len() as u64 != tile.width * 32 {
            return Err(Refusal::new(
                Kind::Malformed,
                format!("{name}: it has another length than {} hashes", tile.width),
            ));
        }
        leaves.extend(content.as_chunks::<32>().0);
    }
    if root_of(&leaves) != checkpoint.root {
        return Err(Refusal::new(Kind::Mismatch, "the tiles are not those of the checkpoint"));
    }
    Ok(leaves)
}

fn releases(staging: &Staging, leaves: &[Hash]) -> Result<(Vec<Release>, Vec<u64>), Refusal> {
    let tiles = tiles_of(leaves.len() as u64).about(Kind::Malformed, "the log")?;
    let (mut releases, mut strange): (Vec<Release>, Vec<u64>) = (Vec::new(), Vec::new());
    let mut leaves = leaves.iter().enumerate();
    for tile in tiles.into_iter().filter(|tile| tile.level.is_none()) {
        let name = tile.to_string();
        let bundle = read_required(staging, &name, MAX_BUNDLE)?;
        for entry in entries_of(&bundle, tile.width).about(Kind::Malformed, &name)? {
            let (index, leaf) =
                leaves.next().ok_or_else(|| Refusal::new(Kind::Malformed, "there are too many entries"))?;
            if leaf_hash(entry) != *leaf {
                return Err(Refusal::new(
                    Kind::Mismatch,
                    format!("{name}: entry {index} is not what the log has hashed"),
                ));
            }
            let last = releases.last().map(|last| &last.statement);
            match Statement::read(entry) {
                Ok(statement) if follows(last, &statement) => {
                    releases.push(Release { index: index as u64, statement });
                }
                _ => strange.push(index as u64),
            }
        }
    }
    Ok((releases, strange))
}

fn follows(last: Option<&Statement>, statement: &Statement) -> bool {
    match last {
        None => statement.previous.is_none(),
        Some(last) => statement.sequence > last.sequence && statement.previous == Some(last.digest()),
    }
}

/// Two histories of one log. There is no evidence if what was seen was signed by a key that is not in the policy any more.
fn split_view(evidence: Option<Evidence>) -> Refusal {
    let evidence = evidence.map(|evidence| String::from_utf8_lossy(&evidence.to_bytes()).into_owned());
    let text = "the log has two histories: what it shows now does not continue what it showed before";
    Refusal { evidence, ..Refusal::new(Kind::SplitView, text) }
}

fn read_required(staging: &Staging, name: &str, most: u64) -> Result<Vec<u8>, Refusal> {
    let content = staging.read(name, most).about(Kind::Malformed, name)?;
    content.ok_or_else(|| Refusal::new(Kind::Missing, format!("{name} is missing")))
}

/// Seconds since 1970; what lies before counts as 1970.
pub(crate) fn seconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_second()).unwrap_or(0)
}

/// A time of a witness, for people.
pub(crate) fn when(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| format!("second {seconds}"), |time| time.to_string())
}
