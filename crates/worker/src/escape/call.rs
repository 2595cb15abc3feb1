//! System calls as an attacker would make them: by number, with any arguments.

#![expect(unsafe_code, reason = "an attacker's system calls go around every safe interface")]

use std::ffi::c_long;
use std::io;

/// Makes a system call, and returns what it returns or the number of the error.
///
/// Only attempts use this. Whatever a call that gets through does to this process, the process says that it
/// got through and ends.
pub(super) fn call(number: c_long, arguments: [usize; 6]) -> Result<i64, i32> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: pointers among the arguments are to memory that `Ground` keeps and that is as large as the call
    // takes it to be. A call that changes memory or descriptors behind the compiler's back is the purpose here;
    // after it nothing happens but a packet and the end.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if result == -1 {
        return Err(io::Error::last_os_error().raw_os_error().unwrap_or(0));
    }
    Ok(result)
}

/// Makes a system call the way a program of 32 bits does.
#[cfg(target_arch = "x86_64")]
pub(super) fn call_of_32_bits(number: u32, arguments: [u32; 3]) -> Result<i64, i32> {
    let [first, second, third] = arguments;
    let result: u64;
    // SAFETY: as above; the call takes numbers only, and `rbx`, which the compiler keeps for itself, is put back.
    unsafe {
        std::arch::asm!(
            "mov {kept}, rbx",
            "mov ebx, {first:e}",
            "int 0x80",
            "mov rbx, {kept}",
            kept = out(reg) _,
            first = in(reg) first,
            inlateout("rax") u64::from(number) => result,
            in("ecx") second,
            in("edx") third,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    let result = result as u32 as i32;
    if result < 0 { Err(-result) } else { Ok(i64::from(result)) }
}
