//! Our own language: a TOML file of `[[signature]]` tables, each with its reason and a reference beside it.
//!
//! ```toml
//! [[signature]]
//! name = "Candor.Script.Downloader.Example-1"
//! category = "malware"                 # or "unwanted", "prohibited", "anomaly"
//! strength = "strong"                  # or "weak": never alerts alone
//! technique = "T1059.001"              # of MITRE ATT&CK; optional
//! reference = "https://example.org/why"
//! description = "Downloads a string and runs it."
//! types = ["text", "script"]           # optional, as are size, root and container
//! size = [20, 100_000]
//! patterns = [
//!   { text = ["iex", "(new-object"], gap = [0, 8], nocase = true },
//!   { hex = "4d5a{10-20}(50|51)??58", at = [0, 16] },
//! ]
//! expression = "0&1"                   # optional: all patterns
//! ```
//!
//! `pattern` has the other keys of a pattern; hex digits and expressions are those of ClamAV's logical signatures.

mod expression;
mod pattern;

use std::collections::HashSet;
use std::fmt::Write;
use std::io;

use candor_detect::logical::{Condition, LogicalSignature, MAX_SUBSIGNATURES};
use candor_object::{Category, Strength};
use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use crate::sources::whole;
use crate::{Complaint, Language, Output};

/// Longest file in bytes. A signature has less than 1 KiB, so that nothing real comes near.
const MAX_FILE: u64 = 4 << 20;
/// Longest name, description and so on, in bytes.
const MAX_TEXT: usize = 1024;
/// Most file types of a signature.
const MAX_TYPES: usize = 64;

/// Our own language.
pub(crate) struct Candor;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: String,
    category: Kind,
    strength: Weight,
    technique: Option<String>,
    reference: String,
    description: String,
    #[serde(default)]
    types: Vec<String>,
    size: Option<[u64; 2]>,
    #[serde(default)]
    root: bool,
    container: Option<String>,
    patterns: Vec<pattern::Table>,
    expression: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Malware,
    Unwanted,
    Prohibited,
    Anomaly,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Weight {
    Strong,
    Weak,
}

impl Language for Candor {
    fn name(&self) -> &'static str {
        "candor"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["toml"]
    }

    fn read(&self, text: &mut dyn io::BufRead, output: &mut Output<'_>) -> io::Result<()> {
        let bytes = match whole(text, MAX_FILE) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                output.problem(1, Complaint::malformed(format!("the file is {error}")));
                return Ok(());
            }
            bytes => bytes?,
        };
        let Ok(text) = str::from_utf8(&bytes) else {
            output.problem(1, Complaint::malformed("the file is not UTF-8"));
            return Ok(());
        };
        // A file that is no TOML is not used at all: where a table is cut short, less would be asked of it.
        match DeTable::parse(text) {
            Ok(root) => read_root(text, root.into_inner(), output),
            Err(error) => output.problem(line_of(text, error.span(), 0), complaint(&error)),
        }
        Ok(())
    }
}

fn read_root(text: &str, root: DeTable<'_>, output: &mut Output<'_>) {
    let mut names = HashSet::new();
    for (key, value) in root {
        let start = key.span().start;
        let DeValue::Array(tables) = value.into_inner() else {
            unknown(text, start, output);
            continue;
        };
        if key.get_ref() != "signature" {
            unknown(text, start, output);
            continue;
        }
        for table in tables {
            let start = table.span().start;
            let deserializer = toml::de::ValueDeserializer::from(table);
            let table = match Table::deserialize(deserializer) {
                Ok(table) => table,
                Err(error) => {
                    output.problem(line_of(text, error.span(), start), complaint(&error));
                    continue;
                }
            };
            let result = if names.insert(table.name.clone()) {
                signature(&table, output.source()).and_then(|signature| output.logical(&signature))
            } else {
                Err(Complaint::malformed(format!("the name {:?} is taken", table.name)))
            };
            if let Err(complaint) = result {
                output.problem(line_at(text, start), complaint);
            }
        }
    }
}

fn unknown(text: &str, start: usize, output: &mut Output<'_>) {
    output.problem(line_at(text, start), Complaint::malformed("only [[signature]] tables are known"));
}

/// The signature that a table describes.
fn signature(table: &Table, source: &str) -> Result<LogicalSignature, Complaint> {
    name(&table.name)?;
    texts(table)?;
    let count = table.patterns.len();
    if count == 0 || count > MAX_SUBSIGNATURES {
        return Err(Complaint::malformed(format!("{count} patterns, expected 1 to {MAX_SUBSIGNATURES}")));
    }
    let mut subsignatures = Vec::with_capacity(count);
    for (number, table) in table.patterns.iter().enumerate() {
        let wrong = |reason| Complaint::malformed(format!("pattern {number}: {reason}"));
        subsignatures.push(table.subsignature().map_err(wrong)?);
    }
    let expression = match &table.expression {
        None => expression::all(count).ok_or_else(|| Complaint::malformed("there are no patterns"))?,
        Some(text) => expression::parse(text, count)?,
    };
    Ok(LogicalSignature {
        text: shown(table),
        category: match table.category {
            Kind::Malware => Category::Malware,
            Kind::Unwanted => Category::Unwanted,
            Kind::Prohibited => Category::Prohibited,
            Kind::Anomaly => Category::Anomaly,
        },
        strength: match table.strength {
            Weight::Strong => Strength::Strong,
            Weight::Weak => Strength::Weak,
        },
        types: table.types.clone(),
        conditions: conditions(table)?,
        subsignatures,
        ..LogicalSignature::new(&table.name, source, expression, Vec::new())
    })
}

