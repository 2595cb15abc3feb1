//! Signatures as records of the image.

use candor_object::Strength;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, little_endian as le};

use super::Condition;
use super::check::Check;
use crate::Error;
use crate::image::{Image, Kind};
use crate::strings::{Strings, Text};

/// A signature.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct SignatureRecord {
    pub(crate) name: Text,
    pub(crate) source: le::U16,
    pub(crate) category: u8,
    pub(crate) strength: u8,
    pub(crate) first_pattern: le::U32,
    pub(crate) patterns: le::U16,
    pub(crate) conditions: le::U16,
    pub(crate) code: le::U32,
    pub(crate) code_length: le::U32,
    /// What the signature leads to, and for what is named there, its name.
    pub(crate) outcome: u8,
    pub(crate) handle_as: Text,
    /// The number of the set of YARA rules or of the program that it leads to, if it does.
    pub(crate) leads_to: le::U32,
}

pub(crate) const FINDING: u8 = 0;
pub(crate) const HANDLE_AS: u8 = 1;
/// Content of another type may begin where it matches.
pub(crate) const EMBEDDED: u8 = 4;
pub(crate) const RULES: u8 = 2;
pub(crate) const PROGRAM: u8 = 3;

/// The bit of a reference to a pattern that makes it a place in the section of checks.
pub(crate) const CHECK: u32 = 1 << 31;

/// A strength as a byte of the image.
pub(crate) fn strength_byte(strength: Strength) -> u8 {
    u8::from(strength == Strength::Strong)
}

/// The strength of a byte of the image.
pub(crate) fn strength(byte: u8) -> Strength {
    if byte == 0 { Strength::Weak } else { Strength::Strong }
}

/// A condition, before the expression in the code.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct ConditionRecord {
    pub(crate) kind: u8,
    pub(crate) low: le::U64,
    pub(crate) high: le::U64,
    /// Names of file types, the outermost first, or of two groups of icons, separated by commas.
    pub(crate) containers: Text,
}

pub(crate) const FILE_SIZE: u8 = 1;
pub(crate) const ENTRY_POINT: u8 = 2;
pub(crate) const SECTIONS: u8 = 3;
pub(crate) const CONTAINERS: u8 = 4;
pub(crate) const ROOT: u8 = 5;
pub(crate) const ICONS: u8 = 6;

impl ConditionRecord {
    pub(crate) fn new(condition: &Condition, strings: &mut Strings) -> Self {
        let (kind, low, high, containers) = match condition {
            Condition::FileSize(low, high) => (FILE_SIZE, *low, *high, String::new()),
            Condition::EntryPoint(low, high) => (ENTRY_POINT, *low, *high, String::new()),
            Condition::Sections(low, high) => (SECTIONS, *low, *high, String::new()),
            Condition::Containers(names) => (CONTAINERS, 0, 0, names.join(",")),
            Condition::Root => (ROOT, 0, 0, String::new()),
            Condition::Icons(groups) => {
                let groups = groups.each_ref().map(|group| group.as_deref().unwrap_or_default());
                (ICONS, 0, 0, groups.join(","))
            }
        };
        Self { kind, low: low.into(), high: high.into(), containers: strings.add(&containers) }
    }
}

/// The sections that hold signatures.
#[derive(Clone, Copy)]
pub(crate) struct SignatureTables<'d> {
    signatures: &'d [SignatureRecord],
    code: &'d [u8],
    pattern_refs: &'d [le::U32],
    checks: &'d [u8],
    texts: &'d [Text],
}

impl<'d> SignatureTables<'d> {
    pub(crate) fn new(image: &Image, bytes: &'d [u8]) -> Result<Self, Error> {
        Ok(Self {
            signatures: image.records(bytes, Kind::Signatures, 0)?,
            code: image.records(bytes, Kind::Expressions, 0)?,
            pattern_refs: image.records(bytes, Kind::PatternRefs, 0)?,
            checks: image.records(bytes, Kind::Checks, 0)?,
            texts: image.records(bytes, Kind::Texts, 0)?,
        })
    }

    pub(crate) fn signature(&self, number: u32) -> Result<&'d SignatureRecord, Error> {
        self.signatures.get(number as usize).ok_or(Error::Damaged("a signature is missing"))
    }

    pub(crate) fn text(&self, number: u32) -> Text {
        self.texts.get(number as usize).copied().unwrap_or_default()
    }

    /// The check at a place.
    pub(crate) fn check(&self, place: u32) -> Result<Check<'d>, Error> {
        Check::read(self.checks, place)
    }

    /// The numbers of the signature's patterns, and with [`CHECK`] the places of its checks.
    pub(crate) fn patterns(&self, signature: &SignatureRecord) -> Result<&'d [le::U32], Error> {
        let first = signature.first_pattern.get() as usize;
        let end = first.saturating_add(usize::from(signature.patterns.get()));
        self.pattern_refs.get(first..end).ok_or(Error::Damaged("a subsignature is missing"))
    }

    /// The conditions of the signature and its encoded expression.
    pub(crate) fn code(
        &self,
        signature: &SignatureRecord,
    ) -> Result<(&'d [ConditionRecord], &'d [u8]), Error> {
        let first = signature.code.get() as usize;
        let code = first
            .checked_add(signature.code_length.get() as usize)
            .and_then(|end| self.code.get(first..end))
            .ok_or(Error::Damaged("an expression is missing"))?;
        <[ConditionRecord]>::ref_from_prefix_with_elems(code, usize::from(signature.conditions.get()))
            .map_err(|_| Error::Damaged("a condition is missing"))
    }
}
