//! Reads the filters of system calls out of a running process: what the kernel enforces, not what we meant.

#![expect(unsafe_code, reason = "no safe interface has this request of ptrace")]

use std::io;
use std::ptr;

use nix::sys::ptrace::{Options, detach, interrupt, seize};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

/// `PTRACE_SECCOMP_GET_FILTER` of `linux/ptrace.h`; Linux 4.4 with `CONFIG_CHECKPOINT_RESTORE`.
const GET_FILTER: libc::c_uint = 0x420c;
/// Most instructions of a filter (`BPF_MAXINSNS` of `linux/bpf_common.h`).
const MOST_INSTRUCTIONS: usize = 4096;
/// Most filters of a process that are read.
const MOST_FILTERS: usize = 64;

/// An instruction of a filter (`struct sock_filter` of `linux/filter.h`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    /// What it does.
    pub code: u16,
    /// How many instructions to skip when its test is met.
    pub met: u8,
    /// How many to skip when it is not.
    pub unmet: u8,
    /// A constant.
    pub constant: u32,
}

/// The filters of a running process, the one that was loaded last first. It is stopped meanwhile and goes on.
///
/// # Errors
/// `EPERM` or `EACCES` for who is not root, `EIO` where the kernel cannot do it.
pub fn filters_of(process: i32) -> io::Result<Vec<Vec<Instruction>>> {
    let pid = Pid::from_raw(process);
    seize(pid, Options::empty())?;
    let filters = interrupt(pid).and_then(|()| waitpid(pid, None)).map_err(io::Error::from).and_then(|_| {
        let mut filters = Vec::new();
        while filters.len() < MOST_FILTERS {
            match filter(process, filters.len())? {
                Some(filter) => filters.push(filter),
                None => return Ok(filters),
            }
        }
        Err(io::Error::other("the process has too many filters"))
    });
    detach(pid, None)?;
    filters
}

/// One filter by its place, if there is one.
fn filter(process: i32, place: usize) -> io::Result<Option<Vec<Instruction>>> {
    // SAFETY: without a place to write to, the kernel only counts the instructions.
    let count = unsafe { libc::ptrace(GET_FILTER, process, place, ptr::null_mut::<Instruction>()) };
    if count < 0 {
        let error = io::Error::last_os_error();
        return if error.raw_os_error() == Some(libc::ENOENT) { Ok(None) } else { Err(error) };
    }
    let count = usize::try_from(count).unwrap_or(0);
    // A filter cannot change once it is loaded, and the process is stopped.
    if count == 0 || count > MOST_INSTRUCTIONS {
        return Err(io::Error::other("a filter has an impossible length"));
    }
    let mut filter = vec![Instruction::default(); count];
    // SAFETY: the kernel writes the `count` instructions that it just counted, each laid out as `Instruction`.
    let written = unsafe { libc::ptrace(GET_FILTER, process, place, filter.as_mut_ptr()) };
    if usize::try_from(written) == Ok(count) { Ok(Some(filter)) } else { Err(io::Error::last_os_error()) }
}
