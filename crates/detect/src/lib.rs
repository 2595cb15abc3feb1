//! Detection techniques over one compiled signature database.
//!
//! Signatures are added to a [`Compiler`], which writes one file. A [`Database`] opens that file in a time that
//! does not depend on its size: it is mapped read-only and used as it lies, shared by all processes. Each
//! technique has a folder with the same three files: `compile` writes its sections, `section` says what they
//! look like, `search` looks at an object. [`DETECTORS`] is the list.
//!
//! This crate knows no file format: whoever calls it brings the object with its type and layout.

#![cfg_attr(
    not(test),
    warn(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::unwrap_used,
        clippy::cast_possible_truncation
    )
)]

mod database;
mod image;
mod map;
mod picture;
mod strings;

pub mod bytecode;
pub mod hash;
pub mod icon;
pub mod logical;
pub mod magic;
pub mod member;
pub mod password;
pub mod pattern;
pub mod phishing;
pub mod regex;
pub mod trust;
pub mod switch;
pub mod yara;

use std::cell::OnceCell;
use std::io;
use std::time::{Duration, Instant};

use candor_object::{
    FileType, Finding, Layout, Limits, Object, ObjectId, Pictures, Reason, Signed, Undecoded,
};

pub use database::{Compiler, Counts, Database, digests, link, sha256};
pub use image::{MAGIC, VERSION as LAYOUT};

/// The techniques, in the order in which they look at an object.
///
/// Publishers come first, as in ClamAV, and read little. Patterns are before digests: where content is read in windows,
/// they leave the digests of the whole behind.
pub static DETECTORS: &[&dyn Detector] = &[&TrustDetector, &LogicalDetector, &HashDetector, &ProgramDetector];

/// A detection technique.
pub trait Detector: Sync {
    /// Looks at one object and adds what it finds.
    ///
    /// # Errors
    /// When it could not look at everything: see [`Error`]. What was found before stays.
    fn inspect(
        &self,
        database: &Database,
        inspection: &Inspection<'_>,
        found: &mut Found,
    ) -> Result<(), Error>;
}

/// What the techniques say of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Evidence.
    pub findings: Vec<Finding>,
    /// Signatures that could not be judged to the end, with the reason and a word for people.
    pub gaps: Vec<(Reason, String)>,
    /// Names of file types as which the object is to be looked at once more.
    pub handle_as: Vec<String>,
    /// Content that may begin within the object, by patterns of magic.
    pub embedded: Vec<Embedded>,
    /// Content that programs took out of the object.
    pub extracted: Vec<Vec<u8>>,
}

/// Content of a type that may begin within an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embedded {
    /// Name of the type.
    pub file_type: String,
    /// Where it may begin: the first few places.
    pub offsets: Vec<u64>,
}

impl Found {
    /// Notes what could not be asked of a picture, once, however many databases ask.
    pub(crate) fn gap(&mut self, Undecoded { reason, detail }: Undecoded) {
        let gap = (reason, detail);
        if !self.gaps.contains(&gap) {
            self.gaps.push(gap);
        }
    }
}

/// An object and what is known about it.
#[derive(Clone, Copy, Debug)]
pub struct Inspection<'a> {
    /// The object.
    pub object: &'a Object,
    /// Its number in the report.
    pub id: ObjectId,
    /// Where things are in it, if it is an executable.
    pub layout: Option<&'a Layout>,
    /// What is signed of it, if it is an executable and some database judges publishers.
    pub signed: Option<&'a Signed>,
    /// What is known of pictures in it, if somebody can be asked.
    pub pictures: Option<&'a dyn Pictures>,
    /// The types of the objects that it came out of, the outermost first.
    pub containers: &'a [FileType],
    /// When the time is up.
    pub deadline: Instant,
    /// Time for one program in bytecode.
    pub program_time: Duration,
    /// Whether the object may be known by its digest.
    pub hashed: bool,
    /// Digests of the whole object, once somebody read it.
    pub digests: &'a Digests,
}

impl<'a> Inspection<'a> {
    /// An object of which nothing more is known: it is taken for a root object, and no executable.
    pub fn of(object: &'a Object, digests: &'a Digests, deadline: Instant) -> Self {
        Self {
            object,
            id: ObjectId::ROOT,
            layout: None,
            signed: None,
            pictures: None,
            containers: &[],
            deadline,
            program_time: Limits::default().program_time,
            hashed: true,
            digests,
        }
    }
}

/// Digests of a whole object that one technique may leave for another, or that were computed beforehand together
/// with those of others: so a large file is read once, and small ones are digested side by side.
#[derive(Debug, Default)]
pub struct Digests {
    known: [OnceCell<Vec<u8>>; 3],
    /// An MD5 that is not complete.
    begun: OnceCell<hash::Md5>,
}

/// Why a database could not be opened, or an object not be looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is no database.
    #[error("this is not a Candor database")]
    NotADatabase,
    /// The file is of another version.
    #[error("the database has layout version {found}, this program reads version {known}; build it again")]
    Version {
        /// Version of the file.
        found: u32,
        /// Version that this program reads.
        known: u32,
    },
    /// The file is shorter or longer than its header says.
    #[error("the database should be {expected} bytes long and is {found}; copy or build it again")]
    Truncated {
        /// Length in the header.
        expected: u64,
        /// Length of the file.
        found: u64,
    },
    /// A record of the database is damaged.
    #[error("the database is damaged: {0}; copy or build it again")]
    Damaged(&'static str),
    /// The time for the object is up.
    #[error("the time is up")]
    TimeIsUp,
    /// The content or the database could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Digests of objects, sections and imports.
struct HashDetector;

impl Detector for HashDetector {
    fn inspect(
        &self,
        database: &Database,
        inspection: &Inspection<'_>,
        found: &mut Found,
    ) -> Result<(), Error> {
        hash::inspect(database, inspection, &mut found.findings)
    }
}

/// Patterns and expressions over them.
struct LogicalDetector;

impl Detector for LogicalDetector {
    fn inspect(
        &self,
        database: &Database,
        inspection: &Inspection<'_>,
        found: &mut Found,
    ) -> Result<(), Error> {
        logical::inspect(database, inspection, found)
    }
}

/// Publishers of programs.
struct TrustDetector;

impl Detector for TrustDetector {
    fn inspect(
        &self,
        database: &Database,
        inspection: &Inspection<'_>,
        found: &mut Found,
    ) -> Result<(), Error> {
        trust::inspect(database, inspection, found)
    }
}

/// Programs in bytecode that need no signature to start them.
struct ProgramDetector;

impl Detector for ProgramDetector {
    fn inspect(
        &self,
        database: &Database,
        inspection: &Inspection<'_>,
        found: &mut Found,
    ) -> Result<(), Error> {
        bytecode::run_hooks(database, inspection, found)
    }
}
