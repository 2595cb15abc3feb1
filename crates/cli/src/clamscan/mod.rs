//! `candor clamscan`: the place of ClamAV's clamscan, with its options, lines, summary and exit status, so that
//! scripts need not be changed. Written from its manual and from what version 1.4.6 was seen to do.
//!
//! One thread chooses files and hands them to workers; this one tells what became of each, in the same order.
//! `docs/clamscan.md` names every difference.

mod options;
mod expression;
mod selection;
mod candidate;
mod loading;
mod age;
mod answer;
mod deeds;
mod description;
mod output;
mod summary;
mod help;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, thread};

use candor_jail::Pool;
use candor_object::{ObjectId, Report};
use candor_policy::Policy;
use crossbeam_channel::{Receiver, Sender, bounded};

use self::answer::{Answer, Reading, position};
use self::candidate::{Bounds, Candidate, Examined};
use self::deeds::Deeds;
use self::options::{Choice, Refused, Settings, parse};
use self::output::{Output, Unheard, harmless};
use self::selection::{Step, Unwanted};
use self::summary::Summary;
use crate::databases::Used;
use crate::examine::{self, Scanned};
use crate::output::is_broken_pipe;
use crate::scanners::{self, Scanners};

/// The name under which it is meant, as a program and as a command.
pub(crate) const NAME: &str = "clamscan";
/// The status when the file of `--file-list` cannot be read.
const NO_LIST: u8 = 54;
/// Files that are ahead of the one that is told next.
const AHEAD: usize = 256;
/// Most bytes of the file of `--file-list`.
const MOST_LIST: u64 = 1 << 30;
/// What standard input is called.
const STDIN: &str = "stdin";

/// The arguments, if the program is meant to be clamscan: by its own name, or by its first argument.
pub(crate) fn wanted(
    mut arguments: impl Iterator<Item = OsString>,
) -> Option<impl Iterator<Item = OsString>> {
    let program = arguments.next().map(PathBuf::from).unwrap_or_default();
    if program.file_name().is_some_and(|name| name == NAME) {
        return Some(arguments);
    }
    arguments.next().is_some_and(|first| first == NAME).then_some(arguments)
}

/// Does what the arguments say.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let given = match parse(arguments) {
        Ok(given) => given,
        Err(Refused(lines)) => {
            note(&lines);
            return ExitCode::from(2);
        }
    };
    let asked = if given.switch("version") == Some(true) {
        Some(help::version() + "\n")
    } else {
        (given.switch("help") == Some(true)).then(help::text)
    };
    if let Some(text) = asked {
        // Where it cannot be printed nobody is there to read it.
        let _ = io::stdout().write_all(text.as_bytes());
        return ExitCode::SUCCESS;
    }
    let mut warnings = given.warnings.clone();
    let settings = Settings::of(&given, &mut warnings);
    note(&warnings);
    match settings {
        Ok(settings) => ExitCode::from(begin(&settings)),
        Err(why) => {
            note(&[format!("ERROR: {why}")]);
            ExitCode::from(2)
        }
    }
}

/// Writes lines to standard error, before there is anything else to write to.
fn note(lines: &[String]) {
    for line in lines {
        let _ = io::stderr().write_all(&[&harmless(line.as_bytes())[..], b"\n"].concat());
    }
}

/// The exit status of a run.
fn begin(settings: &Settings) -> u8 {
    let mut output = match Output::open(settings.show, settings.log.as_deref()) {
        Ok(output) => output,
        Err(error) => {
            let path = settings.log.as_deref().unwrap_or(Path::new("")).display().to_string();
            let why = format!("ERROR: Failed to open log file {path}: {}", loading::words(&error));
            note(&[why, "ERROR: Problem with internal logger.".to_owned()]);
            return 2;
        }
    };
    let mut run = Run { settings, output: &mut output, summary: Summary::start() };
    let status = run.begin().unwrap_or_else(|Unheard(error)| {
        if !is_broken_pipe(&error) {
            note(&[format!("ERROR: {}", loading::words(&error))]);
        }
        // Nobody heard all that there was to say.
        run.summary.status().max(2)
    });
    status
}

/// One run.
struct Run<'a> {
    settings: &'a Settings,
    output: &'a mut Output,
    summary: Summary,
}

/// What is to be told, in its order.
enum News {
    /// A file, and where its report comes out.
    File(PathBuf, Receiver<Examined>),
    /// Something else that was met.
    Step(Step),
}

