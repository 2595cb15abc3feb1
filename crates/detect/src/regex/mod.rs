//! Regular expressions of signatures, in the syntax of PCRE.
//!
//! An expression that means the same in a language of automata is run in linear time; `linear` decides which do.
//! The others (look-around, back references, possessive and atomic groups) go to PCRE2 with bounds on its steps.
//! Nothing is compiled before a signature asks for it, and what was compiled is kept.

mod engine;
mod linear;
mod search;

use std::ops::BitOr;

use crate::pattern::Place;

pub(crate) use engine::Cache;
pub(crate) use search::find;

/// A regular expression and where it is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regex {
    /// The expression, without delimiters.
    pub text: String,
    /// Where it may begin. It sees nothing that lies before: there is the start of its subject.
    pub place: Place,
    /// How it is meant.
    pub flags: Flags,
}

impl Regex {
    /// Compiles it and throws the result away.
    ///
    /// # Errors
    /// The engine's words for what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        engine::Compiled::new(&self.text, self.flags, false).map(drop)
    }
}

/// How a regular expression is meant: PCRE's flags, and three that say where it is looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(u16);

impl Flags {
    /// All matches count, not only the first.
    pub const GLOBAL: Self = Self(1);
    /// It is looked for from the place on, where it otherwise must begin at an exact place.
    pub const ROLLING: Self = Self(2);
    /// The whole match lies within the place, and not only its start.
    pub const ENCOMPASS: Self = Self(4);
    /// Letters match both cases.
    pub const CASELESS: Self = Self(8);
    /// A dot matches a line end as well.
    pub const DOT_ALL: Self = Self(16);
    /// `^` and `$` match at line ends.
    pub const MULTI_LINE: Self = Self(32);
    /// White space and comments in the expression mean nothing.
    pub const EXTENDED: Self = Self(64);
    /// It matches at the start of its subject only.
    pub const ANCHORED: Self = Self(128);
    /// `$` matches at the very end only, and not before a last line end.
    pub const DOLLAR_END_ONLY: Self = Self(256);
    /// Repetitions take as little as possible.
    pub const UNGREEDY: Self = Self(512);

    /// Whether all flags of `other` are in it.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// As a number of the image.
    pub(crate) const fn bits(self) -> u16 {
        self.0
    }

    /// The flags of a number of the image.
    pub(crate) const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
