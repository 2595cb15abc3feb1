//! What starts when somebody logs in: the values of the `Run` keys.

use candor_object::{Attribute, FactKind};

use super::{Branch, Hive};
use crate::{Error, Facts};

const KEYS: [&str; 4] = [
    r"Microsoft\Windows\CurrentVersion\Run",
    r"Microsoft\Windows\CurrentVersion\RunOnce",
    r"Microsoft\Windows\CurrentVersion\RunServices",
    r"Microsoft\Windows\CurrentVersion\Policies\Explorer\Run",
];

pub(super) fn read(hive: &Hive<'_>, view: &Branch, facts: &mut Facts<'_>) -> Result<(), Error> {
    for path in KEYS {
        let Some(key) = view.at(hive, path)? else { continue };
        for value in key.values(hive)? {
            let data = value.text();
            let values = [
                (Attribute::Key, key.path.as_str()),
                (Attribute::Value, value.name.as_str()),
                (Attribute::Data, data.as_str()),
            ];
            facts.add(FactKind::RegistryKey, &values)?;
        }
    }
    Ok(())
}
