//! Publishers of programs: who signed an executable (Authenticode), and what lists say of them.
//!
//! A list names certificates. Programs that carry one that is blocked are found. Of a program that was found by
//! anything else, it is asked whether a publisher stands for it: the signature is over this content, and certificates
//! lead to a root that is trusted for programs; or its digest is in a catalog that such a publisher signed. Then the
//! finding is overridden as by a trusted digest. A signature is never the reason not to look.
//!
//! Signatures: "Windows Authenticode Portable Executable Signature Format", 2008; RFC 2315; RFC 5280.

pub mod rsa;

mod catalog;
mod certificate;
mod chain;
mod compile;
mod elements;
mod search;
mod section;
mod signature;
mod signed_data;
mod telling;

pub use catalog::{Catalog, CatalogError, Digests as CatalogDigests};
pub(crate) use compile::Compiler;
pub use compile::{MAX_MODULUS, SignerSignature};
pub(crate) use search::inspect;
pub use search::{Standing, standing, trusted};
pub(crate) use section::SignerRecord;
pub use signature::{Signature, signatures};
pub use telling::CERTIFICATE;

/// Bytes as two digits each.
fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Seconds since 1970.
fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}
