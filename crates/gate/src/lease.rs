//! The proof that nobody can write to a file.
//!
//! The change time of a file tells whether it was written with `write`, but not every store through a mapping: only the
//! first one after the page was written back. So a verdict may be remembered only if there was no writer and no writable
//! mapping before the scan and none after it; then whoever writes later has to open the file anew, and the first change
//! that is made then changes the time. The kernel grants a read lease exactly when there is no writer (fcntl(2), "Leases").

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};

/// Whether the file is open for writing nowhere and mapped writable nowhere. False as well where that cannot be known, as
/// on file systems without leases. Needs to be root or to own the file; `SIGIO` must be blocked.
#[expect(unsafe_code, reason = "no crate of ours has a wrapper for leases")]
pub(crate) fn is_unwritten(file: impl AsFd) -> bool {
    let number = file.as_fd().as_raw_fd();
    // SAFETY: the descriptor is open while it is borrowed, and neither command takes a pointer.
    let granted = unsafe { libc::fcntl(number, libc::F_SETLEASE, libc::F_RDLCK) } == 0;
    if granted {
        // Whoever opens it for writing meanwhile waits for this.
        // SAFETY: as above.
        unsafe { libc::fcntl(number, libc::F_SETLEASE, libc::F_UNLCK) };
    }
    granted
}

/// Takes a read lease for as long as the file is open, if nobody can write to it; then whoever opens it for writing waits,
/// and `SIGIO` tells of it.
#[expect(unsafe_code, reason = "no crate of ours has a wrapper for leases")]
pub(crate) fn take(file: &File) -> bool {
    // SAFETY: the descriptor is open while it is borrowed, and the command takes no pointer.
    unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_RDLCK) == 0 }
}

/// Whether nobody waits for a lease to be given back.
#[expect(unsafe_code, reason = "no crate of ours has a wrapper for leases")]
pub(crate) fn stands(file: &File) -> bool {
    // SAFETY: as above.
    unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETLEASE) == libc::F_RDLCK }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use memmap2::MmapMut;

    use super::*;

    #[test]
    fn writers_and_writable_mappings_are_noticed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(4096).unwrap();
        let path = file.into_temp_path();
        let reader = File::open(&path).unwrap();
        assert!(is_unwritten(&reader), "leases are not granted here");
        let writer = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        assert!(!is_unwritten(&reader));
        #[expect(unsafe_code, reason = "a mapping that somebody else may change")]
        // SAFETY: nobody else knows the file.
        let map = unsafe { MmapMut::map_mut(&writer) }.unwrap();
        drop(writer);
        assert!(!is_unwritten(&reader), "the mapping outlives the descriptor");
        drop(map);
        assert!(is_unwritten(&reader));
    }
}
