//! The system calls that a worker is left, judged by what the kernel enforces.

use candor_jail::Instruction;

use super::bpf::{self, Path};

/// The numbers that are asked for: more than any kernel has.
const NUMBERS: u32 = 600;
/// The bit by which calls of x32 differ.
const X32: u32 = 0x4000_0000;

/// Identifiers of architectures (`linux/audit.h`).
const X86_64: u32 = 0xc000_003e;
const I386: u32 = 0x4000_0003;
const AARCH64: u32 = 0xc000_00b7;
const ARM: u32 = 0x4000_0028;
const RISCV64: u32 = 0xc000_00f3;

/// Calls that may be left, and what a worker does with them. Any other one is a hole.
const LEFT: [(i64, &str, &str); 22] = [
    (libc::SYS_recvmsg, "recvmsg", "receives from its socket"),
    (libc::SYS_sendmsg, "sendmsg", "answers to its socket"),
    (libc::SYS_pread64, "pread64", "reads what it was sent"),
    (libc::SYS_close, "close", "closes what it was sent"),
    (libc::SYS_fcntl, "fcntl", "asks whether a descriptor is open; in debug builds only"),
    (libc::SYS_mmap, "mmap", "takes memory of its own"),
    (libc::SYS_mremap, "mremap", "makes its memory larger"),
    (libc::SYS_munmap, "munmap", "gives memory back"),
    (libc::SYS_madvise, "madvise", "gives memory back"),
    (libc::SYS_brk, "brk", "takes memory of its own"),
    (libc::SYS_getrandom, "getrandom", "keys of hash tables"),
    (libc::SYS_clock_gettime, "clock_gettime", "deadlines"),
    (libc::SYS_futex, "futex", "wakes nobody, when a panic is caught"),
    (libc::SYS_getpid, "getpid", "to abort"),
    (libc::SYS_gettid, "gettid", "to abort"),
    (libc::SYS_tgkill, "tgkill", "to abort"),
    (libc::SYS_rt_sigprocmask, "rt_sigprocmask", "to abort"),
    (libc::SYS_rt_sigaction, "rt_sigaction", "to die of a fault"),
    (libc::SYS_rt_sigreturn, "rt_sigreturn", "to die of a fault"),
    (libc::SYS_sigaltstack, "sigaltstack", "to end"),
    (libc::SYS_exit, "exit", "to end"),
    (libc::SYS_exit_group, "exit_group", "to end"),
];

/// A call that is left.
#[derive(Clone, Debug)]
pub(super) struct Left {
    /// Its name, or its number where it has no right to be left.
    pub(super) name: String,
    /// What it is for.
    pub(super) purpose: &'static str,
    /// The arguments that it may have: alternatives.
    pub(super) conditions: Vec<String>,
}

/// What the filters of a process let through.
#[derive(Clone, Debug, Default)]
pub(super) struct Reachable {
    /// Calls that are made.
    pub(super) left: Vec<Left>,
    /// Calls that fail without being made, with their errors.
    pub(super) failing: Vec<String>,
    /// How many numbers kill the process.
    pub(super) killing: u32,
    /// How many numbers of other architectures were asked for; all of them kill.
    pub(super) foreign: u32,
    /// What should not be.
    pub(super) holes: Vec<String>,
}

/// Asks the filters for every number, here and on other architectures. `socket` is the worker's.
///
/// # Errors
/// When a filter is not understood.
pub(super) fn reachable(filters: &[Vec<Instruction>], socket: u64) -> anyhow::Result<Reachable> {
    let here = if cfg!(target_arch = "x86_64") { X86_64 } else { AARCH64 };
    let mut reachable = Reachable::default();
    for number in 0..NUMBERS {
        let paths = bpf::paths(filters, here, number)?;
        let allowed: Vec<&Path> = paths.iter().filter(|path| path.is_allowed()).collect();
        if allowed.is_empty() {
            match paths.iter().find_map(Path::error) {
                Some(error) => reachable.failing.push(fails(number, error)),
                None => reachable.killing += 1,
            }
            continue;
        }
        reachable.holes.extend(holes(number, &allowed, socket));
        let (name, purpose) = described(number);
        let conditions = allowed.iter().map(ToString::to_string).collect();
        reachable.left.push(Left { name, purpose, conditions });
    }
    for (architecture, bit) in foreign(here) {
        for number in 0..NUMBERS {
            let paths = bpf::paths(filters, architecture, number | bit)?;
            if paths.iter().any(|path| path.is_allowed() || path.error().is_some()) {
                reachable
                    .holes
                    .push(format!("call {number} of architecture {architecture:#x} does not kill"));
            }
            reachable.foreign += 1;
        }
    }
    Ok(reachable)
}

