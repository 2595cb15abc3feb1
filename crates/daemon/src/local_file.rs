//! Opens files of this machine that a local client names.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// Opens a file for reading without waiting for anything: a FIFO neither blocks us nor is drained, and no
/// terminal becomes ours. Whether it is a regular file the [`Service`](crate::service::Service) looks at.
pub(crate) async fn open(path: PathBuf) -> io::Result<File> {
    tokio::task::spawn_blocking(move || open_now(&path, OFlags::empty())).await.map_err(io::Error::other)?
}

/// The same with more flags, by a thread that may wait for the file system.
pub(crate) fn open_now(path: &Path, more: OFlags) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | more;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}
