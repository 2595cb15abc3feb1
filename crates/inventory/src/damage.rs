//! What was wrong with content that was read on: told once, at the end, with the first places.

use crate::Error;

/// Most places that are named.
const NAMED: usize = 4;

/// Records that were left out.
#[derive(Debug, Default)]
pub(crate) struct Damage {
    named: Vec<String>,
    count: usize,
}

impl Damage {
    /// Notes that something at an offset could not be read.
    pub(crate) fn note(&mut self, what: &str, offset: u64) {
        self.add(|| format!("{what} at offset {offset}"));
    }

    /// The same of something that ends in a line.
    pub(crate) fn note_line(&mut self, what: &str, line: u64) {
        self.add(|| format!("{what} that ends in line {line}"));
    }

    /// The same of something in a row of a table.
    pub(crate) fn note_row(&mut self, what: &str, row: i64) {
        self.add(|| format!("{what} in row {row}"));
    }

    fn add(&mut self, text: impl FnOnce() -> String) {
        self.count = self.count.saturating_add(1);
        if self.named.len() < NAMED {
            self.named.push(text());
        }
    }

    /// # Errors
    /// [`Error::Damaged`] when something was noted.
    pub(crate) fn told(self) -> Result<(), Error> {
        if self.count == 0 {
            return Ok(());
        }
        let more = self.count.saturating_sub(self.named.len());
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        Err(Error::Damaged(format!("could not be read: {}{more}", self.named.join(", "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_places_are_named_and_the_others_counted() {
        let mut damage = Damage::default();
        assert!(Damage::default().told().is_ok());
        for at in 0..6 {
            damage.note("a key", at);
        }
        let text = damage.told().unwrap_err().to_string();
        assert!(text.starts_with("could not be read: a key at offset 0,"), "{text}");
        assert!(text.ends_with("a key at offset 3, and 2 more"), "{text}");
    }
}
