//! What the gate asks the supervisor, which has the privileges that the gate gave up.
//!
//! The supervisor believes nothing of it: each request is about a descriptor that comes with it or about a number, and none
//! changes anything but what the policy of the machine wants done with a file that was found.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use candor_protocol::Channel;

use crate::verdicts::Identity;

/// How long an answer may take; nothing that is asked waits for anybody.
const PATIENCE: Duration = Duration::from_secs(2);

/// Bytes of the number that each request and its answer begin with: an answer may be to a gate that died.
const NUMBER: usize = 8;

/// Something that is asked.
#[derive(Debug)]
pub(crate) enum Request {
    /// Whether nobody can write to the file: it is open for writing nowhere, and mapped writable nowhere.
    Unwritten(OwnedFd),
    /// The same, and who the process is that opens it.
    Opened(OwnedFd, u32),
    /// The file at a path, to scan it again.
    Open(PathBuf),
    /// That the kernel ask no longer about a file that is known as this by these databases.
    Keep(OwnedFd, Identity, Vec<u8>),
    /// That a file, in which this was found, be taken into quarantine, and that the processes which execute it be told or
    /// ended; as far as the configuration wants it.
    Found(OwnedFd, Vec<String>),
}

/// What a process is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Process {
    /// The process that started it; 0 if it is gone.
    pub(crate) parent: u32,
    /// Its user.
    pub(crate) user: u32,
    /// The device and the number of the file that it executes: its identity, which no name can feign.
    pub(crate) program: (u64, u64),
}

impl Request {
    /// Reads a request, and what its answer begins with.
    pub(crate) fn read(bytes: &[u8], mut descriptors: Vec<OwnedFd>) -> Option<(Vec<u8>, Self)> {
        let (number, rest) = bytes.split_at_checked(NUMBER)?;
        let request = match (rest.split_first()?, descriptors.pop()) {
            ((b'u', []), Some(file)) => Self::Unwritten(file),
            ((b'w', rest), Some(file)) => Self::Opened(file, u32::from_le_bytes(rest.try_into().ok()?)),
            ((b'o', path), None) => Self::Open(PathBuf::from(OsStr::from_bytes(path))),
            ((b'k', rest), Some(file)) => {
                let (database, identity) = rest.split_at_checked(32)?;
                Self::Keep(file, Identity::read(identity)?, database.to_vec())
            }
            ((b'f', names), Some(file)) => Self::Found(file, serde_json::from_slice(names).ok()?),
            _ => return None,
        };
        Some((number.to_vec(), request))
    }
}

impl Process {
    /// As it is sent.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let (device, inode) = self.program;
        [
            &self.parent.to_le_bytes()[..],
            &self.user.to_le_bytes(),
            &device.to_le_bytes(),
            &inode.to_le_bytes(),
        ]
        .concat()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (parent, rest) = bytes.split_first_chunk()?;
        let (user, rest) = rest.split_first_chunk()?;
        let (device, rest) = rest.split_first_chunk()?;
        let inode = rest.first_chunk()?;
        let program = (u64::from_le_bytes(*device), u64::from_le_bytes(*inode));
        Some(Self { parent: u32::from_le_bytes(*parent), user: u32::from_le_bytes(*user), program })
    }
}

/// The supervisor, as the gate sees it. Where it does not answer, nothing is remembered and nobody is exempt.
#[derive(Debug)]
pub(crate) struct Supervisor(Mutex<(Channel, u64)>);

impl Supervisor {
    /// The supervisor at the other end of a socket.
    ///
    /// # Errors
    /// Those of the operating system.
    pub(crate) fn new(channel: Channel) -> io::Result<Self> {
        channel.set_patience(Some(PATIENCE))?;
        let process = u64::from(std::process::id());
        Ok(Self(Mutex::new((channel, process << 32))))
    }

    /// Whether nobody can write to the file.
    pub(crate) fn unwritten(&self, file: impl AsFd) -> bool {
        self.ask(b"u", &[file.as_fd()], |answer, _| Some(answer == [1])).unwrap_or(false)
    }

    /// Who a process is, nobody if it cannot be told, and whether nobody can write to the file that it opens.
    pub(crate) fn opened(&self, file: impl AsFd, process: u32) -> (Process, bool) {
        let [a, b, c, d] = process.to_le_bytes();
        let read = |answer: &[u8]| {
            let (is_unwritten, process) = answer.split_first()?;
            Some((Process::read(process)?, *is_unwritten == 1))
        };
        self.ask(&[b'w', a, b, c, d], &[file.as_fd()], |answer, _| read(answer)).unwrap_or_default()
    }

    /// The file at a path, open for reading; nothing if there is no regular file.
    pub(crate) fn open(&self, path: &Path) -> Option<File> {
        let bytes = [b"o", path.as_os_str().as_bytes()].concat();
        self.ask(&bytes, &[], |_, mut files| files.pop().map(File::from))
    }

    /// Wants the kernel to ask no longer about a file that is known as this by these databases.
    pub(crate) fn keep(&self, file: impl AsFd, identity: Identity, database: &[u8; 32]) {
        let bytes = [b"k", &database[..], &identity.to_bytes()].concat();
        let _ = self.ask(&bytes, &[file.as_fd()], |_, _| Some(()));
    }

    /// Tells of a file in which this was found.
    pub(crate) fn found(&self, file: impl AsFd, names: &[String]) {
        let names = serde_json::to_vec(names).unwrap_or_default();
        let _ = self.ask(&[b"f", &names[..]].concat(), &[file.as_fd()], |_, _| Some(()));
    }

    fn ask<T>(
        &self,
        bytes: &[u8],
        files: &[BorrowedFd<'_>],
        read: impl FnOnce(&[u8], Vec<OwnedFd>) -> Option<T>,
    ) -> Option<T> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (channel, number) = &mut *inner;
        *number = number.wrapping_add(1);
        let number = number.to_le_bytes();
        channel.send(&[&number[..], bytes].concat(), files).ok()?;
        loop {
            let answer = channel.receive().ok()??;
            if let Some(bytes) = answer.bytes.strip_prefix(&number) {
                return read(bytes, answer.descriptors);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_answers_are_read_as_they_were_written() {
        let process = Process { parent: 7, user: 1000, program: (65, 9) };
        assert_eq!(Process::read(&process.to_bytes()), Some(process));
        assert_eq!(Process::read(&process.to_bytes()[..23]), None);
        let file = || vec![OwnedFd::from(tempfile::tempfile().unwrap())];
        let (number, request) = Request::read(b"12345678w\x05\0\0\0", file()).unwrap();
        assert!(number == b"12345678" && matches!(request, Request::Opened(_, 5)));
        assert!(Request::read(b"12345678w\x05\0\0\0", Vec::new()).is_none());
        for nonsense in [&b""[..], b"1234567", b"12345678w\x05", b"12345678u", b"12345678x\0\0\0\0"] {
            assert!(Request::read(nonsense, Vec::new()).is_none());
        }
    }

    #[test]
    fn a_supervisor_that_is_gone_proves_nothing() {
        let (channel, other) = Channel::pair().unwrap();
        let supervisor = Supervisor::new(channel).unwrap();
        drop(other);
        assert!(!supervisor.unwritten(io::stdin()));
        assert_eq!(supervisor.opened(io::stdin(), 1), (Process::default(), false));
    }
}
