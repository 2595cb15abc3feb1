//! Registry hives of Windows, read offline: `SOFTWARE`, `SYSTEM` and `NTUSER.DAT`.
//!
//! Which one it is, its keys say. Each file here takes one kind of facts out of them.

mod browsers;
mod certificates;
mod programs;
mod regf;
mod security;
mod services;
mod startup;
mod vendors;

use candor_object::{Attribute, FactKind};

use crate::{Error, Facts, Reader, Subject};
pub(crate) use regf::{Hive, Key, Value};

pub(crate) struct Registry;

impl Reader for Registry {
    fn name(&self) -> &'static str {
        "registry hive"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        // Logs begin in the same way, but have another type and no bins.
        subject.head.starts_with(b"regf") && subject.head.get(28..32) == Some(&[0; 4])
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let hive = Hive::open(subject)?;
        let root = hive.root()?;
        let tops = hive.subkeys(&root)?;
        let has = |name: &str| tops.iter().any(|key| key.name.eq_ignore_ascii_case(name));
        if has("Select") || tops.iter().any(|key| services::is_control_set(&key.name)) {
            services::read(&hive, &root, facts)?;
        } else if has("Microsoft") {
            software(&hive, &Branch { key: root, path: r"HKLM\SOFTWARE".to_owned() }, facts)?;
        } else if let Some(key) = hive.child(&root, "Software")? {
            software(&hive, &Branch { key, path: r"HKCU\Software".to_owned() }, facts)?;
        }
        let unfinished = hive.unfinished;
        hive.told()?;
        if unfinished {
            let text = "the hive was in use when it was copied: what only its log has is missing";
            return Err(Error::Unsupported(text.to_owned()));
        }
        Ok(())
    }
}

/// A key with its path from the name of the hive on.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    key: Key,
    path: String,
}

impl Branch {
    /// The key at the end of a path in this one.
    fn at(&self, hive: &Hive<'_>, path: &str) -> Result<Option<Self>, Error> {
        let key = hive.at(&self.key, path)?;
        Ok(key.map(|key| Self { key, path: format!("{}\\{path}", self.path) }))
    }

    /// The keys in it.
    fn children(&self, hive: &Hive<'_>) -> Result<impl Iterator<Item = Self>, Error> {
        let keys = hive.subkeys(&self.key)?.into_iter();
        Ok(keys.map(|key| Self { path: format!("{}\\{}", self.path, key.name), key }))
    }

    fn values(&self, hive: &Hive<'_>) -> Result<Vec<Value>, Error> {
        hive.values(&self.key)
    }

    /// Names of values that become attributes, with their texts; those that are not there are left out.
    fn attributes(
        &self,
        hive: &Hive<'_>,
        fields: &[(&str, Attribute)],
    ) -> Result<Vec<(Attribute, String)>, Error> {
        let values = self.values(hive)?;
        let text = |name: &str| {
            let value = values.iter().find(|value| value.name.eq_ignore_ascii_case(name))?;
            Some(value.text()).filter(|text| !text.trim().is_empty())
        };
        Ok(fields.iter().filter_map(|(name, attribute)| Some((*attribute, text(name)?))).collect())
    }
}

/// Facts of the keys of programs, of the machine or of a user: both views, where programs of 32 bit have their own.
fn software(hive: &Hive<'_>, top: &Branch, facts: &mut Facts<'_>) -> Result<(), Error> {
    let narrow = top.at(hive, "WOW6432Node")?;
    for (view, architecture) in [(Some(top), ""), (narrow.as_ref(), "x86")] {
        let Some(view) = view else { continue };
        programs::read(hive, view, architecture, facts)?;
        startup::read(hive, view, facts)?;
        vendors::read(hive, view, facts)?;
        browsers::read(hive, view, facts)?;
    }
    programs::installer(hive, top, facts)?;
    security::read(hive, top, facts)?;
    certificates::read(hive, top, facts)
}

/// Adds a fact of borrowed and of owned values.
fn add(
    facts: &mut Facts<'_>,
    kind: FactKind,
    fixed: &[(Attribute, &str)],
    found: &[(Attribute, String)],
) -> Result<(), Error> {
    let found = found.iter().map(|(attribute, value)| (*attribute, value.as_str()));
    let all: Vec<(Attribute, &str)> = fixed.iter().copied().chain(found).collect();
    facts.add(kind, &all)
}
