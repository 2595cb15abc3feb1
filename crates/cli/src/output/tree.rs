//! One report as a tree for people: every object, its findings with the bytes that matched, every gap.

use std::collections::BTreeMap;
use std::io::{self, Write};

use candor_object::{Evidence, Finding, Gap, ObjectId, Report};

use super::human::{Paint, Style, sentence, wrapped};
use super::reason_name;
use crate::escape::Escaped;
use crate::examine::Scanned;
use crate::numbers::{self, counted};

/// Most characters of a signature's text that are shown.
const SIGNATURE_SHOWN: usize = 600;
/// Bytes on one line of a dump; leaves room for the lines of the tree on 80 columns.
const DUMP_LINE: usize = 8;

struct Tree<'a> {
    scanned: &'a Scanned,
    children: BTreeMap<ObjectId, Vec<ObjectId>>,
    findings: BTreeMap<ObjectId, Vec<(usize, &'a Finding)>>,
    gaps: BTreeMap<ObjectId, Vec<&'a Gap>>,
    paint: Paint,
}

/// Writes the tree and the verdict.
pub(crate) fn write(writer: &mut dyn Write, paint: Paint, scanned: &Scanned) -> io::Result<()> {
    let report = &scanned.report;
    let mut tree =
        Tree { scanned, children: children(report), findings: BTreeMap::new(), gaps: BTreeMap::new(), paint };
    for (number, finding) in report.findings.iter().enumerate() {
        tree.findings.entry(finding.object).or_default().push((number, finding));
    }
    for gap in &report.gaps {
        tree.gaps.entry(gap.object).or_default().push(gap);
    }
    tree.object(writer, ObjectId::ROOT, "", "")?;
    tree.verdict(writer)
}

/// What came out of each object.
pub(crate) fn children(report: &Report) -> BTreeMap<ObjectId, Vec<ObjectId>> {
    let mut children: BTreeMap<ObjectId, Vec<ObjectId>> = BTreeMap::new();
    for (number, seen) in report.objects.iter().enumerate() {
        let id = ObjectId(number as u32);
        // Parents have lower numbers, so that the tree has no circle.
        if let Some(parent) = seen.parent.filter(|parent| *parent < id) {
            children.entry(parent).or_default().push(id);
        }
    }
    children
}

