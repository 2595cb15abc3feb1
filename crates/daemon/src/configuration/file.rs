//! Reads a TOML file into keys and values, each with its line.

use std::path::Path;

use anyhow::{Context, anyhow, bail};
use toml::de::{DeTable, DeValue};

use super::keys::Keys;
use super::{Given, Origin};
use crate::local_file;

/// Longest file that is read; ours have a few kilobytes.
const MOST_BYTES: u64 = 1 << 20;

/// The values of a file. Its keys are those of the table `prefix`, or all if that is empty.
pub(super) fn read(path: &Path, prefix: &str, keys: &Keys) -> anyhow::Result<Vec<Given>> {
    let text = local_file::text(path, MOST_BYTES);
    let text = text.with_context(|| format!("the configuration {}", path.display()))?;
    let wrong = |error: &toml::de::Error| {
        let line = line(&text, error.span().map_or(0, |span| span.start));
        anyhow!("{}:{line}: {}", path.display(), error.message())
    };
    let places = DeTable::parse(&text).map_err(|error| wrong(&error))?;
    let values: toml::Table = text.parse().map_err(|error| wrong(&error))?;
    let mut reading = Reading { path, text: &text, keys, given: Vec::new() };
    reading.table(prefix, places.get_ref(), &values)?;
    Ok(reading.given)
}

fn line(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

struct Reading<'a> {
    path: &'a Path,
    text: &'a str,
    keys: &'a Keys,
    given: Vec<Given>,
}

impl Reading<'_> {
    fn table(&mut self, prefix: &str, places: &DeTable<'_>, values: &toml::Table) -> anyhow::Result<()> {
        for (name, place) in places {
            let Some(value) = values.get(name.get_ref().as_ref()) else { continue };
            let key = match prefix {
                "" => name.get_ref().to_string(),
                _ => format!("{prefix}.{}", name.get_ref()),
            };
            let line = line(self.text, name.span().start);
            let origin = Origin::File(self.path.to_owned(), line);
            match (place.get_ref(), value) {
                _ if self.keys.contains(&key) => {
                    self.given.push(Given { key, value: value.clone(), origin });
                }
                (DeValue::Table(places), toml::Value::Table(values)) if self.keys.has_table(&key) => {
                    self.table(&key, places, values)?;
                }
                (DeValue::Table(_), _) => {
                    bail!("{origin}: unknown table `{key}`{}", self.keys.hint_of_table(&key));
                }
                _ if self.keys.has_table(&key) => bail!("{origin}: `{key}` is a table: write [{key}]"),
                _ => bail!("{origin}: unknown key `{key}`{}", self.keys.hint(&key)),
            }
        }
        Ok(())
    }
}
