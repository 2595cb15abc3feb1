//! Programs of a database, decoded when they are wanted.

use super::draft::{Draft, Kind};
use super::program::Program;
use super::section::ProgramRecord;
use crate::{Database, Error};

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
