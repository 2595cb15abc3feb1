//! Icons as records of the image.

use candor_object::{IconArea, IconStatistics};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, little_endian as le};

use super::Icon;
use crate::strings::{Strings, Text};

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct AreaRecord {
    value: le::U16,
    x: u8,
    y: u8,
}

/// An icon.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct IconRecord {
    pub(super) groups: [Text; 2],
    pub(super) side: u8,
    colored: u8,
    spread: [u8; 3],
    /// Of colourful, gray, bright, dark, edged and even squares.
    areas: [[AreaRecord; 3]; 6],
}

impl IconRecord {
    pub(super) fn new(icon: &Icon, strings: &mut Strings) -> Self {
        let of = |areas: [IconArea; 3]| {
            areas.map(|IconArea { value, x, y }| AreaRecord { value: value.into(), x, y })
        };
        let IconStatistics { side, colorful, gray, bright, dark, edges, even, spread, colored } =
            icon.statistics;
        Self {
            groups: [strings.add(&icon.groups[0]), strings.add(&icon.groups[1])],
            side,
            colored,
            spread,
            areas: [colorful, gray, bright, dark, edges, even].map(of),
        }
    }

    pub(super) fn statistics(&self) -> IconStatistics {
        let of = |areas: [AreaRecord; 3]| {
            areas.map(|AreaRecord { value, x, y }| IconArea { value: value.get(), x, y })
        };
        let [colorful, gray, bright, dark, edges, even] = self.areas.map(of);
        let Self { side, colored, spread, .. } = *self;
        IconStatistics { side, colorful, gray, bright, dark, edges, even, spread, colored }
    }
}
