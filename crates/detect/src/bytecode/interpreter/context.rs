//! What functions of the host work with: memory, the object, and what the program has done so far.

use std::time::Instant;

use super::memory::Memory;
use super::{Extracted, Failure, Host, Limits, Outcome};
use crate::bytecode::api::{Engines, Files, Pipes, Tables};
use crate::bytecode::document::Document;
use crate::bytecode::draft::Kind;

/// Instructions between two looks at the clock.
const BETWEEN_LOOKS: u64 = 1 << 16;

/// What functions of the host work with.
pub(crate) struct Context<'p, 'h> {
    pub(crate) memory: Memory<'p>,
    pub(crate) host: &'h mut dyn Host,
    pub(crate) kind: Kind,
    pub(crate) limits: Limits,
    pub(crate) outcome: Outcome,
    pub(crate) files: Files,
    pub(crate) pipes: Pipes,
    pub(crate) tables: Tables,
    pub(crate) engines: Engines,
    pub(crate) pdf: Option<Document>,
    /// Where the program said that an error was, before it ends itself.
    pub(crate) error_at: u32,
    next_look: u64,
}

impl<'p, 'h> Context<'p, 'h> {
    pub(super) fn new(memory: Memory<'p>, host: &'h mut dyn Host, limits: &Limits, kind: Kind) -> Self {
        Self {
            memory,
            host,
            kind,
            limits: *limits,
            outcome: Outcome::default(),
            files: Files::default(),
            pipes: Pipes::default(),
            tables: Tables::default(),
            engines: Engines::default(),
            pdf: None,
            error_at: 0,
            next_look: 0,
        }
    }

    /// Counts an instruction.
    pub(super) fn step(&mut self) -> Result<(), Failure> {
        self.outcome.instructions = self.outcome.instructions.saturating_add(1);
        self.within_limits()
    }

    /// Counts work that is worth so many instructions.
    pub(crate) fn spend(&mut self, instructions: u64) -> Result<(), Failure> {
        self.outcome.work = self.outcome.work.saturating_add(instructions);
        self.within_limits()
    }

    fn within_limits(&mut self) -> Result<(), Failure> {
        let spent = self.outcome.instructions.saturating_add(self.outcome.work);
        if spent < self.next_look {
            return Ok(());
        }
        if spent > self.limits.instructions {
            return Err(Failure::Instructions);
        }
        self.next_look = spent.saturating_add(BETWEEN_LOOKS).min(self.limits.instructions.saturating_add(1));
        if Instant::now() >= self.limits.deadline { Err(Failure::Time) } else { Ok(()) }
    }

    /// Notes that the program did not get what it asked for.
    pub(crate) fn leave_out(&mut self, what: &'static str) {
        if !self.outcome.left_out.contains(&what) {
            self.outcome.left_out.push(what);
        }
    }

    /// Hands the object that was written so far to the host. Returns whether something was found in it.
    pub(crate) fn hand_over(&mut self) -> Result<bool, Failure> {
        let Some(object) = self.files.take_written() else { return Ok(false) };
        self.memory.refund(object.bytes.len() as u64);
        if object.bytes.is_empty() {
            return Ok(false);
        }
        Ok(self.give(object))
    }

    fn give(&mut self, object: Extracted) -> bool {
        if self.outcome.extracted >= self.limits.extracted {
            self.leave_out("more extracted objects than the limit allows");
            return false;
        }
        self.outcome.extracted = self.outcome.extracted.saturating_add(1);
        self.host.extracted(object)
    }

    /// The program ends itself.
    pub(super) fn aborted(&self) -> Failure {
        Failure::Aborted { line: self.error_at >> 8, column: self.error_at & 0xff }
    }

    /// The program returned.
    pub(super) fn finish(mut self, returned: u64) -> Result<Outcome, Failure> {
        self.hand_over()?;
        self.outcome.returned = returned;
        if let Some(document) = self.pdf {
            self.outcome.pdf_flags = document.flags;
            self.host.keep_document(document);
        }
        Ok(self.outcome)
    }
}
