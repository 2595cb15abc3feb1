//! Patterns and groups as records of the image.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, little_endian as le};

use super::model::{Base, Place};
use crate::Error;
use crate::image::{Image, Kind};

/// Flags of a [`PatternRecord`].
pub(crate) mod flags {
    /// Some signature asks how often it matches.
    pub(crate) const COUNTED: u8 = 1;
    /// Its anchors are in the filters; a pattern without is looked for when a signature asks for it.
    pub(crate) const EAGER: u8 = 2;
}

/// A place.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct PlaceRecord {
    delta: le::I64,
    slack: le::U32,
    section: le::U16,
    base: u8,
}

/// A pattern.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct PatternRecord {
    place: PlaceRecord,
    pub(crate) flags: u8,
    pub(crate) first_group: le::U32,
    pub(crate) groups: le::U32,
    pub(crate) first_trigger: le::U32,
    pub(crate) triggers: le::U32,
}

impl PlaceRecord {
    pub(crate) fn new(place: Place) -> Self {
        let (base, section) = match place.base {
            Base::Anywhere => (0, 0),
            Base::Start => (1, 0),
            Base::End => (2, 0),
            Base::EntryPoint => (3, 0),
            Base::Section(number) => (4, number),
            Base::LastSection => (5, 0),
            Base::InsideSection(number) => (6, number),
            Base::VersionInfo => (7, 0),
        };
        Self { delta: place.delta.into(), slack: place.slack.into(), section: section.into(), base }
    }

    pub(crate) fn place(&self) -> Place {
        let section = self.section.get();
        let base = match self.base {
            1 => Base::Start,
            2 => Base::End,
            3 => Base::EntryPoint,
            4 => Base::Section(section),
            5 => Base::LastSection,
            6 => Base::InsideSection(section),
            7 => Base::VersionInfo,
            _ => Base::Anywhere,
        };
        Place { base, delta: self.delta.get(), slack: self.slack.get() }
    }
}

impl PatternRecord {
    pub(crate) fn new(place: Place) -> Self {
        let zero = le::U32::new(0);
        Self {
            place: PlaceRecord::new(place),
            flags: 0,
            first_group: zero,
            groups: zero,
            first_trigger: zero,
            triggers: zero,
        }
    }

    pub(crate) fn place(&self) -> Place {
        self.place.place()
    }

    pub(crate) fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// A group: its program, and a literal in it by which it can be found without an anchor.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct GroupRecord {
    pub(crate) pattern: le::U32,
    pub(crate) gap: le::U32,
    pub(crate) program: le::U32,
    pub(crate) program_length: le::U32,
    /// Where the literal lies in the programs section; length 0 if there is none.
    pub(crate) needle: le::U32,
    pub(crate) needle_length: le::U32,
    /// Bytes between the start of the group and the literal.
    pub(crate) needle_distance: le::U32,
    /// 1 if the literal's case bits are set, and count for nothing in the content.
    pub(crate) needle_is_folded: u8,
}

/// The sections that hold patterns.
#[derive(Clone, Copy)]
pub(crate) struct PatternTables<'d> {
    patterns: &'d [PatternRecord],
    groups: &'d [GroupRecord],
    programs: &'d [u8],
    triggers: &'d [le::U32],
}

impl<'d> PatternTables<'d> {
    pub(crate) fn new(image: &Image, bytes: &'d [u8]) -> Result<Self, Error> {
        Ok(Self {
            patterns: image.records(bytes, Kind::Patterns, 0)?,
            groups: image.records(bytes, Kind::Groups, 0)?,
            programs: image.records(bytes, Kind::Programs, 0)?,
            triggers: image.records(bytes, Kind::Triggers, 0)?,
        })
    }

    pub(crate) fn pattern(&self, number: u32) -> Result<&'d PatternRecord, Error> {
        self.patterns.get(number as usize).ok_or(Error::Damaged("a pattern is missing"))
    }

    pub(crate) fn group(&self, number: u32) -> Result<&'d GroupRecord, Error> {
        self.groups.get(number as usize).ok_or(Error::Damaged("a group is missing"))
    }

    /// The groups of a pattern, in order.
    pub(crate) fn groups(&self, pattern: &PatternRecord) -> Result<&'d [GroupRecord], Error> {
        records(self.groups, pattern.first_group, pattern.groups).ok_or(Error::Damaged("a group is missing"))
    }

    /// The signatures that are evaluated when the pattern matched.
    pub(crate) fn triggers(&self, pattern: &PatternRecord) -> Result<&'d [le::U32], Error> {
        records(self.triggers, pattern.first_trigger, pattern.triggers)
            .ok_or(Error::Damaged("a trigger is missing"))
    }

    pub(crate) fn program(&self, group: &GroupRecord) -> Result<&'d [u8], Error> {
        records(self.programs, group.program, group.program_length)
            .ok_or(Error::Damaged("a program is missing"))
    }

    pub(crate) fn needle(&self, group: &GroupRecord) -> Result<&'d [u8], Error> {
        records(self.programs, group.needle, group.needle_length)
            .ok_or(Error::Damaged("a literal is missing"))
    }
}

fn records<T>(all: &[T], first: le::U32, count: le::U32) -> Option<&[T]> {
    let first = first.get() as usize;
    all.get(first..first.checked_add(count.get() as usize)?)
}
