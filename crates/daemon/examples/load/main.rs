//! A client of the clamd protocol that asks much, checks every answer, and misbehaves on request.
//!
//! `benches/reliability/run` and `benches/reliability/versus` start it; it works with clamd as well. The samples
//! are files whose names begin with the expected answer: `ok.`, `found.`, or `gap.` for what cannot be examined
//! in full. The counts go to standard output as one JSON object.

mod address;
mod content;
mod faults;
mod figures;
mod requests;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use tokio::time::Instant;

use crate::address::Address;
use crate::content::Samples;
use crate::figures::Figures;
use crate::requests::{Load, Uniqueness};

/// Asks a service that speaks the clamd protocol.
#[derive(Debug, Parser)]
struct CommandLine {
    /// What to do.
    mode: Mode,
    /// unix:/PATH or tcp:ADDRESS:PORT.
    address: Address,
    /// The folder with samples.
    #[arg(long)]
    samples: PathBuf,
    /// Clients at once.
    #[arg(long, default_value_t = 1)]
    connections: usize,
    /// For how long.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Stop after so many requests.
    #[arg(long, default_value_t = u64::MAX)]
    requests: u64,
    /// Requests of a session in mode `sessions`.
    #[arg(long, default_value_t = 8)]
    pipelined: usize,
    /// Bytes that a client of mode `endless` would like to send.
    #[arg(long, default_value_t = 10_000_000_000)]
    endless: u64,
    /// Makes the content of each request its own, so that no answer is remembered.
    #[arg(long)]
    unique: bool,
}

/// What clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// A connection for each stream.
    Streams,
    /// Half of the clients keep a session and do not wait for answers before they ask again.
    Sessions,
    /// One byte each second, and never a whole chunk length.
    Slow,
    /// Shut their side down in the middle or right after the last byte, or leave without reading.
    HalfClosed,
    /// Zeros until they are refused.
    Endless,
}

fn main() -> ExitCode {
    let arguments = CommandLine::parse();
    // One thread, so that the client takes no more than one processor from what it measures.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(run(arguments))) {
        Ok(figures) => {
            let told = writeln!(io::stdout().lock(), "{figures}");
            if told.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            let _ = writeln!(io::stderr().lock(), "load: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: CommandLine) -> io::Result<serde_json::Value> {
    let samples = Samples::read(&arguments.samples)?;
    let begun = Instant::now();
    let uniqueness = if arguments.unique { Uniqueness::Each } else { Uniqueness::None };
    let load = Arc::new(Load {
        address: arguments.address,
        samples,
        uniqueness,
        until: begun + Duration::from_secs(arguments.seconds),
        requests: std::sync::atomic::AtomicU64::new(arguments.requests),
        figures: Figures::default(),
    });
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..arguments.connections {
        let load = Arc::clone(&load);
        clients.spawn(async move {
            match arguments.mode {
                Mode::Sessions if number % 2 == 1 => load.sessions(number, arguments.pipelined).await,
                Mode::Streams | Mode::Sessions => load.streams(number).await,
                Mode::Slow => faults::slow(&load).await,
                Mode::HalfClosed => faults::half_closed(&load, number).await,
                Mode::Endless => faults::endless(&load, arguments.endless).await,
            }
        });
    }
    while let Some(done) = clients.join_next().await {
        done.map_err(io::Error::other)?;
    }
    Ok(load.figures.told(begun.elapsed()))
}
