//! The filter of system calls: a short list is left, and any other call kills the process.

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, BorrowedFd};

use libc::c_int;
use nix::sys::personality::{self, Persona};
use rustix::io::Errno;
use rustix::process::getpid;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter_all_threads,
};

use super::NotConfined;

/// What may be asked of memory: to be read and written, never to be executed.
const DATA: u64 = (libc::PROT_READ | libc::PROT_WRITE) as u64;
const ANONYMOUS: u64 = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as u64;

/// Filters system calls, for ever.
pub(super) fn filter(socket: BorrowedFd<'_>) -> Result<(), NotConfined> {
    forbid_implied_execution()?;
    let socket = number(socket.as_raw_fd())?;
    let me = number(getpid().as_raw_nonzero().get())?;
    // Both hold, and the stricter answer wins: the first turns what the second lets through into an error.
    load(refused()?, SeccompAction::Allow, SeccompAction::Errno(libc::EBADF as u32))?;
    load(allowed(socket, me)?, SeccompAction::KillProcess, SeccompAction::Allow)
}

pub(super) fn forbid_implied_execution() -> Result<(), NotConfined> {
    // A process with this flag can execute whatever it can read, and the filter would not see it.
    let persona = personality::get()
        .and_then(|persona| personality::set(persona - Persona::READ_IMPLIES_EXEC))
        .and_then(|_| personality::get())
        .map_err(|error| {
            NotConfined::System("asking for the personality", Errno::from_raw_os_error(error as i32))
        })?;
    if persona.contains(Persona::READ_IMPLIES_EXEC) {
        return Err(NotConfined::Kept("the right to execute what can be read"));
    }
    Ok(())
}

pub(super) type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Calls that fail instead of killing. Before a process aborts for want of memory, for an overflow of the stack
/// or for a panic, the standard library writes a sentence to descriptor 2. It is not written; but the process
/// shall die of the cause, by SIGABRT, and not seem to have broken out.
fn refused() -> Result<Rules, NotConfined> {
    Ok(Rules::from([(libc::SYS_write, Vec::new())]))
}

/// The calls that are left, each with the arguments it may have. Several rules are alternatives.
fn allowed(socket: u64, me: u64) -> Result<Rules, NotConfined> {
    let mut rules = Rules::from([
        // The only way in and the only way out.
        (
            libc::SYS_recvmsg,
            vec![rule([int(0, socket)?, bits_of_int(2, libc::MSG_CMSG_CLOEXEC | libc::MSG_DONTWAIT)?])?],
        ),
        (
            libc::SYS_sendmsg,
            vec![rule([int(0, socket)?, bits_of_int(2, libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT)?])?],
        ),
        // What arrived: read at a place, and closed. Nothing else ever gets the numbers 0 to 2.
        (libc::SYS_pread64, Vec::new()),
        (libc::SYS_close, vec![rule([compare(0, SeccompCmpOp::Gt, 2)?])?]),
        // Memory: anonymous, private, never executable.
        (libc::SYS_mmap, vec![rule([bits(2, DATA)?, with_bits(3, ANONYMOUS, libc::MAP_NORESERVE as u64)?])?]),
        (libc::SYS_mremap, vec![rule([bits(3, libc::MREMAP_MAYMOVE as u64)?])?]),
        (libc::SYS_munmap, Vec::new()),
        (libc::SYS_madvise, vec![rule([int(2, libc::MADV_DONTNEED as u64)?])?]),
        (libc::SYS_brk, Vec::new()),
        // Keys of hash tables, and deadlines where the kernel does not lend its clock.
        (libc::SYS_getrandom, Vec::new()),
        (
            libc::SYS_clock_gettime,
            vec![
                rule([int(0, libc::CLOCK_MONOTONIC as u64)?])?,
                rule([int(0, libc::CLOCK_REALTIME as u64)?])?,
            ],
        ),
        // Unwinding after a panic is prepared once, and whoever might wait for that is woken.
        (libc::SYS_futex, vec![rule([int(1, (libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG) as u64)?])?]),
        // The end, by itself or by a fault.
        (libc::SYS_write, vec![rule([int(0, libc::STDERR_FILENO as u64)?])?]),
        (libc::SYS_getpid, Vec::new()),
        (libc::SYS_gettid, Vec::new()),
        (libc::SYS_tgkill, vec![rule([int(0, me)?, int(1, me)?, int(2, libc::SIGABRT as u64)?])?]),
        (libc::SYS_rt_sigprocmask, Vec::new()),
        (
            libc::SYS_rt_sigaction,
            vec![rule([int(0, libc::SIGSEGV as u64)?])?, rule([int(0, libc::SIGBUS as u64)?])?],
        ),
        (libc::SYS_rt_sigreturn, Vec::new()),
        (libc::SYS_sigaltstack, Vec::new()),
        (libc::SYS_exit, Vec::new()),
        (libc::SYS_exit_group, Vec::new()),
    ]);
    // Only then does the standard library ask whether a descriptor is open before it closes it.
    if cfg!(debug_assertions) {
        rules.insert(libc::SYS_fcntl, vec![rule([int(1, libc::F_GETFD as u64)?])?]);
    }
    Ok(rules)
}

/// Loads a filter; a call of another architecture kills the process whatever the rules are.
pub(super) fn load(
    rules: Rules,
    otherwise: SeccompAction,
    matching: SeccompAction,
) -> Result<(), NotConfined> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH).map_err(|error| broken(&error))?;
    let filter =
        SeccompFilter::new(rules, otherwise, matching, architecture).map_err(|error| broken(&error))?;
    let program = BpfProgram::try_from(filter).map_err(|error| broken(&error))?;
    apply_filter_all_threads(&program).map_err(|error| broken(&error))
}

fn broken(error: &dyn std::error::Error) -> NotConfined {
    NotConfined::Filter(error.to_string())
}

pub(super) fn rule<const N: usize>(conditions: [SeccompCondition; N]) -> Result<SeccompRule, NotConfined> {
    SeccompRule::new(conditions.into()).map_err(|error| broken(&error))
}

/// An argument of type `int`, of which the kernel looks at 32 bits, is `value`.
pub(super) fn int(argument: u8, value: u64) -> Result<SeccompCondition, NotConfined> {
    compare(argument, SeccompCmpOp::Eq, value)
}

pub(super) fn compare(argument: u8, how: SeccompCmpOp, value: u64) -> Result<SeccompCondition, NotConfined> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, how, value).map_err(|error| broken(&error))
}

/// An argument of type `int` has no bits but these.
pub(super) fn bits_of_int(argument: u8, bits: c_int) -> Result<SeccompCondition, NotConfined> {
    compare(argument, SeccompCmpOp::MaskedEq(u64::from(!(bits as u32))), 0)
}

/// An argument of 64 bits has no bits but these.
pub(super) fn bits(argument: u8, bits: u64) -> Result<SeccompCondition, NotConfined> {
    with_bits(argument, 0, bits)
}

/// An argument of 64 bits has all of these bits, and no others but optional ones.
fn with_bits(argument: u8, all: u64, optional: u64) -> Result<SeccompCondition, NotConfined> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(!optional), all)
        .map_err(|error| broken(&error))
}

pub(super) fn number(value: c_int) -> Result<u64, NotConfined> {
    u64::try_from(value).map_err(|_| NotConfined::Filter("a number is negative".to_owned()))
}
