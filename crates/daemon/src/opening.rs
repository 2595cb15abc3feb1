//! Opens the sockets that are listened on, before privileges are dropped; takes those that systemd opened.

use std::io;
use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context, bail};
use rustix::fs::{FlockOperation, Mode, OFlags, flock};

use crate::listener::Address;

/// How long another process may keep the folder of a socket locked.
const PATIENCE: Duration = Duration::from_secs(5);

/// A socket that is listened on, and belongs to no runtime yet.
#[derive(Debug)]
pub(crate) enum Socket {
    /// In the file system; with its place, if we made it.
    Unix(UnixListener, Option<Place>),
    /// A port.
    Tcp(TcpListener),
}

impl Socket {
    /// Its file, if we made one.
    pub(crate) fn place(&self) -> Option<Place> {
        match self {
            Self::Unix(_, place) => place.clone(),
            Self::Tcp(_) => None,
        }
    }
}

/// The file of a Unix socket that we made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Place {
    /// Removes the file, unless somebody else has put another there.
    pub(crate) fn remove(&self) {
        let same = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino()) == (self.device, self.inode);
        if fs::symlink_metadata(&self.path).is_ok_and(|metadata| same(&metadata)) {
            // A folder that we may no longer write to keeps a socket that the next start replaces.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Listens at an address; a socket that a dead process left is replaced. `mode` are the permissions of a Unix
/// socket.
///
/// # Errors
/// When somebody else listens there, or we may not; with a hint.
pub(crate) fn open(address: &Address, mode: u32) -> anyhow::Result<Socket> {
    let opened = match address {
        Address::Tcp(address) => TcpListener::bind(address).map(Socket::Tcp),
        Address::Unix(path) => {
            return open_unix(path, mode).with_context(|| format!("cannot listen at {address}"));
        }
    };
    opened.map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => "; another process listens there, see `ss -ltnp`",
            io::ErrorKind::PermissionDenied => {
                "; ports below 1024 need CAP_NET_BIND_SERVICE or socket activation"
            }
            io::ErrorKind::AddrNotAvailable => "; no interface of this machine has this address",
            _ => "",
        };
        anyhow::anyhow!("cannot listen at {address}: {error}{hint}")
    })
}

fn open_unix(path: &Path, mode: u32) -> anyhow::Result<Socket> {
    let folder = path.parent().unwrap_or_else(|| Path::new("/"));
    // Two that start at once must not each take the other's new socket for a stale one.
    let _lock = lock(folder)?;
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            bail!("something else than a socket is there; move it away")
        }
        Ok(_) => match UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                bail!("a socket is there that belongs to somebody else; remove it if nobody uses it")
            }
            _ => bail!("address in use; another process listens there, see `ss -lxp`"),
        },
    }
    let listener = UnixListener::bind(path).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => {
            anyhow::anyhow!("{error}; the user of candord must be allowed to write to {}", folder.display())
        }
        io::ErrorKind::InvalidInput => anyhow::anyhow!("{error}; a path of a socket has 107 bytes at most"),
        _ => error.into(),
    })?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    let metadata = fs::symlink_metadata(path)?;
    let place = Place { path: path.to_owned(), device: metadata.dev(), inode: metadata.ino() };
    Ok(Socket::Unix(listener, Some(place)))
}

/// Locks a folder for as long as the answer lives.
fn lock(folder: &Path) -> anyhow::Result<rustix::fd::OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(folder, flags, Mode::empty());
    let folder_file = opened.with_context(|| format!("the folder {}", folder.display()))?;
    let begun = Instant::now();
    loop {
        match flock(&folder_file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(folder_file),
            Err(rustix::io::Errno::WOULDBLOCK) if begun.elapsed() < PATIENCE => {
                thread::sleep(Duration::from_millis(10));
            }
            Err(error) => bail!("the folder {} is locked by another process: {error}", folder.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::Unix(folder.path().join("a"));
        let Socket::Unix(first, Some(place)) = open(&address, 0o600).unwrap() else {
            panic!("no unix socket")
        };
        let error = format!("{:#}", open(&address, 0o600).unwrap_err());
        assert!(error.contains("in use"), "{error}");
        drop(first);
        let Socket::Unix(_second, Some(other)) = open(&address, 0o640).unwrap() else {
            panic!("no unix socket")
        };
        let mode = fs::metadata(folder.path().join("a")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        place.remove();
        // The inode's number may come again; then both name the socket that is there.
        assert_eq!(folder.path().join("a").exists(), place != other);
        other.remove();
        assert!(!folder.path().join("a").exists());
    }

    #[test]
    fn what_is_no_socket_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "x").unwrap();
        let error = format!("{:#}", open(&Address::Unix(path.clone()), 0o600).unwrap_err());
        assert!(error.contains("move it away"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"x");
    }

    #[test]
    fn a_port_in_use_is_told_with_a_hint() {
        let there = TcpListener::bind("127.0.0.1:0").unwrap();
        let error = open(&Address::Tcp(there.local_addr().unwrap()), 0).unwrap_err().to_string();
        assert!(error.contains("in use") && error.contains("ss -ltnp"), "{error}");
    }
}
