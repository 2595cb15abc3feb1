//! Bounds what a process may use of memory, time and numbers.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{Confinement, NotConfined};

/// Bytes of stack: formats open objects within objects.
pub const STACK: u64 = 16 << 20;

/// What makes the kernel choose a process first when memory runs out: a worker costs one file, and what started it
/// has clients.
const FIRST_TO_GO: &str = "1000";

/// Lowers the limits, for ever.
pub(super) fn lower(confinement: &Confinement<'_>) -> Result<(), NotConfined> {
    let time = confinement.processor_time;
    let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0)).max(1);
    // The first of the two sends SIGXCPU, which tells the parent why; who blocks that is killed by the second.
    set(Resource::Cpu, seconds, seconds.saturating_add(1))?;
    // Not the size of the address space: databases of gigabytes are mapped into it.
    set(Resource::Data, confinement.memory, confinement.memory)?;
    set(Resource::Stack, STACK, STACK)?;
    let descriptors = u64::from(confinement.descriptors);
    set(Resource::Nofile, descriptors, descriptors)?;
    for nothing in [
        Resource::Nproc,
        Resource::Core,
        Resource::Fsize,
        Resource::Memlock,
        Resource::Msgqueue,
        Resource::Sigpending,
        Resource::Rtprio,
        Resource::Nice,
    ] {
        set(nothing, 0, 0)?;
    }
    // Without /proc the kernel chooses by size.
    let _ = fs::write("/proc/self/oom_score_adj", FIRST_TO_GO);
    Ok(())
}

/// Sets a limit, or keeps one that is lower.
pub(super) fn set(resource: Resource, current: u64, maximum: u64) -> Result<(), NotConfined> {
    let most = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let limit = Rlimit { current: Some(current.min(most)), maximum: Some(maximum.min(most)) };
    setrlimit(resource, limit).map_err(|error| NotConfined::System("lowering a limit", error))
}
