//! `candor protect`: what people and scripts say to the protection.

mod status;
mod switch;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::{Parser, Subcommand};

use crate::configuration::{Configuration, FILE};
use crate::supervisor;

/// How long the supervisor may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// On-access protection: what was detected can be neither opened nor executed
#[derive(Debug, Parser)]
#[command(name = "candor protect", version)]
struct Arguments {
    /// The configuration
    #[arg(long, global = true, value_name = "FILE", help = format!("The configuration [default: {FILE}]"))]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Switch it on, also for the next start of the machine where systemd has the service
    On,
    /// Switch it off
    Off,
    /// Tell what is covered, what is not, and what happened; the exit status is 1 when it is off
    Status {
        /// Everything, for programs
        #[arg(long)]
        json: bool,
    },
    /// Open the databases again; what was known is forgotten
    Reload,
    /// Only say whether the configuration makes sense
    Check,
    /// Protect in the foreground, as services want it; the log goes to standard error
    Run,
}

/// The program `candor-gate`.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let path = arguments.config.as_deref();
    let configuration = match Configuration::read(path) {
        Ok(configuration) => configuration,
        Err(error) => {
            eprintln!("candor protect: {error:#}");
            return ExitCode::from(2);
        }
    };
    let socket = &configuration.service.socket;
    let done = match &arguments.command {
        Command::On => switch::on(path, socket),
        Command::Off => switch::off(socket),
        Command::Status { json } => status::tell(socket, *json),
        Command::Reload => ask(socket, "reload").map(|_| ExitCode::SUCCESS),
        Command::Check => Ok(ExitCode::SUCCESS),
        Command::Run => supervisor::run(configuration).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        eprintln!("candor protect: {error:#}");
        ExitCode::from(2)
    })
}

/// Says a word to the supervisor; its answer.
fn ask(socket: &Path, word: &str) -> anyhow::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(socket).map_err(|error| match error.kind() {
        std::io::ErrorKind::PermissionDenied => anyhow!("only root may ask at {}", socket.display()),
        _ => anyhow!(
            "protection is off: nobody answers at {}; `candor protect on` switches it on",
            socket.display()
        ),
    })?;
    let mut answer = Vec::new();
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(word.as_bytes())?;
    stream.read_to_end(&mut answer).with_context(|| socket.display().to_string())?;
    Ok(answer)
}
