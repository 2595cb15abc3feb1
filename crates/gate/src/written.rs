//! Files that were written and closed. They come in bursts, from compilers, archivers and version control, which nobody wants
//! to be slower; so they are heard of in batches, and scanned when it has been quiet for a moment. Whoever opens one before
//! that waits for a scan of his own.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::setpriority_process;

use crate::gate::Gate;
use crate::verdicts::Identity;

/// Files that wait. What is written beyond that is scanned when it is opened.
const MOST: usize = 1000;
/// How long it has to be quiet.
const QUIET: Duration = Duration::from_secs(1);
/// How long a file waits where it never is.
const LONGEST: Duration = Duration::from_secs(10);
/// The time between two looks while files wait.
const BETWEEN_LOOKS: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
/// The time in which events gather. As long as one is not read, its file system cannot be unmounted; starting `umount`
/// takes longer than this.
const GATHERING: Duration = Duration::from_millis(1);
/// The priority of who reads them, lower than that of who answers.
const USUAL: i32 = 0;

/// Files that wait to be scanned. None is held open: its file system may be unmounted.
#[derive(Debug, Default)]
struct Written(VecDeque<Closed>);

#[derive(Debug)]
struct Closed {
    identity: Identity,
    path: PathBuf,
    at: Instant,
}

/// Hears of files that were written, and has them scanned when it is quiet.
pub(crate) fn hear(gate: &Arc<Gate>) {
    let _ = setpriority_process(None, USUAL);
    let mut written = Written::default();
    loop {
        let wait = if written.0.is_empty() { None } else { Some(&BETWEEN_LOOKS) };
        let _ = poll(&mut [PollFd::new(gate.written(), PollFlags::IN)], wait);
        while let Ok(events) = gate.written().read() {
            written.add(events.iter().filter_map(|event| gate.is_to_be_scanned(event)));
        }
        for closed in written.due() {
            gate.look_at_written(closed.identity, &closed.path);
        }
        thread::sleep(GATHERING);
    }
}

impl Written {
    /// Takes files that were closed.
    fn add(&mut self, files: impl Iterator<Item = (Identity, PathBuf)>) {
        let room = MOST.saturating_sub(self.0.len());
        let at = Instant::now();
        self.0.extend(files.take(room).map(|(identity, path)| Closed { identity, path, at }));
    }

    /// Takes out the files whose time has come.
    fn due(&mut self) -> Vec<Closed> {
        let is_quiet = self.0.back().is_some_and(|last| last.at.elapsed() > QUIET);
        let is_due = |closed: &Closed| is_quiet || closed.at.elapsed() >= LONGEST;
        let count = self.0.iter().take_while(|closed| is_due(closed)).count();
        self.0.drain(..count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_wait_until_it_is_quiet() {
        let mut written = Written::default();
        let file = tempfile::NamedTempFile::new().unwrap();
        let identity = Identity::of(file.as_file()).unwrap().unwrap();
        written.add((0..2).map(|_| (identity, file.path().to_owned())));
        assert!(written.due().is_empty(), "it is not quiet yet");
        thread::sleep(QUIET + Duration::from_millis(50));
        assert_eq!(written.due().len(), 2);
        written.add((0..2 * MOST).map(|_| (identity, file.path().to_owned())));
        assert_eq!(written.0.len(), MOST);
    }
}
