//! Base64 and decimals, in the one form that the specifications allow.

use base64ct::{Base64, Encoding};

use crate::{Error, Hash};

/// Standard base64 with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

pub(crate) fn unbase64(text: &str) -> Result<Vec<u8>, Error> {
    Base64::decode_vec(text).map_err(|_| Error::Malformed("it is no base64"))
}

/// A hash of 32 bytes in base64.
pub(crate) fn hash(text: &str) -> Result<Hash, Error> {
    unbase64(text)?.try_into().map_err(|_| Error::Malformed("a hash has another length than 32 bytes"))
}

/// A decimal without sign and leading zeroes.
pub(crate) fn decimal(text: &str) -> Result<u64, Error> {
    let canonical = text == "0" || !text.starts_with('0');
    if !canonical || text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::Malformed("it is no decimal number without leading zeroes"));
    }
    text.parse().map_err(|_| Error::Malformed("the number is too large"))
}
