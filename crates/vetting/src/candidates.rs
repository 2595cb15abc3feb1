//! Which files are tried, and in which order.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use candor_packages::{Digest, Vouched};
use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};

use crate::critical::Critical;
use crate::{Counts, Sample, Settings, known_good};

/// Why a file is tried; the first come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// The system does not work without it.
    Critical,
    /// The user says that it is good.
    KnownGood,
    /// Chance chose it.
    Sampled,
}

/// A file that is known to be good.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) path: PathBuf,
    pub(crate) rank: Rank,
    /// The package, or the folder or list of the user.
    pub(crate) vouched_by: String,
    /// The digest of the content that is good; of files of a folder, any content is.
    pub(crate) digest: Option<Digest>,
}

impl Candidate {
    /// Opens it, if it is a regular file; a link or a FIFO in its place is neither followed nor waited for.
    pub(crate) fn open(&self) -> io::Result<File> {
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits();
        let file = OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(&self.path)?;
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
    }

    /// Whether its content is what is vouched for.
    pub(crate) fn is_as_vouched(&self) -> bool {
        let same = |digest: &Digest| self.open().and_then(|file| digest.is_of(&file)).unwrap_or(false);
        self.digest.as_ref().is_none_or(same)
    }
}

/// The files that are tried: all that are critical, those of the user, and a sample of the rest.
pub(crate) fn choose(settings: &Settings, counts: &mut Counts) -> Result<Vec<Candidate>, String> {
    let vouched = match &settings.packages {
        Some(packages) => {
            packages.vouched().map_err(|error| format!("the files of packages cannot be learned: {error}"))?
        }
        None => Vec::new(),
    };
    counts.vouched = vouched.len();
    let critical = Critical::new()?;
    let (mut chosen, rest): (Vec<_>, Vec<_>) = vouched
        .into_iter()
        .map(|vouched| of_package(&settings.root, &critical, vouched))
        .partition(|candidate| candidate.rank == Rank::Critical);
    for path in &settings.known_good {
        chosen.extend(known_good::files(path).map_err(|error| format!("{}: {error}", path.display()))?);
    }
    chosen.extend(sample(rest, &settings.sample));
    Ok(chosen)
}

fn of_package(root: &Path, critical: &Critical, vouched: Vouched) -> Candidate {
    let Vouched { path, package, digest } = vouched;
    let rank = if critical.contains(&path) { Rank::Critical } else { Rank::Sampled };
    let path = root.join(path.strip_prefix("/").unwrap_or(&path));
    Candidate { path, rank, vouched_by: package, digest: Some(digest) }
}

/// The files with the lowest digests of their paths, each with the number that is this machine's own before it: every
/// file is as likely as any other, and only who knows the number knows which.
fn sample(mut rest: Vec<Candidate>, sample: &Sample) -> Vec<Candidate> {
    rest.sort_by_cached_key(|candidate| {
        let mut digest = Sha256::new();
        digest.update(sample.place.to_le_bytes());
        digest.update(candidate.path.as_os_str().as_bytes());
        <[u8; 32]>::from(digest.finalize())
    });
    rest.truncate(sample.files);
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(place: u64, files: usize) -> Vec<PathBuf> {
        let all = (0..100)
            .map(|number| Candidate {
                path: format!("/{number}").into(),
                rank: Rank::Sampled,
                vouched_by: String::new(),
                digest: None,
            })
            .collect();
        sample(all, &Sample { files, bytes: 0, place }).into_iter().map(|candidate| candidate.path).collect()
    }

    #[test]
    fn a_place_chooses_always_the_same_and_another_others() {
        assert_eq!(paths(7, 10), paths(7, 10));
        assert_eq!(paths(7, 5), paths(7, 10)[..5]);
        assert_ne!(paths(7, 10), paths(8, 10));
        assert_eq!(paths(7, 1000).len(), 100);
    }
}
