//! Windows: registry hives, programs, installers, tasks.

pub(crate) mod hive;
pub(crate) mod msi;
pub(crate) mod signer;
pub(crate) mod task;
pub(crate) mod version_info;

mod compound;
