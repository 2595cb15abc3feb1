//! The program `candord`.

use std::process::ExitCode;

fn main() -> ExitCode {
    candor_daemon::main()
}
