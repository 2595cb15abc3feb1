//! Takes everything from a process but one socket: called by a worker before it reads a hostile byte.
//!
//! Each mechanism is a file. They overlap on purpose: what one of them misses, or what a kernel lacks, another
//! one refuses. The last one, the filter of system calls, alone leaves nothing that reaches a file, a network
//! or another process; the others hold should the filter, or the kernel's handling of it, have a hole.

mod descriptors;
mod error;
mod fetching;
mod identity;
mod landlock;
mod limits;
mod missing;
mod namespaces;
mod syscalls;

use std::fs;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, sockopt};

use landlock::Instead;

pub use descriptors::close_inherited;
pub use error::NotConfined;
pub use fetching::{Fetching, confine_fetcher};
pub use identity::NOBODY;
pub use limits::STACK;
pub use missing::Missing;

/// What a process keeps.
#[derive(Clone, Copy, Debug)]
pub struct Confinement<'s> {
    /// The only descriptor that stays open, besides 0 to 2, which become `/dev/null`. A connected Unix socket
    /// that carries packets or a stream; not a datagram socket, through which anybody could be addressed.
    pub socket: BorrowedFd<'s>,
    /// The user and the group to become when the process was started as root; of no effect otherwise.
    pub user: Option<(u32, u32)>,
    /// Most bytes of private memory, those included that the process has already. Mapped files do not count.
    pub memory: u64,
    /// Time on the processor, rounded up to seconds, from the start of the process until it is killed.
    pub processor_time: Duration,
    /// The lowest number that no descriptor may have; the socket's must be below it.
    pub descriptors: u32,
}

/// A way of taking something from a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// Closes what was inherited.
    Descriptors,
    /// Bounds memory, time and numbers.
    Limits,
    /// An empty network, an empty root folder, no other process's shared memory.
    Namespaces,
    /// An ordinary user without groups and capabilities, which can gain none.
    Identity,
    /// Every right of files, ports, signals and abstract sockets that the kernel knows is denied.
    Landlock,
    /// All but a few system calls end the process.
    Syscalls,
}

impl Mechanism {
    /// All of them, in the order in which they are applied.
    pub const ALL: [Self; 6] =
        [Self::Descriptors, Self::Limits, Self::Namespaces, Self::Identity, Self::Landlock, Self::Syscalls];

    /// Its name on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Descriptors => "descriptors",
            Self::Limits => "limits",
            Self::Namespaces => "namespaces",
            Self::Identity => "identity",
            Self::Landlock => "landlock",
            Self::Syscalls => "syscalls",
        }
    }
}

/// Confines this process, for ever. It must have one thread and must use no descriptor but the socket
/// afterwards: all others are closed.
///
/// Afterwards these system calls are left, most of them for few arguments: `recvmsg` and `sendmsg` on the
/// socket, `pread64`, `close`, `mmap` and `mremap` of memory that cannot be executed, `munmap`, `madvise`, `brk`,
/// `getrandom`, `clock_gettime`, and what ends a process. Any other one kills it with SIGSYS.
///
/// Returns what this system lacks. That is never the filter of system calls.
///
/// # Errors
/// When something is refused that every system has. The process must end then; it is half confined.
pub fn confine(confinement: &Confinement<'_>) -> Result<Missing, NotConfined> {
    confine_partly(confinement, &Mechanism::ALL)
}

/// As [`confine`], with some mechanisms only: to show that each one holds without the others. Nothing that reads
/// hostile bytes may call this, which a test of this repository sees to.
///
/// # Errors
/// Those of [`confine`].
pub fn confine_partly(
    confinement: &Confinement<'_>,
    mechanisms: &[Mechanism],
) -> Result<Missing, NotConfined> {
    check_socket(confinement)?;
    check_threads()?;
    let next = identity::next(confinement.user)?;
    let mut missing = Missing::default();
    for mechanism in Mechanism::ALL.into_iter().filter(|mechanism| mechanisms.contains(mechanism)) {
        match mechanism {
            Mechanism::Descriptors => descriptors::close_others(confinement.socket)?,
            Mechanism::Limits => limits::lower(confinement)?,
            Mechanism::Namespaces => namespaces::leave(&mut missing),
            Mechanism::Identity => identity::give_up(next, &mut missing)?,
            Mechanism::Landlock => {
                let empty = mechanisms.contains(&Mechanism::Namespaces) && missing.is_empty();
                let instead = if empty { Instead::Namespaces } else { Instead::Filter };
                landlock::deny(instead, &mut missing)?;
            }
            Mechanism::Syscalls => syscalls::filter(confinement.socket)?,
        }
    }
    Ok(missing)
}

fn check_socket(confinement: &Confinement<'_>) -> Result<(), NotConfined> {
    let socket = confinement.socket;
    let number = u32::try_from(socket.as_raw_fd()).unwrap_or(0);
    if number <= 2 || number >= confinement.descriptors {
        return Err(NotConfined::Socket("its number is that of a standard stream or beyond the limit"));
    }
    if sockopt::socket_domain(socket)
        .map_err(|error| NotConfined::System("asking for the socket's kind", error))?
        != AddressFamily::UNIX
    {
        return Err(NotConfined::Socket("it is no Unix socket"));
    }
    // `sendmsg` on a datagram socket takes the address of any other one.
    match sockopt::socket_type(socket)
        .map_err(|error| NotConfined::System("asking for the socket's kind", error))?
    {
        SocketType::SEQPACKET | SocketType::STREAM => Ok(()),
        _ => Err(NotConfined::Socket("it is neither a stream nor carries packets")),
    }
}

/// Several mechanisms bind the calling thread only, so there must be no other one.
fn check_threads() -> Result<(), NotConfined> {
    // Without /proc nobody can be asked; the filter at least is put onto all threads.
    let threads = fs::read_dir("/proc/self/task").map_or(1, |tasks| tasks.take(2).count());
    if threads > 1 { Err(NotConfined::Threads) } else { Ok(()) }
}
