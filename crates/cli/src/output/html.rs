//! One HTML file for people, without scripts or anything that is loaded from elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Seek, SeekFrom, Write};

use candor_object::{Evidence, Finding, ObjectId, utc};
use tempfile::SpooledTempFile;

use super::tree::{children, cut, dump_lines};
use super::{Detail, Output, Run, Summary, Target, reason_name};
use crate::escape::{Escaped, is_dangerous};
use crate::examine::{Quarantine, Scanned};
use crate::exit_status::Outcome;
use crate::numbers::{self, counted, grouped};
use crate::version;

/// Bytes of the waiting parts that stay in memory.
const IN_MEMORY: usize = 1 << 20;
/// Gaps of one file that are listed, unless all are wanted.
const GAPS_SHOWN: usize = 20;
/// Bytes on one line of a dump.
const DUMP_LINE: usize = 16;

/// What reports look like.
pub(crate) const STYLE: &str = include_str!("report.css");

/// The report as a page. Its summary stands first and is known last, so that the rest waits in files.
pub(crate) struct Html {
    writer: Box<dyn Write>,
    run: Run,
    found: SpooledTempFile,
    gaps: SpooledTempFile,
    others: SpooledTempFile,
    errors: Vec<String>,
}

impl Html {
    /// A report that goes to `target`.
    pub(crate) fn new(target: Target, run: &Run) -> Self {
        Self {
            writer: target.writer,
            run: run.clone(),
            found: SpooledTempFile::new(IN_MEMORY),
            gaps: SpooledTempFile::new(IN_MEMORY),
            others: SpooledTempFile::new(IN_MEMORY),
            errors: Vec::new(),
        }
    }

    fn gap_rows(&mut self, scanned: &Scanned) -> io::Result<()> {
        let gaps = &scanned.report.gaps;
        let most = if self.run.detail == Detail::Verbose { gaps.len() } else { GAPS_SHOWN };
        for gap in gaps.iter().take(most) {
            let path = scanned.report.path(gap.object);
            writeln!(
                self.gaps,
                "<tr><td class=reason>{}</td><td class=path>{}</td><td>{}</td></tr>",
                Text(&reason_name(gap.reason)),
                Text(&path),
                Text(&gap.detail)
            )?;
        }
        if gaps.len() > most {
            let more = counted((gaps.len() - most) as u64, "gap", "gaps");
            let path = Text(&scanned.path);
            writeln!(self.gaps, "<tr><td></td><td class=path>{path}</td><td>and {more} more</td></tr>")?;
        }
        Ok(())
    }

    fn summary(&mut self, summary: &Summary, outcome: Outcome) -> io::Result<()> {
        let (class, headline) = match outcome.status() {
            1 => ("alarm", format!("{} reported", counted(summary.found, "file", "files"))),
            2 => ("gap", "The scan had errors".to_owned()),
            3 => ("gap", "Nothing found, but not everything was examined".to_owned()),
            _ => ("calm", "Nothing found, everything was examined".to_owned()),
        };
        let started = utc(self.run.started);
        let writer = &mut self.writer;
        writeln!(writer, "<header class={class}><p class=program>Candor scan report, {started}</p>")?;
        writeln!(writer, "<h1>{headline}</h1></header>")?;
        writeln!(writer, "<dl class=tiles>")?;
        for (verdict, count) in &summary.verdicts {
            tile(writer, verdict, &grouped(*count))?;
        }
        tile(writer, "files", &grouped(summary.files))?;
        tile(writer, "objects", &grouped(summary.objects))?;
        tile(writer, "read", &numbers::size(summary.bytes))?;
        tile(writer, "time", &numbers::duration(summary.time))?;
        tile(writer, "gaps", &grouped(summary.all_gaps()))?;
        writeln!(writer, "</dl>")?;
        let skipped = [
            ("special files", summary.special),
            ("symbolic links", summary.links),
            ("excluded paths", summary.excluded),
        ];
        let skipped: Vec<String> = skipped
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(what, count)| format!("{what}: {}", grouped(*count)))
            .collect();
        if !skipped.is_empty() {
            writeln!(writer, "<p class=faint>Skipped {}.</p>", skipped.join(", "))?;
        }
        Ok(())
    }

    fn setting(&mut self) -> io::Result<()> {
        let writer = &mut self.writer;
        writeln!(writer, "<section><h2>Databases</h2><table><thead><tr><th>From</th><th>Signatures</th>")?;
        writeln!(writer, "<th>Size</th><th>Identity (SHA-256)</th></tr></thead><tbody>")?;
        for used in &self.run.databases {
            let skipped = match used.skipped {
                0 => String::new(),
                skipped => format!(" ({} skipped)", grouped(skipped)),
            };
            writeln!(
                writer,
                "<tr><td class=path>{}</td><td>{}{skipped}</td><td>{}</td><td class=digest>{}</td></tr>",
                Text(&used.origin),
                grouped(used.signatures),
                numbers::size(used.size),
                hex::encode(used.identity)
            )?;
        }
        writeln!(writer, "</tbody></table></section>")?;
        writeln!(writer, "<section><h2>Options</h2><table class=options><tbody>")?;
        for (name, value) in &self.run.options {
            writeln!(writer, "<tr><th>{name}</th><td class=path>{}</td></tr>", Text(value))?;
        }
        writeln!(writer, "</tbody></table></section>")?;
        let commit = version::COMMIT.unwrap_or("unknown");
        writeln!(writer, "<footer>Candor {}, commit {commit}. ", version::VERSION)?;
        writeln!(
            writer,
            "“Undetected” means that nothing alerting was seen; it is no claim of harmlessness.</footer>"
        )
    }
}

