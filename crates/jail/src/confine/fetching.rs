//! Confines a program that fetches: a network to some ports, one folder to write to, and nothing to start.
//!
//! It is no worker: it resolves names, so the standard library starts threads and the C library reads the files of
//! the resolver and may load parts of itself. What it can never do is start a program or a process, listen, look
//! into another process, or write anywhere else.

use std::os::fd::BorrowedFd;

use libc::{c_int, c_long};
use rustix::process::{Resource, getpid};
use seccompiler::{SeccompAction, SeccompCmpOp, SeccompCondition};

use super::landlock::{Allowed, deny_all_but};
use super::syscalls::{Rules, bits, compare, forbid_implied_execution, int, load, number, rule};
use super::{Missing, NotConfined, check_threads, identity, limits};

/// Most bytes of private memory: certificates, buffers, the stacks of a few threads.
const MEMORY: u64 = 512 << 20;
/// Most descriptors.
const DESCRIPTORS: u64 = 64;

/// What a program keeps that fetches.
#[derive(Clone, Copy, Debug)]
pub struct Fetching<'f> {
    /// The user and the group to become when the process was started as root; of no effect otherwise.
    pub user: (u32, u32),
    /// The folder in which files and folders may be made, read, changed and removed.
    pub folder: BorrowedFd<'f>,
    /// Files and folders that may be read.
    pub readable: &'f [BorrowedFd<'f>],
    /// TCP ports that may be connected to. Without any there is no network at all.
    pub ports: &'f [u16],
}

/// Confines this process, for ever. It must have one thread; those that it starts later are confined as well.
///
/// To start a program or a process, or to trace one, ends it with SIGSYS. Any other system call that fetching does
/// not need fails.
///
/// Returns what this system lacks. That is never the filter of system calls.
///
/// # Errors
/// When something is refused that every system has. The process must end then; it is half confined.
pub fn confine_fetcher(fetching: &Fetching<'_>) -> Result<Missing, NotConfined> {
    check_threads()?;
    let mut missing = Missing::default();
    let next = identity::next(Some(fetching.user))?;
    limits::set(Resource::Core, 0, 0)?;
    limits::set(Resource::Data, MEMORY, MEMORY)?;
    limits::set(Resource::Nofile, DESCRIPTORS, DESCRIPTORS)?;
    identity::give_up(next, &mut missing)?;
    let folder = [fetching.folder];
    let allowed = Allowed { writable: &folder, readable: fetching.readable, ports: fetching.ports };
    deny_all_but(&allowed, &mut missing)?;
    forbid_implied_execution()?;
    load(deadly()?, SeccompAction::Allow, SeccompAction::KillProcess)?;
    // The C library tries this one first and then `clone`, whose flags a filter can see. It is in the list of what is
    // left as well: of two errors the one of the filter that was loaded last would be taken.
    load(
        Rules::from([(libc::SYS_clone3, Vec::new())]),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::ENOSYS as u32),
    )?;
    let mut left = harmless()?;
    if !fetching.ports.is_empty() {
        left.extend(of_networks()?);
    }
    load(left, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow)?;
    Ok(missing)
}

/// Calls that nobody makes by mistake who fetches.
fn deadly() -> Result<Rules, NotConfined> {
    let always = [
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_getfd,
        libc::SYS_listen,
        libc::SYS_accept,
        libc::SYS_accept4,
        libc::SYS_bpf,
        libc::SYS_io_uring_setup,
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_mount,
        libc::SYS_memfd_create,
        libc::SYS_init_module,
        libc::SYS_finit_module,
    ];
    let mut rules: Rules = always.into_iter().map(|call| (call, Vec::new())).collect();
    #[cfg(target_arch = "x86_64")]
    rules.extend([libc::SYS_fork, libc::SYS_vfork].map(|call| (call, Vec::new())));
    // A process and not a thread.
    rules.insert(libc::SYS_clone, vec![rule([without(0, libc::CLONE_THREAD)?])?]);
    Ok(rules)
}

