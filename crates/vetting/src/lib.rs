//! Tries a new database on files that are known to be good, before it is used.
//!
//! [`vet`] scans with jailed workers: first what the database must find (a self-test), then files that it must not:
//! those that the distribution's package manager vouches for, and the user's own. A file counts only if its content
//! has the digest that is vouched for, so nobody can hold an update by changing a file. Everything is read only.

#![forbid(unsafe_code)]

mod candidates;
mod check;
mod critical;
mod known_good;
mod self_test;

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use candor_jail::{GRACE, MOST_AT_ONCE, Pool, Program, Source};
use candor_object::Limits;
use candor_packages::Packages;
use candor_policy::Policy;

use candidates::Candidate;
use check::{Seen, Until};

pub use self_test::{Witness, witnesses};

/// Files that wait for a worker.
const WAITING: usize = 256;
/// Most hits that are named; all are counted.
pub const MOST_HITS: usize = 1000;
/// What is added to the niceness of the threads and workers.
const NICER: i32 = 10;

/// What is tried, on what, and what it may cost.
#[derive(Debug)]
pub struct Settings {
    /// The program `candor-worker`.
    pub worker: PathBuf,
    /// The user and group that workers become, if we are root.
    pub user: Option<(u32, u32)>,
    /// The databases as they would be used together: see [`candor_jail::shareable`].
    pub databases: Vec<File>,
    /// Those that are used now. What they find in a file as well is no news and holds nothing.
    pub current: Vec<File>,
    /// Limits of one file.
    pub limits: Limits,
    /// What counts as found.
    pub policy: Policy,
    /// How many workers scan at once.
    pub workers: NonZeroUsize,
    /// Whether the EICAR test file must be found.
    pub eicar: bool,
    /// What else must be found.
    pub witnesses: Vec<Witness>,
    /// Whose files are vouched for; nobody's, without.
    pub packages: Option<Packages>,
    /// The root that the packages' paths begin at.
    pub root: PathBuf,
    /// Folders all of whose files are good, and lists of digests as `sha256sum` writes them.
    pub known_good: Vec<PathBuf>,
    /// How many of the vouched files that are not critical are tried.
    pub sample: Sample,
    /// Time for everything; what is then not scanned is counted.
    pub time: Duration,
}

/// A sample of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Most files.
    pub files: usize,
    /// Most bytes of files; the one that reaches it is the last.
    pub bytes: u64,
    /// What chooses among the files: the same number chooses the same ones. It should be this machine's own, drawn once
    /// or each time, so that nobody who makes a signature knows which files are tried where.
    pub place: u64,
}

impl Default for Sample {
    fn default() -> Self {
        Self { files: 5000, bytes: 2 << 30, place: 0 }
    }
}

/// Time for everything, unless somebody says otherwise.
pub const TIME: Duration = Duration::from_secs(15 * 60);

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be used.
    Passed(Counts),
    /// It finds something in files that are known to be good.
    Held {
        /// The first of them, at most [`MOST_HITS`].
        hits: Vec<Hit>,
        /// How many there are.
        all: usize,
        /// What was tried.
        counts: Counts,
    },
    /// It could not be tried, or fails the self-test; why, for people. It may quote hostile text.
    Failed(String),
}

/// A file that is known to be good, and in which something is found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Its path.
    pub path: PathBuf,
    /// The package that brought it; what else vouches for it.
    pub package: String,
    /// What is found, unchanged from the signature; or in brackets how the scan of the file failed.
    pub signature: String,
}

/// What was tried, in files where nothing else is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Contents that had to be found and were.
    pub self_test: usize,
    /// Critical files that were scanned.
    pub critical: usize,
    /// Files that are known to be good by the user that were scanned.
    pub known_good: usize,
    /// Vouched files of the sample that were scanned.
    pub sampled: usize,
    /// Bytes of all that was scanned.
    pub bytes: u64,
    /// Vouched files altogether.
    pub vouched: usize,
    /// Files that were passed over, since they have other content than is vouched for.
    pub modified: usize,
    /// Files that are vouched for and are not there.
    pub missing: usize,
    /// Files that could not be read.
    pub unread: usize,
    /// Files that were chosen and not scanned, since the time or the bytes were used up.
    pub left: usize,
    /// Files in which unwanted programs are found, which holds nothing.
    pub unwanted: usize,
    /// Findings in good files that the current databases report as well.
    pub known_before: usize,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Files that are done with.
    pub done: usize,
    /// Files that were chosen.
    pub chosen: usize,
}

