//! What content is.

use std::fmt;

/// The name of a file type, such as `zip` or `pe`.
///
/// Each format owns its constant. It is a name and not an enum, so that a new format is one new file and
/// nobody can write a switch over all of them.
///
/// A type may be a kind of another: a `docx` is a `zip` as well, and signatures for zips hold for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileType(&'static str);

/// Types that are a kind of another, behind that one.
const FAMILIES: [(&str, &[&str]); 3] = [
    (
        "zip",
        &[
            "apk", "appx", "docx", "epub", "hwpx", "jar", "nupkg", "odf", "pptx", "vsix", "wheel", "xlsx",
            "xps",
        ],
    ),
    ("ole2", &["hwp5", "msg"]),
    ("html", &["svg"]),
];

/// The type that a type of this name is a kind of; the name itself if it is of no kind.
pub fn family(name: &str) -> &str {
    let known = FAMILIES.iter().find(|(_, kinds)| kinds.contains(&name));
    known.map_or(name, |(family, _)| family)
}

/// The types that are kinds of the type of this name.
pub fn kinds(name: &str) -> &'static [&'static str] {
    FAMILIES.iter().find(|(family, _)| *family == name).map_or(&[], |(_, kinds)| kinds)
}

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

    /// The name of the type that this is a kind of; its own if it is of no kind.
    pub fn family(self) -> &'static str {
        family(self.0)
    }

    /// Whether this is the type of that name, or a kind of it.
    pub fn is(self, name: &str) -> bool {
        self.name() == name || self.family() == name
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_its_family_as_well_and_no_other() {
        let kind = FileType::new("docx");
        assert!(kind.is("docx") && kind.is("zip") && !kind.is("jar"));
        assert!(!FileType::new("zip").is("docx"));
        assert_eq!((family("msg"), family("pe")), ("ole2", "pe"));
        assert_eq!(kinds("html"), ["svg"]);
    }
}
