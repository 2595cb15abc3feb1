//! Files that were written and closed. They come in bursts, from compilers, archivers and version control, which nobody wants
//! to be slower; so they are scanned when it has been quiet for a moment. Whoever opens one before that waits for a scan of
//! his own.

use std::collections::VecDeque;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::verdicts::Identity;

/// Files that wait; each is open. What is written beyond that is scanned when it is opened.
const MOST: usize = 1000;
/// How long it has to be quiet.
const QUIET: Duration = Duration::from_secs(1);
/// How long a file waits where it never is.
const LONGEST: Duration = Duration::from_secs(10);

/// Files that wait to be scanned.
#[derive(Debug, Default)]
pub(crate) struct Written(Mutex<VecDeque<Closed>>);

#[derive(Debug)]
struct Closed {
    identity: Identity,
    file: Arc<File>,
    at: Instant,
}

impl Written {
    /// Takes a file that was closed.
    pub(crate) fn add(&self, identity: Identity, file: Arc<File>) {
        let mut files = self.files();
        if files.len() < MOST {
            files.push_back(Closed { identity, file, at: Instant::now() });
        }
    }

    /// The files whose time has come, without those that have no name any more or were changed since.
    pub(crate) fn due(&self) -> Vec<(Identity, Arc<File>)> {
        let mut files = self.files();
        let is_quiet = files.back().is_some_and(|last| last.at.elapsed() > QUIET);
        let mut due = Vec::new();
        while let Some(first) = files.front() {
            if !is_quiet && first.at.elapsed() < LONGEST {
                break;
            }
            due.extend(files.pop_front());
        }
        drop(files);
        let is_there = |closed: &Closed| {
            closed.file.metadata().is_ok_and(|file| file.nlink() > 0)
                && Identity::of(&closed.file).ok().flatten() == Some(closed.identity)
        };
        due.into_iter().filter(is_there).map(|closed| (closed.identity, closed.file)).collect()
    }

    fn files(&self) -> MutexGuard<'_, VecDeque<Closed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_wait_until_it_is_quiet() {
        let written = Written::default();
        let (there, gone) = (tempfile::NamedTempFile::new().unwrap(), tempfile::tempfile().unwrap());
        for file in [there.reopen().unwrap(), gone] {
            written.add(Identity::of(&file).unwrap().unwrap(), Arc::new(file));
        }
        assert!(written.due().is_empty(), "it is not quiet yet");
        std::thread::sleep(QUIET + Duration::from_millis(50));
        assert_eq!(written.due().len(), 1, "one has no name");
        assert!(written.due().is_empty());
    }
}
