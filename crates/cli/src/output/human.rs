//! Text for people: what was found, what was not examined, a summary.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};

use candor_object::{Category, Finding, Verdict};

use super::{Colours, Detail, Output, Run, Summary, Target, reason_name};
use crate::escape::Escaped;
use crate::examine::{Quarantine, Scanned};
use crate::exit_status::Outcome;
use crate::numbers::{self, counted};

/// Gaps of one reason that are shown, unless all are wanted.
const EXAMPLES: usize = 3;
/// Columns of text that is not a path.
const WIDTH: usize = 80;

/// The report for people.
pub(crate) struct Human {
    writer: Box<dyn Write>,
    paint: Paint,
    detail: Detail,
    signatures: u64,
    databases: usize,
    /// Examples of gaps by reason: path and detail.
    examples: BTreeMap<String, Vec<(String, String)>>,
}

impl Human {
    /// A report that goes to `target`.
    pub(crate) fn new(target: Target, run: &Run) -> Self {
        Self {
            writer: target.writer,
            paint: Paint(target.colours),
            detail: run.detail,
            signatures: run.signatures(),
            databases: run.databases.len(),
            examples: BTreeMap::new(),
        }
    }

    fn finding(&mut self, scanned: &Scanned, finding: &Finding, word: &str, style: Style) -> io::Result<()> {
        let path = path_lines(&scanned.report.path(finding.object), 12);
        let word = self.paint.styled(style, &format!("{word:<10}"));
        writeln!(self.writer, "{word}  {path}")?;
        let source = match finding.source.as_str() {
            "" => finding.detector,
            source => source,
        };
        let name = self.paint.styled(Style::Strong, &Escaped(&finding.name));
        write!(self.writer, "            {name} ({})", Escaped(source))?;
        match &finding.text {
            // What is odd says what it is; other findings name a signature, which the JSON has.
            detail if finding.category == Category::Anomaly && !detail.is_empty() => {
                writeln!(self.writer, ": {}", Escaped(detail))
            }
            _ => writeln!(self.writer),
        }
    }

    fn gaps(&mut self, scanned: &Scanned) -> io::Result<()> {
        for gap in &scanned.report.gaps {
            let reason = reason_name(gap.reason);
            if self.detail == Detail::Verbose {
                let path = path_lines(&scanned.report.path(gap.object), 12);
                let label = self.paint.styled(Style::Gap, &"gap       ");
                writeln!(self.writer, "{label}  {path}")?;
                writeln!(self.writer, "{}", wrapped(&sentence(&reason, &gap.detail), 12))?;
                continue;
            }
            let examples = self.examples.entry(reason).or_default();
            if examples.len() < EXAMPLES {
                examples.push((scanned.report.path(gap.object), gap.detail.clone()));
            }
        }
        Ok(())
    }

    fn gap_groups(&mut self, summary: &Summary) -> io::Result<()> {
        if summary.gaps.is_empty() {
            return Ok(());
        }
        let title = format!(
            "Not examined: {} in {}",
            counted(summary.all_gaps(), "gap", "gaps"),
            counted(summary.incomplete, "file", "files")
        );
        writeln!(self.writer, "{}", self.paint.styled(Style::Gap, &title))?;
        for (reason, count) in &summary.gaps {
            writeln!(self.writer, "  {reason:<22} {:>9}", numbers::grouped(*count))?;
            let examples = self.examples.get(reason).map_or(&[][..], Vec::as_slice);
            for (path, detail) in examples {
                writeln!(self.writer, "    {}", path_lines(path, 4))?;
                if !detail.is_empty() {
                    writeln!(self.writer, "{}", wrapped(&Escaped(detail).to_string(), 6))?;
                }
            }
            let more = count.saturating_sub(examples.len() as u64);
            if more > 0 && self.detail != Detail::Verbose {
                let hint = "--verbose shows all";
                writeln!(self.writer, "    and {} more ({hint})", numbers::grouped(more))?;
            }
        }
        writeln!(self.writer)
    }
}

impl Output for Human {
    fn scanned(&mut self, scanned: &Scanned) -> io::Result<()> {
        let decision = &scanned.decision;
        for (number, finding) in scanned.report.findings.iter().enumerate() {
            if decision.detections.contains(&number) {
                let verdict = decision.verdict;
                self.finding(scanned, finding, verdict.name(), Style::of(verdict))?;
            } else if self.detail == Detail::Verbose {
                // Trust, anomalies, and what trust overrides.
                let category = finding.category.name();
                self.finding(scanned, finding, &format!("({category})"), Style::Faint)?;
            }
        }
        match &scanned.quarantine {
            Some(Quarantine::Taken(id)) => {
                writeln!(self.writer, "            taken into quarantine as {id}")?
            }
            Some(Quarantine::Left(_)) => {
                writeln!(self.writer, "            not taken into quarantine, see above")?
            }
            None => {}
        }
        if self.detail > Detail::Quiet {
            self.gaps(scanned)?;
        }
        if self.detail == Detail::Verbose && !scanned.has_something_to_tell() {
            let path = path_lines(&scanned.path, 12);
            writeln!(self.writer, "{:<10}  {path}", decision.verdict.name())?;
        } else if decision.detections.is_empty() && decision.verdict > Verdict::Undetected {
            // Policy may find an object suspicious for its gaps alone.
            let verdict =
                self.paint.styled(Style::of(decision.verdict), &format!("{:<10}", decision.verdict.name()));
            writeln!(self.writer, "{verdict}  {}", path_lines(&scanned.path, 12))?;
        }
        // Whoever watches a long scan wants findings when they are made.
        if scanned.has_something_to_tell() {
            self.writer.flush()?;
        }
        Ok(())
    }