impl Tree<'_> {
    /// Writes an object and all below it. `first` stands before its own line, `rest` before the others.
    fn object(&self, writer: &mut dyn Write, id: ObjectId, first: &str, rest: &str) -> io::Result<()> {
        let Some(seen) = self.scanned.report.object(id) else {
            return Ok(());
        };
        let name = match seen.name.as_str() {
            "" => format!("<{}>", seen.relation.name()),
            name => Escaped(name).to_string(),
        };
        let name = self.paint.styled(Style::Strong, &name);
        let size = numbers::size(seen.size);
        writeln!(writer, "{first}{name}  {}, {size}", seen.file_type)?;
        let below = self.children.get(&id).map_or(&[][..], Vec::as_slice);
        let margin = if below.is_empty() { "  " } else { "│ " };
        let margin = format!("{rest}{margin}");
        if let Some(digest) = seen.sha256 {
            writeln!(writer, "{margin}SHA-256 {}", hex::encode(digest))?;
        }
        for (number, finding) in self.findings.get(&id).into_iter().flatten() {
            self.finding(writer, &margin, *number, finding)?;
        }
        for gap in self.gaps.get(&id).into_iter().flatten() {
            let label = self.paint.styled(Style::Gap, &"not examined:");
            let text = sentence(&reason_name(gap.reason), &gap.detail);
            paragraph(writer, &margin, &format!("{label} {text}"))?;
        }
        for (place, child) in below.iter().enumerate() {
            let last = place + 1 == below.len();
            let (branch, further) = if last { ("└── ", "    ") } else { ("├── ", "│   ") };
            let (first, rest) = (format!("{rest}{branch}"), format!("{rest}{further}"));
            self.object(writer, *child, &first, &rest)?;
        }
        Ok(())
    }

    fn finding(
        &self,
        writer: &mut dyn Write,
        margin: &str,
        number: usize,
        finding: &Finding,
    ) -> io::Result<()> {
        let counts = self.scanned.decision.detections.contains(&number);
        let style = if counts { Style::Alarm } else { Style::Faint };
        let name = self.paint.styled(style, &Escaped(&finding.name));
        let strength = finding.strength.name();
        let category = finding.category.name();
        let disabled = self.scanned.decision.disabled.contains(&number);
        let weight = match (counts, disabled) {
            (true, _) => "",
            (_, true) => ", disabled by `candor rules disable`",
            _ => ", does not count",
        };
        writeln!(writer, "{margin}{name}  {category}, {strength}{weight}")?;
        let detector = finding.detector;
        match finding.source.as_str() {
            "" => writeln!(writer, "{margin}  seen by {detector}")?,
            source => writeln!(writer, "{margin}  seen by {detector}, from {}", Escaped(source))?,
        }
        if !finding.text.is_empty() {
            let shown = cut(&finding.text);
            let margin = format!("{margin}  ");
            for (number, line) in shown.lines().enumerate() {
                let what = if number == 0 { "signature " } else { "  " };
                paragraph(writer, &margin, &format!("{what}{}", Escaped(line)))?;
            }
        }
        for evidence in &finding.evidence {
            dump(writer, &format!("{margin}  "), evidence)?;
        }
        Ok(())
    }

    fn verdict(&self, writer: &mut dyn Write) -> io::Result<()> {
        let decision = &self.scanned.decision;
        let report = &self.scanned.report;
        let verdict = self.paint.styled(Style::of(decision.verdict), &decision.verdict.name());
        writeln!(writer)?;
        writeln!(
            writer,
            "Verdict  {verdict} ({} in {})",
            counted(decision.detections.len() as u64, "detection", "detections"),
            counted(report.objects.len() as u64, "object", "objects"),
        )?;
        let examined = if decision.fully_examined {
            "everything was examined".to_owned()
        } else {
            let gaps = counted(report.gaps.len() as u64, "gap", "gaps");
            self.paint.styled(Style::Gap, &format!("not everything was examined: {gaps}"))
        };
        writeln!(writer, "         {examined}")
    }
}

/// The beginning of a long text.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(SIGNATURE_SHOWN) {
        Some((end, _)) => format!("{} … ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

fn paragraph(writer: &mut dyn Write, margin: &str, text: &str) -> io::Result<()> {
    let columns = margin.chars().count();
    for line in wrapped(text, columns).lines() {
        writeln!(writer, "{margin}{}", line.get(columns..).unwrap_or_default())?;
    }
    Ok(())
}

fn dump(writer: &mut dyn Write, margin: &str, evidence: &Evidence) -> io::Result<()> {
    let size = counted(evidence.size, "byte", "bytes");
    let what = Escaped(&evidence.what).to_string();
    writeln!(writer, "{margin}{what} at {} ({:#x}), {size}", evidence.offset, evidence.offset)?;
    for (offset, hex, text) in dump_lines(evidence, DUMP_LINE) {
        writeln!(writer, "{margin}  {offset:08x}  {hex:<23}  {text}")?;
    }
    let left = evidence.size.saturating_sub(evidence.excerpt.len() as u64);
    if left > 0 && !evidence.excerpt.is_empty() {
        writeln!(writer, "{margin}  and {} more", counted(left, "byte", "bytes"))?;
    }
    Ok(())
}

/// The excerpt in lines of `width` bytes: offset, hex and text.
pub(crate) fn dump_lines(
    evidence: &Evidence,
    width: usize,
) -> impl Iterator<Item = (u64, String, String)> + '_ {
    let lines = evidence.excerpt.chunks(width).enumerate();
    lines.map(move |(number, line)| {
        let hex: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = line.iter().map(|byte| match byte {
            b' '..=b'~' => char::from(*byte),
            _ => '.',
        });
        let offset = evidence.offset.saturating_add((number * width) as u64);
        (offset, hex.join(" "), text.collect())
    })
}
