//! What is asked of pictures: the hash of one, and the statistics of a program's icons.

use std::fmt;
use std::time::Instant;

use crate::Reason;

/// Answers questions about the pictures in an object. Pictures are decoded when the first question comes, since hardly
/// any signature asks one.
pub trait Pictures: fmt::Debug {
    /// The perceptual hash of the object, or nothing if it is no picture. Pictures that look alike have the same.
    ///
    /// # Errors
    /// [`Undecoded`] if it is a picture and could not be decoded.
    fn perceptual_hash(&self, deadline: Instant) -> Result<Option<u64>, Undecoded>;

    /// The object's icons.
    fn icons(&self, deadline: Instant) -> Icons;
}

/// The icons of a program.
#[derive(Clone, Debug, Default)]
pub struct Icons {
    /// Those that were looked at.
    pub statistics: Vec<IconStatistics>,
    /// Why there may be more: the program has too many, it could not be read, or the time was up.
    pub undecoded: Option<Undecoded>,
}

/// Why a picture is unknown: the reason and detail of a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecoded {
    /// Why.
    pub reason: Reason,
    /// The same for people.
    pub detail: String,
}

/// A square within an icon, a quarter of its side wide, that stands out in some respect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IconArea {
    /// Mean of that respect over its pixels.
    pub value: u16,
    /// Pixels left of it.
    pub x: u8,
    /// Pixels above it.
    pub y: u8,
}

/// What an icon looks like, in numbers that change little when the icon does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IconStatistics {
    /// Its width and height in pixels: 16, 24 or 32.
    pub side: u8,
    /// The most colourful squares; values go up to [`MAX_COLOR`](Self::MAX_COLOR). Of an icon without colours, the
    /// next three of [`edges`](Self::edges).
    pub colorful: [IconArea; 3],
    /// The least colourful squares. Of an icon without colours, the next three of [`even`](Self::even).
    pub gray: [IconArea; 3],
    /// The brightest squares; values up to 255, as of those that follow.
    pub bright: [IconArea; 3],
    /// The darkest squares.
    pub dark: [IconArea; 3],
    /// The squares with the most edges.
    pub edges: [IconArea; 3],
    /// The squares with the fewest edges.
    pub even: [IconArea; 3],
    /// Percentages of red, green and blue among the coloured pixels; each is rounded, so the sum need not be 100.
    pub spread: [u8; 3],
    /// Percentage of coloured pixels; 0 for an icon without colours.
    pub colored: u8,
}

impl IconStatistics {
    /// Highest value of a square's colourfulness: the square root of 255 cubed.
    pub const MAX_COLOR: u16 = 4072;

    /// Whether the icon has no colours.
    pub fn is_gray(&self) -> bool {
        self.colored == 0
    }
}
