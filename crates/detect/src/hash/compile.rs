//! Compiles digests into tables.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "the numbers are our own: places in tables that this writes, which `Compiler::is_full` bounds"
)]

use candor_object::Category;
use zerocopy::IntoBytes;

use super::section::{ANY_SIZE, NameRecord, SizeRecord, slot};
use super::{ALGORITHMS, Digest, SUBJECTS, Subject, category_byte, table};
use crate::image::{Kind, Writer};
use crate::strings::Strings;

/// A digest that is known to be good or bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashSignature<'a> {
    /// Its detection name.
    pub name: &'a str,
    /// The file that it comes from.
    pub source: &'a str,
    /// What kind of finding it makes.
    pub category: Category,
    /// What the digest is of.
    pub subject: Subject,
    /// Length of the subject in bytes, or nothing for any length.
    pub size: Option<u64>,
    /// The digest.
    pub digest: Digest,
}

/// Digests of one length.
#[derive(Default)]
struct Table {
    rows: Vec<(u64, u32)>,
    digests: Vec<u8>,
    names: Vec<NameRecord>,
}

/// Collects digests.
pub(crate) struct Compiler {
    tables: Vec<Table>,
}

impl Default for Compiler {
    fn default() -> Self {
        Self { tables: (0..SUBJECTS.len() * ALGORITHMS.len() * 2).map(|_| Table::default()).collect() }
    }
}

impl Compiler {
    /// Adds a digest.
    pub(crate) fn add(&mut self, signature: &HashSignature<'_>, strings: &mut Strings) {
        let bytes = signature.digest.bytes();
        let algorithm = ALGORITHMS.iter().position(|(length, _)| *length == bytes.len()).unwrap_or(0);
        let number = table(signature.subject, algorithm, signature.category == Category::Trusted);
        let Some(table) = self.tables.get_mut(number as usize) else {
            return;
        };
        table.rows.push((signature.size.unwrap_or(ANY_SIZE), table.names.len() as u32));
        table.digests.extend_from_slice(bytes);
        table.names.push(NameRecord {
            name: strings.add(signature.name),
            source: strings.source(signature.source),
            category: category_byte(signature.category),
        });
    }

    /// Writes the sections.
    pub(crate) fn finish(self, writer: &mut Writer) {
        for (number, mut table) in self.tables.into_iter().enumerate() {
            if table.names.is_empty() {
                continue;
            }
            let length = table.digests.len() / table.names.len();
            let digest = |row: u32| &table.digests[row as usize * length..][..length];
            // The row breaks ties, so that of equal digests the first stays and the image is reproducible.
            table.rows.sort_unstable_by(|a, b| (a.0, digest(a.1), a.1).cmp(&(b.0, digest(b.1), b.1)));
            table.rows.dedup_by(|later, first| later.0 == first.0 && digest(later.1) == digest(first.1));
            let mut groups: Vec<SizeRecord> = Vec::new();
            for (place, (size, _)) in table.rows.iter().enumerate() {
                match groups.last_mut() {
                    Some(last) if last.size.get() == *size => last.count += 1,
                    _ => groups.push(SizeRecord {
                        size: (*size).into(),
                        first: (place as u32).into(),
                        count: 1.into(),
                    }),
                }
            }
            let mut slots = vec![
                SizeRecord { size: 0.into(), first: 0.into(), count: 0.into() };
                (groups.len() * 2).next_power_of_two()
            ];
            for group in groups {
                let mut place = slot(group.size.get(), slots.len());
                while slots[place].count.get() != 0 {
                    place = (place + 1) & (slots.len() - 1);
                }
                slots[place] = group;
            }
            let mut digests = Vec::with_capacity(table.rows.len() * length);
            let mut names = Vec::with_capacity(table.rows.len() * size_of::<NameRecord>());
            for (_, row) in &table.rows {
                digests.extend_from_slice(digest(*row));
                names.extend_from_slice(table.names[*row as usize].as_bytes());
            }
            writer.section(Kind::HashSizes, number as u32, &slots);
            writer.bytes(Kind::HashDigests, number as u32, digests);
            writer.bytes(Kind::HashNames, number as u32, names);
        }
    }
}
