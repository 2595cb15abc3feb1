//! macOS: programs, packages, services, system extensions.

pub(crate) mod code_signature;
pub(crate) mod property_lists;
