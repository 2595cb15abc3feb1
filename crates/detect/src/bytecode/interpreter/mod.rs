//! Interprets a verified program.
//!
//! Its calls are kept in a list of our own, so that no program can exhaust the stack of the thread.

mod arithmetic;
mod context;
mod machine;
mod memory;
pub(crate) mod pointer;

use std::io;
use std::time::Instant;

use candor_object::{Content, Layout};

use super::document::Document;
use super::program::Program;

pub(crate) use arithmetic::{masked, signed};
pub(crate) use context::Context;

/// What a program may use. Each limit stops a program that never ends or grows for ever.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Instructions; a function of the host counts for as many as it does work.
    pub instructions: u64,
    /// Bytes of memory: what it asks for, its functions' values, its tables and what it writes before that is
    /// handed over.
    pub memory: u64,
    /// Functions that call each other.
    pub depth: usize,
    /// Objects that it may extract.
    pub extracted: u32,
    /// Bytes of one object that it may extract.
    pub extracted_bytes: u64,
    /// When it must have ended.
    pub deadline: Instant,
}

impl Limits {
    /// The limits for one program and one object: ten times what the largest of ClamAV's programs needs.
    pub fn until(deadline: Instant) -> Self {
        Self {
            instructions: 100_000_000,
            memory: 64 << 20,
            depth: 256,
            extracted: 256,
            extracted_bytes: 32 << 20,
            deadline,
        }
    }
}

/// Where the subsignatures of a program's trigger matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matches {
    /// How many times each matched.
    pub counts: [u32; 64],
    /// Where each matched first; [`Matches::NOWHERE`] if it did not.
    pub offsets: [u32; 64],
}

impl Matches {
    /// The offset of what did not match.
    pub const NOWHERE: u32 = 0xffff_fffe;
}

impl Default for Matches {
    fn default() -> Self {
        Self { counts: [0; 64], offsets: [Self::NOWHERE; 64] }
    }
}

/// When a PDF hook is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PdfPhase {
    /// The objects are known.
    Parsed,
    /// The object with this index was taken out.
    Dumped(u32),
    /// Everything was looked at.
    End,
    /// Before the objects are looked for.
    Before,
}

/// An object that a program extracted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extracted {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The number that the program gave it.
    pub number: i32,
    /// The type that the program says its container is of, as a number of ClamAV's list; 0 if it says nothing.
    pub container: u32,
}

/// Shows a program the object that it looks at.
pub trait Host {
    /// The object's content.
    fn content(&self) -> &Content;

    /// Where things are in it, if it is an executable.
    fn layout(&self) -> Option<&Layout>;

    /// Where the trigger matched.
    fn matches(&self) -> &Matches;

    /// Which phase of a PDF document this is; none where the program is no PDF hook.
    fn pdf_phase(&self) -> Option<PdfPhase> {
        None
    }

    /// What is known of the PDF document so far: what was kept after the program before, with the flags that it set.
    fn take_document(&mut self) -> Option<Document> {
        None
    }

    /// Keeps what is known of the PDF document for the next program.
    fn keep_document(&mut self, document: Document) {
        let _ = document;
    }

    /// Takes an object that the program extracted. Returns whether something was found in it.
    fn extracted(&mut self, object: Extracted) -> bool;

    /// Hears what the program prints for its author, piece by piece and with its line ends. May come from
    /// hostile content.
    fn prints(&mut self, text: &[u8]) {
        let _ = text;
    }
}

/// What came of a program that ended well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What it returned.
    pub returned: u64,
    /// The detection name that it set last, if it found something.
    pub name: Option<String>,
    /// How many objects it extracted and the host took.
    pub extracted: u32,
    /// What it asked for and did not get: limits and functions that are not there. Not empty means that the
    /// object was not fully examined.
    pub left_out: Vec<&'static str>,
    /// Why all programs are to be switched off, if it is a startup program and says so.
    pub disables: Option<String>,
    /// Flags that it set for the PDF document, as ClamAV numbers them.
    pub pdf_flags: u32,
    /// Instructions that it took.
    pub instructions: u64,
    /// What functions of the host did for it, in instructions.
    pub work: u64,
}

/// Why a program did not end well. What it found before is lost: a program that fails cannot be believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// It took too many instructions.
    #[error("the program took more instructions than it may")]
    Instructions,
    /// It took too long.
    #[error("the time is up")]
    Time,
    /// It needed too much memory.
    #[error("the program needed more memory than it may")]
    Memory,
    /// Its functions called each other too deeply.
    #[error("the functions of the program call each other too deeply")]
    Depth,
    /// It used a pointer to what is not there.
    #[error("the program reached for memory that is not there ({0:#x})")]
    Pointer(u64),
    /// It wrote to what it may only read.
    #[error("the program wrote to a constant ({0:#x})")]
    ReadOnly(u64),
    /// It divided by zero, or with a result too large.
    #[error("the program divided by zero")]
    Division,
    /// It ended itself.
    #[error("the program ended itself (line {line}, column {column} of its source)")]
    Aborted {
        /// The line of its source, 0 if it did not say.
        line: u32,
        /// The column.
        column: u32,
    },
    /// Its verified form does not hang together, which should not happen.
    #[error("the program is inconsistent")]
    Inconsistent,
    /// The object could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Runs a program on the object that the host shows.
///
/// # Errors
/// A [`Failure`]; the object is then not fully examined.
pub fn run(program: &Program, host: &mut dyn Host, limits: &Limits) -> Result<Outcome, Failure> {
    machine::Machine::new(program, host, limits)?.run()
}
