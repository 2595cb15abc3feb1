//! `candor-publish`, the command line.

#![forbid(unsafe_code)]

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{director, key, mirror, release, repository, root};

#[derive(Parser)]
#[command(name = "candor-publish", version, max_term_width = 100)]
#[command(about = "Publishes signatures: keys and ceremonies, releases, the log, mirrors.")]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make keys and show their public halves.
    #[command(subcommand)]
    Key(key::Command),
    /// Make, sign and publish roots: the ceremony.
    #[command(subcommand)]
    Root(root::Command),
    /// Make a working folder.
    Init(repository::Init),
    /// Build, sign and publish releases.
    #[command(subcommand)]
    Release(release::Command),
    /// Renew timestamp and cosignatures of what is published. To be run daily.
    Refresh(repository::Refresh),
    /// Write a release into one file for machines without a network.
    Bundle(repository::Bundle),
    /// Copy mirrors.
    #[command(subcommand)]
    Mirror(mirror::Command),
    /// Print the policy for clients: the log, the witnesses, the quorum.
    Policy(repository::Policy),
    /// Show what is published, what waits, and what runs out.
    Status(repository::Status),
    /// Speak as a site's own director.
    #[command(subcommand)]
    Director(director::Command),
}

fn main() -> ExitCode {
    let done = match CommandLine::parse().command {
        Command::Key(command) => key::run(&command),
        Command::Root(command) => root::run(&command),
        Command::Init(command) => repository::init(&command),
        Command::Release(command) => release::run(&command),
        Command::Refresh(command) => repository::refresh(&command),
        Command::Bundle(command) => repository::bundle(&command),
        Command::Mirror(command) => mirror::run(&command),
        Command::Policy(command) => repository::policy(&command),
        Command::Status(command) => repository::status(&command),
        Command::Director(command) => director::run(&command),
    };
    match done {
        Ok(status) => status,
        Err(error) => {
            // What files and witnesses say may be anybody's words.
            eprintln!("candor-publish: {}", commands::harmless(&format!("{error:#}")));
            ExitCode::from(2)
        }
    }
}
