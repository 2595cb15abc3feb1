//! Attempts by the calls that x86 has in addition: old ones, and those of programs of 32 bits and of x32.

use candor_jail::Mechanism::{Landlock, Namespaces};

use super::attempt::Argument::{self, Absent, Content, Number, Socket, Space, Text};
use super::attempt::{Attempt, named};
use super::call::call_of_32_bits;

const NONE: Argument = Number(0);
/// The bit by which calls of x32 differ, as long as the kernel has them.
const X32: i64 = 0x4000_0000;

const fn old(
    call: (&'static str, std::ffi::c_long),
    what: &'static str,
    arguments: &'static [Argument],
) -> Attempt {
    Attempt::call("old ways", call, what, arguments)
}

pub(super) const ATTEMPTS: &[Attempt] = &[
    old(named!(SYS_open), "read a file", &[Content, NONE]).alone(&[Namespaces, Landlock]),
    old(named!(SYS_creat), "make a file", &[Absent, Number(0o666)]).alone(&[Namespaces, Landlock]),
    old(named!(SYS_stat), "ask whether a file is there", &[Content, Space]).alone(&[Namespaces]),
    old(named!(SYS_lstat), "ask whether a file is there", &[Content, Space]).alone(&[Namespaces]),
    old(named!(SYS_access), "ask whether a file may be read", &[Content, Number(4)]).alone(&[Namespaces]),
    old(named!(SYS_readlink), "read where a link points", &[Text(c"/proc/self/exe"), Space, Number(4096)])
        .alone(&[Namespaces]),
    old(named!(SYS_unlink), "delete a file", &[Content]).alone(&[Namespaces, Landlock]),
    old(named!(SYS_rename), "rename a file", &[Content, Absent]).alone(&[Namespaces, Landlock]),
    old(named!(SYS_link), "give a file a second name", &[Content, Absent]).alone(&[Namespaces, Landlock]),
    old(named!(SYS_symlink), "make a link", &[Text(c"/etc"), Absent]).alone(&[Namespaces, Landlock]),
    old(named!(SYS_mkdir), "make a folder", &[Absent, Number(0o777)]).alone(&[Namespaces, Landlock]),
    old(named!(SYS_rmdir), "delete a folder", &[Absent]),
    old(named!(SYS_mknod), "make a pipe with a name", &[Absent, Number(0o10_666), NONE])
        .alone(&[Namespaces, Landlock]),
    old(named!(SYS_chmod), "change who may read a file", &[Content, Number(0o777)]).alone(&[Namespaces]),
    old(named!(SYS_chown), "change the owner of a file", &[Content, Number(1), Number(1)]),
    old(named!(SYS_fork), "start a process", &[]),
    old(named!(SYS_vfork), "start a process", &[]),
    old(named!(SYS_dup2), "put another descriptor into the place of its socket", &[NONE, Socket]),
    old(named!(SYS_pipe), "make a pipe", &[Space]).real(),
    old(named!(SYS_poll), "wait for descriptors", &[NONE, NONE, NONE]).real(),
    old(named!(SYS_select), "wait for descriptors", &[NONE, NONE, NONE, NONE, Space]).real(),
    old(named!(SYS_epoll_create), "wait for many descriptors", &[Number(1)]).real(),
    old(named!(SYS_inotify_init), "watch files", &[]).real(),
    old(named!(SYS_signalfd), "receive signals as bytes", &[Number(-1), Space, Number(8)]).real(),
    old(named!(SYS_eventfd), "make a counter", &[NONE]).real(),
    old(named!(SYS_alarm), "be woken", &[NONE]).real(),
    old(named!(SYS_pause), "wait for signals", &[]),
    old(named!(SYS_time), "ask for the time", &[NONE]).real(),
    old(named!(SYS_gettimeofday), "ask for the time", &[Space, NONE]).real(),
    old(named!(SYS_getrlimit), "ask for a limit", &[Number(7), Space]).real(),
    old(named!(SYS_setrlimit), "raise a limit", &[Number(7), Space]),
    old(named!(SYS_getpgrp), "ask for the group", &[]).real(),
    old(named!(SYS_arch_prctl), "move the base of memory", &[Number(0x1001), NONE]).real(),
    old(named!(SYS_modify_ldt), "make a segment", &[Number(1), Space, Number(16)]),
    old(named!(SYS_ioperm), "use the ports of devices", &[NONE, Number(1), Number(1)]),
    old(named!(SYS_iopl), "use all ports of devices", &[Number(3)]),
    old(named!(SYS_uselib), "map a library", &[Content]),
    old(named!(SYS_ustat), "ask for a file system", &[NONE, Space]),
    old(named!(SYS__sysctl), "change the kernel's settings", &[Space]),
    old(
        ("x32 openat", X32 | libc::SYS_openat),
        "read a file as a program of x32",
        &[Number(libc::AT_FDCWD as i64), Content, NONE],
    ),
    old(
        ("x32 mmap", X32 | libc::SYS_mmap),
        "take memory as a program of x32",
        &[NONE, Number(4096), Number(7), Number(0x22)],
    ),
    old(("x32 getpid", X32 | libc::SYS_getpid), "do a permitted call as a program of x32", &[]),
    old(("x32 execve", X32 | 520), "become another program as one of x32", &[Text(c"/bin/true"), NONE, NONE]),
    old(("x32 sendmsg", X32 | 518), "send as a program of x32", &[Socket, Space, NONE]),
    // Numbers only: pointers of 64 bits do not fit.
    Attempt::own("old ways", "int 0x80: socket", "make a socket as a program of 32 bits", |_| {
        call_of_32_bits(359, [libc::AF_INET as u32, libc::SOCK_STREAM as u32, 0])
    })
    .or_fault()
    .real(),
    Attempt::own("old ways", "int 0x80: getpid", "do a permitted call as a program of 32 bits", |_| {
        call_of_32_bits(20, [0; 3])
    })
    .or_fault()
    .real(),
    // The number that is `exit` there is `write` here: the filter must look at the architecture first.
    Attempt::own("old ways", "int 0x80: dup", "copy a descriptor as a program of 32 bits", |ground| {
        call_of_32_bits(41, [ground.value(Socket) as u32, 0, 0])
    })
    .or_fault()
    .real(),
];
