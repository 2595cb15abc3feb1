//! Opens files of this machine that a local client or the administrator names.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
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

/// The text of a regular file of at most `most` bytes. A device that never ends costs neither memory nor time, and
/// a file that says less than it holds no more than any other.
pub(crate) fn text(path: &Path, most: u64) -> io::Result<String> {
    let file = open_now(path, OFlags::empty())?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut text = String::new();
    file.take(most.saturating_add(1)).read_to_string(&mut text)?;
    if text.len() as u64 > most {
        return Err(io::Error::other(format!("it is longer than {most} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_regular_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let (fifo, file) = (folder.path().join("fifo"), folder.path().join("file"));
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        for special in [Path::new("/dev/zero"), Path::new("/dev/null"), &fifo, folder.path()] {
            assert_eq!(text(special, 10).unwrap_err().to_string(), "it is no regular file");
        }
        std::fs::write(&file, "0123456789").unwrap();
        assert_eq!(text(&file, 10).unwrap(), "0123456789");
        assert_eq!(text(&file, 9).unwrap_err().to_string(), "it is longer than 9 bytes");
    }
}
