//! Databases of package managers.

pub(crate) mod apk;
pub(crate) mod dpkg;
