//! `candor prove network`: placeholder.

use crate::exit_status::Outcome;

#[derive(clap::Args, Debug)]
pub(super) struct Options {}

pub(super) fn run(_: &Options) -> anyhow::Result<Outcome> {
    Ok(Outcome::default())
}
