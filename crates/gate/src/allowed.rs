//! Files that were allowed, to look at them again when databases change.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::pending::now;
use crate::verdicts::Identity;

/// Files that are remembered; of more, those are forgotten that nobody used for the longest time.
const MOST: usize = 1 << 16;

/// Files that were allowed.
#[derive(Debug, Default)]
pub(crate) struct Allowed(Mutex<HashMap<Identity, Use>>);

/// Where a file was, and when it was used, in milliseconds since the machine started.
#[derive(Clone, Debug)]
struct Use {
    path: PathBuf,
    executed: Option<u64>,
    opened: u64,
}

impl Allowed {
    /// Notes a file that was scanned.
    pub(crate) fn scanned(&self, identity: Identity, path: PathBuf) {
        let mut files = self.files();
        let executed = files.get(&identity).and_then(|file| file.executed);
        files.insert(identity, Use { path, executed, opened: now() });
        if files.len() > MOST {
            let mut times: Vec<u64> = files.values().map(Use::last).collect();
            let middle = times.len() / 2;
            let (_, middle, _) = times.select_nth_unstable(middle);
            let middle = *middle;
            files.retain(|_, file| file.last() > middle);
        }
    }

    /// Notes that a file is executed.
    pub(crate) fn executed(&self, identity: &Identity) {
        if let Some(file) = self.files().get_mut(identity) {
            file.executed = Some(now());
        }
    }

    /// All of them, those first that were executed most recently, then those that were opened.
    pub(crate) fn by_use(&self) -> Vec<(Identity, PathBuf)> {
        let mut files: Vec<(Identity, Use)> =
            self.files().iter().map(|(identity, file)| (*identity, file.clone())).collect();
        files.sort_by_key(|(_, file)| std::cmp::Reverse((file.executed, file.opened)));
        files.into_iter().map(|(identity, file)| (identity, file.path)).collect()
    }

    fn files(&self) -> MutexGuard<'_, HashMap<Identity, Use>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Use {
    fn last(&self) -> u64 {
        self.opened.max(self.executed.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_executed_most_recently_comes_first() {
        let files: Vec<tempfile::NamedTempFile> =
            (0..3).map(|_| tempfile::NamedTempFile::new().unwrap()).collect();
        let identities: Vec<Identity> =
            files.iter().map(|file| Identity::of(file.as_file()).unwrap().unwrap()).collect();
        let allowed = Allowed::default();
        for (identity, file) in identities.iter().zip(&files) {
            allowed.scanned(*identity, file.path().to_owned());
            std::thread::sleep(Duration::from_millis(3));
        }
        allowed.executed(&identities[0]);
        std::thread::sleep(Duration::from_millis(3));
        allowed.executed(&identities[1]);
        let order: Vec<Identity> = allowed.by_use().into_iter().map(|(identity, _)| identity).collect();
        assert_eq!(order, [identities[1], identities[0], identities[2]]);
    }
}