/// Tries databases. Takes at most the time of the settings and that of one file; does not panic whatever the files are.
pub fn vet(settings: &Settings, progress: &mut (dyn FnMut(Progress) + Send)) -> Verdict {
    let tried = thread::scope(|scope| {
        let trying = scope.spawn(move || {
            // On Linux this is of the thread, and of those and of the workers that it starts. Where it is refused, the
            // rest is as good.
            let _ = rustix::process::nice(NICER);
            attempt(settings, progress)
        });
        trying.join().unwrap_or_else(|_| Err("a fault of ours: a thread panicked".to_owned()))
    });
    tried.unwrap_or_else(Verdict::Failed)
}

fn attempt(settings: &Settings, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<Verdict, String> {
    let deadline = Instant::now() + settings.time;
    let mut counts = Counts::default();
    let pool = start(settings, &settings.databases)?;
    counts.self_test = self_test::run(settings, &pool)?;
    let candidates = candidates::choose(settings, &mut counts)?;
    let until = Until { deadline, sampled_bytes: settings.sample.bytes };
    let mut hits = Vec::new();
    let mut done = 0;
    let mut critical_left = 0_usize;
    check::all(&pool, candidates.iter(), &until, &settings.policy, |candidate, seen| {
        done += 1;
        progress(Progress { done, chosen: candidates.len() });
        critical_left += usize::from(candidate.rank == candidates::Rank::Critical && seen == Seen::Left);
        count(&mut counts, candidate, &seen);
        if let Seen::Scanned { found, .. } = seen {
            hits.extend(found.into_iter().map(|signature| (candidate, signature)));
        }
    });
    drop(pool);
    // Somebody may have changed the file between the comparison and the scan.
    hits.retain(|(candidate, _)| candidate.is_as_vouched());
    if !hits.is_empty() && !settings.current.is_empty() {
        let before = hits.len();
        let known = found_by_current(settings, &hits)?;
        hits.retain(|(candidate, signature)| !known.contains(&(candidate.path.clone(), signature.clone())));
        counts.known_before = before - hits.len();
    }
    if hits.is_empty() {
        return if critical_left > 0 {
            Err(format!("{critical_left} files that the system cannot do without were not scanned in time"))
        } else {
            Ok(Verdict::Passed(counts))
        };
    }
    let all = hits.len();
    let mut hits: Vec<Hit> = hits
        .into_iter()
        .map(|(candidate, signature)| Hit {
            path: candidate.path.clone(),
            package: candidate.vouched_by.clone(),
            signature,
        })
        .collect();
    hits.sort();
    hits.truncate(MOST_HITS);
    Ok(Verdict::Held { hits, all, counts })
}

/// What the databases that are used now find in the same files.
fn found_by_current(
    settings: &Settings,
    hits: &[(&Candidate, String)],
) -> Result<HashSet<(PathBuf, String)>, String> {
    let pool = start(settings, &settings.current)?;
    let files: Vec<&Candidate> = hits.iter().map(|(candidate, _)| *candidate).collect();
    let mut known = HashSet::new();
    // Hits are few where they matter, and a held update costs more than some more time.
    let until = Until { deadline: Instant::now() + settings.time, sampled_bytes: u64::MAX };
    check::all(&pool, files.into_iter(), &until, &settings.policy, |candidate, seen| {
        if let Seen::Scanned { found, .. } = seen {
            known.extend(found.into_iter().map(|signature| (candidate.path.clone(), signature)));
        }
    });
    Ok(known)
}

fn start(settings: &Settings, databases: &[File]) -> Result<Pool, String> {
    let databases: io::Result<Vec<File>> = databases.iter().map(File::try_clone).collect();
    let program = Program {
        path: settings.worker.clone(),
        databases: databases.map_err(|error| error.to_string())?,
        user: settings.user,
        passwords: candor_jail::Passwords::default(),
    };
    Pool::start(candor_jail::Settings {
        source: Source::Program(program),
        limits: settings.limits.clone(),
        workers: settings.workers,
        at_once: MOST_AT_ONCE,
        queue: WAITING,
        grace: GRACE,
    })
    .map_err(|error| error.to_string())
}

fn count(counts: &mut Counts, candidate: &Candidate, seen: &Seen) {
    match seen {
        Seen::Scanned { size, unwanted, .. } => {
            *match candidate.rank {
                candidates::Rank::Critical => &mut counts.critical,
                candidates::Rank::KnownGood => &mut counts.known_good,
                candidates::Rank::Sampled => &mut counts.sampled,
            } += 1;
            counts.bytes = counts.bytes.saturating_add(*size);
            counts.unwanted += usize::from(*unwanted);
        }
        Seen::Modified => counts.modified += 1,
        Seen::Missing => counts.missing += 1,
        Seen::Unread => counts.unread += 1,
        Seen::Left => counts.left += 1,
    }
}
