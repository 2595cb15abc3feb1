//! `candor-publish key`.

use std::path::PathBuf;
use std::process::ExitCode;

use candor_publish::files;
use candor_publish::keys::{PublicKey, VENDOR, new_note_key, new_tuf_key, public_path, read_note_key};
use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::{GOOD, print, tell};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a key: the private half into a new file that only you can read.
    New {
        /// What it signs.
        #[arg(long, value_enum)]
        kind: Kind,
        /// Its name: of the person who holds it, or the origin of a log such as example.org/candor.
        #[arg(long)]
        name: String,
        /// Who holds it, of keys for TUF: the vendor, or the name of another organisation.
        #[arg(long, default_value = VENDOR)]
        party: String,
        /// The new file. The public half of a key for TUF is written beside it, with .pub at the end.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Show the public half of a key.
    Show {
        /// A public file of TUF, or a private one with the public one beside it, or the private key of a log.
        file: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Kind {
    /// Roles of TUF.
    Tuf,
    /// Checkpoints of a log, or the notes of a director.
    Log,
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::New { kind: Kind::Tuf, name, party, out } => {
            let public = new_tuf_key(name, party, out)?;
            print(&format!("{}\n{}", public.describe(), public_path(out).display()))?;
        }
        Command::New { kind: Kind::Log, name, out, .. } => print(&new_note_key(name, out)?.to_string())?,
        Command::Show { file, json } => {
            let first = files::read(file)?;
            if first.starts_with(b"PRIVATE+KEY+") {
                let key = read_note_key(file)?.public().to_string();
                tell(*json, &json!({ "kind": "log", "vkey": key }), &key)?;
                return GOOD;
            }
            let pem = first.starts_with(b"-----BEGIN");
            let public = PublicKey::read(&if pem { public_path(file) } else { file.clone() })?;
            let value = json!({ "kind": "tuf", "keyid": public.id, "key": public.to_json() });
            tell(*json, &value, &format!("{}\nkeyid {}", public.describe(), public.id))?;
        }
    }
    GOOD
}
