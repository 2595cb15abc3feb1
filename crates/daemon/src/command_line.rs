//! The command line of `candord`.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// The service of Candor: scans what clients bring, in the protocols that they speak.
#[derive(Debug, Parser)]
#[command(name = "candord", version, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct CommandLine {
    /// Read the configuration from this file [default: /etc/candor/candord.toml, if it exists].
    #[arg(long, short, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// Take over the settings of ClamAV's clamd.conf; our own file and --set count more.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) clamd_config: Option<PathBuf>,
    /// Give a key another value than the file does (repeatable).
    #[arg(long, value_name = "SECTION.KEY=VALUE", global = true)]
    pub(crate) set: Vec<String>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const AFTER_HELP: &str = "\
Signals: TERM and INT stop gracefully, a second one at once; HUP opens databases and log file again;
USR2 opens databases again.

Exit status: 0 stopped as told, 1 could not start or failed, 2 wrong usage or configuration,
3 stopped as told with requests unanswered.";

/// What to do instead of serving.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Command {
    /// Show, check or explain the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// What to do with the configuration.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print what is in effect, as a configuration file.
    Show {
        /// Say of each value where it comes from: default, file and line, environment, command line.
        #[arg(long)]
        origin: bool,
    },
    /// Say whether the service could start with it: its keys, values, user, worker program and databases.
    Check,
    /// Print a file with every key, its meaning and its default.
    Defaults,
    /// Print as JSON what a clamd.conf comes to: our own keys, and what there is to say about its lines.
    Translated,
}