impl Run<'_> {
    fn begin(&mut self) -> Result<u8, Unheard> {
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
            Ok(databases) => {
                self.summary.signatures = databases.iter().map(|used| used.signatures).sum();
                match self.paths()? {
                    Ok(paths) => self.scan(databases, &paths, &deeds)?,
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
    fn databases(&mut self) -> Result<Vec<Used>, String> {
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
        let workers = if alone { std::num::NonZeroUsize::MIN } else { scanners::processors() };
        let Scanners { pool, verification, .. } = match scanners::own(databases, limits.clone(), workers) {
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

    fn tell(&mut self, news: News, deeds: &Deeds) -> Result<(), Unheard> {
        match news {
            News::Step(step) => self.step(step),
            News::File(path, report) => {
                if self.settings.show.names {
                    self.line(b"Scanning ", &path, b"")?;
                }
                match report.recv() {
                    Ok(Examined::Report(report, file)) => self.report(&path, report, file.as_deref(), deeds),
                    Ok(Examined::Closed(error)) => self.closed(&path, &error),
                    Err(_) => {
                        self.summary.errors += 1;
                        self.line(b"", &path, b": Not examined: a thread ended. ERROR")
                    }
                }
            }
        }
    }

    /// Tells of what was met and is no file to scan.
    fn step(&mut self, step: Step) -> Result<(), Unheard> {
        let others = self.settings.show.others;
        match step {
            Step::Folder => {
                self.summary.folders += 1;
                Ok(())
            }
            Step::Left(path, words) if others => self.line(b"", &path, format!(": {words}").as_bytes()),
            Step::ClosedFolder(path) => {
                self.summary.errors += 1;
                if others { self.line(b"", &path, b": Can't open directory.") } else { Ok(()) }
            }
            Step::TooDeep(path) => {
                self.output.gap(&about(b"", &path, b": not scanned, it is deeper than --max-dir-recursion"))
            }
            Step::Missing(path, error) => {
                self.summary.failed = true;
                self.output.note(&about(b"", &path, format!(": {}", loading::words(&error)).as_bytes()));
                self.output.warning(&about(b"", &path, b": Can't access file"))
            }
            Step::Unfit(path) => {
                self.summary.failed = true;
                self.output.warning(&about(b"", &path, b": Not supported file type"))
            }
            Step::Left(..) | Step::File(..) | Step::StandardInput => Ok(()),
        }
    }

    /// Tells of a file that cannot be opened.
    fn closed(&mut self, path: &Path, error: &io::Error) -> Result<(), Unheard> {
        self.summary.errors += 1;
        if !self.settings.show.others {
            return Ok(());
        }
        match error.kind() {
            io::ErrorKind::PermissionDenied => self.line(b"", path, b": Access denied"),
            _ => self.line(b"", path, format!(": {}. ERROR", loading::words(error)).as_bytes()),
        }
    }

    fn report(
        &mut self,
        path: &Path,
        report: Report,
        file: Option<&File>,
        deeds: &Deeds,
    ) -> Result<(), Unheard> {
        let settings = self.settings;
        let scanned = examine::decided(&Policy::default(), path, report);
        self.summary.files += 1;
        self.summary.read += scanned.size();
        let skipped = scanned.report.objects.len() == 1 && !scanned.report.gaps.is_empty() && file.is_none();
        self.summary.scanned += if skipped { 0 } else { scanned.report.bytes() };
        if settings.json {
            self.describe(path, &scanned)?;
        }
        let reading = Reading {
            signatures: &settings.signatures,
            alerts: settings.alerts,
            alerts_first: settings.heuristics_first,
        };
        match reading.answer(&scanned.report, &scanned.decision) {
            Answer::Found(names) => self.found(path, &names, &scanned.report, file, deeds),
            Answer::Ok(gaps) => {
                if let Some(gaps) = gaps {
                    let words = harmless(format!(": not fully examined: {gaps}").as_bytes());
                    self.output.gap(&about(b"", path, &words))?;
                }
                let shown = settings.show.others && settings.show.undetected;
                if shown { self.output.unlogged(&about(b"", path, b": OK")) } else { Ok(()) }
            }
            Answer::Failed(why) => {
                self.summary.errors += 1;
                self.line(b"", path, format!(": {why} ERROR").as_bytes())
            }
        }
    }

    fn found(
        &mut self,
        path: &Path,
        names: &[(String, ObjectId)],
        report: &Report,
        file: Option<&File>,
        deeds: &Deeds,
    ) -> Result<(), Unheard> {
        self.summary.infected += 1;
        let most = if self.settings.all_matches { names.len() } else { 1 };
        let mut last = None;
        for (name, object) in names.iter().take(most) {
            let end = harmless(format!(": {name} FOUND").as_bytes());
            self.line(b"", path, &end)?;
            last = Some((end, *object));
        }
        if let Some((end, object)) = last.filter(|_| self.settings.show.members) {
            let place = harmless(position(report, object).as_bytes());
            self.line(b"", path, &[place, end].concat())?;
        }
        if self.settings.show.bell {
            self.output.ring();
        }
        let Some(file) = file.filter(|_| path != Path::new(STDIN)) else { return Ok(()) };
        match deeds.apply(path, file) {
            Ok(done) => done.map_or(Ok(()), |line| self.output.message(&line)),
            Err(why) => {
                self.summary.not_done.1 += 1;
                self.output.error(&why)
            }
        }
    }

    fn describe(&mut self, path: &Path, scanned: &Scanned) -> Result<(), Unheard> {
        let left = description::line(scanned).and_then(|json| {
            if self.settings.show.debug {
                self.output.note(&harmless(json.as_bytes()));
            }
            let folder = self.settings.json_folder.as_ref();
            folder.map_or(Ok(()), |folder| description::leave(folder, path, &json))
        });
        left.or_else(|error| {
            self.summary.failed = true;
            let words = format!(": its description cannot be left: {}", loading::words(&error));
            self.output.error(&about(b"", path, words.as_bytes()))
        })
    }

    fn line(&mut self, before: &[u8], path: &Path, after: &[u8]) -> Result<(), Unheard> {
        self.output.message(&about(before, path, after))
    }

    fn error(&mut self, why: &str) -> Result<(), Unheard> {
        self.output.error(&harmless(why.as_bytes()))
    }
}

/// A line about a path.
fn about(before: &[u8], path: &Path, after: &[u8]) -> Vec<u8> {
    [before, &harmless(path.as_os_str().as_bytes()), after].concat()
}

fn read_list(path: &Path) -> io::Result<Vec<u8>> {
    use io::Read;
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