impl Output for Html {
    fn scanned(&mut self, scanned: &Scanned) -> io::Result<()> {
        let verbose = self.run.detail == Detail::Verbose;
        if !scanned.report.findings.is_empty() || scanned.decision.action == candor_object::Action::Report {
            Page::new(scanned, self.run.detail).write(&mut self.found)?;
        } else if verbose {
            let verdict = scanned.decision.verdict.name();
            let (path, size) = (Text(&scanned.path), numbers::size(scanned.size()));
            writeln!(self.others, "<tr><td>{verdict}</td><td class=path>{path}</td><td>{size}</td></tr>")?;
        }
        self.gap_rows(scanned)
    }

    fn error(&mut self, message: &str) -> io::Result<()> {
        self.errors.push(message.to_owned());
        Ok(())
    }

    fn finish(&mut self, summary: &Summary, outcome: Outcome) -> io::Result<()> {
        writeln!(self.writer, "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>")?;
        // Should an escape ever be missing, the browser still loads and runs nothing.
        writeln!(
            self.writer,
            "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        )?;
        writeln!(self.writer, "<meta name=viewport content=\"width=device-width, initial-scale=1\">")?;
        writeln!(
            self.writer,
            "<title>Candor scan report</title><style>\n{STYLE}</style></head><body><main>"
        )?;
        self.summary(summary, outcome)?;
        if !self.errors.is_empty() {
            writeln!(self.writer, "<section><h2>Errors</h2><ul>")?;
            for error in &self.errors {
                writeln!(self.writer, "<li class=path>{}</li>", Text(error))?;
            }
            writeln!(self.writer, "</ul></section>")?;
        }
        if copied(&mut self.found, &mut self.writer, "<section><h2>Findings</h2>")? {
            writeln!(self.writer, "</section>")?;
        }
        if summary.all_gaps() > 0 {
            let title = "<section><h2>Not examined</h2><p class=faint>Each line is content that nobody \
                         looked at, and why.</p><ul class=reasons>";
            writeln!(self.writer, "{title}")?;
            for (reason, count) in &summary.gaps {
                writeln!(self.writer, "<li>{}: <b>{}</b></li>", Text(reason), grouped(*count))?;
            }
            writeln!(self.writer, "</ul>")?;
            let head = "<table><thead><tr><th>Why</th><th>Object</th><th>Detail</th></tr></thead><tbody>";
            copied(&mut self.gaps, &mut self.writer, head)?;
            writeln!(self.writer, "</tbody></table></section>")?;
        }
        let head = "<section><h2>Other files</h2><table><tbody>";
        if copied(&mut self.others, &mut self.writer, head)? {
            writeln!(self.writer, "</tbody></table></section>")?;
        }
        self.setting()?;
        writeln!(self.writer, "</main></body></html>")?;
        self.writer.flush()
    }
}

/// Copies what waited, with a title if there is anything; whether there is.
fn copied(from: &mut SpooledTempFile, to: &mut dyn Write, title: &str) -> io::Result<bool> {
    from.flush()?;
    if from.stream_position()? == 0 {
        return Ok(false);
    }
    writeln!(to, "{title}")?;
    from.seek(SeekFrom::Start(0))?;
    io::copy(from, to)?;
    Ok(true)
}

fn tile(writer: &mut dyn Write, name: &str, value: &str) -> io::Result<()> {
    writeln!(writer, "<div><dt>{name}</dt><dd>{value}</dd></div>")
}

/// One root object with findings.
struct Page<'a> {
    scanned: &'a Scanned,
    shown: Option<BTreeSet<ObjectId>>,
    children: BTreeMap<ObjectId, Vec<ObjectId>>,
    findings: BTreeMap<ObjectId, Vec<(usize, &'a Finding)>>,
}

impl<'a> Page<'a> {
    fn new(scanned: &'a Scanned, detail: Detail) -> Self {
        let mut findings: BTreeMap<ObjectId, Vec<(usize, &Finding)>> = BTreeMap::new();
        for (number, finding) in scanned.report.findings.iter().enumerate() {
            findings.entry(finding.object).or_default().push((number, finding));
        }
        Self {
            scanned,
            shown: (detail < Detail::Verbose).then(|| scanned.report.concerned()),
            children: children(&scanned.report),
            findings,
        }
    }