fn conditions(table: &Table) -> Result<Vec<Condition>, Complaint> {
    let mut conditions = Vec::new();
    if let Some([low, high]) = table.size {
        if low > high {
            return Err(Complaint::malformed("the size runs backwards"));
        }
        conditions.push(Condition::FileSize(low, high));
    }
    match (&table.container, table.root) {
        (Some(_), true) => return Err(Complaint::malformed("a root object lies in no container")),
        (Some(container), false) => conditions.push(Condition::Containers(vec![container.clone()])),
        (None, true) => conditions.push(Condition::Root),
        (None, false) => {}
    }
    Ok(conditions)
}

fn name(name: &str) -> Result<(), Complaint> {
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    if letters && name.split('.').count() >= 3 && name.split('.').all(|part| !part.is_empty()) {
        return Ok(());
    }
    let expected = "expected words of letters, digits, - and _ with dots between, such as Mine.Script.Worm-1";
    Err(Complaint::malformed(format!("the name {name:?} is odd; {expected}")))
}

/// Complains of texts that are missing, too long or not what their key says.
fn texts(table: &Table) -> Result<(), Complaint> {
    let single = [
        ("name", Some(&table.name)),
        ("technique", table.technique.as_ref()),
        ("reference", Some(&table.reference)),
        ("description", Some(&table.description)),
        ("container", table.container.as_ref()),
    ];
    let types = table.types.iter().map(|name| ("type", Some(name)));
    for (key, text) in single.into_iter().chain(types) {
        let Some(text) = text else { continue };
        if text.trim().is_empty() || text.len() > MAX_TEXT || text.chars().any(char::is_control) {
            let reason = format!("the {key} should be one line of 1 to {MAX_TEXT} bytes");
            return Err(Complaint::Malformed(reason));
        }
    }
    if table.types.len() > MAX_TYPES {
        return Err(Complaint::malformed(format!("more than {MAX_TYPES} types")));
    }
    if !table.reference.starts_with("https://") && !table.reference.starts_with("http://") {
        return Err(Complaint::malformed("the reference is no URL; expected https://…"));
    }
    if table.technique.as_deref().is_some_and(|id| !is_technique(id)) {
        return Err(Complaint::malformed("the technique is no ATT&CK number such as T1059.001"));
    }
    Ok(())
}

/// Whether this is `T` with four digits, maybe with a dot and three more.
fn is_technique(id: &str) -> bool {
    let digits =
        |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    id.strip_prefix('T').is_some_and(|rest| match rest.split_once('.') {
        None => digits(rest, 4),
        Some((technique, variant)) => digits(technique, 4) && digits(variant, 3),
    })
}

/// What people see of the signature beside a finding.
fn shown(table: &Table) -> String {
    let mut shown = format!("{}\nreference: {}", table.description, table.reference);
    // Writing to a string cannot fail.
    if let Some(technique) = &table.technique {
        let _ = write!(shown, "\ntechnique: {technique}");
    }
    if !table.types.is_empty() {
        let _ = write!(shown, "\ntypes: {}", table.types.join(" "));
    }
    if let Some([low, high]) = table.size {
        let _ = write!(shown, "\nsize: {low} to {high} bytes");
    }
    for (number, pattern) in table.patterns.iter().enumerate() {
        let _ = write!(shown, "\npattern {number}: {pattern}");
    }
    if let Some(expression) = &table.expression {
        let _ = write!(shown, "\nexpression: {expression}");
    }
    shown
}

fn complaint(error: &toml::de::Error) -> Complaint {
    let message = error.message().lines().next().unwrap_or("this is no TOML");
    Complaint::malformed(message)
}

fn line_of(text: &str, span: Option<std::ops::Range<usize>>, otherwise: usize) -> u64 {
    line_at(text, span.map_or(otherwise, |span| span.start))
}

