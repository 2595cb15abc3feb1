//! What a pattern is, before it is compiled.

/// A byte pattern with the place where it may be found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// Where the first group may begin.
    pub place: Place,
    /// The groups, in order; any number of bytes may lie between two, but at least the later one's `gap`.
    pub groups: Vec<Group>,
}

/// A piece of a pattern in which every gap is bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Group {
    /// Bytes that must lie between the end of the previous group and this one; 0 for the first.
    pub gap: u32,
    /// What is matched, in order.
    pub elements: Vec<Element>,
}

/// A piece of a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    /// A byte `b` with `b & mask == value`.
    Byte {
        /// The bits that must be there.
        value: u8,
        /// The bits that count.
        mask: u8,
    },
    /// Between `min` and `max` bytes of any value.
    Skip {
        /// At least so many.
        min: u32,
        /// At most so many.
        max: u32,
    },
    /// A byte beside a word or a line, or the boundary of the content.
    Boundary(Boundary),
    /// Any byte that `boundary` would not take; the boundary of the content does not count.
    NotBoundary(Boundary),
    /// One of the branches.
    Choice(Vec<Vec<Self>>),
    /// As many bytes as each of the branches has, when none of them matches. All have one fixed length.
    NotChoice(Vec<Vec<Self>>),
}

impl Element {
    /// A literal byte.
    pub fn literal(value: u8) -> Self {
        Self::Byte { value, mask: 0xff }
    }

    /// A letter in either case, or a literal byte.
    pub fn either_case(value: u8) -> Self {
        if value.is_ascii_alphabetic() {
            Self::Byte { value: value & 0xdf, mask: 0xdf }
        } else {
            Self::literal(value)
        }
    }

    /// Fewest and most bytes that it takes.
    pub fn width(&self) -> (u32, u32) {
        match self {
            Self::Byte { .. } | Self::NotBoundary(_) => (1, 1),
            Self::Skip { min, max } => (*min, *max),
            Self::Boundary(Boundary::Line) => (0, 2),
            Self::Boundary(_) => (0, 1),
            Self::Choice(branches) | Self::NotChoice(branches) => branches
                .iter()
                .map(|branch| width(branch))
                .reduce(|(low, high), (min, max)| (low.min(min), high.max(max)))
                .unwrap_or((0, 0)),
        }
    }
}

/// Fewest and most bytes that a row of elements takes.
pub(crate) fn width(elements: &[Element]) -> (u32, u32) {
    elements.iter().map(Element::width).fold((0, 0), |(low, high), (min, max)| {
        (u32::saturating_add(low, min), u32::saturating_add(high, max))
    })
}

/// A boundary in text. Each takes one byte (a line end of two bytes both), or nothing at the start and at the
/// end of the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Boundary {
    /// What may stand before a word: space and `- . / < @ _`.
    WordStart,
    /// What may stand after a word: line feed, carriage return, space and `" ' - / = > _`.
    WordEnd,
    /// A line end: line feed, or carriage return and line feed.
    Line,
    /// A byte that is neither a letter nor a digit.
    NotAlphanumeric,
}

impl Boundary {
    /// Whether the boundary takes this byte.
    pub(crate) fn takes(self, byte: u8) -> bool {
        match self {
            Self::WordStart => b" -./<@_".contains(&byte),
            Self::WordEnd => b"\n\r \"'-/=>_".contains(&byte),
            Self::Line => byte == b'\n',
            Self::NotAlphanumeric => !byte.is_ascii_alphanumeric(),
        }
    }
}

/// Where a pattern may begin: `base + delta`, and up to `slack` bytes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// What `delta` is counted from.
    pub base: Base,
    /// Bytes from the base; negative for places before it.
    pub delta: i64,
    /// How many bytes later it may begin.
    pub slack: u32,
}

impl Place {
    /// Anywhere.
    pub const ANYWHERE: Self = Self { base: Base::Anywhere, delta: 0, slack: 0 };

    /// Exactly `offset` bytes into the content.
    pub const fn at(offset: u32) -> Self {
        Self { base: Base::Start, delta: offset as i64, slack: 0 }
    }
}

/// What a place is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Base {
    /// Nothing: the pattern may be anywhere.
    Anywhere,
    /// The start of the content.
    Start,
    /// The end of the content.
    End,
    /// The entry point of an executable.
    EntryPoint,
    /// The start of a section, counted from 0.
    Section(u16),
    /// The start of the last section.
    LastSection,
    /// Anywhere inside a section.
    InsideSection(u16),
    /// The start of any entry of an executable's version information.
    VersionInfo,
}
