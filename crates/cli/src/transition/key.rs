//! `candor transition key`: a key for evidence packs.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::ensure;
use candor_transition::pack::SecretKey;
use rustix::rand::{GetRandomFlags, getrandom};

use super::write_new;
use crate::exit_status::Outcome;

/// Where to.
#[derive(clap::Args, Debug)]
pub(super) struct Options {
    /// The file of the secret key, which only its owner can read. The public key is beside it, with .pub behind its
    /// name: give that to the auditor by another way than the pack.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let mut seed = [0; 32];
    ensure!(getrandom(&mut seed, GetRandomFlags::empty())? == 32, "the system gave too few random bytes");
    let key = SecretKey::of_seed(&seed);
    let mut public = options.file.clone().into_os_string();
    public.push(".pub");
    write_new(&options.file, key.to_line().as_bytes(), 0o600)?;
    write_new(public.as_ref(), key.public().to_line().as_bytes(), 0o644)?;
    write!(io::stdout(), "{}", key.public().to_line())?;
    Ok(Outcome::default())
}