/// The line of an offset, counted from 1.
fn line_at(text: &str, offset: usize) -> u64 {
    let before = text.as_bytes().get(..offset).unwrap_or_default();
    let ends = before.iter().filter(|byte| **byte == b'\n').count();
    (ends as u64).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use crate::Sources;

    /// The number of signatures in a text, and its problems.
    fn read(text: &str) -> (u64, Vec<String>) {
        let mut sources = Sources::default();
        sources.add_text("a.toml", text);
        let mut problems = Vec::new();
        let built = sources.build(|problem| problems.push(problem.to_string())).unwrap();
        (built.counts.logical, problems)
    }

    fn table(name: &str, rest: &str) -> String {
        format!(
            "[[signature]]\nname = \"Mine.Text.{name}\"\ncategory = \"malware\"\nstrength = \"weak\"\n\
             reference = \"https://example.org\"\ndescription = \"A test.\"\n{rest}\n"
        )
    }

    #[test]
    fn good_tables_are_read() {
        for rest in [
            "patterns = [{ text = 'abc' }]",
            "types = ['text']\nsize = [1, 9]\nroot = true\ntechnique = 'T1059.001'\npatterns = [{ text = 'abc', at = 5 }]",
            "container = 'zip'\npatterns = [{ text = ['a', 'bcd'], gap = [0, 9], nocase = true, wide = true, ascii = true }]",
            "expression = '0&(1=0)'\npatterns = [{ hex = '4d5a{2-9}5?5051', from_end = 9 }, { none_of = ' ', at = [3, 9] }]",
        ] {
            assert_eq!(read(&table("A-1", rest)), (1, vec![]), "{rest}");
        }
        assert_eq!(read("# nothing\n"), (0, vec![]));
    }

    #[test]
    fn a_bad_table_costs_only_itself() {
        let good = "patterns = [{ text = 'abc' }]";
        for (bad, line, reason) in [
            ("patterns = []", 8, "0 patterns"),
            ("patterns = [{ }]", 8, "expected one of text, hex and none_of"),
            ("patterns = [{ text = '' }]", 8, "empty"),
            ("patterns = [{ text = 'abc', gap = [0, 1] }]", 8, "a gap needs"),
            ("patterns = [{ text = ['a', 'b'], gap = [2, 1] }]", 8, "backwards"),
            ("patterns = [{ text = 'abc', hex = '4142' }]", 8, "expected one of"),
            ("patterns = [{ hex = '41' }]", 8, "two plain bytes"),
            ("patterns = [{ hex = '4142', nocase = true }]", 8, "are for text"),
            ("patterns = [{ none_of = 'abc', at = 3 }]", 8, "cannot be looked for"),
            ("patterns = [{ text = 'abc', ascii = true }]", 8, "ascii goes with wide"),
            ("patterns = [{ text = 'abc', at = [9, 3] }]", 8, "backwards"),
            ("patterns = [{ text = 'abc', at = 1, from_end = 3 }]", 8, "at most one of"),
            ("\npatterns = [{ text = 'abc', at = 'x' }]", 15, "expected an offset"),
            ("patterns = [{ text = 'abc', att = 1 }]", 14, "unknown field"),
            ("pattern = 1", 14, "unknown field"),
            ("patterns = [{ text = 'abc' }]\nexpression = '1'", 8, "names pattern 1"),
            ("patterns = [{ text = 'abc' }]\nsize = [-1, 2]", 15, "expected u64"),
            ("patterns = [{ text = 'abc' }]\nsize = [3, 2]", 8, "backwards"),
            ("patterns = [{ text = 'abc' }]\ntechnique = 'T1'", 8, "ATT&CK"),
            ("patterns = [{ text = 'abc' }]\ntypes = ['']", 8, "one line"),
            ("patterns = [{ text = 'abc' }]\nroot = true\ncontainer = 'zip'", 8, "no container"),
        ] {
            // The table that is wrong begins in the eighth line.
            let text = [table("A-1", good), table("B-1", bad), table("C-1", good)].concat();
            let (count, problems) = read(&text);
            assert_eq!((count, problems.len()), (2, 1), "{bad}: {problems:?}");
            assert!(problems[0].starts_with(&format!("a.toml:{line}: ")), "{bad}: {problems:?}");
            assert!(problems[0].contains(reason), "{bad}: {problems:?}");
        }
        let twice = [table("A-1", good), table("A-1", good)].concat();
        assert_eq!(
            read(&twice),
            (1, vec!["a.toml:8: malformed: the name \"Mine.Text.A-1\" is taken".into()])
        );
        assert!(read(&table("A 1", good)).1[0].contains("is odd"));
        assert!(read(&table("A-1", good).replace("https:", "ftp:")).1[0].contains("no URL"));
    }

    #[test]
    fn a_file_that_is_no_toml_is_a_problem_with_its_line() {
        for (text, line) in
            [("\n\n[[signature]\n", 3), ("a = 1\n", 1), ("[signature]\n", 1), ("\n[[x]]\n", 2)]
        {
            let (count, problems) = read(text);
            assert_eq!((count, problems.len()), (0, 1), "{text}: {problems:?}");
            assert!(problems[0].starts_with(&format!("a.toml:{line}: ")), "{text}: {problems:?}");
        }
        let deep = [
            format!("a = {}", "[".repeat(1 << 20)),
            format!("a{} = 1", ".a".repeat(1 << 20)),
            format!("[a{}]", ".a".repeat(1 << 20)),
            "#".repeat(5 << 20),
        ];
        for text in deep {
            assert_eq!(read(&text).1.len(), 1);
        }
    }
}
