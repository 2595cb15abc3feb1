//! Writes the sets of anchors that the prefilter looks for.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "the numbers are our own: places in tables that this writes, which `Compiler::is_full` bounds"
)]

use std::collections::{BTreeMap, BTreeSet};

use zerocopy::little_endian as le;

use super::anchor::{Anchor, Length, hash};
use super::pairs::halves;
use super::prefilter::{
    AnchorRecord, FOUR, GENERIC, HUGE, Kinds, LARGE, MEDIUM, SMALL, START_BITS, SetRecord, THREE, TWO, mark,
};
use crate::image::{Kind, Writer};
use crate::strings::Strings;

/// Collects the anchors and the groups of file types, and writes the sets.
#[derive(Default)]
pub(crate) struct FilterWriter {
    types: Vec<Vec<String>>,
    anchors: BTreeMap<u32, Vec<(Length, AnchorRecord)>>,
    always: BTreeMap<u32, Vec<u32>>,
    known: BTreeSet<(u32, u32)>,
}

impl FilterWriter {
    /// The number of a group of file types; no types mean all.
    pub(crate) fn types(&mut self, names: &[String]) -> u32 {
        let mut names = names.to_vec();
        names.sort();
        names.dedup();
        if self.types.is_empty() {
            self.types.push(Vec::new());
        }
        let known = self.types.iter().position(|types| *types == names);
        known.unwrap_or_else(|| {
            self.types.push(names);
            self.types.len() - 1
        }) as u32
    }

    /// Adds the anchor of a group for a group of file types, once.
    pub(crate) fn add(&mut self, types: u32, group: u32, anchor: &Anchor) {
        if !self.known.insert((types, group)) {
            return;
        }
        for gram in std::iter::once(anchor.first).chain(anchor.second) {
            let record = AnchorRecord {
                gram: gram.bytes.into(),
                tail: gram.tail.into(),
                tail_mask: gram.tail_mask.into(),
                group: group.into(),
                distance: gram.distance.into(),
                spread: anchor.spread.into(),
            };
            self.anchors.entry(types).or_default().push((gram.length, record));
        }
    }

    /// Whether a set might get more anchors than its buckets can count.
    pub(crate) fn is_full(&self) -> bool {
        // A signature adds less than 65,536.
        let most = (1 << START_BITS) - (1 << 16);
        self.anchors.values().map(Vec::len).sum::<usize>() > most
    }

    /// A signature that is evaluated on every object of a group of file types.
    pub(crate) fn always(&mut self, types: u32, signature: u32) {
        self.always.entry(types).or_default().push(signature);
    }

    /// Writes the sets.
    pub(crate) fn finish(self, strings: &mut Strings, writer: &mut Writer) {
        // File types that are members of the same groups share a set; set 0 holds what is for all types.
        let mut memberships: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for (number, names) in self.types.iter().enumerate() {
            let all: BTreeSet<&str> = names.iter().flat_map(|name| with_kinds(name)).collect();
            for name in all {
                memberships.entry(name).or_default().push(number as u32);
            }
        }
        let mut sets: Vec<Vec<u32>> = vec![Vec::new()];
        let mut records = Vec::new();
        for (name, groups) in &memberships {
            let set = sets.iter().position(|set| set == groups).unwrap_or_else(|| {
                sets.push(groups.clone());
                sets.len() - 1
            });
            records.push(SetRecord { name: strings.add(name), set: (set as u32).into() });
        }
        writer.section(Kind::Sets, 0, &records);
        for (number, groups) in sets.iter().enumerate() {
            let members = || std::iter::once(&GENERIC).chain(groups);
            let of_length = |wanted: Length| {
                let anchors = members().filter_map(|group| self.anchors.get(group)).flatten();
                anchors.filter(move |(length, _)| *length == wanted).map(|(_, record)| *record).collect()
            };
            write_set(
                of_length(Length::Four),
                of_length(Length::Three),
                of_length(Length::Two),
                number as u32,
                writer,
            );
            let always = members().filter_map(|group| self.always.get(group)).flatten();
            let always: Vec<le::U32> = always.map(|signature| le::U32::new(*signature)).collect();
            writer.section(Kind::Always, number as u32, &always);
        }
    }
}

