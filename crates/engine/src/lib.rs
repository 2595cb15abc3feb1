//! The scan itself: identify, detect, open, and again for all that comes out.
//!
//! ```
//! use std::sync::Arc;
//! use candor_engine::{Compiler, Content, Database, Engine, Limits};
//!
//! let database = Database::from_vec(Compiler::default().finish())?;
//! let engine = Engine::new(vec![Arc::new(database)], Limits::default());
//! let report = engine.scan("hello.txt", Content::from_vec(b"hello".to_vec()));
//! assert!(report.findings.is_empty() && report.gaps.is_empty());
//! # Ok::<(), candor_engine::Error>(())
//! ```
//!
//! The engine judges nothing: what a report means is for policy to say.

#![forbid(unsafe_code)]

mod file;
mod nest;
mod pictures;
mod scan;

use std::sync::Arc;

use candor_detect::digests;
pub use candor_detect::{Compiler, Counts, Database, Digests, Error};
pub use candor_object::{
    Action, Attribute, Category, Content, Decision, Escaped, Evidence, Fact, FactKind, FileType, Finding,
    Gap, IN_MEMORY, Limit, Limits, ObjectId, Password, Reason, Relation, Report, Seen, Source, Strength,
    Verdict, is_dangerous,
};
pub use file::read_file;

use scan::Scan;

/// A scan's databases and limits; scans any number of objects, from any number of threads.
#[derive(Clone, Debug)]
pub struct Engine {
    databases: Vec<Arc<Database>>,
    limits: Limits,
    passwords: Vec<Password>,
}

impl Engine {
    /// An engine that looks into each of the databases.
    pub fn new(databases: Vec<Arc<Database>>, limits: Limits) -> Self {
        Self { databases, limits, passwords: Vec::new() }
    }

    /// The same with passwords for what is encrypted, which are tried before those of the databases.
    #[must_use]
    pub fn with_passwords(self, passwords: Vec<Password>) -> Self {
        Self { passwords, ..self }
    }

    fn begin(&self, root: &Content) -> Scan<'_> {
        Scan::new(&self.databases, &self.limits, &self.passwords, root)
    }

    /// The databases.
    pub fn databases(&self) -> &[Arc<Database>] {
        &self.databases
    }

    /// The limits of one root object.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Scans one root object and all that comes out of it. Needs some 100 KB of stack for each level of
    /// [`Limits::depth`].
    pub fn scan(&self, name: &str, content: Content) -> Report {
        self.scan_digested(name, content, Digests::default())
    }

    /// The same with digests that were computed [beforehand](Self::digests).
    pub fn scan_digested(&self, name: &str, content: Content, digests: Digests) -> Report {
        self.begin(&content).run(name, content, digests)
    }

    /// The same, and what the objects say about what is installed: see [`Report::facts`].
    pub fn inventory(&self, name: &str, content: Content, digests: Digests) -> Report {
        self.begin(&content).with_facts().run(name, content, digests)
    }

    /// Digests that the scans of these contents will ask for. Several together cost hardly more than the longest.
    pub fn digests(&self, contents: &[&Content]) -> Vec<Digests> {
        digests(&self.databases, contents)
    }
}
