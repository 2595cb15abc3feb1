//! Settings files of sections, names and values, with the line of each.
//!
//! Source: the vendor's "Rules for editing application task configuration files" (support.kaspersky.com, KES4Linux
//! 11.3, page 201432): `[section]`, `name=value`, space around a value does not count, quotation marks around a value
//! that has spaces, a value that is there several times is written several times as `name.item_0000`.

/// Longest text that is read, in bytes; an export of everything has some tens of kilobytes.
pub const MOST_BYTES: usize = 4 << 20;
/// Most lines that are read.
const MOST_LINES: usize = 100_000;
/// Longest name or value, in bytes.
const LONGEST: usize = 4096;

/// A settings file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ini {
    /// Sections in the order of the file; what stands before the first has one without a name.
    pub sections: Vec<Section>,
    /// Lines that could not be read, and why.
    pub problems: Vec<(usize, String)>,
}

/// A section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// What stands between the brackets.
    pub name: String,
    /// The line of its head, from 1; 0 for what stands before the first head.
    pub line: usize,
    /// Its settings, in order.
    pub settings: Vec<Setting>,
}

/// A setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its line, from 1.
    pub line: usize,
    /// Its name.
    pub name: String,
    /// Its value, without the quotation marks around it.
    pub value: String,
}

impl Section {
    /// The first value of that name, whatever its case.
    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.name.eq_ignore_ascii_case(name))
    }

    /// All values of a list: `name`, `name.item_0000`, `name.item_0001` and so on.
    pub fn list<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Setting> {
        self.settings.iter().filter(move |setting| base(&setting.name).eq_ignore_ascii_case(name))
    }
}

/// A name without the number that it has in a list.
pub fn base(name: &str) -> &str {
    match name.rsplit_once(".item_") {
        Some((base, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => base,
        _ => name,
    }
}

/// Reads a settings file. What is wrong is told by line, and never costs the other lines.
pub fn read(text: &str) -> Ini {
    let mut ini = Ini::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.len() > MOST_BYTES {
        ini.problems.push((0, format!("it is longer than {MOST_BYTES} bytes")));
        return ini;
    }
    for (number, line) in (1..).zip(text.lines()) {
        if number > MOST_LINES {
            ini.problems.push((number, format!("nothing behind line {MOST_LINES} is read")));
            break;
        }
        if let Err(why) = read_line(&mut ini, number, line.trim()) {
            ini.problems.push((number, why.to_owned()));
        }
    }
    ini
}

fn read_line(ini: &mut Ini, number: usize, line: &str) -> Result<(), &'static str> {
    if line.is_empty() || line.starts_with(['#', ';']) {
        return Ok(());
    }
    if let Some(rest) = line.strip_prefix('[') {
        let name = rest.strip_suffix(']').ok_or("the bracket of the section is not closed")?.trim();
        let name = fit(name)?;
        ini.sections.push(Section { name, line: number, settings: Vec::new() });
        return Ok(());
    }
    let (name, value) = line.split_once('=').ok_or("neither a section nor name=value")?;
    let (name, value) = (name.trim(), unquoted(value.trim())?);
    if name.is_empty() {
        return Err("there is no name before the sign of equality");
    }
    let setting = Setting { line: number, name: fit(name)?, value: fit(value)? };
    if ini.sections.is_empty() {
        ini.sections.push(Section::default());
    }
    ini.sections.last_mut().ok_or("there is no section")?.settings.push(setting);
    Ok(())
}

fn unquoted(value: &str) -> Result<&str, &'static str> {
    let Some(rest) = value.strip_prefix('"') else {
        return if value.ends_with('"') { Err("a quotation mark has no other one") } else { Ok(value) };
    };
    rest.strip_suffix('"').ok_or("a quotation mark has no other one")
}

fn fit(text: &str) -> Result<String, &'static str> {
    if text.len() > LONGEST {
        return Err("a name or value is longer than 4096 bytes");
    }
    if text.chars().any(|character| character.is_control() && character != '\t') {
        return Err("it has control characters");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sections_names_and_values_have_lines() {
        let ini =
            read("\u{feff}A=1\r\n# no\n\n[S.item_0000]\n Path = \" /a b \" \nMask.item_0001=*\nMask=x\n");
        assert_eq!(ini.problems, []);
        let [first, second] = ini.sections.as_slice() else { panic!() };
        assert_eq!((first.name.as_str(), first.get("a").unwrap().value.as_str()), ("", "1"));
        assert_eq!((second.name.as_str(), second.line), ("S.item_0000", 4));
        assert_eq!(
            second.get("path").unwrap(),
            &Setting { line: 5, name: "Path".into(), value: " /a b ".into() }
        );
        assert_eq!(second.list("Mask").map(|setting| setting.line).collect::<Vec<_>>(), [6, 7]);
    }

    #[test]
    fn wrong_lines_are_told_and_cost_nothing_else() {
        let ini = read("[open\n=x\nnothing\nA=\"b\nB=c\"\nC=\"\nD=4\nE=a\x1bb\n");
        assert_eq!(ini.problems.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 8]);
        assert_eq!(ini.sections[0].settings.len(), 1);
        assert!(read(&format!("A={}", "x".repeat(5000))).problems[0].1.contains("4096"));
    }

    proptest! {
        #[test]
        fn every_line_is_read_or_told(text in "([\\[\\]a=\"# ;.\u{fc}]{0,9}\n){0,9}") {
            let ini = read(&text);
            let spoken = |line: &&str| { let line = line.trim(); !line.is_empty() && !line.starts_with(['#', ';']) };
            let named = ini.sections.iter().filter(|section| section.line > 0).count();
            let settings: usize = ini.sections.iter().map(|section| section.settings.len()).sum();
            prop_assert_eq!(text.lines().filter(spoken).count(), named + settings + ini.problems.len());
        }
    }
}
