//! The block at the end of a run.

use std::time::{Duration, Instant};

use jiff::Zoned;

/// The version of ClamAV that this program stands in for, then its own. Scripts look for the number; clients of our
/// `clamd` are told the same.
pub(super) const VERSION: &str = concat!("1.4.6-candor-", env!("CARGO_PKG_VERSION"));

/// What happened so far.
#[derive(Debug)]
pub(super) struct Summary {
    /// Signatures that are loaded.
    pub(super) signatures: u64,
    /// Folders that were looked into.
    pub(super) folders: u64,
    /// Files that were scanned.
    pub(super) files: u64,
    /// Files in which something was found.
    pub(super) infected: u64,
    /// Files and folders that could not be examined.
    pub(super) errors: u64,
    /// Files that could not be moved, copied or removed, and the word for it.
    pub(super) not_done: (&'static str, u64),
    /// Bytes of all objects.
    pub(super) scanned: u64,
    /// Bytes of files.
    pub(super) read: u64,
    /// Whether something was in the way that is not counted.
    pub(super) failed: bool,
    started: Zoned,
    clock: Instant,
}

impl Summary {
    /// Nothing happened yet.
    pub(super) fn start() -> Self {
        Self {
            signatures: 0,
            folders: 0,
            files: 0,
            infected: 0,
            errors: 0,
            not_done: ("", 0),
            scanned: 0,
            read: 0,
            failed: false,
            started: Zoned::now(),
            clock: Instant::now(),
        }
    }

    /// The exit status: something found is the news, whatever else went wrong.
    pub(super) fn status(&self) -> u8 {
        match self {
            Self { infected: 1.., .. } => 1,
            Self { failed: true, .. } | Self { errors: 1.., .. } => 2,
            _ => 0,
        }
    }

    /// The lines of the block.
    pub(super) fn lines(&self) -> Vec<String> {
        let time = |time: &Zoned| time.strftime("%Y:%m:%d %H:%M:%S").to_string();
        let mut lines = vec![
            String::new(),
            "----------- SCAN SUMMARY -----------".to_owned(),
            format!("Known viruses: {}", self.signatures),
            format!("Engine version: {VERSION}"),
            format!("Scanned directories: {}", self.folders),
            format!("Scanned files: {}", self.files),
            format!("Infected files: {}", self.infected),
        ];
        if self.errors > 0 {
            lines.push(format!("Total errors: {}", self.errors));
        }
        if let (word, 1..) = self.not_done {
            lines.push(format!("Not {word}: {}", self.not_done.1));
        }
        lines.extend([
            format!("Data scanned: {:.2} MB", megabytes(self.scanned)),
            format!("Data read: {:.2} MB (ratio {:.2}:1)", megabytes(self.read), self.ratio()),
            format!("Time: {}", duration(self.clock.elapsed())),
            format!("Start Date: {}", time(&self.started)),
            format!("End Date:   {}", time(&Zoned::now())),
        ]);
        lines
    }

    fn ratio(&self) -> f64 {
        if self.read == 0 { 0.0 } else { self.scanned as f64 / self.read as f64 }
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{:.3} sec ({} m {} s)", time.as_secs_f64(), seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_has_its_lines() {
        let mut summary = Summary::start();
        (summary.signatures, summary.scanned, summary.read) = (7, 3 << 20, 2 << 20);
        let lines = summary.lines();
        assert_eq!(lines.len(), 12);
        assert_eq!(lines[2], "Known viruses: 7");
        assert_eq!(lines[7..9], ["Data scanned: 3.00 MB", "Data read: 2.00 MB (ratio 1.50:1)"]);
        assert_eq!(duration(Duration::from_millis(61_500)), "61.500 sec (1 m 1 s)");
        assert_eq!(summary.status(), 0);
        summary.errors = 2;
        assert_eq!((summary.lines()[7].as_str(), summary.status()), ("Total errors: 2", 2));
        (summary.infected, summary.not_done) = (1, ("moved", 1));
        assert_eq!((summary.lines()[8].as_str(), summary.status()), ("Not moved: 1", 1));
    }
}
