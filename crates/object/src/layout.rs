//! Where things are in an executable: the facts that signatures with relative offsets need.

/// Layout of an executable; every number is an offset or a size in the file, in bytes, and is checked by
/// nobody: a hostile header may say anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// File offset of the first instruction, if the header names one that lies in the file.
    pub entry_point: Option<u64>,
    /// The sections in the order of the header.
    pub sections: Vec<Section>,
    /// File offset where the data after the last section begins, if there is any.
    pub overlay: Option<u64>,
    /// Imported functions in the order of the import table.
    pub imports: Vec<Import>,
    /// File offsets of the entries of the version information (keys in UTF-16, each with its value behind it),
    /// in ascending order.
    pub version_info: Vec<u64>,
    /// Whether the header could be parsed well enough to trust the fields above.
    pub complete: bool,
}

/// A named part of an executable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// Its name in the section table, lossily decoded.
    pub name: String,
    /// File offset of its data.
    pub offset: u64,
    /// Size of its data in the file.
    pub size: u64,
}

/// An imported function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The library as named in the table, such as `KERNEL32.dll`.
    pub library: String,
    /// The function's name, or `ordN` where it is imported by ordinal N and the ordinal has no known name.
    pub symbol: String,
}
