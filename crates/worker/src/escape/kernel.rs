//! Attempts to reach the machine: the kernel's programs, its clock, its name, its end.

use super::attempt::Argument::{self, File, Number, Space, Text};
use super::attempt::{Attempt, named};

const NONE: Argument = Number(0);

const fn kernel(
    call: (&'static str, std::ffi::c_long),
    what: &'static str,
    arguments: &'static [Argument],
) -> Attempt {
    Attempt::call("kernel", call, what, arguments)
}

pub(super) const ATTEMPTS: &[Attempt] = &[
    kernel(named!(SYS_bpf), "load a program into the kernel", &[Number(5), Space, Number(48)]),
    kernel(named!(SYS_bpf), "make a map in the kernel", &[NONE, Space, Number(48)]),
    kernel(named!(SYS_perf_event_open), "watch the processor", &[Space, NONE, Number(-1), Number(-1), NONE]),
    kernel(named!(SYS_init_module), "load a module", &[Space, NONE, Text(c"")]),
    kernel(named!(SYS_finit_module), "load a file that was sent as a module", &[File, Text(c""), NONE]),
    kernel(named!(SYS_delete_module), "unload a module", &[Text(c"nothing"), NONE]),
    kernel(named!(SYS_kexec_load), "start another kernel", &[NONE, NONE, NONE, NONE]),
    kernel(named!(SYS_kexec_file_load), "start another kernel", &[File, File, NONE, Text(c""), NONE]),
    // Without the magic numbers, so that the machine stays even where everything else failed.
    kernel(named!(SYS_reboot), "restart the machine", &[NONE, NONE, NONE, NONE]),
    kernel(named!(SYS_syslog), "read the kernel's messages", &[Number(3), Space, Number(4096)]),
    kernel(named!(SYS_uname), "ask for the host's name", &[Space]).real(),
    kernel(named!(SYS_sethostname), "rename the host", &[Text(c""), Number(-1)]),
    kernel(named!(SYS_setdomainname), "rename the domain", &[Text(c""), Number(-1)]),
    kernel(named!(SYS_sysinfo), "ask for the load of the machine", &[Space]).real(),
    kernel(named!(SYS_getrusage), "ask for its own use", &[NONE, Space]).real(),
    kernel(named!(SYS_times), "ask for its own use", &[Space]).real(),
    kernel(named!(SYS_settimeofday), "set the clock", &[NONE, NONE]),
    kernel(named!(SYS_clock_settime), "set the clock", &[NONE, NONE]),
    kernel(named!(SYS_adjtimex), "turn the clock", &[Space]).real(),
    kernel(named!(SYS_clock_gettime), "ask a clock that is a device", &[Number(-29), Space]),
    kernel(named!(SYS_clock_gettime), "ask for the processor time of others", &[Number(-10), Space]),
    kernel(named!(SYS_clock_getres), "ask how fine a clock is", &[Number(1), Space]).real(),
    kernel(named!(SYS_getcpu), "ask for the processor", &[Space, NONE, NONE]).real(),
    kernel(named!(SYS_vhangup), "hang up the terminal", &[]),
    kernel(named!(SYS_swapoff), "end swapping", &[Text(c"/nothing")]),
    kernel(named!(SYS_nfsservctl), "call what was removed", &[]),
    kernel(("nothing", 599), "call what does not exist", &[]),
    kernel(("nothing", -1), "call the number -1", &[]),
    kernel(("nothing", 0xffff_ffff), "call the greatest number", &[]),
];
