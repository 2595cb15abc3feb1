//! `candord`, the service: takes what is to be scanned from anybody's client and answers in their protocol.

#![forbid(unsafe_code)]

mod clamd_config;
mod frontends;
mod listener;
mod local_file;
mod service;
mod spool;

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::SUCCESS
}
