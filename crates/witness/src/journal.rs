//! Lines for whoever looks after the witness, on standard error.

use std::sync::OnceLock;

/// How bad it is, as syslog counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Somebody must look at it.
    Error = 3,
    /// Not as it should be.
    Warning = 4,
    /// Good to know.
    Notice = 5,
}

/// Writes a line. systemd's journal reads the priority from its beginning; others would only be disturbed by it.
pub fn say(priority: Priority, what: &str) {
    static OF_SYSTEMD: OnceLock<bool> = OnceLock::new();
    if *OF_SYSTEMD.get_or_init(|| std::env::var_os("JOURNAL_STREAM").is_some()) {
        eprintln!("<{}>candor-witness: {what}", priority as u8);
    } else {
        eprintln!("candor-witness: {what}");
    }
}