/// Calls that files, memory, threads and the end need.
fn harmless() -> Result<Rules, NotConfined> {
    let me = number(getpid().as_raw_nonzero().get())?;
    let mut rules = any_arguments(&[
        // Files: Landlock says which.
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_pread64,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_close,
        libc::SYS_openat,
        libc::SYS_openat2,
        libc::SYS_newfstatat,
        libc::SYS_fstat,
        libc::SYS_statx,
        libc::SYS_lseek,
        libc::SYS_getdents64,
        libc::SYS_unlinkat,
        libc::SYS_renameat,
        libc::SYS_renameat2,
        libc::SYS_mkdirat,
        libc::SYS_fdatasync,
        libc::SYS_fsync,
        libc::SYS_fstatfs,
        libc::SYS_faccessat,
        libc::SYS_faccessat2,
        libc::SYS_readlinkat,
        libc::SYS_fcntl,
        libc::SYS_getcwd,
        // Memory.
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_brk,
        // Threads, time, chance.
        libc::SYS_futex,
        libc::SYS_clone,
        libc::SYS_clone3,
        libc::SYS_set_robust_list,
        libc::SYS_rseq,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_sched_getaffinity,
        libc::SYS_sched_yield,
        libc::SYS_restart_syscall,
        libc::SYS_getrandom,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_nanosleep,
        libc::SYS_gettimeofday,
        libc::SYS_ppoll,
        // Who one is.
        libc::SYS_uname,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_getuid,
        libc::SYS_geteuid,
        libc::SYS_getgid,
        libc::SYS_getegid,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ]);
    #[cfg(target_arch = "x86_64")]
    rules.extend(any_arguments(&[
        libc::SYS_open,
        libc::SYS_stat,
        libc::SYS_lstat,
        libc::SYS_access,
        libc::SYS_readlink,
        libc::SYS_rename,
        libc::SYS_unlink,
        libc::SYS_mkdir,
        libc::SYS_poll,
        libc::SYS_time,
    ]));
    // Parts of the C library are mapped to be executed; what can be written never is.
    rules.insert(
        libc::SYS_mmap,
        vec![rule([without(2, libc::PROT_EXEC)?])?, rule([without(2, libc::PROT_WRITE)?])?],
    );
    rules.insert(libc::SYS_mprotect, vec![rule([without(2, libc::PROT_EXEC)?])?]);
    // How wide the terminal is, how much there is to read, and whether to wait for it.
    let requests = [libc::TCGETS, libc::TIOCGWINSZ, libc::FIONREAD, libc::FIONBIO];
    let requests = requests.map(|request| rule([int(1, request)?]));
    rules.insert(libc::SYS_ioctl, requests.into_iter().collect::<Result<_, NotConfined>>()?);
    rules.insert(libc::SYS_prctl, vec![rule([int(0, libc::PR_SET_NAME as u64)?])?]);
    // Limits are asked for and not changed.
    rules.insert(libc::SYS_prlimit64, vec![rule([bits(2, 0)?])?]);
    rules.insert(libc::SYS_tgkill, vec![rule([int(0, me)?])?]);
    Ok(rules)
}

/// Calls of somebody who connects to others.
fn of_networks() -> Result<Rules, NotConfined> {
    let mut rules = any_arguments(&[
        libc::SYS_connect,
        libc::SYS_sendto,
        libc::SYS_sendmsg,
        libc::SYS_sendmmsg,
        libc::SYS_recvfrom,
        libc::SYS_recvmsg,
        libc::SYS_setsockopt,
        libc::SYS_getsockopt,
        libc::SYS_getsockname,
        libc::SYS_getpeername,
        libc::SYS_shutdown,
    ]);
    // Raw sockets need a capability that is gone. Unix sockets are how some resolvers are asked.
    let families = [libc::AF_INET, libc::AF_INET6, libc::AF_UNIX];
    let families = families.map(|family| rule([int(0, family as u64)?]));
    rules.insert(libc::SYS_socket, families.into_iter().collect::<Result<_, NotConfined>>()?);
    Ok(rules)
}

/// An argument of type `int` has none of these bits.
fn without(argument: u8, bits: c_int) -> Result<SeccompCondition, NotConfined> {
    compare(argument, SeccompCmpOp::MaskedEq(u64::from(bits as u32)), 0)
}

fn any_arguments(calls: &[c_long]) -> Rules {
    calls.iter().map(|call| (*call, Vec::new())).collect()
}
