//! The program `candor-gate`.

use std::process::ExitCode;

fn main() -> ExitCode {
    candor_gate::main()
}
