//! Makes samples: registry hives, compound files and programs, as small as they can be.

pub(crate) mod compound;
pub(crate) mod hive;
pub(crate) mod program;
