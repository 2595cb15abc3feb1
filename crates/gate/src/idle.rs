//! Work that takes only what nobody else wants of the processors.

/// Gives the thread, and what it starts, the scheduling policy `SCHED_IDLE`. A low priority is not enough: whoever wakes up
/// would wait until the one that runs has had its slice.
#[expect(unsafe_code, reason = "no crate of ours has a wrapper for scheduling policies")]
pub(crate) fn be_idle() {
    // SAFETY: all fields are numbers, of which none but the priority exists here, and zero is the one that the policy takes.
    let none: libc::sched_param = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer leads to a value that lives through the call; 0 is the calling thread. Where it is not allowed, the
    // work is done all the same.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const none) };
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_started_is_idle_as_well() {
        let policy = || {
            super::be_idle();
            let status = std::process::Command::new("cat").arg("/proc/self/stat").output().unwrap().stdout;
            String::from_utf8(status).unwrap().split(' ').nth(40).unwrap().to_owned()
        };
        assert_eq!(std::thread::spawn(policy).join().unwrap(), libc::SCHED_IDLE.to_string());
    }
}