/// A type and those that are kinds of it: what is for zips is for documents in zips.
fn with_kinds(name: &str) -> impl Iterator<Item = &str> {
    std::iter::once(name).chain(candor_object::kinds(name).iter().copied())
}

/// Words of the bitmap for a number of bits.
fn bitmap_size(bits: usize) -> usize {
    match bits {
        0..=1024 => SMALL,
        1025..=8192 => MEDIUM,
        8193..=131_072 => LARGE,
        _ => HUGE,
    }
}

fn write_set(
    four: Vec<AnchorRecord>,
    three: Vec<AnchorRecord>,
    two: Vec<AnchorRecord>,
    set: u32,
    writer: &mut Writer,
) {
    // The byte after three known ones may be any; folded there are 128 of them.
    let any_last = (0..=u8::MAX).filter(|byte| byte & 0x20 != 0).map(|byte| u32::from(byte) << 24);
    let mut grams: Vec<u32> = four.iter().map(|anchor| anchor.gram.get()).collect();
    grams.extend(three.iter().flat_map(|anchor| any_last.clone().map(|last| anchor.gram.get() | last)));
    grams.sort_unstable();
    grams.dedup();
    if !grams.is_empty() {
        let mut bitmap = vec![0_u32; bitmap_size(grams.len())];
        let bits = bitmap.len().ilog2() + 5;
        grams.iter().for_each(|gram| set_bit(&mut bitmap, hash(*gram, bits)));
        write_bitmap(bitmap, Kind::Bitmap, set, writer);
    }
    if !two.is_empty() {
        let mut bitmap = vec![0_u32; SMALL];
        let mut pairs: Vec<u32> = two.iter().map(|anchor| anchor.gram.get()).collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs.iter().for_each(|pair| set_bit(&mut bitmap, *pair));
        if let Some(halves) = halves(&pairs) {
            writer.section(Kind::ShortHalves, set, &halves);
        }
        write_bitmap(bitmap, Kind::ShortBitmap, set, writer);
    }
    for (anchors, kinds) in [(four, FOUR), (three, THREE), (two, TWO)] {
        write_table(anchors, &kinds, set, writer);
    }
}

fn set_bit(bitmap: &mut [u32], bit: u32) {
    bitmap[(bit >> 5) as usize] |= 1 << (bit & 31);
}

fn write_bitmap(bitmap: Vec<u32>, kind: Kind, set: u32, writer: &mut Writer) {
    let words: Vec<le::U32> = bitmap.into_iter().map(le::U32::new).collect();
    writer.section(kind, set, &words);
}

fn write_table(mut anchors: Vec<AnchorRecord>, kinds: &Kinds, set: u32, writer: &mut Writer) {
    if anchors.is_empty() {
        return;
    }
    let bucket_bits = (anchors.len().next_power_of_two().ilog2() + 1).clamp(4, 22);
    anchors.sort_by_key(|anchor| {
        (hash(anchor.gram.get(), bucket_bits), anchor.gram.get(), anchor.tail.get(), anchor.group.get())
    });
    let mut starts = vec![0_u32; (1 << bucket_bits) + 1];
    for anchor in &anchors {
        starts[hash(anchor.gram.get(), bucket_bits) as usize + 1] += 1;
    }
    for place in 1..starts.len() {
        starts[place] += starts[place - 1];
    }
    for anchor in &anchors {
        starts[hash(anchor.gram.get(), bucket_bits) as usize] |= mark(anchor.gram.get());
    }
    let starts: Vec<le::U32> = starts.into_iter().map(le::U32::new).collect();
    writer.section(kinds.buckets, set, &starts);
    writer.section(kinds.anchors, set, &anchors);
}
