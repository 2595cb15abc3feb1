//! `candor-fetch source`: one file, for feeds that are no mirror of ours.

use std::path::PathBuf;

use candor_fetch::{Error, Kind, Outcome, Progress, Staging};

use super::{Network, Place, complain, open, split};

/// Most bytes of a file, if nothing else is said.
const MOST: u64 = 1 << 30;

/// What to fetch.
#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// The file: a URL, or a path.
    #[arg(long, value_name = "URL|FILE")]
    url: String,
    /// Where to write it. Whatever is there is replaced when everything has arrived.
    #[arg(long, value_name = "FILE")]
    into: PathBuf,
    /// Most bytes.
    #[arg(long, value_name = "BYTES", default_value_t = MOST)]
    max: u64,
    #[command(flatten)]
    network: Network,
}

/// Fetches it.
pub(crate) fn run(options: &Options) -> Outcome {
    let progress = Progress::on_terminal();
    let result = fetch(options, &progress);
    progress.end();
    if let Err(error) = &result {
        complain(error);
    }
    let bytes = result.as_ref().copied().unwrap_or(0);
    Outcome {
        mirror: options.url.clone(),
        sequence: None,
        bytes,
        files: u64::from(result.is_ok()),
        error: result.err().as_ref().map(Into::into),
    }
}

fn fetch(options: &Options, progress: &Progress) -> Result<u64, Error> {
    let (folder, name) = split(&options.into)?;
    // A mirror that is a folder, with one file in it.
    let (place, path) = match Place::read(&options.url)? {
        Place::Path(path) => {
            let (folder, name) = split(&path)?;
            (Place::Path(folder.to_owned()), name.to_owned())
        }
        url => (url, String::new()),
    };
    let staging = Staging::open(folder)?;
    let mut transport = open(&place, &options.network, &staging)?;
    let written =
        staging.write(name, 0, |sink| transport.get(&path, options.max, &mut progress.of(name, sink)))?;
    written.ok_or_else(|| Error::new(Kind::Missing, "there is no such file"))
}
