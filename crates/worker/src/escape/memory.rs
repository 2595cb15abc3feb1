//! Attempts to make memory that can be executed, is shared, or is watched.

use super::attempt::Argument::{self, File, Number, Space, Text};
use super::attempt::{Attempt, named};

const NONE: Argument = Number(0);
const PAGE: Argument = Number(4096);
const ANONYMOUS: Argument = Number((libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as i64);
const READ: i64 = libc::PROT_READ as i64;
const WRITE: i64 = libc::PROT_WRITE as i64;
const EXECUTE: i64 = libc::PROT_EXEC as i64;
const NOTHING: Argument = Number(-1);

const fn memory(
    call: (&'static str, std::ffi::c_long),
    what: &'static str,
    arguments: &'static [Argument],
) -> Attempt {
    Attempt::call("memory", call, what, arguments)
}

pub(super) const ATTEMPTS: &[Attempt] = &[
    // Code.
    memory(
        named!(SYS_mmap),
        "take memory that can be executed",
        &[NONE, PAGE, Number(READ | EXECUTE), ANONYMOUS, NOTHING, NONE],
    )
    .real(),
    memory(
        named!(SYS_mmap),
        "take memory that can be written and executed",
        &[NONE, PAGE, Number(READ | WRITE | EXECUTE), ANONYMOUS, NOTHING, NONE],
    )
    .real(),
    memory(
        named!(SYS_mmap),
        "take memory, with a bit beyond the 32nd",
        &[NONE, PAGE, Number(READ | 1 << 32), ANONYMOUS, NOTHING, NONE],
    ),
    memory(
        named!(SYS_mmap),
        "execute a file that was sent",
        &[NONE, PAGE, Number(READ | EXECUTE), Number(libc::MAP_PRIVATE as i64), File, NONE],
    )
    .real(),
    memory(named!(SYS_mprotect), "execute what was written", &[Space, PAGE, Number(READ | EXECUTE)]).real(),
    memory(named!(SYS_mprotect), "protect memory otherwise", &[Space, PAGE, Number(READ)]),
    memory(
        named!(SYS_pkey_mprotect),
        "execute what was written",
        &[Space, PAGE, Number(READ | EXECUTE), Number(-1)],
    )
    .real(),
    memory(
        named!(SYS_mremap),
        "move memory to the place of code",
        &[Space, PAGE, PAGE, Number((libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED) as i64), Number(0x10_0000)],
    ),
    memory(named!(SYS_remap_file_pages), "exchange pages", &[Space, PAGE, NONE, NONE, NONE]),
    memory(named!(SYS_personality), "execute whatever can be read", &[Number(0x40_0000)]).real(),
    memory(named!(SYS_personality), "have memory at known places", &[Number(0x4_0000)]).real(),
    memory(named!(SYS_pkey_alloc), "make a key of memory", &[NONE, NONE]),
    memory(("map_shadow_stack", 453), "make a stack of returns", &[NONE, PAGE, NONE]),
    memory(("mseal", 462), "seal memory", &[Space, PAGE, NONE]),
    // Files and others.
    memory(
        named!(SYS_mmap),
        "map a file that was sent, which its owner could cut short",
        &[NONE, PAGE, Number(READ), Number(libc::MAP_PRIVATE as i64), File, NONE],
    )
    .real(),
    memory(
        named!(SYS_mmap),
        "write to a file that was sent through memory",
        &[NONE, PAGE, Number(READ | WRITE), Number(libc::MAP_SHARED as i64), File, NONE],
    )
    .real(),
    memory(
        named!(SYS_mmap),
        "take memory that can be shared",
        &[
            NONE,
            PAGE,
            Number(READ | WRITE),
            Number((libc::MAP_SHARED | libc::MAP_ANONYMOUS) as i64),
            NOTHING,
            NONE,
        ],
    )
    .real(),
    memory(
        named!(SYS_mmap),
        "take huge pages",
        &[
            NONE,
            Number(2 << 20),
            Number(READ),
            Number((libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_HUGETLB) as i64),
            NOTHING,
            NONE,
        ],
    ),
    memory(named!(SYS_msync), "write memory to a file", &[Space, PAGE, Number(4)]).real(),
    memory(named!(SYS_shmget), "make shared memory", &[NONE, PAGE, Number(0o1_600)]),
    memory(named!(SYS_shmat), "attach shared memory", &[NONE, NONE, NONE]),
    memory(named!(SYS_shmctl), "ask for shared memory", &[NONE, Number(14), Space]).real(),
    memory(named!(SYS_semget), "make semaphores", &[NONE, Number(1), Number(0o1_600)]),
    memory(named!(SYS_msgget), "make a queue of messages", &[NONE, Number(0o1_600)]),
    memory(
        named!(SYS_mq_open),
        "make a queue with a name",
        &[Text(c"candor"), Number((libc::O_CREAT | libc::O_RDWR) as i64), Number(0o600), NONE],
    ),
    // The kernel's attention.
    memory(named!(SYS_userfaultfd), "be told of faults", &[NONE]),
    memory(named!(SYS_userfaultfd), "be told of faults of programs", &[Number(1)]),
    memory(
        named!(SYS_madvise),
        "merge pages with those of others, which tells what they hold",
        &[Space, PAGE, Number(12)],
    ),
    memory(named!(SYS_madvise), "poison a page of the machine", &[Space, PAGE, Number(100)]),
    memory(named!(SYS_mlock), "keep memory from being swapped", &[Space, PAGE]).real(),
    memory(named!(SYS_mlockall), "keep all memory from being swapped", &[Number(1)]).real(),
    memory(named!(SYS_mbind), "choose where memory is", &[Space, PAGE, NONE, NONE, NONE, NONE]),
    memory(named!(SYS_set_mempolicy), "choose where memory is", &[NONE, NONE, NONE]),
    memory(named!(SYS_get_mempolicy), "ask where memory is", &[Space, NONE, NONE, NONE, NONE]),
];
