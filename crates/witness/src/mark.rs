//! The mark beside the state: which generation was written last. A state that is older was put back there by somebody,
//! and one that is missing existed once.
//!
//! Two lines of 64 bytes are written in turn, so a power cut damages the older one at most. The file is
//! never replaced, and whoever has it open locks it: of two programs with one state the second does not start.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use crate::step::{Step, reached};

const LINE: usize = 64;
const DIGITS: usize = 20;

/// The mark, locked.
#[derive(Debug)]
pub(crate) struct Mark(File);

impl Mark {
    /// Makes a new one.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        let mark = Self(file);
        mark.lock()?;
        mark.set(0)?;
        Ok(mark)
    }

    /// Opens the one that is there.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let mark = Self(OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)?);
        mark.lock()?;
        Ok(mark)
    }

    fn lock(&self) -> io::Result<()> {
        flock(&self.0, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
            Errno::WOULDBLOCK => io::Error::other("another program uses it"),
            other => other.into(),
        })
    }

    /// The generation, or nothing if both lines are damaged.
    pub(crate) fn get(&self) -> io::Result<Option<u64>> {
        let mut latest = None;
        for place in 0..2 {
            let mut bytes = [0; LINE];
            match self.0.read_exact_at(&mut bytes, place * LINE as u64) {
                Ok(()) => latest = latest.max(generation(&bytes)),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
                Err(error) => return Err(error),
            }
        }
        Ok(latest)
    }

    /// Writes a generation, durably.
    pub(crate) fn set(&self, generation: u64) -> io::Result<()> {
        self.0.write_all_at(line(generation).as_bytes(), generation % 2 * LINE as u64)?;
        reached(Step::Marked);
        self.0.sync_all()?;
        reached(Step::MarkDurable);
        Ok(())
    }
}

fn line(generation: u64) -> String {
    let digits = format!("{generation:020}");
    let digest = hex::encode(Sha256::digest(&digits));
    format!("{digits} {}\n", &digest[..LINE - DIGITS - 2])
}

fn generation(bytes: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(bytes).ok()?;
    let generation = text.get(..DIGITS)?.parse().ok()?;
    (text == line(generation)).then_some(generation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_line_costs_the_older_generation_only() {
        let ground = tempfile::tempdir().expect("a folder");
        let path = ground.path().join("mark");
        let mark = Mark::create(&path).expect("a mark");
        for generation in 0..5 {
            mark.set(generation).expect("room");
            assert_eq!(mark.get().expect("a file"), Some(generation));
        }
        // The next write, of generation 5, is torn.
        mark.0.write_all_at(b"000000000000000000059", LINE as u64).expect("room");
        assert_eq!(mark.get().expect("a file"), Some(4));
        mark.0.write_all_at(b"x", 3).expect("room");
        assert_eq!(mark.get().expect("a file"), None);
        assert!(Mark::create(&path).is_err() && Mark::open(&path).is_err(), "it is locked");
        drop(mark);
        assert!(Mark::open(&path).is_ok());
    }
}
