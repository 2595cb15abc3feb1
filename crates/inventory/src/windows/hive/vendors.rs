//! The keys of makers of software, which often stay behind when a program goes: two levels of them, their values that
//! tell of a product, and all values of a key `environment`.

use candor_object::{Attribute, FactKind};

use super::{Branch, Hive, Value};
use crate::{Error, Facts};

/// Keys of Windows itself and of everybody, which are no makers.
const OTHERS: [&str; 13] = [
    "Classes",
    "Clients",
    "DefaultUserEnvironment",
    "Microsoft",
    "ODBC",
    "OpenSSH",
    "Partner",
    "Policies",
    "RegisteredApplications",
    "Setup",
    "Windows",
    "WOW6432Node",
    "AppDataLow",
];

/// Values that tell of a product, in keys of the first two levels.
const TELLING: [&str; 13] = [
    "CompanyName",
    "DataFolder",
    "DisplayName",
    "DisplayVersion",
    "InstallDir",
    "InstallPath",
    "Ins_ProductVersion",
    "Path",
    "ProductName",
    "ProductRoot",
    "ProductVersion",
    "Publisher",
    "Version",
];
/// The key that programs of some makers keep about themselves while they are installed.
const ENVIRONMENT: &str = "environment";
/// Most keys in one key that are told.
const MOST_KEYS: usize = 4096;
/// Most values of a key that are told.
const MOST_VALUES: usize = 256;

pub(super) fn read(hive: &Hive<'_>, view: &Branch, facts: &mut Facts<'_>) -> Result<(), Error> {
    for maker in view.children(hive)?.take(MOST_KEYS) {
        if OTHERS.iter().any(|other| other.eq_ignore_ascii_case(&maker.key.name)) {
            continue;
        }
        tell(hive, &maker, facts)?;
        for first in maker.children(hive)?.take(MOST_KEYS) {
            tell(hive, &first, facts)?;
            for second in first.children(hive)?.take(MOST_KEYS) {
                tell(hive, &second, facts)?;
                if let Some(environment) = second.at(hive, ENVIRONMENT)? {
                    tell(hive, &environment, facts)?;
                }
            }
        }
    }
    Ok(())
}

/// Tells of a key, and of those of its values that matter.
fn tell(hive: &Hive<'_>, key: &Branch, facts: &mut Facts<'_>) -> Result<(), Error> {
    facts.add(FactKind::RegistryKey, &[(Attribute::Key, &key.path)])?;
    let everything = key.key.name.eq_ignore_ascii_case(ENVIRONMENT);
    let matters = |value: &&Value| {
        everything || TELLING.iter().any(|telling| telling.eq_ignore_ascii_case(&value.name))
    };
    for value in key.values(hive)?.iter().filter(matters).take(MOST_VALUES) {
        let data = value.text();
        let values = [
            (Attribute::Key, key.path.as_str()),
            (Attribute::Value, value.name.as_str()),
            (Attribute::Data, data.as_str()),
        ];
        facts.add(FactKind::RegistryKey, &values)?;
    }
    Ok(())
}
