//! The folder that the fetcher fills. It has the network, so everything in it may be an attacker's: links, pipes,
//! endless files, files that change while they are read.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use rustix::io::Errno;

/// A folder with the layout of a mirror, held open.
#[derive(Debug)]
pub struct Staging(OwnedFd);

/// Neither links nor ways out, wherever they come in the path.
const INSIDE: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

impl Staging {
    /// Opens the folder.
    ///
    /// # Errors
    /// If there is none.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS)?))
    }

    /// Reads a file whole: nothing if it is not there.
    ///
    /// # Errors
    /// If it is no regular file inside the folder, or longer than `most` bytes.
    pub fn read(&self, name: &str, most: u64) -> io::Result<Option<Vec<u8>>> {
        // Opening a pipe would wait for its other end.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match openat2(&self.0, name, flags, Mode::empty(), INSIDE) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(Errno::LOOP | Errno::XDEV) => {
                return Err(io::Error::other("there is a link on the way to it"));
            }
            Err(error) => return Err(error.into()),
        };
        if !FileType::from_raw_mode(fstat(&file)?.st_mode).is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        let mut content = Vec::new();
        file.take(most.saturating_add(1)).read_to_end(&mut content)?;
        if content.len() as u64 > most {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("it is longer than {most} bytes"),
            ));
        }
        Ok(Some(content))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_pipes_and_long_files_are_refused() {
        let outside = tempfile::tempdir().expect("a folder");
        let folder = outside.path().join("staging");
        fs::create_dir_all(folder.join("metadata")).expect("a folder");
        fs::write(outside.path().join("secret"), "secret").expect("a file");
        fs::write(folder.join("metadata/1.root.json"), "root").expect("a file");
        symlink("../secret", folder.join("checkpoint")).expect("a link");
        symlink("..", folder.join("releases")).expect("a link");
        rustix::fs::mknodat(CWD, folder.join("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
            .expect("a pipe");
        let staging = Staging::open(&folder).expect("the folder");
        assert_eq!(staging.read("metadata/1.root.json", 4).expect("the file"), Some(b"root".to_vec()));
        assert_eq!(staging.read("metadata/2.root.json", 4).expect("nothing"), None);
        for (name, most) in [
            ("metadata/1.root.json", 3),
            ("checkpoint", 99),
            ("releases/secret", 99),
            ("../secret", 99),
            ("pipe", 99),
            ("metadata", 99),
            ("/etc/passwd", 9999),
        ] {
            assert!(staging.read(name, most).is_err(), "{name}");
        }
    }
}
