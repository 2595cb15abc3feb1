//! What archives say of their members: signatures over names, sizes and places, whether or not a member can be opened.

mod search;
mod section;

use candor_object::Category;

use crate::image::Writer;
use crate::strings::Strings;

pub(crate) use search::{Names, inspect};
pub(crate) use section::MemberRecord;

use crate::image::Kind;

/// Most signatures of this kind in a database: each is compared with each member.
pub const MAX_SIGNATURES: usize = 1 << 16;

/// A signature over what an archive says of a member. Ranges include both ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberSignature {
    /// Its detection name.
    pub name: String,
    /// The file that it comes from.
    pub source: String,
    /// Its own text, shown to people.
    pub text: String,
    /// What kind of finding it makes.
    pub category: Category,
    /// Type of the archive, or nothing for any.
    pub container: Option<String>,
    /// Size of the archive in bytes.
    pub container_size: (u64, u64),
    /// A regular expression, in the syntax of the crate `regex-automata`, that the member's name has somewhere.
    pub file_name: Option<String>,
    /// Bytes that the member takes in the archive.
    pub packed: (u64, u64),
    /// Bytes that the member has when it is opened.
    pub size: (u64, u64),
    /// Whether the member is encrypted, or nothing if that does not matter.
    pub encrypted: Option<bool>,
    /// Its place among the members, counted from 1, or nothing if that does not matter.
    pub position: Option<(u64, u64)>,
}

/// Any number.
pub const ANY: (u64, u64) = (0, u64::MAX);

/// Collects signatures.
#[derive(Default)]
pub(crate) struct Compiler(Vec<MemberRecord>);

impl Compiler {
    /// The number of signatures so far.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds a signature.
    pub(crate) fn add(&mut self, signature: &MemberSignature, strings: &mut Strings) {
        self.0.push(MemberRecord::new(signature, strings));
    }

    /// Writes the section.
    pub(crate) fn finish(self, writer: &mut Writer) {
        writer.section(Kind::Members, 0, &self.0);
    }
}
