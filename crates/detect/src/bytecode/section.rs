//! Programs as records of the image.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, little_endian as le};

use crate::Error;
use crate::image::{Image, Kind};
use crate::strings::Text;

/// A program.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct ProgramRecord {
    pub(crate) name: Text,
    pub(crate) source: le::U16,
    pub(crate) trigger: Text,
    pub(crate) kind: le::U32,
    pub(crate) code: le::U32,
    pub(crate) code_length: le::U32,
}

/// The sections that hold programs.
#[derive(Clone, Copy)]
pub(crate) struct ProgramTables<'d> {
    records: &'d [ProgramRecord],
    code: &'d [u8],
}

impl<'d> ProgramTables<'d> {
    pub(crate) fn new(image: &Image, bytes: &'d [u8]) -> Result<Self, Error> {
        Ok(Self {
            records: image.records(bytes, Kind::Bytecodes, 0)?,
            code: image.records(bytes, Kind::BytecodeCode, 0)?,
        })
    }

    pub(crate) fn records(&self) -> &'d [ProgramRecord] {
        self.records
    }

    /// The compact form of a program.
    pub(crate) fn code(&self, record: &ProgramRecord) -> Result<&'d [u8], Error> {
        let start = record.code.get() as usize;
        start
            .checked_add(record.code_length.get() as usize)
            .and_then(|end| self.code.get(start..end))
            .ok_or(Error::Damaged("a program is missing"))
    }
}
