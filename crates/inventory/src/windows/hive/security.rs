//! What Windows knows of protection: programs that registered with the Security Center, and Defender's own state.

use candor_object::{Attribute, FactKind};

use super::{Branch, Hive, add};
use crate::{Error, Facts};

const PROVIDERS: &str = r"Microsoft\Security Center\Provider";

const FIELDS: [(&str, Attribute); 4] = [
    ("DISPLAYNAME", Attribute::Name),
    ("PRODUCTEXE", Attribute::Path),
    ("REPORTINGEXE", Attribute::Original),
    ("STATE", Attribute::Data),
];

/// Values of Defender and of the policies for it.
const VALUES: [(&str, &str); 6] = [
    (r"Microsoft\Windows Defender", "DisableAntiSpyware"),
    (r"Microsoft\Windows Defender", "DisableAntiVirus"),
    (r"Microsoft\Windows Defender", "PassiveMode"),
    (r"Microsoft\Windows Defender", "InstallLocation"),
    (r"Policies\Microsoft\Windows Defender", "DisableAntiSpyware"),
    (r"Policies\Microsoft\Windows Defender\Real-Time Protection", "DisableRealtimeMonitoring"),
];

pub(super) fn read(hive: &Hive<'_>, top: &Branch, facts: &mut Facts<'_>) -> Result<(), Error> {
    if let Some(kinds) = top.at(hive, PROVIDERS)? {
        for kind in kinds.children(hive)? {
            for provider in kind.children(hive)? {
                tell(hive, &provider, facts)?;
            }
        }
    }
    for (path, name) in VALUES {
        let Some(key) = top.at(hive, path)? else { continue };
        for (_, data) in key.attributes(hive, &[(name, Attribute::Data)])? {
            let values = [
                (Attribute::Key, key.path.as_str()),
                (Attribute::Value, name),
                (Attribute::Data, data.as_str()),
            ];
            facts.add(FactKind::RegistryKey, &values)?;
        }
    }
    Ok(())
}

/// Tells of a program that registered itself.
fn tell(hive: &Hive<'_>, provider: &Branch, facts: &mut Facts<'_>) -> Result<(), Error> {
    let found = provider.attributes(hive, &FIELDS)?;
    if found.is_empty() {
        return Ok(());
    }
    let fixed = [
        (Attribute::Source, "security-center"),
        (Attribute::State, "registered"),
        (Attribute::Id, provider.key.name.as_str()),
        (Attribute::Key, provider.path.as_str()),
    ];
    add(facts, FactKind::Program, &fixed, &found)
}
