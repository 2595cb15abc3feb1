//! A log of which every line is a record.

use super::{Addresses, Request};
use crate::text::numbered_lines;
use crate::{Error, Facts, Reader, Subject};

/// A form of log.
pub(crate) struct Log {
    pub(super) name: &'static str,
    /// One of these stands in the head of every such log.
    pub(super) marks: &'static [&'static str],
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
        if !self.marks.iter().any(|mark| subject.says(mark)) || memchr::memchr(0, subject.head).is_some() {
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
        let result = numbered_lines(subject, |number, line| {
            if let Said::Request(request) = (self.line)(&mut names, line) {
                addresses.add(&request, number);
            }
            Ok(())
        });
        addresses.tell(facts).and(result)
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
