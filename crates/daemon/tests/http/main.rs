//! HTTP from outside: own requests, byte by byte, and the clients of others.

#![allow(clippy::print_stdout, reason = "tests say when they are skipped")]

#[path = "../program/mod.rs"]
mod program;

mod client;
mod samples;

mod scanning;
mod descriptors;
mod jobs;
mod limits;
mod authentication;
mod foreign_clients;
mod page;

use program::Program;

/// Starts a service with a table `[http]`, on TCP and on a Unix socket.
fn start(settings: &str) -> Program {
    Program::start(&configuration(settings))
}

fn configuration(settings: &str) -> String {
    format!("[http]\nlisten = [\"tcp:127.0.0.1:0\", \"unix:{{folder}}/http.sock\"]\n{settings}\n")
}
