//! What a release changes, for the people who sign it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use candor_object::Escaped;
use candor_signatures::segment::Segment;

/// Lines that are shown of one file, added and removed each.
const SHOWN: usize = 200;
/// Longest line that is shown.
const LONGEST: usize = 300;

/// Says what is new in a segment.
///
/// # Errors
/// When one of them is no segment.
pub fn of_segment(name: &str, old: Option<&Path>, new: &Path) -> anyhow::Result<String> {
    let (old, new) = (old.map(members).transpose()?.unwrap_or_default(), members(new)?);
    let mut text = format!("segment {name}\n");
    let files: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let mut same = 0;
    for file in files {
        let (before, after) = (old.get(file), new.get(file));
        match (before, after) {
            (Some(before), Some(after)) if before == after => same += 1,
            (Some(_), Some(_)) => text.push_str(&format!("  file {file}\n")),
            (None, _) => text.push_str(&format!("  new file {file}\n")),
            (_, None) => text.push_str(&format!("  file {file} is gone\n")),
        }
        let (before, after) = (lines(before), lines(after));
        list(&mut text, '-', &before.difference(&after).copied().collect::<Vec<_>>());
        list(&mut text, '+', &after.difference(&before).copied().collect::<Vec<_>>());
    }
    text.push_str(&format!("  {same} files are as they were\n"));
    Ok(text)
}

fn members(path: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let segment = Segment::open(File::open(path)?)?;
    let mut members = BTreeMap::new();
    for member in segment.members() {
        let mut content = Vec::new();
        segment.reader(member).read_to_end(&mut content)?;
        members.insert(member.name.clone(), content);
    }
    Ok(members)
}

fn lines(content: Option<&Vec<u8>>) -> BTreeSet<&[u8]> {
    content.map(|content| content.split(|byte| *byte == b'\n').collect()).unwrap_or_default()
}

fn list(text: &mut String, sign: char, lines: &[&[u8]]) {
    for line in lines.iter().filter(|line| !line.is_empty()).take(SHOWN) {
        // Signatures quote hostile text, and whoever signs reads this in a terminal.
        let shown = String::from_utf8_lossy(line.get(..LONGEST).unwrap_or(line));
        let more = if line.len() > LONGEST { " …" } else { "" };
        text.push_str(&format!("    {sign} {}{more}\n", Escaped(&shown)));
    }
    if lines.len() > SHOWN {
        text.push_str(&format!("    {sign} and {} lines more\n", lines.len() - SHOWN));
    }
}
