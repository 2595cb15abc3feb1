//! Closes every descriptor but the socket.

#![expect(unsafe_code, reason = "closing descriptors by number closes those of others in the same process")]

use std::ffi::c_uint;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

use super::NotConfined;

const FIRST: c_uint = 3;

/// Makes 0 to 2 `/dev/null` and closes all others but `socket`: what was inherited by mistake, too.
pub(super) fn close_others(socket: BorrowedFd<'_>) -> Result<(), NotConfined> {
    let null = open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| NotConfined::System("opening /dev/null", error))?;
    dup2_stdin(&null)
        .and_then(|()| dup2_stdout(&null))
        .and_then(|()| dup2_stderr(&null))
        .map_err(|error| NotConfined::System("replacing the standard streams", error))?;
    drop(null);
    let socket = c_uint::try_from(socket.as_raw_fd()).map_err(|_| NotConfined::Socket("it has no number"))?;
    if socket > FIRST {
        close(FIRST, socket - 1)?;
    }
    close(socket + 1, c_uint::MAX)
}

/// Closes everything but the standard streams. Called at the beginning of a program, before it has opened anything:
/// what is open then was left to it by mistake.
///
/// # Errors
/// When the system is older than Linux 5.9.
pub fn close_inherited() -> Result<(), NotConfined> {
    close(FIRST, c_uint::MAX)
}

fn close(first: c_uint, last: c_uint) -> Result<(), NotConfined> {
    // SAFETY: no memory is touched. Whoever calls `confine` was told to use no descriptor but the socket
    // afterwards; one that is used all the same is not open, and the filter kills whoever would open another
    // one under its number, except for those that arrive through the socket. `close_inherited` is called when
    // nothing was opened yet.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    if result == 0 {
        return Ok(());
    }
    let error = Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::INVAL);
    Err(NotConfined::System("closing inherited descriptors; Linux 5.9 is needed", error))
}
