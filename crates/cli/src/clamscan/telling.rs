//! Tells what became of each thing that was met, and does with files what is wanted.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use candor_detect::trust::CERTIFICATE;
use candor_object::{Finding, ObjectId, Report, harmless};

use super::answer::{Answer, Reading, position};
use super::candidate::Examined;
use super::deeds::Deeds;
use super::output::Unheard;
use super::run::{News, Run};
use super::selection::Step;
use super::{description, loading};
use crate::examine::{self, Scanned};

impl Run<'_> {
    /// Tells of one thing; waits for its report.
    pub(super) fn tell(&mut self, news: News, deeds: &Deeds) -> Result<(), Unheard> {
        match news {
            News::Step(step) => self.step(step),
            News::File(path, report) => {
                if self.settings.show.names {
                    self.line(b"Scanning ", &path, b"")?;
                }
                match report.recv() {
                    Ok(Examined::Report(report, file)) => {
                        self.summary.scanned += report.bytes();
                        self.report(&path, report, file.as_deref(), deeds)
                    }
                    Ok(Examined::TooLong(report)) => self.report(&path, report, None, deeds),
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

    /// Tells of certificates, which are for people and no findings.
    fn certificates(&mut self, report: &mut Report) {
        if !self.settings.signatures.certificates {
            return;
        }
        let is_told = |finding: &Finding| finding.detector == "trust" && finding.name == CERTIFICATE;
        for finding in report.findings.extract_if(.., |finding| is_told(finding)) {
            for line in finding.text.lines() {
                self.output.note(&harmless(format!("LibClamAV debug: {line}").as_bytes()));
            }
        }
    }

    fn report(
        &mut self,
        path: &Path,
        mut report: Report,
        file: Option<&File>,
        deeds: &Deeds,
    ) -> Result<(), Unheard> {
        let settings = self.settings;
        self.certificates(&mut report);
        if !settings.signatures.publishers {
            // Lists in containers and compiled databases are loaded with all the rest.
            report.findings.retain(|finding| finding.detector != "trust");
        }
        let scanned = examine::decided(&settings.policy, path, report);
        self.summary.files += 1;
        self.summary.read += scanned.size();
        if settings.json {
            self.describe(path, &scanned)?;
        }
        let reading = Reading {
            signatures: &settings.signatures,
            official: &self.official,
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
                if settings.show.quiet {
                    self.output.note(&about(b"LibClamAV Error: ", path, format!(": {why}").as_bytes()));
                }
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
        // Standard input cannot be moved.
        let Some(file) = file else { return Ok(()) };
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
}

/// A line about a path.
fn about(before: &[u8], path: &Path, after: &[u8]) -> Vec<u8> {
    [before, &harmless(path.as_os_str().as_bytes()), after].concat()
}
