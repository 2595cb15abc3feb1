//! `candor-worker`, the confined program: takes descriptors, scans, answers.

mod escape;

use std::process::ExitCode;

fn main() -> ExitCode {
    // The message of a panic could not be written anywhere, and the parent learns of the death by itself.
    std::panic::set_hook(Box::new(|_| std::process::abort()));
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("--escape") => escape::run(&arguments.collect::<Vec<_>>()),
        _ => ExitCode::from(2),
    }
}
