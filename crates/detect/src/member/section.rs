//! Signatures over what archives say, as records of the image.

use candor_object::{Listed, Object};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, little_endian as le};

use super::{ANY, MemberSignature};
use crate::hash::category_byte;
use crate::strings::{Strings, Text};

/// A range of numbers, both ends included.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Range {
    low: le::U64,
    high: le::U64,
}

impl Range {
    fn new((low, high): (u64, u64)) -> Self {
        Self { low: low.into(), high: high.into() }
    }

    fn has(self, number: u64) -> bool {
        (self.low.get()..=self.high.get()).contains(&number)
    }

    fn has_all(self) -> bool {
        (self.low.get(), self.high.get()) == ANY
    }
}

/// A signature.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct MemberRecord {
    pub(super) name: Text,
    pub(super) text: Text,
    pub(super) source: le::U16,
    pub(super) category: u8,
    /// 0: only plain members, 1: only encrypted ones; anything else: both.
    encrypted: u8,
    /// Empty for any.
    pub(super) container: Text,
    /// Empty for any.
    pub(super) file_name: Text,
    container_size: Range,
    packed: Range,
    size: Range,
    position: Range,
}

impl MemberRecord {
    pub(super) fn new(signature: &MemberSignature, strings: &mut Strings) -> Self {
        Self {
            name: strings.add(&signature.name),
            text: strings.add(&signature.text),
            source: strings.source(&signature.source),
            category: category_byte(signature.category),
            encrypted: signature.encrypted.map_or(u8::MAX, u8::from),
            container: strings.add(signature.container.as_deref().unwrap_or_default()),
            file_name: strings.add(signature.file_name.as_deref().unwrap_or_default()),
            container_size: Range::new(signature.container_size),
            packed: Range::new(signature.packed),
            size: Range::new(signature.size),
            position: Range::new(signature.position.unwrap_or(ANY)),
        }
    }

    /// Whether all numbers fit.
    pub(super) fn fits(&self, archive: &Object, listed: &Listed<'_>) -> bool {
        let encrypted = match self.encrypted {
            0 => !listed.encrypted,
            1 => listed.encrypted,
            _ => true,
        };
        encrypted
            && self.container_size.has(archive.content.size())
            && self.packed.has(listed.packed)
            && self.size.has(listed.size)
            && listed.position.map_or_else(|| self.position.has_all(), |position| self.position.has(position))
    }
}
