//! Attempts to become somebody else, or to take the confinement off.

use super::attempt::Argument::{self, Bytes, File, Number, Space, Text};
use super::attempt::{Attempt, named};

const NONE: Argument = Number(0);

const fn identity(
    call: (&'static str, std::ffi::c_long),
    what: &'static str,
    arguments: &'static [Argument],
) -> Attempt {
    Attempt::call("identity", call, what, arguments)
}

const fn option(number: i32) -> Argument {
    Number(number as i64)
}

pub(super) const ATTEMPTS: &[Attempt] = &[
    identity(named!(SYS_setuid), "become root", &[NONE]),
    identity(named!(SYS_setresuid), "become root", &[NONE, NONE, NONE]),
    identity(named!(SYS_setreuid), "become root", &[NONE, NONE]),
    identity(named!(SYS_setfsuid), "open files as root", &[NONE]),
    identity(named!(SYS_setgid), "join the group of root", &[NONE]),
    identity(named!(SYS_setresgid), "join the group of root", &[NONE, NONE, NONE]),
    identity(named!(SYS_setfsgid), "open files as the group of root", &[NONE]),
    identity(named!(SYS_setgroups), "join groups", &[Number(1), Space]),
    identity(named!(SYS_getuid), "ask who it is", &[]).real(),
    identity(named!(SYS_getresuid), "ask who it could be", &[Space, Space, Space]).real(),
    identity(named!(SYS_getgroups), "ask for groups", &[NONE, NONE]).real(),
    identity(
        named!(SYS_capset),
        "take capabilities",
        &[Bytes(&[0x22, 0x05, 0x08, 0x20, 0, 0, 0, 0]), Bytes(&[0xff; 24])],
    ),
    identity(
        named!(SYS_capget),
        "ask for capabilities",
        &[Bytes(&[0x22, 0x05, 0x08, 0x20, 0, 0, 0, 0]), Space],
    ),
    identity(named!(SYS_unshare), "be root in a namespace of its own", &[option(libc::CLONE_NEWUSER)]),
    identity(named!(SYS_unshare), "get another network", &[option(libc::CLONE_NEWNET)]),
    identity(named!(SYS_setns), "enter a namespace that was sent", &[File, NONE]),
    identity(named!(SYS_prctl), "be dumped and traced", &[option(libc::PR_SET_DUMPABLE), Number(1)]),
    identity(named!(SYS_prctl), "be traced by everybody", &[option(libc::PR_SET_PTRACER), Number(-1)]),
    identity(named!(SYS_prctl), "outlive the parent", &[option(libc::PR_SET_PDEATHSIG), NONE]).real(),
    identity(named!(SYS_prctl), "raise a capability", &[option(libc::PR_CAP_AMBIENT), Number(2), NONE]),
    identity(named!(SYS_prctl), "keep capabilities", &[option(libc::PR_SET_KEEPCAPS), Number(1)]).real(),
    identity(named!(SYS_prctl), "change the map of its memory", &[option(libc::PR_SET_MM), Number(1), NONE]),
    identity(named!(SYS_prctl), "take another name", &[option(libc::PR_SET_NAME), Text(c"init")]).real(),
    identity(named!(SYS_prctl), "filter again", &[option(libc::PR_SET_SECCOMP), Number(2), Space]),
    identity(named!(SYS_prctl), "have calls handled by itself", &[Number(59), Number(1), NONE, NONE, Space]),
    identity(named!(SYS_prctl), "let the processor guess", &[Number(53), NONE, NONE]),
    identity(named!(SYS_prctl), "ask what its seccomp mode is", &[option(libc::PR_GET_SECCOMP)]),
    identity(named!(SYS_seccomp), "add a filter", &[Number(1), NONE, Space]),
    identity(named!(SYS_seccomp), "be told of refused calls", &[Number(1), Number(8), Space]),
    identity(named!(SYS_seccomp), "ask for what the kernel can do", &[Number(2), NONE, Space]),
    identity(named!(SYS_landlock_create_ruleset), "make other rules", &[NONE, NONE, Number(1)]),
    identity(named!(SYS_landlock_add_rule), "allow itself a folder", &[File, Number(1), Space, NONE]),
    identity(named!(SYS_landlock_restrict_self), "take other rules", &[File, NONE]),
    identity(
        named!(SYS_prlimit64),
        "raise the number of processes",
        &[NONE, Number(6), Bytes(&[9, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]), NONE],
    ),
    identity(named!(SYS_prlimit64), "raise the memory", &[NONE, Number(2), Bytes(&[0xff; 16]), NONE]),
    identity(
        named!(SYS_add_key),
        "store a key",
        &[Text(c"user"), Text(c"candor"), Text(c"x"), Number(1), Number(-1)],
    ),
    identity(named!(SYS_request_key), "ask for a key", &[Text(c"user"), Text(c"candor"), NONE, Number(-1)]),
    identity(named!(SYS_keyctl), "ask for the keys of the session", &[NONE, Number(-3), NONE]),
    identity(("lsm_get_self_attr", 459), "ask for its label", &[Number(100), Space, Space, NONE]),
    identity(("lsm_set_self_attr", 460), "take another label", &[Number(100), Space, Number(32), NONE]),
];
