//! Programs of a database, decoded when they are wanted, and run when a signature leads to one.

use std::io::ErrorKind;
use std::time::Instant;

use candor_object::{Category, Content, Evidence, Finding, Layout, Limit, Reason, Strength};

use super::document::Document;
use super::draft::{Draft, Kind};
use super::hooks;
use super::interpreter::{Extracted, Failure, Host, Limits, Matches, PdfPhase, run};
use super::program::Program;
use super::section::ProgramRecord;
use crate::switch::PROGRAMS;
use crate::{Database, Error, Found, Inspection};

/// Most bytes that programs may take out of one object.
const MAX_EXTRACTED: usize = 64 << 20;

/// Runs the program with a number, which is told what matched.
pub(crate) fn inspect(
    database: &Database,
    inspection: &Inspection<'_>,
    number: u32,
    matches: &Matches,
    found: &mut Found,
) -> Result<(), Error> {
    let mut all = Stored::all(database)?;
    let place = usize::try_from(number).unwrap_or(usize::MAX);
    let stored = all.nth(place).ok_or(Error::Damaged("a program is missing"))?;
    if !hooks::fits(stored.kind()?, inspection.object.file_type) {
        return Ok(());
    }
    Session::new(database, inspection, matches).run(stored, found)
}

/// Programs that are run on one object, one after another.
pub(super) struct Session<'a> {
    database: &'a Database,
    inspection: &'a Inspection<'a>,
    matches: &'a Matches,
    extracted: Vec<Vec<u8>>,
    bytes: usize,
    phase: Option<PdfPhase>,
    document: Option<Document>,
}

/// Whether a program is to be run again in later phases of a document.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    GoOn,
    /// It failed, or has found something.
    Done,
}

impl<'a> Session<'a> {
    pub(super) fn new(database: &'a Database, inspection: &'a Inspection<'a>, matches: &'a Matches) -> Self {
        Self { database, inspection, matches, extracted: Vec::new(), bytes: 0, phase: None, document: None }
    }

    /// Runs a program: once, or in each phase of a PDF document if it is for those. What it takes out and finds is
    /// added to what was found.
    pub(super) fn run(&mut self, stored: Stored<'_>, found: &mut Found) -> Result<(), Error> {
        if let Some(why) = self.database.switched_off(PROGRAMS)? {
            found.gaps.push((Reason::Unsupported, format!("{} is not run: {why}", stored.name())));
            return Ok(());
        }
        let program = stored.program()?;
        let result = if stored.kind()? == Kind::Pdf {
            self.run_in_phases(stored, &program, found)
        } else {
            self.run_once(stored, &program, found).map(drop)
        };
        if self.bytes > MAX_EXTRACTED {
            let detail = format!("{}: it takes out more than {MAX_EXTRACTED} bytes", stored.name());
            found.gaps.push((Reason::Limit(Limit::ObjectBytes), detail));
        }
        found.extracted.append(&mut self.extracted);
        result
    }

    /// The phases as ClamAV has them: before the objects are looked for, when they are known, after each of which
    /// something is taken out, and at the end.
    fn run_in_phases(
        &mut self,
        stored: Stored<'_>,
        program: &Program,
        found: &mut Found,
    ) -> Result<(), Error> {
        for phase in [PdfPhase::Before, PdfPhase::Parsed] {
            if self.run_in(phase, stored, program, found)? == After::Done {
                return Ok(());
            }
        }
        let mut index = 0;
        while let Some(next) = self.next_taken_out(index)? {
            let phase = PdfPhase::Dumped(u32::try_from(next).unwrap_or(u32::MAX));
            if self.run_in(phase, stored, program, found)? == After::Done {
                return Ok(());
            }
            index = next.saturating_add(1);
        }
        self.run_in(PdfPhase::End, stored, program, found).map(drop)
    }

    /// The index of the first object, from an index on, of which something is taken out.
    fn next_taken_out(&mut self, from: usize) -> Result<Option<usize>, Error> {
        let content = &self.inspection.object.content;
        let mut look = || -> Result<Option<usize>, Failure> {
            if self.document.is_none() {
                self.document = Some(Document::begin(content)?);
            }
            let Some(document) = &mut self.document else { return Ok(None) };
            document.look_for_objects(content, &mut |_| time_left(self.inspection))?;
            for index in from..document.objects().len() {
                if document.is_taken_out(content, index)? {
                    return Ok(Some(index));
                }
            }
            Ok(None)
        };
        look().map_err(|failure| match failure {
            Failure::Io(error) => Error::Io(error),
            _ => Error::TimeIsUp,
        })
    }

    fn run_in(
        &mut self,
        phase: PdfPhase,
        stored: Stored<'_>,
        program: &Program,
        found: &mut Found,
    ) -> Result<After, Error> {
        self.phase = Some(phase);
        let after = self.run_once(stored, program, found);
        self.phase = None;
        after
    }

