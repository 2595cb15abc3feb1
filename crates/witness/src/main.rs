//! `candor-witness`, the command line.

#![forbid(unsafe_code)]

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use candor_tlog::{Evidence, MAX_EVIDENCE, VerifyingKey};
use candor_witness::{
    Configuration, MAX_STATE, Priority, Shelf, State, Store, Witness, confine, new_key, say, serve,
    system_clock,
};
use clap::{Parser, Subcommand};
use sha2::{Digest, Sha256};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Threads that wait for the disk.
const WRITERS: usize = 4;

#[derive(Parser)]
#[command(name = "candor-witness", version, max_term_width = 100)]
#[command(about = "Cosigns checkpoints of transparency logs that continue what it saw before.")]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a key: write the private half into a new file and print the public one.
    Key {
        /// The name of the witness, such as witness.example.org/w1.
        #[arg(long)]
        name: String,
        /// The new file.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Begin the state of a witness whose keys never cosigned anything. Once in the life of a key.
    Init {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Cosign what logs send.
    Serve {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Show what a witness remembers.
    Show {
        /// Its state.
        state: PathBuf,
    },
    /// Check evidence that a log has two histories.
    Evidence {
        /// The file.
        file: PathBuf,
        /// A key of the log; for each of its keys once.
        #[arg(long, value_name = "VKEY", required = true)]
        log: Vec<VerifyingKey>,
    },
}

fn main() -> ExitCode {
    match run(&CommandLine::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // What files say may be anybody's words.
            let plain = |character: char| if character.is_control() { '\u{fffd}' } else { character };
            let lines: Vec<String> =
                format!("{error:#}").lines().map(|line| line.chars().map(plain).collect()).collect();
            say(Priority::Error, &lines.join("\n  "));
            ExitCode::from(2)
        }
    }
}

fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Key { name, out } => {
            let key = new_key(name, out).with_context(|| out.display().to_string())?;
            print(&format!("{key}\n"))
        }
        Command::Init { config } => {
            let configuration = Configuration::read(config)?;
            Store::init(&configuration.state, &configuration.cosigners()?.known())?;
            Ok(())
        }
        Command::Serve { config } => run_server(&Configuration::read(config)?),
        Command::Show { state } => print(&shown(&read_state(state)?)),
        Command::Evidence { file, log } => {
            let evidence = Evidence::read(&read(file, MAX_EVIDENCE)?).context("the evidence")?;
            let (first, second) = evidence.verify(log).context("it convicts nobody")?;
            let (a, b) = (hex::encode(first.root), hex::encode(second.root));
            let (origin, old, new) = (first.origin.escape_debug(), first.size, second.size);
            print(&format!(
                "{origin} signed two histories:\n  size {old}, root {a}\n  size {new}, root {b}\n"
            ))
        }
    }
}

fn run_server(configuration: &Configuration) -> anyhow::Result<()> {
    let cosigners = configuration.cosigners()?;
    let store = Store::open(&configuration.state, &cosigners.known())?;
    let evidence = configuration.evidence();
    let shelf = Shelf::open(evidence.clone()).with_context(|| evidence.display().to_string())?;
    let listener =
        TcpListener::bind(configuration.listen).with_context(|| configuration.listen.to_string())?;
    listener.set_nonblocking(true)?;
    let keys: Vec<String> = cosigners.signing.iter().map(|key| key.public().to_string()).collect();
    let logs = configuration.logs()?;
    let (address, prefix) = (listener.local_addr()?, &configuration.submission_prefix);
    let (keys, count) = (keys.join(", "), logs.len());
    say(
        Priority::Notice,
        &format!("listening at http://{address}{prefix}, {count} logs, cosigned by {keys}"),
    );
    if let Some(missing) = confine(&[configuration.state_folder(), &evidence])? {
        say(Priority::Warning, missing);
    }
    let witness = Arc::new(Witness::new(logs, cosigners, store, shelf, system_clock()));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(WRITERS)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let stop = CancellationToken::new();
        let told = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            told.cancel();
        });
        serve(witness, tokio::net::TcpListener::from_std(listener)?, configuration, stop).await;
        anyhow::Ok(())
    })?;
    // What was begun on the disk is ended.
    runtime.shutdown_timeout(Duration::from_secs(10));
    Ok(())
}

fn read_state(path: &Path) -> anyhow::Result<State> {
    State::read(&read(path, MAX_STATE)?).map_err(|what| anyhow!("{}: {what}", path.display()))
}

fn read(path: &Path, most: usize) -> anyhow::Result<Vec<u8>> {
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        fs::File::open(path)?.take(most as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().with_context(|| path.display().to_string())
}

fn shown(state: &State) -> String {
    let mut text = format!("generation {}\n", state.generation);
    for key in &state.keys {
        text.push_str(&format!("key {key}\n"));
    }
    for (origin, kept) in &state.logs {
        let digest = hex::encode(Sha256::digest(origin));
        text.push_str(&format!(
            "\nlog {}\n  size {}\n  root {}\n  cosigned {}\n  read at checkpoint/{digest}\n",
            origin.escape_debug(),
            kept.checkpoint.size,
            hex::encode(kept.checkpoint.root),
            kept.time,
        ));
    }
    text
}

fn print(text: &str) -> anyhow::Result<()> {
    Ok(io::stdout().write_all(text.as_bytes())?)
}