    fn error(&mut self, _message: &str) -> io::Result<()> {
        // It stands on standard error already.
        Ok(())
    }

    fn finish(&mut self, summary: &Summary, _outcome: Outcome) -> io::Result<()> {
        if self.detail == Detail::Quiet {
            return self.writer.flush();
        }
        if summary.found > 0 || self.detail == Detail::Verbose {
            writeln!(self.writer)?;
        }
        self.gap_groups(summary)?;
        writeln!(
            self.writer,
            "Scanned  {} ({}), {} in {} ({})",
            counted(summary.files, "file", "files"),
            counted(summary.objects, "object", "objects"),
            numbers::size(summary.bytes),
            numbers::duration(summary.time),
            summary.rate()
        )?;
        writeln!(
            self.writer,
            "Against  {} of {}",
            counted(self.signatures, "signature", "signatures"),
            counted(self.databases as u64, "database", "databases")
        )?;
        let left_out: Vec<String> = [
            (summary.special, "special file", "special files"),
            (summary.links, "symbolic link", "symbolic links"),
            (summary.excluded, "excluded path", "excluded paths"),
        ]
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| counted(count, one, many))
        .collect();
        if !left_out.is_empty() {
            writeln!(self.writer, "Skipped  {}", left_out.join(", "))?;
        }
        if summary.errors > 0 {
            let paths = counted(summary.errors, "path", "paths");
            writeln!(self.writer, "Errors   {paths} could not be used, see above")?;
        }
        let found: Vec<String> = summary
            .verdicts
            .iter()
            .map(|(verdict, count)| format!("{} {verdict}", numbers::grouped(*count)))
            .collect();
        let found = match (found.is_empty(), summary.incomplete + summary.errors) {
            (false, _) => self.paint.styled(Style::Alarm, &found.join(", ")),
            (true, 0) => "nothing".to_owned(),
            (true, _) => "nothing in what was examined".to_owned(),
        };
        writeln!(self.writer, "Found    {found}")?;
        if summary.taken > 0 {
            let taken = counted(summary.taken, "file", "files");
            writeln!(self.writer, "Taken    {taken} into quarantine; `candor quarantine list` shows them")?;
        }
        self.writer.flush()
    }
}

/// A reason and its detail, escaped.
pub(crate) fn sentence(reason: &str, detail: &str) -> String {
    if detail.is_empty() { reason.to_owned() } else { format!("{reason}: {}", Escaped(detail)) }
}

/// An object path, escaped, on several lines where it is long; broken only between two names, so that each
/// name can be copied.
pub(crate) fn path_lines(path: &str, indent: usize) -> String {
    let mut text = String::new();
    let mut column = indent;
    for (place, name) in path.split(" > ").enumerate() {
        let name = Escaped(name).to_string();
        let width = name.chars().count();
        if place > 0 {
            if column + 3 + width > WIDTH {
                text.push_str(" >\n");
                text.extend(std::iter::repeat_n(' ', indent + 2));
                column = indent + 2;
            } else {
                text.push_str(" > ");
                column += 3;
            }
        }
        text.push_str(&name);
        column += width;
    }
    text
}

/// Text on lines of at most [`WIDTH`] columns where it has spaces to break at.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    let mut lines = vec![String::new()];
    let mut column = indent;
    for word in text.split(' ') {
        let width = word.chars().count();
        if column > indent && column + 1 + width > WIDTH {
            lines.push(String::new());
            column = indent;
        }
        if let Some(line) = lines.last_mut() {
            if column > indent {
                line.push(' ');
                column += 1;
            }
            line.push_str(word);
            column += width;
        }
    }
    let indent = " ".repeat(indent);
    let lines: Vec<String> = lines.iter().map(|line| format!("{indent}{line}")).collect();
    lines.join("\n")
}

/// How a piece of text stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Something that was found.
    Alarm,
    /// Something that may be nothing.
    Warning,
    /// Something that was not examined.
    Gap,
    /// A name.
    Strong,
    /// Something that does not count.
    Faint,
}

impl Style {
    /// The style of a verdict.
    pub(crate) fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Trusted | Verdict::Undetected => Self::Faint,
            Verdict::Suspicious | Verdict::Unwanted => Self::Warning,
            _ => Self::Alarm,
        }
    }
}

/// Writes colours, or does not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint(pub(crate) Colours);

impl Paint {
    /// The text in a style. The text must be escaped already.
    pub(crate) fn styled(self, style: Style, text: &dyn fmt::Display) -> String {
        if self.0 == Colours::Off {
            return text.to_string();
        }
        let code = match style {
            Style::Alarm => "1;31",
            Style::Warning => "33",
            Style::Gap => "36",
            Style::Strong => "1",
            Style::Faint => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_break_between_names() {
        let path = format!("{} > {} > c", "a".repeat(50), "b".repeat(30));
        let shown = path_lines(&path, 12);
        assert_eq!(shown.lines().count(), 2);
        assert!(shown.ends_with(&format!("{} > c", "b".repeat(30))));
        assert_eq!(path_lines("a > b", 12), "a > b");
    }

    #[test]
    fn details_are_wrapped_and_colours_stay_off_in_pipes() {
        let text = wrapped(&"word ".repeat(40), 6);
        assert!(text.lines().all(|line| line.len() <= WIDTH && line.starts_with("      ")));
        assert_eq!(Paint(Colours::Off).styled(Style::Alarm, &"x"), "x");
        assert_eq!(Paint(Colours::On).styled(Style::Alarm, &"x"), "\x1b[1;31mx\x1b[0m");
    }
}
