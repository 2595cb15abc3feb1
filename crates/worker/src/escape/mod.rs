//! Tries to break out, for `candor prove sandbox`: what an attacker would do who has taken over a worker.
//!
//! `candor-worker --escape list` prints the attempts. `candor-worker --escape NUMBER MECHANISMS USER FOLDER` does
//! what a worker does, with a Unix socket as standard input: it confines itself and says so. Then it takes three
//! descriptors as a worker takes files (a file, a folder and a socket, all open for writing as far as they can
//! be), makes one attempt, and says what came of it, if it is still alive. `stay` in the place of the number
//! makes none and waits. This mode scans nothing: it is the only one in which less than all mechanisms can be
//! asked for, to show what each of them refuses alone.

mod attempt;
mod call;
mod files;
mod ground;
mod identity;
mod kernel;
mod limits;
mod memory;
mod network;
#[cfg(target_arch = "x86_64")]
mod old;
mod processes;

use std::io::{self, IoSlice, Write};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::process::ExitCode;
use std::time::Duration;

use candor_jail::{Confinement, Mechanism, Missing, confine_partly};
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};

use attempt::Attempt;
use ground::Ground;

/// Bytes of private memory that an attempt may use.
const MEMORY: u64 = 64 << 20;
/// Time on the processor that an attempt may use; the shortest that there is.
const PROCESSOR_TIME: Duration = Duration::from_secs(1);
const DESCRIPTORS: u32 = 32;

/// All attempts; their numbers are their places.
fn attempts() -> Vec<&'static Attempt> {
    let mut all: Vec<&'static Attempt> = Vec::new();
    all.extend(files::ATTEMPTS);
    all.extend(network::ATTEMPTS);
    all.extend(processes::ATTEMPTS);
    all.extend(memory::ATTEMPTS);
    all.extend(identity::ATTEMPTS);
    all.extend(kernel::ATTEMPTS);
    #[cfg(target_arch = "x86_64")]
    all.extend(old::ATTEMPTS);
    all.extend(limits::ATTEMPTS);
    all
}

/// Runs the mode that the arguments name.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["list"] => list().is_ok(),
        [number, mechanisms, user, folder] => escape(number, mechanisms, user, folder).is_some(),
        _ => false,
    };
    if done { ExitCode::SUCCESS } else { ExitCode::from(2) }
}

/// Prints the attempts, one a line, with tabs between the columns.
fn list() -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    for (number, attempt) in attempts().into_iter().enumerate() {
        writeln!(stdout, "{number}\t{attempt}")?;
    }
    stdout.flush()
}

fn escape(number: &str, mechanisms: &str, user: &str, folder: &str) -> Option<()> {
    let attempt = match number {
        "stay" => None,
        _ => Some(*attempts().get(number.parse::<usize>().ok()?)?),
    };
    let mechanisms = chosen(mechanisms)?;
    let user = match user.split_once(':') {
        Some((user, group)) => Some((user.parse().ok()?, group.parse().ok()?)),
        None if user == "-" => None,
        None => return None,
    };
    let socket = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3).ok()?;
    let mut ground = Ground::new(socket, folder)?;
    let confinement = Confinement {
        socket: ground.socket(),
        user,
        memory: MEMORY,
        processor_time: PROCESSOR_TIME,
        descriptors: DESCRIPTORS,
        output: None,
    };
    match confine_partly(&confinement, &mechanisms) {
        Ok(missing) => say(ground.socket(), &ready(missing))?,
        Err(error) => {
            say(ground.socket(), &format!("failed\n{error}"));
            return None;
        }
    }
    ground.receive()?;
    let Some(attempt) = attempt else {
        // Until the other end is closed.
        while ground.receive().is_some() {}
        return Some(());
    };
    let answer = match attempt.make(&mut ground) {
        Ok(value) => format!("returned {value}"),
        Err(errno) => format!("errno {errno}"),
    };
    say(ground.socket(), &answer)
}

fn ready(missing: Missing) -> String {
    let mut text = "ready".to_owned();
    for sentence in missing.into_texts() {
        text.push('\n');
        text.push_str(&sentence);
    }
    text
}

/// The mechanisms that a list names.
fn chosen(list: &str) -> Option<Vec<Mechanism>> {
    match list {
        "all" => Some(Mechanism::ALL.to_vec()),
        "none" => Some(Vec::new()),
        _ => list
            .split(',')
            .map(|name| Mechanism::ALL.into_iter().find(|mechanism| mechanism.name() == name))
            .collect(),
    }
}

/// Sends a packet, as a worker does.
fn say(socket: BorrowedFd<'_>, text: &str) -> Option<()> {
    debug_assert!(socket.as_raw_fd() > 2);
    let slices = [IoSlice::new(text.as_bytes())];
    sendmsg(socket, &slices, &mut SendAncillaryBuffer::default(), SendFlags::NOSIGNAL).ok()?;
    Some(())
}
