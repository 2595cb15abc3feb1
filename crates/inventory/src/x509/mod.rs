//! Certificates, and the signed data that they come in: who it is, and nothing of whether to believe it.

mod certificate;
mod der;
mod signed_data;

pub(crate) use certificate::Certificate;
pub(crate) use der::{Element, tag};
pub(crate) use signed_data::SignedData;
