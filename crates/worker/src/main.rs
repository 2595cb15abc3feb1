//! `candor-worker`, the confined program: takes descriptors, scans, answers.
//!
//! It is started by `candor` and `candord` with a socket as its standard input and is of no use to people.
//! Everything it will need it gets before it is confined; afterwards there is the socket and nothing else.

mod escape;

mod opening;
mod scanning;

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::Arc;
use std::{env, panic};

use candor_detect::Database;
use candor_engine::Engine;
use candor_jail::{Confinement, confine};
use candor_protocol::{Channel, MAX_DESCRIPTORS, Ready, Request, Start};

/// The standard streams, the socket, and the files of a packet while those of the one before it are still open.
const DESCRIPTORS: u32 = 4 + 2 * MAX_DESCRIPTORS as u32;

fn main() -> ExitCode {
    // What a panic says may quote hostile content, and writing it is a system call that is not allowed.
    panic::set_hook(Box::new(|_| {}));
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.split_first() {
        None => {}
        Some((first, arguments)) if first == "--escape" => return escape::run(arguments),
        Some(_) => return ExitCode::from(2),
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn run() -> io::Result<()> {
    let mut channel = Channel::new(io::stdin().as_fd().try_clone_to_owned()?);
    let started = start(&mut channel);
    let (start, databases) = match started {
        Ok(started) => started,
        Err(error) => return refuse(&channel, &error),
    };
    let confinement = Confinement {
        socket: channel.as_fd(),
        user: start.user,
        memory: start.memory,
        processor_time: start.processor_time,
        descriptors: DESCRIPTORS,
        output: None,
    };
    let missing = match confine(&confinement) {
        Ok(missing) => missing.into_texts(),
        Err(error) => return refuse(&channel, &io::Error::other(error)),
    };
    let mut ready = Vec::new();
    Ready::Confined { missing }.write(&mut ready);
    channel.send(&ready, &[])?;
    let engine = Engine::new(databases, start.limits()).with_passwords(start.passwords.passwords());
    scanning::answer_all(&mut channel, &engine)
}

/// Takes the first message and opens the databases that came with it.
fn start(channel: &mut Channel) -> io::Result<(Start, Vec<Arc<Database>>)> {
    let received = channel.receive()?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let request = Request::read(received.bytes, received.descriptors.len()).map_err(io::Error::other)?;
    let Request::Start(start) = request else {
        return Err(io::Error::other("the first message is no start"));
    };
    let mut databases = Vec::new();
    for descriptor in received.descriptors {
        let database = Database::from_file(&File::from(descriptor)).map_err(io::Error::other)?;
        databases.push(Arc::new(database));
    }
    Ok((start, databases))
}

fn refuse(channel: &Channel, error: &io::Error) -> io::Result<()> {
    let mut refused = Vec::new();
    Ready::Refused { reason: error.to_string() }.write(&mut refused);
    channel.send(&refused, &[])
}