/// Calls of programs that fetch which start, trace or serve somebody; none may be left.
const NOT_FOR_FETCHERS: [(i64, &str); 8] = [
    (libc::SYS_execve, "execve"),
    (libc::SYS_execveat, "execveat"),
    (libc::SYS_ptrace, "ptrace"),
    (libc::SYS_process_vm_readv, "process_vm_readv"),
    (libc::SYS_clone3, "clone3"),
    (libc::SYS_bind, "bind"),
    (libc::SYS_listen, "listen"),
    (libc::SYS_accept4, "accept4"),
];

/// What of that the filters of a fetcher let through.
///
/// # Errors
/// When a filter is not understood.
pub(super) fn possible_for_a_fetcher(filters: &[Vec<Instruction>]) -> anyhow::Result<Vec<&'static str>> {
    let here = if cfg!(target_arch = "x86_64") { X86_64 } else { AARCH64 };
    let mut possible = Vec::new();
    for (call, name) in NOT_FOR_FETCHERS {
        let paths = bpf::paths(filters, here, u32::try_from(call)?)?;
        if paths.iter().any(Path::is_allowed) {
            possible.push(name);
        }
    }
    // A new process, and not a thread.
    let clone = bpf::paths(filters, here, u32::try_from(libc::SYS_clone)?)?;
    if clone.iter().any(|path| path.is_allowed() && path.admits(0, libc::SIGCHLD as u64)) {
        possible.push("clone of a process");
    }
    Ok(possible)
}

/// Other architectures whose programs a kernel may run, with what is added to their numbers.
fn foreign(here: u32) -> Vec<(u32, u32)> {
    let others = [X86_64, I386, AARCH64, ARM, RISCV64].into_iter().filter(|other| *other != here);
    let mut foreign: Vec<(u32, u32)> = others.map(|architecture| (architecture, 0)).collect();
    foreign.push((here, X32));
    foreign
}

fn described(number: u32) -> (String, &'static str) {
    LEFT.iter()
        .find(|(left, ..)| u32::try_from(*left) == Ok(number))
        .map_or_else(|| (name(number), "this is a hole"), |(_, name, purpose)| ((*name).to_owned(), *purpose))
}

fn name(number: u32) -> String {
    format!("call number {number}")
}

fn fails(number: u32, error: i32) -> String {
    let name = if i64::from(number) == libc::SYS_write { "write".to_owned() } else { name(number) };
    let error = std::io::Error::from_raw_os_error(error).to_string();
    format!("{name} ({})", error.split(" (os error").next().unwrap_or_default())
}

/// What is wrong with how a call can be made.
fn holes(number: u32, paths: &[&Path], socket: u64) -> Vec<String> {
    let call = i64::from(number);
    if !LEFT.iter().any(|(left, ..)| *left == call) {
        return vec![format!("{} can be made", name(number))];
    }
    let admits = |argument, value| paths.iter().any(|path| path.admits(argument, value));
    let mut holes = Vec::new();
    if call == libc::SYS_sendmsg || call == libc::SYS_recvmsg {
        if (0..1 << 16).any(|descriptor| descriptor != socket && admits(0, descriptor)) {
            holes.push("messages can go through other descriptors than the worker's socket".to_owned());
        }
        if !admits(0, socket) {
            holes.push(
                "messages cannot go through the worker's socket, so this is no worker's filter".to_owned(),
            );
        }
    }
    let executable = libc::PROT_EXEC as u64;
    if call == libc::SYS_mmap
        && (0..64).any(|protection| protection & executable != 0 && admits(2, protection))
    {
        holes.push("memory that can be executed can be taken".to_owned());
    }
    let anonymous = libc::MAP_ANONYMOUS as u64;
    if call == libc::SYS_mmap && (0..1 << 16).any(|flags| flags & anonymous == 0 && admits(3, flags)) {
        holes.push("files can be mapped".to_owned());
    }
    if call == libc::SYS_fcntl
        && (0..2048).any(|command| command != libc::F_GETFD as u64 && admits(1, command))
    {
        holes.push("descriptors can be changed or copied".to_owned());
    }
    let wake = (libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG) as u64;
    if call == libc::SYS_futex && (0..512).any(|operation| operation != wake && admits(1, operation)) {
        holes.push("memory that others share can be waited for".to_owned());
    }
    if call == libc::SYS_tgkill && (0..64).any(|signal| signal != libc::SIGABRT as u64 && admits(2, signal)) {
        holes.push("other signals than that of an abort can be sent".to_owned());
    }
    holes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_say_how_many_calls_are_left() {
        let release = LEFT.iter().filter(|(.., purpose)| !purpose.contains("debug builds only")).count();
        for (page, words) in [
            (include_str!("../../../../README.md"), format!("{release} system calls")),
            (include_str!("../../../../docs/sandbox.md"), format!("{release} in number")),
            (include_str!("../../../../docs/sandbox.md"), format!("one of the {release} calls")),
        ] {
            assert!(page.contains(&words), "no page says {words}");
        }
    }
}
