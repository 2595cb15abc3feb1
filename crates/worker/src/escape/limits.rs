//! Attempts to use more than a worker may, by calls that it may make.

use candor_jail::Mechanism::Limits;

use super::MEMORY;
use super::attempt::Argument::{Content, Number};
use super::attempt::{Attempt, named};
use super::call::call;

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::call(
        "limits",
        named!(SYS_mmap),
        "take more memory than it may",
        &[
            Number(0),
            Number(MEMORY as i64),
            Number((libc::PROT_READ | libc::PROT_WRITE) as i64),
            Number((libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as i64),
            Number(-1),
            Number(0),
        ],
    )
    .fails(libc::ENOMEM)
    .alone(&[Limits]),
    Attempt::own("limits", "mmap", "take memory bit by bit until there is no more", |_| {
        for _ in 0..MEMORY / (1 << 20) {
            call(
                libc::SYS_mmap,
                [
                    0,
                    1 << 20,
                    (libc::PROT_READ | libc::PROT_WRITE) as usize,
                    (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize,
                    usize::MAX,
                    0,
                ],
            )?;
        }
        Ok(0)
    })
    .fails(libc::ENOMEM)
    .alone(&[Limits]),
    Attempt::own("limits", "brk", "raise the end of its memory", |_| {
        let end = call(libc::SYS_brk, [0; 6])?;
        let wanted = end + MEMORY as i64;
        let got = call(libc::SYS_brk, [wanted as usize, 0, 0, 0, 0, 0])?;
        // The kernel tells no error here, but what the end is now.
        if got < wanted { Err(libc::ENOMEM) } else { Ok(got) }
    })
    .fails(libc::ENOMEM)
    .alone(&[Limits]),
    // It must not look like a way out that was tried: files that unpack to too much end like this.
    Attempt::own("limits", "the allocator", "take memory until the program gives up", |_| {
        let mut all = Vec::new();
        loop {
            all.push(std::hint::black_box(vec![1_u8; 1 << 20]));
        }
    })
    .dies(libc::SIGABRT),
    Attempt::own("limits", "no call at all", "nest calls until the stack is full", |_| Ok(deeper(0)))
        .dies(libc::SIGSEGV),
    Attempt::own("limits", "no call at all", "use the processor for ever", |_| {
        loop {
            std::hint::spin_loop();
        }
    })
    .dies(libc::SIGXCPU),
    Attempt::own(
        "limits",
        "rt_sigprocmask",
        "use the processor for ever, and be deaf to the warning",
        |_| {
            let all = [u64::MAX];
            call(libc::SYS_rt_sigprocmask, [libc::SIG_BLOCK as usize, all.as_ptr() as usize, 0, 8, 0, 0])?;
            loop {
                std::hint::spin_loop();
            }
        },
    )
    .dies(libc::SIGKILL),
    Attempt::own(
        "limits",
        "rt_sigprocmask, openat",
        "be deaf to the filter's signal, and read a file",
        |ground| {
            let all = [u64::MAX];
            call(libc::SYS_rt_sigprocmask, [libc::SIG_BLOCK as usize, all.as_ptr() as usize, 0, 8, 0, 0])?;
            call(libc::SYS_openat, [libc::AT_FDCWD as usize, ground.value(Content), 0, 0, 0, 0])
        },
    ),
];

/// Calls itself for ever, with something on the stack.
#[expect(unconditional_recursion, reason = "the stack shall be full")]
fn deeper(depth: i64) -> i64 {
    let page = std::hint::black_box([depth; 512]);
    deeper(depth + 1) + page[0]
}
