//! Where languages put signatures.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use candor_detect::Compiler;
use candor_detect::hash::HashSignature;
use candor_detect::logical::LogicalSignature;
use candor_detect::pattern::Pattern;

use crate::problem::{Complaint, Problem};
use crate::yara::Shared;

/// Takes the signatures of one file.
pub struct Output<'a> {
    /// The file's name, as findings show it.
    pub(crate) source: &'a str,
    /// The folder that it lies in, for languages whose files include others.
    pub(crate) folder: Option<&'a Path>,
    /// Whether it is read as ClamAV would.
    pub(crate) clamav: bool,
    pub(crate) compiler: &'a mut Compiler,
    pub(crate) ignored: &'a mut HashSet<String>,
    pub(crate) members: &'a mut HashMap<u8, Vec<Pattern>>,
    pub(crate) yara: &'a mut Shared,
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

    /// Adds a name to the ignore list.
    pub fn ignore(&mut self, name: &str) {
        self.ignored.insert(name.to_owned());
    }

    /// Adds a pattern to a group that signatures read later refer to.
    pub(crate) fn member(&mut self, group: u8, pattern: Pattern) {
        self.members.entry(group).or_default().push(pattern);
    }

    /// The patterns of a group.
    pub(crate) fn members(&self, group: u8) -> &[Pattern] {
        self.members.get(&group).map(Vec::as_slice).unwrap_or_default()
    }

    /// Reports a signature that is not used.
    pub fn problem(&mut self, line: u64, complaint: Complaint) {
        (self.report)(Problem { file: self.source.to_owned(), line, complaint });
    }

    /// Reports something of a file that this one includes.
    pub(crate) fn problem_in(&mut self, file: &str, line: u64, complaint: Complaint) {
        (self.report)(Problem { file: file.to_owned(), line, complaint });
    }

    pub(crate) fn admit(&self, name: &str) -> Result<(), Complaint> {
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
