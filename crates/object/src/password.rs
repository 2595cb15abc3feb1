//! Passwords that may open what is encrypted.

use std::fmt;

/// Longest password that is tried, in bytes.
pub const MAX_PASSWORD: usize = 256;

/// A password, and where it comes from. Whoever prints it says its origin and not what it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Password {
    /// Where it comes from, for people: the name of a signature, for instance.
    pub origin: String,
    /// The password as archives mean it: its bytes, in no encoding that we know of.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Password({})", self.origin)
    }
}
