//! ClamAV's bytecode: small programs that look at an object when signatures of patterns are not enough.
//!
//! A [`Draft`] is a program as its file says it. [`Program::new`] verifies every number in it and lowers it to a
//! form in which each jump, value, type and function is known to exist. [`run`] interprets that form with a
//! [`Host`] that shows it the object, and within [`Limits`]: instructions, memory, depth of calls, extracted
//! bytes, time. A pointer of a program is the number of a region and an offset in it, never an address; what it
//! may reach is looked up at each access. Whatever a program does wrong ends it with a [`Failure`].
//!
//! In a database, programs lie as drafts in a compact form and are decoded when their trigger fires.

mod api;
mod compile;
mod document;
mod draft;
mod hooks;
mod interpreter;
mod program;
mod section;
mod search;

pub use api::FUNCTIONALITY_LEVEL;
pub use document::Document;
pub use draft::{
    Argument, Draft, DraftFunction, DraftInstruction, Global, Import, Kind, Local, Shape, Slot, Type,
};
pub use draft::{FIRST_GLOBAL_OF_HOST, FIRST_TYPE, is_terminator, shape};
pub use interpreter::{Extracted, Failure, Host, Limits, Matches, Outcome, PdfPhase, run};
pub use program::{Fault, Program};
pub use search::Stored;

pub(crate) use compile::Compiler;
pub(crate) use hooks::inspect as run_hooks;
pub(crate) use search::inspect;
pub(crate) use section::ProgramTables;

/// A program with what makes it run, as signature languages give it to the compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BytecodeSignature {
    /// The stem of its detection names, such as `BC.Exploit.CVE_2012_0158`.
    pub name: String,
    /// The file that it comes from.
    pub source: String,
    /// The logical signature that triggers it, in the syntax of `ldb` files; empty if it needs none.
    pub trigger: String,
    /// The program.
    pub draft: Draft,
}
