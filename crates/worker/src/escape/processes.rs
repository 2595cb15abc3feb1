//! Attempts to start processes and to reach others: their memory, their descriptors, their fate.

use candor_jail::Mechanism::Landlock;

use super::attempt::Argument::{self, File, Me, Number, Parent, Space, Text};
use super::attempt::{Attempt, named};
use super::call::call;

const NONE: Argument = Number(0);
const KILL: Argument = Number(libc::SIGKILL as i64);

const fn processes(
    call: (&'static str, std::ffi::c_long),
    what: &'static str,
    arguments: &'static [Argument],
) -> Attempt {
    Attempt::call("processes", call, what, arguments)
}

pub(super) const ATTEMPTS: &[Attempt] = &[
    // More processes.
    Attempt::own("processes", "clone", "start a process", |_| {
        let child = call(libc::SYS_clone, [libc::SIGCHLD as usize, 0, 0, 0, 0, 0])?;
        if child == 0 {
            call(libc::SYS_exit_group, [0; 6])?;
        }
        Ok(child)
    })
    .real(),
    processes(
        named!(SYS_clone),
        "start a thread",
        &[Number((libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND) as i64)],
    ),
    processes(
        named!(SYS_clone),
        "start a process in namespaces of its own",
        &[Number((libc::CLONE_NEWUSER | libc::CLONE_NEWNET) as i64)],
    ),
    processes(named!(SYS_clone3), "start a process", &[Space, Number(64)]),
    processes(named!(SYS_execve), "become another program", &[Text(c"/bin/true"), NONE, NONE]),
    processes(named!(SYS_execve), "become a shell", &[Text(c"/bin/sh"), NONE, NONE]),
    processes(
        named!(SYS_execveat),
        "become a file that was sent",
        &[File, Text(c""), NONE, NONE, Number(libc::AT_EMPTY_PATH as i64)],
    ),
    // Memory and descriptors of others.
    processes(named!(SYS_ptrace), "trace the parent", &[Number(16), Parent, NONE, NONE]),
    processes(named!(SYS_ptrace), "seize the parent", &[Number(0x4206), Parent, NONE, NONE]),
    processes(named!(SYS_ptrace), "be traced", &[NONE, NONE, NONE, NONE]).real(),
    processes(
        named!(SYS_process_vm_readv),
        "read the parent's memory",
        &[Parent, Space, Number(1), Space, Number(1), NONE],
    ),
    processes(
        named!(SYS_process_vm_writev),
        "write the parent's memory",
        &[Parent, Space, Number(1), Space, Number(1), NONE],
    ),
    processes(named!(SYS_pidfd_open), "hold the parent", &[Parent, NONE]).real(),
    processes(named!(SYS_pidfd_getfd), "take a descriptor of the parent", &[File, NONE, NONE]),
    processes(named!(SYS_pidfd_send_signal), "signal to who is held", &[File, NONE, NONE, NONE]),
    processes(named!(SYS_kcmp), "compare itself with the parent", &[Parent, Me, NONE, NONE, NONE]),
    processes(named!(SYS_process_mrelease), "have the memory of a dead one dropped", &[File, NONE]),
    processes(
        named!(SYS_move_pages),
        "ask where the parent's memory is",
        &[Parent, NONE, NONE, NONE, Space, NONE],
    ),
    processes(named!(SYS_migrate_pages), "move the parent's memory", &[Parent, NONE, Space, Space]),
    processes(named!(SYS_get_robust_list), "ask for the parent's locks", &[Parent, Space, Space]),
    // The fate of others.
    processes(named!(SYS_kill), "ask whether the parent can be signalled", &[Parent, NONE])
        .alone(&[Landlock]),
    processes(named!(SYS_kill), "kill process 2147483647", &[Number(0x7fff_ffff), KILL]),
    processes(named!(SYS_tkill), "ask whether the parent can be signalled", &[Parent, NONE])
        .alone(&[Landlock]),
    processes(named!(SYS_tgkill), "ask whether the parent can be signalled", &[Parent, Parent, NONE])
        .alone(&[Landlock]),
    processes(named!(SYS_tgkill), "abort the parent", &[Parent, Parent, Number(libc::SIGABRT as i64)]),
    processes(named!(SYS_tgkill), "signal to itself", &[Me, Me, Number(libc::SIGCONT as i64)]).real(),
    processes(named!(SYS_rt_sigqueueinfo), "signal with a value", &[Parent, NONE, Space]),
    processes(named!(SYS_rt_tgsigqueueinfo), "signal with a value", &[Parent, Parent, NONE, Space]),
    processes(named!(SYS_wait4), "wait for children", &[Number(-1), NONE, Number(1), NONE]),
    processes(named!(SYS_waitid), "wait for children", &[NONE, NONE, NONE, Number(5), NONE]),
    processes(named!(SYS_prlimit64), "ask for the parent's limits", &[Parent, Number(7), NONE, Space]).real(),
    processes(named!(SYS_setpriority), "be served later", &[NONE, NONE, Number(19)]).real(),
    processes(named!(SYS_getpriority), "ask how the parent is served", &[NONE, Parent]).real(),
    processes(named!(SYS_sched_setaffinity), "choose processors", &[NONE, Number(128), Space]),
    processes(named!(SYS_sched_getaffinity), "ask for processors", &[NONE, Number(128), Space]).real(),
    processes(named!(SYS_sched_setscheduler), "be served first", &[NONE, Number(1), Space]),
    processes(named!(SYS_sched_setattr), "be served first", &[NONE, Space, NONE]),
    processes(named!(SYS_sched_getattr), "ask how the parent is served", &[Parent, Space, Number(48), NONE])
        .real(),
    processes(named!(SYS_ioprio_set), "have the disk served first", &[Number(1), Me, Number(4)]),
    processes(named!(SYS_setsid), "leave the session", &[]),
    processes(named!(SYS_setpgid), "leave the group", &[NONE, NONE]).real(),
    processes(named!(SYS_getsid), "ask for the parent's session", &[Parent]).real(),
    processes(named!(SYS_getppid), "ask who the parent is", &[]).real(),
    processes(named!(SYS_set_tid_address), "be told of the end of a thread", &[Space]).real(),
    processes(named!(SYS_set_robust_list), "have locks broken at the end", &[Space, Number(24)]).real(),
    processes(named!(SYS_rseq), "register for restarts", &[Space, Number(32), NONE, NONE]),
    processes(named!(SYS_membarrier), "interrupt all processors", &[Number(1), NONE, NONE]),
    processes(named!(SYS_sched_yield), "wait for others", &[]).real(),
    processes(named!(SYS_futex), "wake who waits for memory", &[Space, Number(1), Number(1)]).real(),
    processes(("futex_waitv", 449), "wait for several places of memory", &[Space, NONE, NONE, NONE, NONE]),
    processes(named!(SYS_ppoll), "wait for descriptors", &[NONE, NONE, Space, NONE, NONE]).real(),
    processes(named!(SYS_pselect6), "wait for descriptors", &[NONE, NONE, NONE, NONE, Space, NONE]).real(),
    processes(named!(SYS_epoll_create1), "wait for many descriptors", &[NONE]).real(),
    processes(named!(SYS_eventfd2), "make a counter", &[NONE, NONE]).real(),
    processes(named!(SYS_signalfd4), "receive signals as bytes", &[Number(-1), Space, Number(8), NONE])
        .real(),
    processes(named!(SYS_timerfd_create), "make a clock", &[Number(1), NONE]).real(),
    processes(named!(SYS_timer_create), "make a timer", &[Number(1), NONE, Space]),
    processes(named!(SYS_setitimer), "be woken", &[NONE, Space, NONE]).real(),
    processes(named!(SYS_nanosleep), "sleep", &[Space, NONE]).real(),
    processes(named!(SYS_clock_nanosleep), "sleep", &[Number(1), NONE, Space, NONE]).real(),
    processes(
        named!(SYS_rt_sigaction),
        "catch the signal of a refused call",
        &[Number(libc::SIGSYS as i64), NONE, NONE, Number(8)],
    )
    .real(),
    processes(named!(SYS_rt_sigsuspend), "wait for signals", &[Space, NONE]),
    processes(named!(SYS_rt_sigtimedwait), "wait for signals", &[Space, NONE, Space, Number(8)]),
    processes(named!(SYS_rt_sigpending), "ask for signals", &[Space, Number(8)]).real(),
    processes(named!(SYS_restart_syscall), "go on with an interrupted call", &[]),
];
