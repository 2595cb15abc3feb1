//! What is known of files that were scanned.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use quick_cache::sync::Cache;
use rustix::fs::{FileType, fstat, fstatfs};

/// A file as it was at some time. The change time is set by whoever changes content, name or owner, and cannot be set back
/// by anybody but root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, u64),
    changed: (i64, u64),
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing that policy reports.
    Undetected,
    /// This, and how bad it is.
    Detected(Arc<Detection>),
}

/// A detection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Detection {
    /// The verdict's name.
    pub(crate) verdict: &'static str,
    /// The names of what was found, the worst first.
    pub(crate) names: Vec<String>,
}

/// Magic numbers of file systems whose change times are never the same twice where somebody looked in between
/// (`FS_MGTIME`, Linux 6.13): ext4, XFS, btrfs, tmpfs.
const FINE: [u64; 4] = [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994];
/// Where they are coarse, a file that was changed so recently is not remembered: it could be changed again within the same
/// tick. In nanoseconds; ticks take 10 ms at most, and FAT has two seconds.
const COARSE: i128 = 2_500_000_000;

impl Identity {
    /// That of an open file; nothing if it is no regular file.
    ///
    /// # Errors
    /// Those of the operating system.
    pub(crate) fn of(file: &File) -> io::Result<Option<Self>> {
        let status = fstat(file)?;
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
            return Ok(None);
        }
        Ok(Some(Self {
            device: status.st_dev,
            inode: status.st_ino,
            size: status.st_size.cast_unsigned(),
            modified: (status.st_mtime, status.st_mtime_nsec),
            changed: (status.st_ctime, status.st_ctime_nsec),
        }))
    }

    /// Its length in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The identity that these bytes stand for.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut numbers =
            bytes.chunks_exact(8).map(|bytes| bytes.try_into().map(u64::from_le_bytes).unwrap_or(0));
        let mut next = || numbers.next();
        let identity = Self {
            device: next()?,
            inode: next()?,
            size: next()?,
            modified: (next()?.cast_signed(), next()?),
            changed: (next()?.cast_signed(), next()?),
        };
        (bytes.len() == 7 * 8).then_some(identity)
    }

    /// Bytes that stand for it.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let ((modified, a), (changed, b)) = (self.modified, self.changed);
        let numbers =
            [self.device, self.inode, self.size, modified.cast_unsigned(), a, changed.cast_unsigned(), b];
        numbers.map(u64::to_le_bytes).concat()
    }

    /// What tells its file from others for as long as that is open.
    pub(crate) fn file(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    /// Its device, as `major` and `minor`.
    pub(crate) fn device(&self) -> (u32, u32) {
        (rustix::fs::major(self.device), rustix::fs::minor(self.device))
    }

    /// Whether a change after now is sure to give it another identity. `fine` is whether the kernel has fine times at all.
    pub(crate) fn is_telling(&self, file: &File, fine: bool) -> bool {
        if fine && fstatfs(file).is_ok_and(|status| FINE.contains(&status.f_type.cast_unsigned())) {
            return true;
        }
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        let nanoseconds =
            |seconds: i64, rest: i128| i128::from(seconds).saturating_mul(1_000_000_000).saturating_add(rest);
        let (seconds, rest) = self.changed;
        nanoseconds(now.tv_sec, now.tv_nsec.into()).saturating_sub(nanoseconds(seconds, rest.into())) > COARSE
    }
}

/// Whether the kernel has change times that are never the same twice: since Linux 6.13.
pub(crate) fn has_fine_times() -> bool {
    let name = rustix::system::uname();
    let release = name.release().to_string_lossy().into_owned();
    let mut numbers =
        release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (6, 13)
}

/// Verdicts that are remembered, those that are asked for most.
#[derive(Debug)]
pub(crate) struct Verdicts(Cache<Identity, Known>);

/// A verdict, and how often it was asked for.
#[derive(Clone, Debug)]
struct Known {
    verdict: Verdict,
    asked: Arc<AtomicU32>,
}

impl Verdicts {
    /// Room for so many.
    pub(crate) fn new(most: usize) -> Self {
        Self(Cache::new(most))
    }

    /// Whether anything is known of a file.
    pub(crate) fn knows(&self, identity: &Identity) -> bool {
        self.0.get(identity).is_some()
    }

    /// What is known of a file, and how often that was asked for before.
    pub(crate) fn ask(&self, identity: &Identity) -> Option<(Verdict, u32)> {
        let known = self.0.get(identity)?;
        Some((known.verdict, known.asked.fetch_add(1, Ordering::Relaxed)))
    }

    /// Remembers a verdict.
    pub(crate) fn remember(&self, identity: Identity, verdict: Verdict) {
        self.0.insert(identity, Known { verdict, asked: Arc::default() });
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn every_change_gives_another_identity() {
        let file = tempfile::tempfile().unwrap();
        let mut seen = vec![Identity::of(&file).unwrap().unwrap()];
        for step in 0..200_u8 {
            file.write_at(&[step], 0).unwrap();
            let now = Identity::of(&file).unwrap().unwrap();
            if has_fine_times() && now.is_telling(&file, true) {
                assert!(!seen.contains(&now), "{step}");
            }
            seen.push(now);
        }
        assert_eq!(Identity::of(&File::open("/dev/null").unwrap()).unwrap(), None);
        let last = seen[200];
        assert_eq!(Identity::read(&last.to_bytes()), Some(last));
        assert_eq!(Identity::read(&last.to_bytes()[1..]), None);
    }

    #[test]
    fn coarse_times_tell_nothing_of_what_was_just_changed() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(1).unwrap();
        assert!(!Identity::of(&file).unwrap().unwrap().is_telling(&file, false));
        let old = File::open("/proc/self/exe").unwrap();
        let mut identity = Identity::of(&old).unwrap().unwrap();
        identity.changed.0 -= 60;
        assert!(identity.is_telling(&old, false));
    }
}
