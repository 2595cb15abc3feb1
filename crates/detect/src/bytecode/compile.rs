//! Writes programs into the database.

use super::BytecodeSignature;
use super::section::ProgramRecord;
use crate::image::{Kind, Writer};
use crate::strings::{Strings, Text};

/// Collects programs.
#[derive(Default)]
pub(crate) struct Compiler {
    records: Vec<ProgramRecord>,
    code: Vec<u8>,
}

impl Compiler {
    /// Bytes of the largest table.
    pub(crate) fn size(&self) -> usize {
        self.code.len()
    }

    /// The number of the next program.
    pub(crate) fn next(&self) -> u32 {
        u32::try_from(self.records.len()).unwrap_or(u32::MAX)
    }

    /// Adds a program. One for which there is no more room is left out; `Compiler::is_full` of the database
    /// tells before.
    pub(crate) fn add(&mut self, signature: &BytecodeSignature, strings: &mut Strings) {
        let code = signature.draft.encode();
        let (Ok(start), Ok(length)) = (u32::try_from(self.code.len()), u32::try_from(code.len())) else {
            return;
        };
        let trigger =
            if signature.trigger.is_empty() { Text::default() } else { strings.add(&signature.trigger) };
        self.records.push(ProgramRecord {
            name: strings.add(&signature.name),
            source: strings.source(&signature.source),
            trigger,
            kind: signature.draft.kind.number().into(),
            code: start.into(),
            code_length: length.into(),
        });
        self.code.extend(code);
    }

    /// Writes the sections.
    pub(crate) fn finish(self, writer: &mut Writer) {
        writer.section(Kind::Bytecodes, 0, &self.records);
        writer.section(Kind::BytecodeCode, 0, &self.code);
    }
}
