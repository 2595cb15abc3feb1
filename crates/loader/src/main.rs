//! `candor-loader`, the confined program that compiles segments: takes two descriptors, writes one, answers once.
//!
//! It is started by programs of ours with a socket as its standard input and is of no use to people. Signature text
//! that anybody may have written is parsed here: without network, files, threads and rights.

#![forbid(unsafe_code)]

use std::any::Any;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use candor_jail::{Confinement, Output, Ready, confine};
use candor_protocol::{Channel, Compile, Compiled, LONGEST_PROBLEM, MOST_PROBLEMS};
use candor_signatures::Sources;
use candor_signatures::segment::Segment;

/// The standard streams, the socket, the output, the segment, and some that are only there meanwhile.
const DESCRIPTORS: u32 = 8;
/// Bytes that are written at a time.
const BUFFER: usize = 1 << 20;

fn main() -> ExitCode {
    // What a panic says may quote hostile content, and writing it is a system call that is not allowed.
    panic::set_hook(Box::new(|_| {}));
    if std::env::args_os().len() > 1 {
        return ExitCode::from(2);
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn run() -> io::Result<()> {
    let mut channel = Channel::new(io::stdin().as_fd().try_clone_to_owned()?);
    let (compile, output) = match start(&mut channel) {
        Ok(started) => started,
        Err(error) => return say(&channel, &Ready::Refused { reason: error.to_string() }),
    };
    let confinement = Confinement {
        socket: channel.as_fd(),
        user: compile.user,
        memory: compile.memory,
        processor_time: compile.processor_time,
        descriptors: DESCRIPTORS,
        output: Some(Output { file: output.as_fd(), most: compile.output }),
    };
    match confine(&confinement) {
        Ok(missing) => say(&channel, &Ready::Confined { missing: missing.into_texts() })?,
        Err(error) => return say(&channel, &Ready::Refused { reason: error.to_string() }),
    }
    // All but the socket and the output was closed, so the segment comes only now.
    let received = channel.receive()?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let length = <[u8; 8]>::try_from(received.bytes).map(u64::from_le_bytes).map_err(io::Error::other)?;
    let segment = File::from(one_descriptor(received.descriptors)?);
    let output = File::from(output);
    let compiled = panic::catch_unwind(AssertUnwindSafe(|| compile_segment(segment, length, &output)))
        .unwrap_or_else(|panic| Err(format!("a fault of ours: {}", words(&*panic))));
    let answer = compiled.unwrap_or_else(|reason| Compiled::Refused { reason: short(reason) });
    let mut packet = Vec::new();
    answer.write(&mut packet);
    channel.send(&packet, &[])
}

/// Takes the first message, with which the output comes.
fn start(channel: &mut Channel) -> io::Result<(Compile, OwnedFd)> {
    let received = channel.receive()?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let compile = Compile::read(received.bytes).map_err(io::Error::other)?;
    Ok((compile, one_descriptor(received.descriptors)?))
}

fn one_descriptor(received: Vec<OwnedFd>) -> io::Result<OwnedFd> {
    let [descriptor] = <[OwnedFd; 1]>::try_from(received)
        .map_err(|_| io::Error::other("a message has not one descriptor"))?;
    Ok(descriptor)
}

fn say(channel: &Channel, ready: &Ready) -> io::Result<()> {
    let mut packet = Vec::new();
    ready.write(&mut packet);
    channel.send(&packet, &[])
}

fn compile_segment(segment: File, length: u64, output: &File) -> Result<Compiled, String> {
    let segment =
        Segment::with_length(segment, length).map_err(|error| format!("it is no segment: {error}"))?;
    let mut left_out = 0_u64;
    let mut problems = Vec::new();
    let compiler = Sources::of_segment(segment)
        .compile(|problem| {
            left_out = left_out.saturating_add(1);
            if problems.len() < MOST_PROBLEMS {
                problems.push(short(problem.to_string()));
            }
        })
        .map_err(|error| error.to_string())?;
    if compiler.counts().total() == 0 {
        let first = problems.first().map(|problem| format!(": {problem}")).unwrap_or_default();
        return Err(format!("no signature in it can be used{first}"));
    }
    let mut out = BufWriter::with_capacity(BUFFER, Positioned { file: output, at: 0 });
    compiler
        .write(&mut out)
        .and_then(|()| out.flush())
        .map_err(|error| format!("the database could not be written: {error}"))?;
    Ok(Compiled::Written { left_out, problems })
}

/// Writes by position: the filter of system calls leaves no other way.
struct Positioned<'f> {
    file: &'f File,
    at: u64,
}

impl Write for Positioned<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write_at(bytes, self.at)?;
        self.at = self.at.saturating_add(count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The text, cut at a character.
fn short(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(LONGEST_PROBLEM));
    text
}

/// What a panic says.
fn words(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked")
}
