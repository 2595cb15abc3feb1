//! Container images: what they are called, which layers they have, what layers remove, and who asks for images.

pub(crate) mod docker_archive;
pub(crate) mod oci;
pub(crate) mod references;
pub(crate) mod whiteouts;
