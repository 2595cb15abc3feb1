//! Where languages put signatures.

use std::collections::HashSet;

use candor_detect::Compiler;
use candor_detect::bytecode::BytecodeSignature;
use candor_detect::hash::HashSignature;
use candor_detect::logical::LogicalSignature;

use crate::problem::{Complaint, Problem};

/// Takes the signatures of one file.
pub struct Output<'a> {
    /// The file's name, as findings show it.
    pub(crate) source: &'a str,
    pub(crate) compiler: &'a mut Compiler,
    pub(crate) ignored: &'a mut HashSet<String>,
    pub(crate) report: &'a mut dyn FnMut(Problem),
}

impl Output<'_> {
    /// The file's name.
    pub fn source(&self) -> &str {
        self.source
    }

    /// Adds a digest.
    ///
    /// # Errors
    /// [`Complaint::Ignored`] if an ignore list names it.
    pub fn hash(&mut self, signature: &HashSignature<'_>) -> Result<(), Complaint> {
        self.admit(signature.name)?;
        self.compiler.hash(signature);
        Ok(())
    }

    /// Adds a signature of patterns.
    ///
    /// # Errors
    /// [`Complaint::Ignored`] if an ignore list names it.
    pub fn logical(&mut self, signature: &LogicalSignature) -> Result<(), Complaint> {
        self.admit(&signature.name)?;
        self.compiler.logical(signature);
        Ok(())
    }

    /// Adds a program.
    ///
    /// # Errors
    /// [`Complaint::Ignored`] if an ignore list names it.
    pub fn program(&mut self, signature: &BytecodeSignature) -> Result<(), Complaint> {
        self.admit(&signature.name)?;
        self.compiler.program(signature);
        Ok(())
    }

    /// Adds a name to the ignore list.
    pub fn ignore(&mut self, name: &str) {
        self.ignored.insert(name.to_owned());
    }

    /// Reports a signature that is not used.
    pub fn problem(&mut self, line: u64, complaint: Complaint) {
        (self.report)(Problem { file: self.source.to_owned(), line, complaint });
    }

    fn admit(&self, name: &str) -> Result<(), Complaint> {
        if self.compiler.is_full() {
            return Err(Complaint::unsupported("the database is full; build several"));
        }
        if self.ignored.is_empty() {
            return Ok(());
        }
        // Variants of one signature, `Name.{1,2}`, are ignored together by their common name.
        let stem = name.split_once(".{").map_or(name, |(stem, _)| stem);
        if self.ignored.contains(stem) || self.ignored.contains(name) {
            Err(Complaint::Ignored)
        } else {
            Ok(())
        }
    }
}
