//! One run: gets everything ready, chooses files, hands them to workers, and has them told in their order.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::{env, fs, thread};

use candor_jail::Pool;
use crossbeam_channel::{Receiver, Sender, bounded};

use super::candidate::{Bounds, Candidate, Examined};
use super::deeds::Deeds;
use super::loading::Loaded;
use super::options::{Choice, Settings};
use super::output::{Output, Unheard};
use super::selection::{self, Step, Unwanted};
use super::summary::Summary;
use super::{age, loading};
use crate::databases::Used;
use crate::scanners::{self, Scanners};
use candor_object::harmless;

/// The status when the file of `--file-list` cannot be read.
const NO_LIST: u8 = 54;
/// Files that are ahead of the one that is told next. Their reports may be large, and lie in memory.
const AHEAD: usize = 128;
/// Most bytes of the file of `--file-list`.
const MOST_LIST: u64 = 1 << 30;
/// What standard input is called.
const STDIN: &str = "stdin";

/// One run.
pub(super) struct Run<'a> {
    pub(super) settings: &'a Settings,
    pub(super) output: &'a mut Output,
    pub(super) summary: Summary,
    /// Signature files whose publisher signed them.
    pub(super) official: HashSet<String>,
}

/// What is to be told, in its order.
pub(super) enum News {
    /// A file, and where its report comes out.
    File(PathBuf, Receiver<Examined>),
    /// Something else that was met.
    Step(Step),
}

impl<'a> Run<'a> {
    /// A run that these options describe.
    pub(super) fn new(settings: &'a Settings, output: &'a mut Output) -> Self {
        Self { settings, output, summary: Summary::start(), official: HashSet::new() }
    }

    /// The exit status of a run that could not go on.
    pub(super) fn failed_status(&mut self) -> u8 {
        self.summary.failed = true;
        self.summary.status()
    }

    /// Does everything; the exit status.
    pub(super) fn begin(&mut self) -> Result<u8, Unheard> {
        let deeds = match Deeds::prepare(&self.settings.deed) {
            Ok(deeds) => deeds,
            Err(why) => {
                self.error(&why)?;
                return Ok(2);
            }
        };
        self.summary.not_done.0 = deeds.word();
        let mut status = None;
        match self.databases() {
            Ok(Loaded { used, official }) => {
                self.summary.signatures = used.iter().map(|used| used.signatures).sum();
                self.official = official;
                match self.paths()? {
                    Ok(paths) => self.scan(used, &paths, &deeds)?,
                    Err(other) => status = Some(other),
                }
            }
            Err(why) => {
                self.summary.failed = true;
                self.error(&why)?;
            }
        }
        if self.settings.show.summary {
            for line in self.summary.lines() {
                self.output.message(line.as_bytes())?;
            }
        }
        Ok(status.unwrap_or_else(|| self.summary.status()))
    }

    /// What to scan; or the exit status.
    fn paths(&mut self) -> Result<Result<Vec<PathBuf>, u8>, Unheard> {
        if let Some(list) = &self.settings.file_list {
            if !self.settings.paths.is_empty() {
                let ignored = "Only scanning files from --file-list (files passed at cmdline are ignored)";
                self.output.warning(ignored.as_bytes())?;
            }
            return match read_list(list) {
                Ok(text) => Ok(Ok(selection::listed(&text))),
                Err(_) => {
                    self.error(&format!("--file-list: Can't open file {}", list.display()))?;
                    Ok(Err(NO_LIST))
                }
            };
        }
        if !self.settings.paths.is_empty() {
            return Ok(Ok(self.settings.paths.clone()));
        }
        match env::current_dir() {
            Ok(folder) => Ok(Ok(vec![folder])),
            Err(_) => {
                self.error("Can't get absolute pathname of current working directory")?;
                Ok(Err(2))
            }
        }
    }

    /// The databases, loaded; or why not.
    fn databases(&mut self) -> Result<Loaded, String> {
        let wanted = &self.settings.signatures;
        if let Some(days) = wanted.most_days {
            match age::is_older(&wanted.paths, days) {
                Ok(false) => {}
                Ok(true) => return Err(format!("Virus database is older than {days} days!")),
                Err(path) => return Err(format!("Can't access database directory/file: {}", path.display())),
            }
        }
        let mut notes = Vec::new();
        let loaded = loading::load(wanted, &mut notes);
        for note in notes {
            self.output.note(&harmless(note.as_bytes()));
        }
        loaded.map_err(|unloadable| unloadable.0)
    }

    fn scan(&mut self, databases: Vec<Used>, paths: &[PathBuf], deeds: &Deeds) -> Result<(), Unheard> {
        let limits = &self.settings.limits;
        // One file is not worth more than one worker.
        let alone = matches!(paths, [path] if !path.is_dir());
        let workers = if alone { NonZeroUsize::MIN } else { scanners::processors() };
        let Scanners { pool, verification, .. } =
            match scanners::own(databases, limits.clone(), candor_jail::Passwords::default(), workers) {
                Ok(scanners) => scanners,
                Err(error) => {
                    self.summary.failed = true;
                    return self.error(&format!("{error:#}"));
                }
            };
        let bounds = Bounds { file: self.settings.file_bytes, scan: limits.unpacked_bytes };
        let (tell, hear) = bounded(AHEAD);
        let told = thread::scope(|scope| {
            let choice = &self.settings.choice;
            let pool = &pool;
            scope.spawn(move || walk(paths, choice, bounds, pool, &tell));
            // Dropping the receiver ends the walk.
            hear.into_iter().try_for_each(|news| self.tell(news, deeds))
        });
        told?;
        for why in verification.finish() {
            self.summary.failed = true;
            self.error(&why)?;
        }
        Ok(())
    }

    /// Tells what is in the way of everything.
    pub(super) fn error(&mut self, why: &str) -> Result<(), Unheard> {
        self.output.error(&harmless(why.as_bytes()))
    }
}

fn read_list(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().take(MOST_LIST).read_to_end(&mut text)?;
    } else if fs::metadata(path)?.len() <= MOST_LIST {
        File::open(path)?.take(MOST_LIST).read_to_end(&mut text)?;
    } else {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(text)
}

/// Chooses files and hands them over, until nobody listens any more.
fn walk(paths: &[PathBuf], choice: &Choice, bounds: Bounds, pool: &Pool, tell: &Sender<News>) {
    let mut take = |step: Step| {
        let (path, place) = match step {
            Step::File(path, links) => (path.clone(), Some((path, links))),
            Step::StandardInput => (STDIN.into(), None),
            other => return tell.send(News::Step(other)).map_err(|_| Unwanted),
        };
        let (job, report) = Candidate::job(place, bounds);
        tell.send(News::File(path, report)).map_err(|_| Unwanted)?;
        pool.submit(job);
        Ok(())
    };
    for path in paths {
        if selection::named(path, choice, &mut take).is_err() {
            return;
        }
    }
}