    fn write(&self, writer: &mut dyn Write) -> io::Result<()> {
        let decision = &self.scanned.decision;
        let verdict = decision.verdict.name();
        writeln!(writer, "<article><h3><span class=\"verdict {verdict}\">{verdict}</span> ")?;
        writeln!(writer, "<span class=path>{}</span></h3>", Text(&self.scanned.path))?;
        match &self.scanned.quarantine {
            Some(Quarantine::Taken(id)) => writeln!(writer, "<p>Taken into quarantine as {id}.</p>")?,
            Some(Quarantine::Left(reason)) => {
                writeln!(writer, "<p>Not taken into quarantine: {}</p>", Text(reason))?;
            }
            None => {}
        }
        if !decision.fully_examined {
            let gaps = counted(self.scanned.report.gaps.len() as u64, "gap", "gaps");
            writeln!(writer, "<p class=faint>Not everything was examined: {gaps}, see below.</p>")?;
        }
        writeln!(writer, "<ul class=tree>")?;
        self.object(writer, ObjectId::ROOT)?;
        writeln!(writer, "</ul>")?;
        if let Some(shown) = &self.shown {
            let hidden = self.scanned.report.objects.len().saturating_sub(shown.len());
            if hidden > 0 {
                let objects = counted(hidden as u64, "further object", "further objects");
                writeln!(writer, "<p class=faint>{objects} without findings or gaps.</p>")?;
            }
        }
        writeln!(writer, "</article>")
    }

    fn object(&self, writer: &mut dyn Write, id: ObjectId) -> io::Result<()> {
        let Some(seen) = self.scanned.report.object(id) else {
            return Ok(());
        };
        let name = match seen.name.as_str() {
            "" => format!("<{}>", seen.relation.name()),
            name => name.to_owned(),
        };
        let size = numbers::size(seen.size);
        writeln!(
            writer,
            "<li><span class=path>{}</span> <span class=faint>{}, {size}</span>",
            Text(&name),
            seen.file_type
        )?;
        if let Some(digest) = seen.sha256 {
            writeln!(writer, "<div class=digest>SHA-256 {}</div>", hex::encode(digest))?;
        }
        for (number, finding) in self.findings.get(&id).into_iter().flatten() {
            self.finding(writer, *number, finding)?;
        }
        let below = self.children.get(&id).into_iter().flatten();
        let below: Vec<ObjectId> = below
            .filter(|child| self.shown.as_ref().is_none_or(|shown| shown.contains(child)))
            .copied()
            .collect();
        if !below.is_empty() {
            writeln!(writer, "<ul>")?;
            for child in below {
                self.object(writer, child)?;
            }
            writeln!(writer, "</ul>")?;
        }
        writeln!(writer, "</li>")
    }

    fn finding(&self, writer: &mut dyn Write, number: usize, finding: &Finding) -> io::Result<()> {
        let counts = self.scanned.decision.detections.contains(&number);
        let (class, weight) =
            if counts { ("finding", "") } else { ("\"finding weightless\"", ", does not count") };
        writeln!(writer, "<div class={class}><b>{}</b>", Text(&finding.name))?;
        let (category, strength) = (finding.category.name(), finding.strength.name());
        write!(writer, "<span class=faint>{category}, {strength}{weight}; {}", finding.detector)?;
        if !finding.source.is_empty() {
            write!(writer, ", {}", Text(&finding.source))?;
        }
        writeln!(writer, "</span>")?;
        if !finding.text.is_empty() {
            writeln!(writer, "<div class=signature>{}</div>", Text(&cut(&finding.text)))?;
        }
        for evidence in &finding.evidence {
            dump(writer, evidence)?;
        }
        writeln!(writer, "</div>")
    }
}

fn dump(writer: &mut dyn Write, evidence: &Evidence) -> io::Result<()> {
    let size = counted(evidence.size, "byte", "bytes");
    let (what, offset) = (Text(&evidence.what), evidence.offset);
    writeln!(writer, "<div class=faint>{what} at {offset} ({offset:#x}), {size}</div>")?;
    if evidence.excerpt.is_empty() {
        return Ok(());
    }
    writeln!(writer, "<pre>")?;
    for (offset, hex, text) in dump_lines(evidence, DUMP_LINE) {
        writeln!(writer, "{offset:08x}  {hex:<47}  {}", Text(&text))?;
    }
    let left = evidence.size.saturating_sub(evidence.excerpt.len() as u64);
    if left > 0 {
        writeln!(writer, "and {} more", counted(left, "byte", "bytes"))?;
    }
    writeln!(writer, "</pre>")
}

/// Hostile text as HTML text: no markup, and nothing that reorders or hides it.
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in
            self.0.split_inclusive(|character| is_dangerous(character) || "<>&\"'".contains(character))
        {
            let mut characters = piece.chars();
            let Some(last) = characters.next_back() else {
                continue;
            };
            f.write_str(characters.as_str())?;
            match last {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                _ => write!(f, "{}", Escaped(last.encode_utf8(&mut [0; 4])))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_makes_no_markup() {
        let hostile = "<script>alert('1')</script>&\"\u{202e}\x1bü";
        assert_eq!(
            Text(hostile).to_string(),
            "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;\\u{202e}\\x1bü"
        );
    }
}
