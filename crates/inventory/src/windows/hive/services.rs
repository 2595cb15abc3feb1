//! Services, drivers and minifilters: `SYSTEM\ControlSetNNN\Services`.

use candor_object::{Attribute, FactKind};

use super::{Branch, Hive, Key, Value, add};
use crate::{Error, Facts};

/// Most minifilter instances of a service that are named.
const MOST_INSTANCES: usize = 4;

/// Whether a key has such a name: `ControlSet001`.
pub(super) fn is_control_set(name: &str) -> bool {
    let digits = name.get(10..).unwrap_or_default();
    name.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("ControlSet"))
        && digits.len() == 3
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The services of the set that is in use; of all, where no key says which one that is.
pub(super) fn read(hive: &Hive<'_>, root: &Key, facts: &mut Facts<'_>) -> Result<(), Error> {
    let current = match hive.child(root, "Select")? {
        Some(select) => {
            hive.values(&select)?.iter().find(|value| is(value, "Current")).and_then(Value::number)
        }
        None => None,
    };
    let in_use = current.map(|number| format!("ControlSet{number:03}"));
    let sets: Vec<Key> = hive.subkeys(root)?.into_iter().filter(|key| is_control_set(&key.name)).collect();
    let is_in_use = |set: &Key| in_use.as_ref().is_some_and(|name| set.name.eq_ignore_ascii_case(name));
    let known = sets.iter().any(is_in_use);
    for set in sets.iter().filter(|set| !known || is_in_use(set)) {
        let path = format!(r"HKLM\SYSTEM\{}", set.name);
        let set = Branch { key: set.clone(), path };
        let Some(services) = set.at(hive, "Services")? else { continue };
        for service in services.children(hive)? {
            tell(hive, &service, facts)?;
        }
    }
    Ok(())
}

fn tell(hive: &Hive<'_>, service: &Branch, facts: &mut Facts<'_>) -> Result<(), Error> {
    let values = service.values(hive)?;
    let number = |name: &str| values.iter().find(|value| is(value, name)).and_then(Value::number);
    let text = |name: &str| values.iter().find(|value| is(value, name)).map(Value::text).unwrap_or_default();
    // Keys without a type hold settings of performance counters and the like.
    let Some(kind) = number("Type") else { return Ok(()) };
    let mut found = vec![
        (Attribute::Manager, kind_name(kind).to_owned()),
        (Attribute::Path, text("ImagePath")),
        (Attribute::Original, text("DisplayName")),
        (Attribute::Description, text("Description")),
        (Attribute::Data, number("Start").map(start_name).unwrap_or_default().to_owned()),
        (Attribute::Parent, text("Group")),
    ];
    for instance in instances(hive, service)? {
        found.push((Attribute::Value, instance));
    }
    let fixed = [
        (Attribute::Name, service.key.name.as_str()),
        (Attribute::State, "registered"),
        (Attribute::Key, service.path.as_str()),
    ];
    add(facts, FactKind::Service, &fixed, &found)
}

/// The altitudes of a minifilter: `altitude 389510`.
fn instances(hive: &Hive<'_>, service: &Branch) -> Result<Vec<String>, Error> {
    let mut altitudes = Vec::new();
    let keys = hive.subkeys(&service.key)?;
    // Newer drivers keep what they set themselves in a key of its own.
    let parameters = keys.iter().find(|key| key.name.eq_ignore_ascii_case("Parameters"));
    let inner = match parameters {
        Some(key) => hive.child(key, "Instances")?,
        None => None,
    };
    let own = keys.iter().find(|key| key.name.eq_ignore_ascii_case("Instances"));
    for instances in own.into_iter().chain(inner.as_ref()) {
        for instance in hive.subkeys(instances)?.iter().take(MOST_INSTANCES) {
            let values = hive.values(instance)?;
            let altitude = values.iter().find(|value| is(value, "Altitude"));
            altitudes.extend(altitude.map(|value| format!("altitude {}", value.text())));
        }
    }
    altitudes.truncate(MOST_INSTANCES);
    Ok(altitudes)
}

fn is(value: &Value, name: &str) -> bool {
    value.name.eq_ignore_ascii_case(name)
}

/// `SERVICE_*` types.
fn kind_name(kind: u32) -> &'static str {
    match kind {
        1 => "windows-driver",
        2 => "windows-file-system-driver",
        4 => "windows-adapter",
        8 => "windows-recogniser",
        _ => "windows-service",
    }
}

fn start_name(start: u32) -> &'static str {
    match start {
        0 => "boot",
        1 => "system",
        2 => "automatic",
        3 => "manual",
        4 => "disabled",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_sets_have_numbers() {
        assert!(is_control_set("ControlSet001") && is_control_set("controlset002"));
        assert!(
            !is_control_set("CurrentControlSet")
                && !is_control_set("ControlSet")
                && !is_control_set("ControlSetééé")
        );
    }
}
