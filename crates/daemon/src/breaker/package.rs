//! Whether content is an unmodified file of a package of this system.

use std::fs::{File, read_link};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use candor_packages::{Owner, Packages};

/// Most questions about packages while databases are new: each reads the lists of all packages.
const MOST: usize = 64;

/// How often packages were asked for.
#[derive(Debug, Default)]
pub(crate) struct Lookups(AtomicUsize);

impl Lookups {
    /// Whether one more is allowed.
    pub(crate) fn take(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) < MOST
    }

    /// Other databases are new.
    pub(crate) fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// The package that vouches for an open file. Blocks. Where the kernel says the file is counts, and its content; what a
/// client says of it does not.
pub(crate) fn vouching(file: &Arc<File>) -> Option<String> {
    let path = read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()?;
    match Packages::at(Path::new("/")).owner(&path, file) {
        Owner::Unmodified(package) => Some(package),
        _ => None,
    }
}
