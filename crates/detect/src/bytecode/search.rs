//! Programs of a database, decoded when they are wanted, and run when a signature leads to one.

use std::io::ErrorKind;

use candor_object::{Category, Content, Evidence, Finding, Layout, Limit, Reason, Strength};

use super::draft::{Draft, Kind};
use super::interpreter::{Extracted, Failure, Host, Limits, Matches, run};
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
    if let Some(why) = database.switched_off(PROGRAMS)? {
        found.gaps.push((Reason::Unsupported, format!("{} is not run: {why}", stored.name())));
        return Ok(());
    }
    let program = stored.program()?;
    let mut shown = Shown { inspection, matches, extracted: Vec::new(), bytes: 0 };
    let outcome = match run(&program, &mut shown, &Limits::until(inspection.deadline)) {
        Ok(outcome) => outcome,
        Err(Failure::Time) => return Err(Error::TimeIsUp),
        Err(Failure::Io(error)) if error.kind() != ErrorKind::Other => return Err(Error::Io(error)),
        Err(failure) => {
            let detail = format!("{}: {failure}", stored.name());
            found.gaps.push((Reason::Unsupported, detail));
            return Ok(());
        }
    };
    if !outcome.left_out.is_empty() {
        let detail = format!("{}: not there for the program: {}", stored.name(), outcome.left_out.join(", "));
        found.gaps.push((Reason::Unsupported, detail));
    }
    if shown.bytes > MAX_EXTRACTED {
        let detail = format!("{}: it takes out more than {MAX_EXTRACTED} bytes", stored.name());
        found.gaps.push((Reason::Limit(Limit::ObjectBytes), detail));
    }
    found.extracted.append(&mut shown.extracted);
    if let Some(name) = outcome.name {
        let unwanted = name.starts_with("PUA.") || name.starts_with("BC.PUA.");
        let size = inspection.object.content.size();
        found.findings.push(Finding {
            object: inspection.id,
            detector: "bytecode",
            name,
            source: stored.source().to_owned(),
            category: if unwanted { Category::Unwanted } else { Category::Malware },
            strength: Strength::Strong,
            text: stored.trigger().to_owned(),
            evidence: vec![Evidence { what: "a program".to_owned(), offset: 0, size, excerpt: Vec::new() }],
        });
    }
    Ok(())
}

/// What a program sees of the object that is inspected.
struct Shown<'a> {
    inspection: &'a Inspection<'a>,
    matches: &'a Matches,
    extracted: Vec<Vec<u8>>,
    bytes: usize,
}

impl Host for Shown<'_> {
    fn content(&self) -> &Content {
        &self.inspection.object.content
    }

    fn layout(&self) -> Option<&Layout> {
        self.inspection.layout
    }

    fn matches(&self) -> &Matches {
        self.matches
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
