//! Certificates, and the signed data that they come in: who it is, and nothing of whether to believe it.

mod base64;
mod certificate;
mod der;
mod signed_data;

pub(crate) use base64::base64;
pub(crate) use certificate::Certificate;
pub(crate) use der::{Element, tag};
pub(crate) use signed_data::SignedData;

/// A certificate that we made, whose key is thrown away.
#[cfg(test)]
pub(crate) const SAMPLE: &str = include_str!("sample.pem");

/// The same in DER.
#[cfg(test)]
pub(crate) fn sample() -> Vec<u8> {
    let letters: String = SAMPLE.lines().filter(|line| !line.starts_with('-')).collect();
    base64(&letters).unwrap_or_default()
}
