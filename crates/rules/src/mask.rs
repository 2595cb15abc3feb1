//! The mask that the program that is built and the one that builds it agree on.

/// What each byte of the database is combined with.
pub(crate) const MASK: u8 = 0xa5;
