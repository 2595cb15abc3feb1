//! What content is.

use std::fmt;

/// The name of a file type, such as `zip` or `pe`.
///
/// Each format owns its constant. It is a name and not an enum, so that a new format is one new file and
/// nobody can write a switch over all of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileType(&'static str);

impl FileType {
    /// Binary content that no format recognised.
    pub const DATA: Self = Self("data");
    /// No content at all.
    pub const EMPTY: Self = Self("empty");

    /// A file type; the name is short, lower-case and unique among the formats.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name.
    pub const fn name(self) -> &'static str {
        self.0
    }
}

impl fmt::Debug for FileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Display for FileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
