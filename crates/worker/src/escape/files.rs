//! Attempts to reach files: to read, to write, to change, to watch, or only to learn that they are there.

use candor_jail::Mechanism::{Landlock, Namespaces};

use super::attempt::Argument::{
    self, Absent, Bytes, Content, File, Folder, Me, Number, Other, Socket, Space, Text,
};
use super::attempt::{Attempt, named};

const HERE: Argument = Number(libc::AT_FDCWD as i64);
const READ: Argument = Number(libc::O_RDONLY as i64);
const BOTH: Argument = Number(libc::O_RDWR as i64);
const NONE: Argument = Number(0);
const NEW: Argument = Number((libc::O_CREAT | libc::O_WRONLY) as i64);
const NAMELESS: Argument = Number(libc::AT_EMPTY_PATH as i64);
/// `struct open_how` of 24 bytes, all zero: read.
const HOW: Argument = Bytes(&[0; 24]);
/// A handle of a file: 8 bytes, type 1.
const HANDLE: Argument = Bytes(&[8, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);

const fn files(
    call: (&'static str, std::ffi::c_long),
    what: &'static str,
    arguments: &'static [Argument],
) -> Attempt {
    Attempt::call("files", call, what, arguments)
}

pub(super) const ATTEMPTS: &[Attempt] = &[
    // Opening.
    files(named!(SYS_openat), "read a file that everybody may read", &[HERE, Content, READ])
        .alone(&[Namespaces, Landlock]),
    files(named!(SYS_openat), "write to a file that everybody may write", &[HERE, Content, BOTH])
        .alone(&[Namespaces, Landlock]),
    files(named!(SYS_openat), "make a file where everybody may", &[HERE, Absent, NEW, Number(0o666)])
        .alone(&[Namespaces, Landlock]),
    files(named!(SYS_openat), "read /etc/passwd", &[HERE, Text(c"/etc/passwd"), READ])
        .alone(&[Namespaces, Landlock]),
    files(named!(SYS_openat), "open the root folder", &[HERE, Text(c"/"), READ]).alone(&[Landlock]),
    files(
        named!(SYS_openat),
        "open a folder for its place only",
        &[HERE, Text(c"/etc"), Number(libc::O_PATH as i64)],
    )
    .alone(&[Namespaces]),
    files(named!(SYS_openat), "read a file in a folder that was sent", &[Folder, Text(c"content"), READ])
        .alone(&[Landlock]),
    files(named!(SYS_openat), "go up from a folder that was sent", &[Folder, Text(c"../.."), READ])
        .alone(&[Landlock]),
    files(named!(SYS_openat), "open the own memory as a file", &[HERE, Text(c"/proc/self/mem"), BOTH])
        .alone(&[Namespaces, Landlock]),
    files(named!(SYS_openat), "read the processes of the system", &[HERE, Text(c"/proc/1/cmdline"), READ])
        .alone(&[Namespaces, Landlock]),
    files(
        named!(SYS_openat),
        "reopen a file that was sent, for writing",
        &[HERE, Text(c"/proc/self/fd/4"), BOTH],
    )
    .alone(&[Namespaces, Landlock]),
    files(named!(SYS_openat), "open a terminal", &[HERE, Text(c"/dev/tty"), BOTH]),
    files(named!(SYS_openat), "open the memory of the machine", &[HERE, Text(c"/dev/mem"), BOTH]),
    files(named!(SYS_openat2), "read a file", &[HERE, Content, HOW, Number(24)])
        .alone(&[Namespaces, Landlock]),
    files(
        named!(SYS_openat2),
        "read a file in a folder that was sent",
        &[Folder, Text(c"content"), HOW, Number(24)],
    )
    .alone(&[Landlock]),
    files(
        named!(SYS_name_to_handle_at),
        "ask for the handle of a file",
        &[HERE, Content, Space, Space, NONE],
    ),
    files(named!(SYS_open_by_handle_at), "open a file by a handle", &[Folder, HANDLE, READ]),
    // Learning that something is there.
    files(named!(SYS_newfstatat), "ask whether a file is there", &[HERE, Content, Space, NONE])
        .alone(&[Namespaces]),
    files(named!(SYS_newfstatat), "ask whether somebody has a home", &[HERE, Text(c"/root"), Space, NONE])
        .alone(&[Namespaces]),
    files(named!(SYS_statx), "ask whether a file is there", &[HERE, Content, NONE, Number(0xfff), Space])
        .alone(&[Namespaces]),
    files(
        named!(SYS_statx),
        "ask for owner and place of a file that was sent",
        &[File, Text(c""), NAMELESS, Number(0xfff), Space],
    )
    .real(),
    files(named!(SYS_fstat), "ask for owner and place of a file that was sent", &[File, Space]).real(),
    files(named!(SYS_statfs), "ask for the file system", &[Text(c"/etc"), Space]).alone(&[Namespaces]),
    files(named!(SYS_fstatfs), "ask for the file system of a file that was sent", &[File, Space]).real(),
    files(named!(SYS_faccessat), "ask whether a file may be read", &[HERE, Content, Number(4)])
        .alone(&[Namespaces]),
    files(named!(SYS_faccessat2), "ask whether a file may be read", &[HERE, Content, Number(4), NONE])
        .alone(&[Namespaces]),
    files(
        named!(SYS_readlinkat),
        "read where a link points",
        &[HERE, Text(c"/proc/self/exe"), Space, Number(4096)],
    )
    .alone(&[Namespaces]),
    files(named!(SYS_getdents64), "list a folder that was sent", &[Folder, Space, Number(4096)]).real(),
    files(named!(SYS_getcwd), "ask for the current folder", &[Space, Number(4096)]).real(),
    files(
        named!(SYS_getxattr),
        "read a label of a file",
        &[Content, Text(c"user.candor"), Space, Number(64)],
    ),
    files(named!(SYS_listxattr), "list the labels of a file", &[Content, Space, Number(64)])
        .alone(&[Namespaces]),
    files(named!(SYS_flistxattr), "list the labels of a file that was sent", &[File, Space, Number(64)])
        .real(),
    files(named!(SYS_inotify_init1), "watch files", &[NONE]).real(),
    files(named!(SYS_fanotify_init), "watch the files of all", &[NONE, NONE]),
    // Going elsewhere.
    files(named!(SYS_chdir), "go to another folder", &[Text(c"/etc")]).alone(&[Namespaces]),
    files(named!(SYS_fchdir), "go to a folder that was sent", &[Folder]).real(),
    files(named!(SYS_chroot), "take another root", &[Text(c"/etc")]),
    // Changing.
    files(named!(SYS_unlinkat), "delete a file", &[HERE, Content, NONE]).alone(&[Namespaces, Landlock]),
    files(named!(SYS_unlinkat), "delete a file in a folder that was sent", &[Folder, Text(c"content"), NONE])
        .alone(&[Landlock]),
    files(named!(SYS_renameat2), "rename a file", &[HERE, Content, HERE, Absent, NONE])
        .alone(&[Namespaces, Landlock]),
    files(named!(SYS_linkat), "give a file a second name", &[HERE, Content, HERE, Absent, NONE])
        .alone(&[Namespaces, Landlock]),
    files(named!(SYS_symlinkat), "make a link", &[Text(c"/etc"), HERE, Absent])
        .alone(&[Namespaces, Landlock]),
    files(
        named!(SYS_symlinkat),
        "make a link in a folder that was sent",
        &[Text(c"/etc"), Folder, Text(c"absent")],
    )
    .alone(&[Landlock]),
    files(named!(SYS_mkdirat), "make a folder", &[HERE, Absent, Number(0o777)])
        .alone(&[Namespaces, Landlock]),
    files(named!(SYS_mknodat), "make a pipe with a name", &[HERE, Absent, Number(0o10_666), NONE])
        .alone(&[Namespaces, Landlock]),
    files(named!(SYS_fchmodat), "change who may read a file", &[HERE, Content, Number(0o777)])
        .alone(&[Namespaces]),
    files(named!(SYS_fchmod), "change who may read a file that was sent", &[File, Number(0o777)]),
    files(named!(SYS_fchownat), "change the owner of a file", &[HERE, Content, Number(1), Number(1), NONE]),
    files(named!(SYS_fchown), "change the owner of a file that was sent", &[File, Number(1), Number(1)]),
    files(named!(SYS_truncate), "cut a file short", &[Content, NONE]).alone(&[Namespaces, Landlock]),
    files(named!(SYS_ftruncate), "cut a file short that was sent", &[File, NONE]).real(),
    files(named!(SYS_fallocate), "fill the disk", &[File, NONE, NONE, Number(4096)]).real(),
    files(named!(SYS_utimensat), "change the times of a file", &[HERE, Content, NONE, NONE])
        .alone(&[Namespaces]),
    files(
        named!(SYS_setxattr),
        "label a file",
        &[Content, Text(c"user.candor"), Text(c"x"), Number(1), NONE],
    ),
    files(
        named!(SYS_fsetxattr),
        "label a file that was sent",
        &[File, Text(c"user.candor"), Text(c"x"), Number(1), NONE],
    ),
    files(named!(SYS_umask), "change the rights of files to come", &[NONE]).real(),
    // Descriptors that are there.
    files(named!(SYS_write), "write to a file that was sent", &[File, Text(c"x"), Number(1)]).real(),
    files(named!(SYS_write), "write to a socket that was sent", &[Other, Text(c"x"), Number(1)]).real(),
    files(named!(SYS_write), "write to standard output", &[Number(1), Text(c"x"), Number(1)]),
    files(named!(SYS_write), "write to standard error", &[Number(2), Text(c"x"), Number(1)])
        .fails(libc::EBADF),
    files(named!(SYS_writev), "write to standard error", &[Number(2), Space, Number(1)]),
    files(named!(SYS_pwrite64), "write to a file that was sent", &[File, Text(c"x"), Number(1), NONE]).real(),
    files(named!(SYS_pwritev2), "write to a file that was sent", &[File, Space, Number(1), NONE, NONE, NONE])
        .real(),
    files(named!(SYS_sendfile), "copy a file that was sent to a socket", &[Other, File, NONE, Number(1)])
        .real(),
    files(named!(SYS_splice), "move bytes without reading them", &[File, NONE, Other, NONE, Number(1), NONE]),
    files(named!(SYS_vmsplice), "give memory away", &[Other, Space, Number(1), NONE]),
    files(named!(SYS_tee), "copy a pipe", &[File, Other, Number(1), NONE]),
    files(
        named!(SYS_copy_file_range),
        "copy a file into another one",
        &[File, NONE, File, NONE, Number(1), NONE],
    ),
    files(named!(SYS_read), "read and move on", &[File, Space, Number(1)]).real(),
    files(named!(SYS_readv), "read into several places", &[File, Space, Number(1)]).real(),
    files(named!(SYS_lseek), "move within a file", &[File, Number(1), NONE]).real(),
    files(named!(SYS_ioctl), "ask a device", &[File, Number(0x541b), Space]).real(),
    files(named!(SYS_ioctl), "type into a terminal", &[NONE, Number(0x5412), Text(c"x")]),
    files(named!(SYS_fcntl), "change a descriptor", &[Socket, Number(libc::F_SETFD as i64), NONE]).real(),
    files(named!(SYS_fcntl), "take a lease on a file", &[File, Number(libc::F_SETLEASE as i64), NONE]),
    files(named!(SYS_flock), "lock a file", &[File, Number(libc::LOCK_EX as i64)]).real(),
    files(named!(SYS_dup), "copy a descriptor", &[Other]).real(),
    files(named!(SYS_dup3), "put another socket into the place of its own", &[Other, Socket, NONE]),
    files(named!(SYS_close), "close standard error, so that another one gets the number", &[Number(2)])
        .real(),
    files(named!(SYS_close_range), "close its own socket", &[Socket, Socket, NONE]),
    files(named!(SYS_pipe2), "make a pipe", &[Space, NONE]).real(),
    files(named!(SYS_fsync), "keep a disk busy", &[File]).real(),
    files(named!(SYS_sync), "keep all disks busy", &[]),
    files(named!(SYS_fadvise64), "drop what is cached of a file", &[File, NONE, NONE, Number(4)]).real(),
    files(named!(SYS_readahead), "fill the cache", &[File, NONE, Number(4096)]).real(),
    files(
        ("cachestat", 451),
        "ask what is cached of a file, which tells what others read",
        &[File, Bytes(&[0; 16]), Space, NONE],
    ),
    files(
        ("mincore", libc::SYS_mincore),
        "ask what is cached of a mapped file",
        &[Space, Number(4096), Space],
    ),
    // Memory that is a file.
    files(named!(SYS_memfd_create), "make a file in memory", &[Text(c"x"), NONE]).real(),
    files(("memfd_secret", 447), "make a file in secret memory", &[NONE]),
    // Asynchronous ways.
    files(named!(SYS_io_setup), "have files read by others", &[Number(1), Space]).real(),
    files(named!(SYS_io_uring_setup), "make a ring of requests", &[Number(1), Space]),
    files(named!(SYS_io_uring_enter), "enter a ring of requests", &[File, NONE, NONE, NONE, NONE, NONE]),
    files(named!(SYS_io_uring_register), "register for a ring of requests", &[File, NONE, NONE, NONE]),
    // Mounts.
    files(
        named!(SYS_mount),
        "mount the disk elsewhere",
        &[Text(c"/"), Text(c"/mnt"), NONE, Number(libc::MS_BIND as i64), NONE],
    ),
    files(named!(SYS_umount2), "unmount", &[Text(c"/nothing"), NONE]),
    files(named!(SYS_pivot_root), "exchange the root", &[Text(c"/nothing"), Text(c"/nothing")]),
    files(named!(SYS_fsopen), "make a file system", &[Text(c"tmpfs"), NONE]),
    files(named!(SYS_fsmount), "mount a file system", &[File, NONE, NONE]),
    files(named!(SYS_fspick), "change a file system", &[HERE, Text(c"/"), NONE]),
    files(named!(SYS_open_tree), "open a tree of files", &[HERE, Text(c"/etc"), NONE]).alone(&[Namespaces]),
    files(
        named!(SYS_move_mount),
        "attach a tree of files",
        &[Folder, Text(c""), HERE, Text(c"/nothing"), Number(4)],
    ),
    files(named!(SYS_mount_setattr), "change a mount", &[HERE, Text(c"/"), NONE, Space, Number(32)]),
    files(("statmount", 457), "ask for a mount", &[Space, Space, Number(4096), NONE]),
    files(("listmount", 458), "list the mounts", &[Space, Space, Number(8), NONE]),
    files(named!(SYS_quotactl), "ask for quotas", &[NONE, NONE, NONE, Space]),
    files(named!(SYS_swapon), "swap to a file", &[Text(c"/nothing"), NONE]),
    files(named!(SYS_acct), "have processes written down in a file", &[Text(c"/nothing")]),
    files(
        named!(SYS_process_madvise),
        "have memory dropped by number",
        &[Me, Space, Number(1), Number(4), NONE],
    ),
];
