//! Inventories as CSV ([RFC 4180](https://www.rfc-editor.org/rfc/rfc4180), and with other separators).

use super::Columns;
use crate::text::{Input, LONGEST, numbered_lines};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Csv;

/// Most fields of a row.
const FIELDS: usize = 256;
/// Most lines before the names of columns: titles, a separator, a type.
const BEFORE: usize = 10;

impl Reader for Csv {
    fn name(&self) -> &'static str {
        "inventory csv"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        let wide = matches!(subject.head, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
        if !wide && memchr::memchr(0, &subject.head[..subject.head.len().min(64)]).is_some() {
            return false;
        }
        subject.head_text().lines().take(BEFORE).any(|line| header(line).is_some())
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let mut input = Input::new(subject)?;
        let mut line = Vec::new();
        let mut found = None;
        for _ in 0..BEFORE {
            line.clear();
            if !input.until(b'\n', &mut line)? {
                break;
            }
            found = header(&String::from_utf8_lossy(&line));
            if found.is_some() {
                break;
            }
        }
        let Some((separator, columns)) = found else { return Ok(()) };
        rows(subject, input, separator, |fields, number| {
            columns.tell(fields.iter().copied(), "", number, facts)
        })
    }
}

/// Calls `each` with the fields of every row from here on and the number of its first line.
///
/// # Errors
/// Those of `each`; and at the end, if a quote was not closed: then what it swallowed was read without it.
pub(crate) fn rows(
    subject: &Subject<'_>,
    mut input: Input<'_>,
    separator: u8,
    mut each: impl FnMut(&[&str], u64) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut open = None;
    while open.is_none() {
        let number = input.line;
        let Some(row) = row(&mut input, separator)? else { return Ok(()) };
        let fields: Vec<&str> = row.fields.iter().map(String::as_str).collect();
        each(&fields, number)?;
        open = row.open;
    }
    let line = open.unwrap_or_default();
    numbered_lines(subject, |number, text| {
        let fields: Vec<&str> =
            text.split(char::from(separator)).take(FIELDS).map(|field| field.trim_matches('"')).collect();
        if number > line { each(&fields, number) } else { Ok(()) }
    })?;
    Err(Error::Damaged(format!(
        "the quote that opens in line {line} is not closed; the lines behind it were read one by one"
    )))
}

/// The separator and the columns, if a line names those of an export.
fn header(line: &str) -> Option<(u8, Columns)> {
    let line = line.trim_end_matches('\r').trim_start_matches('\u{feff}');
    let separators = [b',', b';', b'\t', b'|'];
    let count = |separator: u8| memchr::memchr_iter(separator, line.as_bytes()).count();
    let separator = separators.into_iter().max_by_key(|separator| count(*separator))?;
    // No name of a column has such characters, and most lines of programs have.
    let foreign = line.bytes().any(|byte| b"{}<>=".contains(&byte));
    if foreign || count(separator) == 0 || line.len() > LONGEST / 8 {
        return None;
    }
    // Names of columns are never longer, and text of programs mostly is.
    let names: Vec<&str> =
        line.split(char::from(separator)).map(|name| name.trim().trim_matches('"')).collect();
    if names.iter().any(|name| name.len() > 64) {
        return None;
    }
    Some((separator, Columns::new(names.into_iter())?))
}

struct Row {
    fields: Vec<String>,
    /// The line of a quote that is not closed; the last field has all that follows.
    open: Option<u64>,
}

/// The next row, none at the end. Quotes hide separators and ends of lines.
fn row(input: &mut Input<'_>, separator: u8) -> Result<Option<Row>, Error> {
    if input.peek()?.is_none() {
        return Ok(None);
    }
    let mut fields = Vec::new();
    let (mut field, mut quoted, mut opened) = (Vec::new(), false, input.line);
    loop {
        let byte = input.next()?;
        match byte {
            Some(b'"') if quoted => {
                if input.peek()? == Some(b'"') {
                    input.next()?;
                    field.push(b'"');
                } else {
                    quoted = false;
                }
            }
            Some(b'"') if field.is_empty() => {
                quoted = true;
                opened = input.line;
            }
            Some(byte) if quoted || (byte != separator && byte != b'\n') => {
                if field.len() < LONGEST / 8 {
                    field.push(byte);
                }
            }
            end => {
                if fields.len() < FIELDS {
                    fields.push(String::from_utf8_lossy(&field).trim_end_matches('\r').to_owned());
                }
                field.clear();
                if end != Some(separator) {
                    return Ok(Some(Row { fields, open: quoted.then_some(opened) }));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use candor_object::{Attribute, FactKind};

    use crate::reader::tests::{facts_of, told};

    use super::*;

    #[test]
    fn lists_of_programs_by_host() {
        for text in [
            "AssetName,softwareName,SoftwarePublisher,softwareVersion\nPC1,\"Kaspersky, Endpoint\",\"AO \"\"Kaspersky\"\" Lab\",12\n",
            "sep=;\n\"Computer\";\"Software\";\"Publisher\";\"Version\"\r\nPC1;Kaspersky, Endpoint;\"AO \"\"Kaspersky\"\" Lab\";12\r\n",
            "#TYPE x\nNetbios_Name0\tDisplayName0\tPublisher0\tVersion0\nPC1\tKaspersky, Endpoint\t\"AO \"\"Kaspersky\"\" Lab\"\t12",
        ] {
            let wide: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
            for content in [text.as_bytes(), &wide] {
                let facts = facts_of(&Csv, "x.csv", content);
                assert_eq!(facts.len(), 1, "{text}");
                assert_eq!(facts[0].kind, FactKind::Program);
                assert_eq!(facts[0].get(Attribute::Host), Some("PC1"));
                assert_eq!(facts[0].get(Attribute::Name), Some("Kaspersky, Endpoint"));
                assert_eq!(facts[0].get(Attribute::Publisher), Some("AO \"Kaspersky\" Lab"));
                assert_eq!(facts[0].get(Attribute::Version), Some("12"));
            }
        }
    }

    #[test]
    fn rows_that_are_broken_lose_only_themselves() {
        let text = "computer,software,publisher,version\nPC1\n,,,\nPC2,A,B,1,extra\n\nPC3,C,D,\"2\n";
        let (facts, result) = told(&Csv, "x.csv", text.as_bytes());
        assert!(result.unwrap_err().to_string().contains("opens in line 6"));
        let names: Vec<_> =
            facts.iter().map(|fact| (fact.get(Attribute::Host), fact.get(Attribute::Line))).collect();
        assert_eq!(names, [(Some("PC2"), Some("4")), (Some("PC3"), Some("6"))]);
    }

    #[test]
    fn a_quote_that_is_not_closed_swallows_nothing() {
        let text = "computer,software,publisher,version\nPC1,A,B,1\nPC2,\"C,D,1\nPC3,E,F,1\n";
        let (facts, result) = told(&Csv, "x.csv", text.as_bytes());
        assert!(result.unwrap_err().to_string().contains("opens in line 3"));
        let hosts: Vec<_> = facts.iter().filter_map(|fact| fact.get(Attribute::Host)).collect();
        assert_eq!(hosts, ["PC1", "PC2", "PC3"]);
    }

    #[test]
    fn tables_of_other_things_are_none() {
        for text in [
            "name,version\na,1\n",
            "fn a(b: c, d: e) {\n",
            "a,b,c\n1,2,3\n",
            "Kaspersky, Kaspersky, Kaspersky\n",
        ] {
            assert!(facts_of(&Csv, "x", text.as_bytes()).is_empty(), "{text}");
        }
    }
}
