//! Sets of rules as records of the image.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, little_endian as le};

use crate::Error;
use crate::image::{Image, Kind};
use crate::strings::Text;

/// A set: `count` units from `first` on.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct SetRecord {
    pub(crate) first: le::U32,
    pub(crate) count: le::U32,
}

/// A unit: where its text lies, and its rules.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct UnitRecord {
    pub(crate) text: le::U32,
    pub(crate) length: le::U32,
    pub(crate) first: le::U32,
    pub(crate) count: le::U32,
}

/// A rule that makes findings.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct RuleRecord {
    pub(crate) name: Text,
    pub(crate) text: Text,
    pub(crate) source: le::U16,
    pub(crate) category: u8,
    pub(crate) strength: u8,
}

/// The sections that hold rules.
#[derive(Clone, Copy)]
pub(crate) struct RuleTables<'d> {
    sets: &'d [SetRecord],
    units: &'d [UnitRecord],
    rules: &'d [RuleRecord],
    texts: &'d [u8],
}

impl<'d> RuleTables<'d> {
    pub(crate) fn new(image: &Image, bytes: &'d [u8]) -> Result<Self, Error> {
        Ok(Self {
            sets: image.records(bytes, Kind::RuleSets, 0)?,
            units: image.records(bytes, Kind::RuleUnits, 0)?,
            rules: image.records(bytes, Kind::Rules, 0)?,
            texts: image.records(bytes, Kind::RuleTexts, 0)?,
        })
    }

    /// The units of a set.
    pub(crate) fn units(&self, set: u32) -> Result<&'d [UnitRecord], Error> {
        let set = self.sets.get(set as usize).ok_or(Error::Damaged("a set of rules is missing"))?;
        part(self.units, set.first.get(), set.count.get()).ok_or(Error::Damaged("rules are missing"))
    }

    /// The text of a unit.
    pub(crate) fn text(&self, unit: &UnitRecord) -> Result<&'d str, Error> {
        let text = part(self.texts, unit.text.get(), unit.length.get());
        text.and_then(|text| std::str::from_utf8(text).ok()).ok_or(Error::Damaged("a rule is missing"))
    }

    /// The rules of a unit.
    pub(crate) fn rules(&self, unit: &UnitRecord) -> Result<&'d [RuleRecord], Error> {
        part(self.rules, unit.first.get(), unit.count.get()).ok_or(Error::Damaged("a rule is missing"))
    }
}

fn part<T>(all: &[T], first: u32, count: u32) -> Option<&[T]> {
    let first = usize::try_from(first).ok()?;
    all.get(first..first.checked_add(usize::try_from(count).ok()?)?)
}
