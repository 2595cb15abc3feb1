//! Asks witnesses to cosign, as <https://c2sp.org/tlog-witness> says.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use candor_tlog::{Checkpoint, Note, NoteSignature, Submission, VerifyingKey, cosigned};
use candor_update::Timestamp;

use crate::log::Log;

/// Witnesses that are asked at once.
const AT_ONCE: usize = 16;
/// Requests to one witness: what is remembered of it may be old, and it may be asked by somebody else meanwhile.
const ATTEMPTS: usize = 4;
/// Most signature lines of an answer that are looked at.
const MOST_LINES: usize = 16;
/// How far the clock of a witness may differ from ours, in seconds.
const CLOCKS: u64 = 600;

/// A witness that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Its submission prefix; `/add-checkpoint` comes behind it.
    pub url: String,
    /// Its key.
    pub key: VerifyingKey,
}

/// Who carries requests: HTTP, or a test.
pub trait Courier: Sync {
    /// Posts a body.
    ///
    /// # Errors
    /// Why there is no answer, for people.
    fn post(&self, url: &str, body: &[u8]) -> Result<Reply, String>;
}

/// What a witness answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status of HTTP.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Why a witness did not cosign.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// There is no answer.
    Unreachable(String),
    /// It does not know this log (404).
    UnknownLog,
    /// It does not know this key of the log (403).
    UnknownKey,
    /// It has seen another history of this log (409 or 422). Stop everything and find out why.
    OtherHistory(String),
    /// It has cosigned more entries than there are here: this is an old copy of the log, or somebody else has the key.
    KnowsMore(u64),
    /// It was asked again and again, and each time it was elsewhere.
    Busy,
    /// Another answer, which may be hostile text.
    Answer(u16, String),
    /// What it sent is no cosignature of this checkpoint by its key now.
    NoCosignature(String),
}

impl Trouble {
    /// Whether somebody may be cheating, or the log has lost its memory.
    pub fn is_alarm(&self) -> bool {
        matches!(self, Self::OtherHistory(_) | Self::KnowsMore(_))
    }
}

impl Display for Trouble {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "there is no answer: {why}"),
            Self::UnknownLog => f.write_str("it does not witness this log (404); its operator must add it"),
            Self::UnknownKey => f.write_str("it does not know this key of the log (403)"),
            Self::OtherHistory(how) => write!(f, "it has seen ANOTHER HISTORY of this log: {how}"),
            Self::KnowsMore(size) => {
                write!(
                    f,
                    "it has cosigned {size} entries, MORE THAN ARE HERE: this is an old copy of the log"
                )
            }
            Self::Busy => f.write_str("each time it was asked it was at another size"),
            Self::Answer(status, text) => write!(f, "it answers {status}: {text}"),
            Self::NoCosignature(why) => write!(f, "what it sent does not count: {why}"),
        }
    }
}

/// What came of asking one witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Which.
    pub witness: Witness,
    /// The time of its cosignature in seconds since 1970, or why there is none.
    pub result: Result<u64, Trouble>,
}

/// Asks all witnesses to cosign the checkpoint of all entries, several at once, and puts what they send into the
/// note. `known` says where each one is, by its key as text, and is brought up to date.
pub fn collect(
    log: &Log,
    note: &mut Note,
    witnesses: &[Witness],
    known: &mut BTreeMap<String, u64>,
    courier: &dyn Courier,
    now: Timestamp,
) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(BTreeMap::new());
    let (sent, before) = (&*note, &*known);
    thread::scope(|scope| {
        for _ in 0..witnesses.len().min(AT_ONCE) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(witness) = witnesses.get(number) else { return };
                    let old = before.get(&witness.key.to_string()).copied().unwrap_or(0);
                    let answer = ask(log, sent, witness, old, courier, now);
                    if let Ok(mut answers) = answers.lock() {
                        answers.insert(number, answer);
                    }
                }
            });
        }
    });
    let mut answers = answers.into_inner().unwrap_or_default();
    let outcome = |(number, witness): (usize, &Witness)| {
        let missing = || Err(Trouble::Unreachable("the request was not finished".to_owned()));
        let result = answers.remove(&number).unwrap_or_else(missing).map(|(line, time)| {
            note.put(line);
            known.insert(witness.key.to_string(), log.size());
            time
        });
        Outcome { witness: witness.clone(), result }
    };
    witnesses.iter().enumerate().map(outcome).collect()
}

fn ask(
    log: &Log,
    note: &Note,
    witness: &Witness,
    known: u64,
    courier: &dyn Courier,
    now: Timestamp,
) -> Result<(NoteSignature, u64), Trouble> {
    let checkpoint = Checkpoint::read(note).map_err(|error| Trouble::NoCosignature(error.to_string()))?;
    let url = format!("{}/add-checkpoint", witness.url.trim_end_matches('/'));
    let mut old = known.min(log.size());
    for _ in 0..ATTEMPTS {
        let proof = log.consistency(old).ok_or(Trouble::KnowsMore(old))?;
        let body = Submission { old, proof, note: note.clone(), checkpoint: checkpoint.clone() }.to_bytes();
        let reply = courier.post(&url, &body).map_err(Trouble::Unreachable)?;
        match reply.status {
            200 => return read_lines(note, &witness.key, &reply.body, now),
            404 => return Err(Trouble::UnknownLog),
            403 => return Err(Trouble::UnknownKey),
            422 => {
                let text = format!("at {old} entries it had another root than we have (422)");
                return Err(Trouble::OtherHistory(text));
            }
            409 => match size(&reply.body) {
                Some(size) if size > log.size() => return Err(Trouble::KnowsMore(size)),
                Some(size) if size != old => old = size,
                // It is where we said it is, and still does not want it.
                _ => {
                    let text = format!("of {old} entries it has cosigned another tree (409)");
                    return Err(Trouble::OtherHistory(text));
                }
            },
            status => return Err(Trouble::Answer(status, excerpt(&reply.body))),
        }
    }
    Err(Trouble::Busy)
}

/// The body of a conflict: a decimal number and a newline.
fn size(body: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(body).ok()?.strip_suffix('\n')?;
    text.parse().ok().filter(|size: &u64| size.to_string() == text)
}

fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body.get(..200).unwrap_or(body)).trim().escape_debug().to_string()
}

/// Takes the line of this key out of the answer. Lines of other keys are nobody's that we asked.
fn read_lines(
    note: &Note,
    key: &VerifyingKey,
    body: &[u8],
    now: Timestamp,
) -> Result<(NoteSignature, u64), Trouble> {
    let wrong = |why: String| Trouble::NoCosignature(why);
    let text = std::str::from_utf8(body).map_err(|error| wrong(error.to_string()))?;
    let mut reason = format!("there is no line of {}", key.name());
    for line in text.lines().take(MOST_LINES) {
        let Ok(line) = NoteSignature::from_line(line) else { continue };
        if line.name != key.name() || line.id != key.id() {
            continue;
        }
        let mut alone = Note::unsigned(note.text().to_owned()).map_err(|error| wrong(error.to_string()))?;
        alone.put(line.clone());
        match cosigned(&alone, key) {
            Ok(cosignature) => {
                let now = u64::try_from(now.as_second()).unwrap_or(0);
                if cosignature.time.abs_diff(now) <= CLOCKS {
                    return Ok((line, cosignature.time));
                }
                reason = format!("its clock says second {}, ours {now}", cosignature.time);
            }
            Err(error) => reason = error.to_string(),
        }
    }
    Err(wrong(reason))
}
