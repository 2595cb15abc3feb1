//! `candor transition report`: the evidence pack.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, anyhow, ensure};
use candor_transition::pack::{Evidence, INPUTS, SecretKey, make};
use candor_transition::status::status;

use super::{file_name, now, read, read_inventories, read_plan, write_new};
use crate::exit_status::Outcome;
use crate::output::html;
use crate::version;

/// Of what, and where to.
#[derive(clap::Args, Debug)]
pub(super) struct Options {
    /// The plan.
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// The key that signs: `candor transition key` makes one.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The folder that gets the pack; it must be empty, or not there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What `candor check --format json` printed; copies go into the pack (repeatable).
    #[arg(long, value_name = "FILE")]
    inventory: Vec<PathBuf>,
}

pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let (plan, bytes) = read_plan(&options.plan)?;
    let read_all = read_inventories(&options.inventory)?;
    let mut inputs = vec![(file_name(&options.plan), bytes)];
    inputs.extend(read_all.iter().map(|(name, bytes, _)| (name.clone(), bytes.clone())));
    let inventories: Vec<_> = read_all.into_iter().map(|(_, _, inventory)| inventory).collect();
    let text = String::from_utf8(read(&options.key, 1000)?).context("the key is no text")?;
    let key = SecretKey::read(&text).map_err(|error| anyhow!("{}: {error}", options.key.display()))?;
    let status = status(&plan, &inventories, now());
    let tool = ["candor", version::VERSION, version::COMMIT.unwrap_or("unknown")];
    let evidence = Evidence { plan: &plan, status: &status, tool, style: html::STYLE, inputs: &inputs };
    let files = make(&evidence, &key).map_err(|error| anyhow!(error))?;
    let out = &options.out;
    fs::create_dir_all(out.join(INPUTS)).with_context(|| out.display().to_string())?;
    // A file of an older pack would not belong to this one.
    let others = fs::read_dir(out)?.chain(fs::read_dir(out.join(INPUTS))?).count();
    ensure!(others == 1, "{}: it is not empty", out.display());
    let mut stdout = io::stdout().lock();
    for (name, bytes) in &files {
        write_new(&out.join(name), bytes, 0o644)?;
        writeln!(stdout, "{}", out.join(name).display())?;
    }
    writeln!(stdout, "signed by {}", key.public().to_base64())?;
    Ok(Outcome::default())
}
