//! `candor-fetch mirror`: everything that an update needs, into the staging folder.

use std::path::PathBuf;

use candor_fetch::mirror::{Extent, Fetched, fetch};
use candor_fetch::{Error, Outcome, Progress, Staging};

use super::{Network, Place, complain, open};

/// What to fetch.
#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// The mirror: a URL, or a folder with the same files.
    #[arg(long, value_name = "URL|FOLDER")]
    from: String,
    /// The staging folder.
    #[arg(long, value_name = "FOLDER")]
    into: PathBuf,
    /// Fetch everything, whatever lies in the staging folder, and no deltas.
    #[arg(long)]
    full: bool,
    /// Fetch the segments of this release and not of the newest.
    #[arg(long, value_name = "NUMBER")]
    release: Option<u64>,
    #[command(flatten)]
    network: Network,
}

/// Fetches it.
pub(crate) fn run(options: &Options) -> Outcome {
    let progress = Progress::on_terminal();
    let (Fetched { sequence, bytes, files }, result) = run_through(options, &progress);
    progress.end();
    if let Err(error) = &result {
        complain(error);
    }
    Outcome {
        mirror: options.from.clone(),
        sequence,
        bytes,
        files,
        error: result.err().as_ref().map(Into::into),
    }
}

fn run_through(options: &Options, progress: &Progress) -> (Fetched, Result<(), Error>) {
    let opened = Place::read(&options.from).and_then(|place| {
        let staging = Staging::open(&options.into)?;
        let transport = open(&place, &options.network, &staging)?;
        Ok((staging, transport))
    });
    let extent = if options.full { Extent::Full } else { Extent::Missing };
    match opened {
        Ok((staging, mut transport)) => {
            fetch(transport.as_mut(), &staging, extent, options.release, progress)
        }
        Err(error) => (Fetched::default(), Err(error)),
    }
}
