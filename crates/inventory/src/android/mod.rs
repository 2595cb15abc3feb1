//! Android: what a package is called, and which are installed.

pub(crate) mod manifest;
pub(crate) mod packages;
