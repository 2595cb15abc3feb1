//! Whole objects, sections and import tables by digest.
//!
//! The size is looked up first: a digest is computed only where the database knows one of that kind and size.

mod md5;
mod md5_lanes;
mod compile;
mod search;
mod section;

use candor_object::Category;

pub(crate) use compile::Compiler;
pub use compile::HashSignature;
pub(crate) use md5::Md5;
pub use search::import_list;
pub(crate) use search::{Hashers, ahead, inspect, sha256, trusted, trusted_digest, wanted};
pub(crate) use section::DigestTable;

/// What a digest is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A whole object.
    Object,
    /// The data of one section of an executable.
    Section,
    /// What a publisher's signature of an executable is over.
    Signed,
    /// The list of imported functions, `library.function` in lower case, joined with commas.
    Imports,
}

/// A digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Digest {
    /// MD5.
    Md5([u8; 16]),
    /// SHA-1.
    Sha1([u8; 20]),
    /// SHA-256.
    Sha256([u8; 32]),
}

impl Digest {
    /// The digest that these bytes are, by their number.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes.len() {
            16 => bytes.try_into().ok().map(Self::Md5),
            20 => bytes.try_into().ok().map(Self::Sha1),
            32 => bytes.try_into().ok().map(Self::Sha256),
            _ => None,
        }
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Md5(bytes) => bytes,
            Self::Sha1(bytes) => bytes,
            Self::Sha256(bytes) => bytes,
        }
    }
}

/// MD5, SHA-1 and SHA-256, as far as they were computed.
type Known = [Option<Vec<u8>>; 3];

/// Kinds of digests by length and name.
const ALGORITHMS: [(usize, &str); 3] = [(16, "MD5"), (20, "SHA-1"), (32, "SHA-256")];
/// Subjects in the order of the tables.
const SUBJECTS: [(Subject, &str); 4] = [
    (Subject::Object, "object"),
    (Subject::Section, "section"),
    (Subject::Imports, "imports"),
    (Subject::Signed, "signed"),
];

/// The number of a table in the image.
fn table(subject: Subject, algorithm: usize, trusted: bool) -> u32 {
    let subject = SUBJECTS.iter().position(|(known, _)| *known == subject).unwrap_or(0);
    let number = subject.saturating_mul(6).saturating_add(algorithm.saturating_mul(2));
    u32::try_from(number).unwrap_or(u32::MAX).saturating_add(u32::from(trusted))
}

/// The tables that hold digests of a subject which are not trusted.
pub(crate) fn tables(subject: Subject) -> [u32; 3] {
    [0, 1, 2].map(|algorithm| table(subject, algorithm, false))
}

/// The table of trusted digests of a subject by an algorithm's name.
pub(crate) fn trusted_table(subject: Subject, algorithm: &str) -> Option<u32> {
    let algorithm = ALGORITHMS.iter().position(|(_, name)| *name == algorithm)?;
    Some(table(subject, algorithm, true))
}

/// A category as a byte of the image.
pub(crate) fn category_byte(category: Category) -> u8 {
    match category {
        Category::Trusted => 0,
        Category::Anomaly => 1,
        Category::Unwanted => 2,
        Category::Prohibited => 3,
        _ => 4,
    }
}

/// The category of a byte of the image; an unknown byte is the worst.
pub(crate) fn category(byte: u8) -> Category {
    match byte {
        0 => Category::Trusted,
        1 => Category::Anomaly,
        2 => Category::Unwanted,
        3 => Category::Prohibited,
        _ => Category::Malware,
    }
}
