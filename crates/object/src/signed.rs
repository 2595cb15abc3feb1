//! What a signature in an executable is over, and where the signatures are.

use std::ops::Range;

/// Parts of an executable that its publisher's signature is over, and where signatures lie (Authenticode). Every
/// range lies in the content; what the signatures say is checked by nobody here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signed {
    /// The parts that are digested, in this order: all but the checksum, the place that names the table of signatures,
    /// and the table.
    pub covered: Vec<Range<u64>>,
    /// The signatures (PKCS #7) in the order of the table, each from where it begins to the end of the table; the first is the one that Windows asks for.
    pub signatures: Vec<Range<u64>>,
    /// Whether something is in the table or behind it that is no signature.
    pub irregular: bool,
}
