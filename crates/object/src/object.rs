//! One thing that is scanned.

use crate::{Content, FileType};

/// Longest object name that is kept, in bytes; what is longer is cut (a zip entry may claim 64 KiB).
pub const MAX_NAME: usize = 1024;

/// Place of an object in its [`Report`](crate::Report); the root object is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub u32);

impl ObjectId {
    /// The object that the caller named, in no container.
    pub const ROOT: Self = Self(0);
}

/// How an object came out of its container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Relation {
    /// The caller named it.
    Root,
    /// A named member of an archive.
    Member,
    /// The content of a compressed stream.
    Stream,
    /// A part or an attachment of a message.
    Part,
    /// What follows the last section of an executable.
    Overlay,
    /// A canonical form made for matching (lower-cased HTML, decoded script).
    Normalized,
}

impl Relation {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Root, Self::Member, Self::Stream, Self::Part, Self::Overlay, Self::Normalized];

    /// The relation of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|relation| relation.name() == name)
    }

    /// The word for people and for reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Member => "member",
            Self::Stream => "stream",
            Self::Part => "part",
            Self::Overlay => "overlay",
            Self::Normalized => "normalized",
        }
    }
}

/// Content, its type, and how it was reached.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its bytes.
    pub content: Content,
    /// What the content is, judged by the content and not by the name.
    pub file_type: FileType,
    /// The name it has in its container, or the path of a root object; never empty of meaning but possibly
    /// empty. Hostile: may hold any character.
    pub name: String,
    /// How it came out of its container.
    pub relation: Relation,
    /// Number of containers around it; 0 for a root object. A normalized form has that of what it is a form of.
    pub depth: u32,
}

impl Object {
    /// A root object without a name.
    pub fn root(content: Content, file_type: FileType) -> Self {
        Self { content, file_type, name: String::new(), relation: Relation::Root, depth: 0 }
    }
}
