//! Where lines go: to standard output, to standard error and to the log, as clamscan sends them.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::options::Show;

/// What the log has before each run.
const RULE: [&str; 3] =
    ["", "-------------------------------------------------------------------------------", ""];

/// The way out of all lines.
#[derive(Debug)]
pub(super) struct Output {
    log: Option<File>,
    quiet: bool,
    one_stream: bool,
}

/// Standard output or the log can take no more.
#[derive(Debug)]
pub(super) struct Unheard(pub(super) io::Error);

impl Output {
    /// Output as the options want it, with a log that begins a new part.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub(super) fn open(show: Show, log: Option<&Path>) -> io::Result<Self> {
        let log = log.map(|path| OpenOptions::new().append(true).create(true).open(path)).transpose()?;
        let mut output = Self { log, quiet: show.quiet, one_stream: show.one_stream };
        for line in RULE {
            output.record(line.as_bytes())?;
        }
        Ok(output)
    }

    /// What people want to know: shown unless only errors are wanted.
    pub(super) fn message(&mut self, line: &[u8]) -> Result<(), Unheard> {
        self.record(line).map_err(Unheard)?;
        self.unlogged(line)
    }

    /// That nothing was found, which is not for the log.
    pub(super) fn unlogged(&mut self, line: &[u8]) -> Result<(), Unheard> {
        if self.quiet { Ok(()) } else { write(&mut io::stdout().lock(), line).map_err(Unheard) }
    }

    /// What was not examined: always told on standard error, and in the log.
    pub(super) fn gap(&mut self, line: &[u8]) -> Result<(), Unheard> {
        let line = [b"LibClamAV Warning: ", line].concat();
        self.note(&line);
        self.record(&line).map_err(Unheard)
    }

    /// What is in the way of some file.
    pub(super) fn warning(&mut self, line: &[u8]) -> Result<(), Unheard> {
        let line = [b"WARNING: ", line].concat();
        self.record(&line).map_err(Unheard)?;
        if self.quiet { Ok(()) } else { self.complain(&line) }
    }

    /// What is in the way of everything.
    pub(super) fn error(&mut self, line: &[u8]) -> Result<(), Unheard> {
        let line = [b"ERROR: ", line].concat();
        self.record(&line).map_err(Unheard)?;
        self.complain(&line)
    }

    /// What is always told on standard error and never in the log: notes about the scan itself.
    pub(super) fn note(&mut self, line: &[u8]) {
        // Whoever closed standard error does not want to hear of it.
        let _ = write(&mut io::stderr().lock(), line);
    }

    /// The sound of `--bell`.
    pub(super) fn ring(&mut self) {
        let _ = io::stderr().write_all(b"\x07");
    }

    fn complain(&mut self, line: &[u8]) -> Result<(), Unheard> {
        if self.one_stream {
            return write(&mut io::stdout().lock(), line).map_err(Unheard);
        }
        self.note(line);
        Ok(())
    }

    fn record(&mut self, line: &[u8]) -> io::Result<()> {
        self.log.as_mut().map_or(Ok(()), |log| write(log, line))
    }
}

fn write(to: &mut impl Write, line: &[u8]) -> io::Result<()> {
    let mut bytes = line.to_vec();
    bytes.push(b'\n');
    to.write_all(&bytes)
}
