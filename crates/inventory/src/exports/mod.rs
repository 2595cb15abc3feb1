//! Inventories that other programs exported: rows that are recognised by the names of their columns.

pub(crate) mod csv;
pub(crate) mod glpi;
mod known;
pub(crate) mod rows;

use candor_object::{Attribute, FactKind, MAX_ATTRIBUTES};

use crate::{Error, Facts};

use known::{Export, HOSTS, KNOWN};

/// Columns that an export names, and what becomes of each.
pub(crate) struct Columns {
    export: &'static Export,
    /// For each column the attribute that it becomes, if any.
    attributes: Vec<Option<Attribute>>,
}

/// A name of a column, as it is compared: letters and digits alone, without the zero that SCCM's views add.
fn plain(name: &str) -> String {
    let name: String =
        name.chars().take(64).filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    name.strip_suffix('0').unwrap_or(&name).to_owned()
}

impl Columns {
    /// The first known export that has such columns.
    pub(crate) fn new<'n>(names: impl Iterator<Item = &'n str>) -> Option<Self> {
        let names: Vec<String> = names.take(256).map(plain).collect();
        let there =
            |alternatives: &&str| alternatives.split('|').any(|name| names.iter().any(|there| there == name));
        let export = KNOWN.iter().find(|export| export.needs.iter().all(there))?;
        let attribute = |name: &String| {
            let named =
                export.columns.iter().find(|(columns, _)| columns.split('|').any(|column| column == name));
            let host = || HOSTS.contains(&name.as_str()).then_some(Attribute::Host);
            named.map(|(_, attribute)| *attribute).or_else(host)
        };
        let attributes = names.iter().map(attribute).collect();
        Some(Self { export, attributes })
    }

    /// Tells a row. `host` is the one that the document names, for rows that name none.
    pub(crate) fn tell<'v>(
        &self,
        values: impl Iterator<Item = &'v str>,
        host: &str,
        line: u64,
        facts: &mut Facts<'_>,
    ) -> Result<(), Error> {
        let Export { source, kind, fixed, .. } = self.export;
        let pairs = self.attributes.iter().zip(values);
        let mut told: Vec<(Attribute, &str)> = pairs
            .filter_map(|(attribute, value)| Some(((*attribute)?, value.trim())))
            .filter(|(_, value)| !matches!(*value, "" | "NULL" | "N/A" | "n/a" | "-"))
            .take(MAX_ATTRIBUTES - 5)
            .collect();
        // Rows are about something, and every table says by which of its columns.
        let subject = |attribute: &Attribute| {
            !matches!(attribute, Attribute::Host | Attribute::Version | Attribute::Time | Attribute::State)
        };
        if !told.iter().any(|(attribute, _)| subject(attribute)) {
            return Ok(());
        }
        if *kind == FactKind::Signer {
            // Files without a signature are listed too.
            match told.iter_mut().find(|(attribute, _)| *attribute == Attribute::Verified) {
                Some((_, "missing" | "0")) => return Ok(()),
                Some((_, value)) => *value = if matches!(*value, "trusted" | "1") { "yes" } else { "no" },
                None => told.push((Attribute::Verified, "present")),
            }
        }
        if *kind == FactKind::Package
            && let Some((_, state)) = told.iter_mut().find(|(attribute, _)| *attribute == Attribute::State)
        {
            // "install ok installed", as dpkg writes it.
            *state = state.split_whitespace().next_back().unwrap_or(state);
        }
        if told.iter().all(|(attribute, _)| *attribute != Attribute::Host) {
            told.push((Attribute::Host, host));
        }
        told.extend(
            fixed
                .iter()
                .filter(|(fixed, _)| told.iter().all(|(there, _)| there != fixed))
                .collect::<Vec<_>>(),
        );
        let line = line.to_string();
        told.extend([(Attribute::Source, *source), (Attribute::Line, line.as_str())]);
        facts.add(*kind, &told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_columns_are_compared_without_their_dress() {
        assert_eq!(plain("Display_Name0"), "displayname");
        assert_eq!(plain("Asset Name"), "assetname");
    }

    #[test]
    fn the_documentation_names_the_columns_of_every_export() {
        let documentation = include_str!("../../../../docs/inventory.md");
        for Export { source, needs, kind, .. } in KNOWN {
            let needs: Vec<String> = needs
                .iter()
                .map(|need| {
                    need.split('|').take(4).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
                })
                .collect();
            let row = format!("| {source} | {} | {} |", kind.name(), needs.join(", "));
            assert!(documentation.contains(&row), "docs/inventory.md lacks\n{row}");
        }
    }

    #[test]
    fn every_export_is_recognised_by_its_own_columns() {
        for (number, export) in KNOWN.iter().enumerate() {
            let needed = export.needs.iter().map(|need| need.split('|').next().unwrap());
            let found = Columns::new(needed).unwrap_or_else(|| panic!("{:?}", export.needs));
            let place = KNOWN.iter().position(|known| std::ptr::eq(known, found.export)).unwrap();
            assert_eq!(place, number, "{} is taken for {}", export.source, found.export.source);
            for (columns, _) in export.columns {
                assert!(columns.split('|').all(|column| plain(column) == column), "{columns}");
            }
        }
    }
}
