//! Where lines go: to standard output and standard error as freshclam sends them, and to its log.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use candor_object::harmless;

/// The way out of all lines.
#[derive(Debug)]
pub(super) struct Teller {
    pub(super) quiet: bool,
    pub(super) no_warnings: bool,
    pub(super) verbose: bool,
    /// Whether everything goes to standard output.
    pub(super) one_stream: bool,
    log: Option<File>,
    log_time: bool,
}

impl Teller {
    /// Lines for people, and for a log if one is named.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub(super) fn open(log: Option<&Path>, log_time: bool) -> io::Result<Self> {
        let log = log.map(|path| OpenOptions::new().append(true).create(true).open(path)).transpose()?;
        Ok(Self { quiet: false, no_warnings: false, verbose: false, one_stream: false, log, log_time })
    }

    /// What people want to know.
    pub(super) fn tell(&mut self, line: &str) {
        self.record(line);
        if !self.quiet {
            write(&mut io::stdout().lock(), line);
        }
    }

    /// What only some want to know.
    pub(super) fn detail(&mut self, line: &str) {
        if self.verbose {
            self.tell(line);
        }
    }

    /// What is not as it should be.
    pub(super) fn warn(&mut self, line: &str) {
        if !self.no_warnings {
            self.complain(&format!("WARNING: {line}"), !self.quiet);
        }
    }

    /// What failed.
    pub(super) fn fail(&mut self, line: &str) {
        self.complain(&format!("ERROR: {line}"), true);
    }

    fn complain(&mut self, line: &str, shown: bool) {
        self.record(line);
        if shown && self.one_stream {
            write(&mut io::stdout().lock(), line);
        } else if shown {
            write(&mut io::stderr().lock(), line);
        }
    }

    fn record(&mut self, line: &str) {
        let Some(log) = &mut self.log else { return };
        let line = if self.log_time { format!("{} -> {line}", now()) } else { line.to_owned() };
        write(log, &line);
    }
}

/// Writes a line; servers and files may have made parts of it.
fn write(out: &mut dyn Write, line: &str) {
    // Where nobody reads there is nobody to tell that.
    let _ = out.write_all(&[&harmless(line.as_bytes())[..], b"\n"].concat());
}

/// The time as C writes it.
pub(super) fn now() -> String {
    jiff::Zoned::now().strftime("%a %b %e %H:%M:%S %Y").to_string()
}
