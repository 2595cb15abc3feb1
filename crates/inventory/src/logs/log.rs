//! A log of which every line is a record.

use super::{Addresses, Request};
use crate::damage::Damage;
use crate::text::numbered_lines;
use crate::{Error, Facts, Reader, Subject};

/// A form of log.
pub(crate) struct Log {
    pub(super) name: &'static str,
    /// One of these stands in the head of every such log.
    pub(super) marks: &'static [&'static str],
    /// Whether all lines are of this form. System logs have those of other programs between.
    pub(super) alone: bool,
    pub(super) line: for<'l> fn(&mut Vec<String>, &'l str) -> Said<'l>,
}

/// What a line is. The names of columns that a line tells are kept for the following ones.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said<'l> {
    Request(Request<'l>),
    /// A line of such a log that asks for no host.
    Else,
    /// No line of such a log.
    Foreign,
}

/// Lines of the head that are looked at.
const LOOKED_AT: usize = 16;

impl Reader for Log {
    fn name(&self) -> &'static str {
        self.name
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        // A log with a hole of zeros, as a crash leaves it, is a log.
        if !self.marks.iter().any(|mark| subject.says(mark)) {
            return false;
        }
        let text = subject.head_text();
        let mut names = Vec::new();
        let (mut own, mut foreign) = (0, 0);
        // The last line of the head may be cut.
        let whole =
            text.lines().count() - usize::from((subject.head.len() as u64) < subject.content().size());
        for line in text.lines().take(whole.clamp(1, LOOKED_AT)).filter(|line| !line.trim().is_empty()) {
            match (self.line)(&mut names, line) {
                Said::Foreign => foreign += 1,
                Said::Request(_) | Said::Else => own += 1,
            }
        }
        own > foreign
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let mut addresses = Addresses::new(self.name);
        let mut names = Vec::new();
        let mut damage = Damage::default();
        let result = numbered_lines(subject, |number, line| {
            match (self.line)(&mut names, line) {
                Said::Request(request) => addresses.add(&request, number),
                Said::Foreign if self.alone && !line.trim().is_empty() => {
                    damage.note_line("a record", number)
                }
                Said::Foreign | Said::Else => {}
            }
            Ok(())
        });
        addresses.tell(facts).and(result)?;
        damage.told()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What a line says.
    pub(crate) fn said(log: &Log, line: &'static str) -> Said<'static> {
        (log.line)(&mut Vec::new(), line)
    }
}