    fn run_once(&mut self, stored: Stored<'_>, program: &Program, found: &mut Found) -> Result<After, Error> {
        let own = Instant::now().checked_add(self.inspection.program_time);
        let deadline = own.map_or(self.inspection.deadline, |own| own.min(self.inspection.deadline));
        let limits = Limits::until(deadline);
        let outcome = match run(program, self, &limits) {
            Ok(outcome) => outcome,
            Err(Failure::Time) if time_left(self.inspection).is_err() => return Err(Error::TimeIsUp),
            Err(Failure::Time) => {
                let detail = format!("{}: the time for one program was up", stored.name());
                found.gaps.push((Reason::Limit(Limit::Time), detail));
                return Ok(After::Done);
            }
            Err(Failure::Io(error)) if error.kind() != ErrorKind::Other => return Err(Error::Io(error)),
            Err(failure) => {
                let detail = format!("{}: {failure}", stored.name());
                found.gaps.push((Reason::Unsupported, detail));
                return Ok(After::Done);
            }
        };
        if !outcome.left_out.is_empty() {
            let detail =
                format!("{}: not there for the program: {}", stored.name(), outcome.left_out.join(", "));
            // It may say so in each phase of a document.
            if !found.gaps.iter().any(|(_, known)| *known == detail) {
                found.gaps.push((Reason::Unsupported, detail));
            }
        }
        let Some(name) = outcome.name else { return Ok(After::GoOn) };
        let unwanted = name.starts_with("PUA.") || name.starts_with("BC.PUA.");
        let size = self.inspection.object.content.size();
        found.findings.push(Finding {
            object: self.inspection.id,
            detector: "bytecode",
            name,
            source: stored.source().to_owned(),
            category: if unwanted { Category::Unwanted } else { Category::Malware },
            strength: Strength::Strong,
            text: stored.trigger().to_owned(),
            evidence: vec![Evidence { what: "a program".to_owned(), offset: 0, size, excerpt: Vec::new() }],
        });
        Ok(After::Done)
    }
}

impl Host for Session<'_> {
    fn content(&self) -> &Content {
        &self.inspection.object.content
    }

    fn layout(&self) -> Option<&Layout> {
        self.inspection.layout
    }

    fn matches(&self) -> &Matches {
        self.matches
    }

    fn pdf_phase(&self) -> Option<PdfPhase> {
        self.phase
    }

    fn take_document(&mut self) -> Option<Document> {
        self.document.take()
    }

    fn keep_document(&mut self, document: Document) {
        self.document = Some(document);
    }

    fn extracted(&mut self, object: Extracted) -> bool {
        self.bytes = self.bytes.saturating_add(object.bytes.len());
        if self.bytes <= MAX_EXTRACTED {
            self.extracted.push(object.bytes);
        }
        // It is scanned when the program has ended, and nothing is known of it yet.
        false
    }
}

fn time_left(inspection: &Inspection<'_>) -> Result<(), Failure> {
    if Instant::now() >= inspection.deadline { Err(Failure::Time) } else { Ok(()) }
}

/// A program as it lies in a database.
#[derive(Clone, Copy)]
pub struct Stored<'d> {
    database: &'d Database,
    record: &'d ProgramRecord,
    /// Its number in the database.
    pub number: u32,
}

impl<'d> Stored<'d> {
    pub(crate) fn all(database: &'d Database) -> Result<impl Iterator<Item = Self> + 'd, Error> {
        let records = database.program_tables()?.records();
        Ok(records.iter().zip(0..).map(move |(record, number)| Self { database, record, number }))
    }

    /// The stem of its detection names.
    pub fn name(&self) -> &'d str {
        self.database.text(self.record.name)
    }

    /// The file that it comes from.
    pub fn source(&self) -> &'d str {
        self.database.source(self.record.source.get())
    }

    /// Its trigger as text in the syntax of `ldb` files; empty if it has none.
    pub fn trigger(&self) -> &'d str {
        self.database.text(self.record.trigger)
    }

    /// What makes it run.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn kind(&self) -> Result<Kind, Error> {
        Kind::from_number(self.record.kind.get()).ok_or(Error::Damaged("a program is of no known kind"))
    }

    /// Decodes and verifies the program.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn program(&self) -> Result<Program, Error> {
        let code = self.database.program_tables()?.code(self.record)?;
        let draft = Draft::decode(code).ok_or(Error::Damaged("a program cannot be read"))?;
        Program::new(&draft).map_err(|_| Error::Damaged("a program is not valid"))
    }
}

impl std::fmt::Debug for Stored<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stored")
            .field("name", &self.name())
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}
