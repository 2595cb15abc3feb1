//! Extensions of Chrome and its relatives: what lies unpacked in a profile, what the profile's settings say of it, and
//! what policies and installers put there ([manifests](https://developer.chrome.com/docs/extensions/reference/manifest)).

use candor_object::{Attribute, FactKind};
use serde_json::Value;

use super::{browser, is_id};
use crate::fields::holds;
use crate::json::{self, pairs, text};
use crate::{Error, Facts, Reader, Subject};

/// `manifest.json` of an extension.
pub(crate) struct Manifest;
/// `Preferences` and `Secure Preferences` of a profile.
pub(crate) struct Preferences;
/// What installs extensions from outside: a file for each, named by its identifier, and policies.
pub(crate) struct External;

impl Reader for Manifest {
    fn name(&self) -> &'static str {
        "manifest of an extension"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        json::is_object(subject.head)
            && subject.is_named("manifest.json")
            && holds(subject.head, b"\"manifest_version\"")
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let manifest = json::read(subject)?;
        let path = subject.path();
        // `Extensions/IDENTIFIER/VERSION/manifest.json`, or what the extension itself says.
        let id = path.split('/').rev().find(|part| is_id(part)).unwrap_or_default();
        let gecko = ["browser_specific_settings", "applications"]
            .iter()
            .filter_map(|key| manifest.get(key)?.get("gecko")?.get("id")?.as_str())
            .next()
            .unwrap_or_default();
        let (id, of) =
            if id.is_empty() && !gecko.is_empty() { (gecko, "firefox") } else { (id, browser(&path)) };
        let values = [
            (Attribute::Browser, of),
            (Attribute::Id, id),
            (Attribute::Name, text(&manifest, "name")),
            (Attribute::Version, text(&manifest, "version")),
            (Attribute::Description, text(&manifest, "description")),
            (Attribute::Publisher, text(&manifest, "author")),
            (Attribute::Url, text(&manifest, "update_url")),
            (Attribute::Url, text(&manifest, "homepage_url")),
            (Attribute::State, "installed"),
            (Attribute::Source, "manifest"),
        ];
        facts.add(FactKind::Extension, &values)
    }
}

impl Reader for Preferences {
    fn name(&self) -> &'static str {
        "settings of a browser"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        let named = subject.is_named("Preferences") || subject.is_named("Secure Preferences");
        named && json::is_object(subject.head)
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let settings = json::read(subject)?;
        let path = subject.path();
        let extensions = settings.get("extensions").unwrap_or(&Value::Null);
        for (id, extension) in pairs(extensions, "settings").filter(|(id, _)| is_id(id)) {
            subject.time_left()?;
            let manifest = extension.get("manifest").unwrap_or(&Value::Null);
            // 0 is disabled; newer browsers list reasons instead.
            let disabled = extension.get("state").and_then(Value::as_u64) == Some(0)
                || extension.get("disable_reasons").is_some_and(|reasons| match reasons {
                    Value::Array(reasons) => !reasons.is_empty(),
                    reasons => reasons.as_u64().unwrap_or(0) != 0,
                });
            let values = [
                (Attribute::Browser, browser(&path)),
                (Attribute::Id, id.as_str()),
                (Attribute::Name, text(manifest, "name")),
                (Attribute::Version, text(manifest, "version")),
                (Attribute::Description, text(manifest, "description")),
                (Attribute::Url, text(manifest, "update_url")),
                (Attribute::Path, text(extension, "path")),
                (Attribute::State, if disabled { "disabled" } else { "installed" }),
                (Attribute::Source, "preferences"),
            ];
            facts.add(FactKind::Extension, &values)?;
        }
        Ok(())
    }
}

impl Reader for External {
    fn name(&self) -> &'static str {
        "policy of a browser"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        if !json::is_object(subject.head) {
            return false;
        }
        let external =
            holds(subject.head, b"\"external_update_url\"") || holds(subject.head, b"\"external_crx\"");
        external
            || holds(subject.head, b"\"ExtensionInstallForcelist\"")
            || holds(subject.head, b"\"ExtensionSettings\"")
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let document = json::read(subject)?;
        let path = subject.path();
        let file = path.rsplit('/').next().unwrap_or_default();
        let of = browser(&path);
        if let Some(id) = file.strip_suffix(".json").filter(|id| is_id(id)) {
            extension(of, id, &document, "registered", facts)?;
        }
        // One document for all, `external_extensions.json`.
        for (id, about) in document.as_object().into_iter().flatten().filter(|(id, _)| is_id(id)) {
            extension(of, id, about, "registered", facts)?;
        }
        for entry in json::list(&document, "ExtensionInstallForcelist").iter().filter_map(Value::as_str) {
            let (id, url) = entry.split_once(';').unwrap_or((entry, ""));
            let values = [
                (Attribute::Browser, of),
                (Attribute::Id, id),
                (Attribute::Url, url),
                (Attribute::State, "forced"),
                (Attribute::Source, "policy"),
            ];
            facts.add(FactKind::Extension, &values)?;
        }
        for (id, about) in pairs(&document, "ExtensionSettings").filter(|(id, _)| is_id(id)) {
            let state = match text(about, "installation_mode") {
                "force_installed" | "normal_installed" => "forced",
                "blocked" | "removed" => "blocked",
                _ => "allowed",
            };
            extension(of, id, about, state, facts)?;
        }
        Ok(())
    }
}

fn extension(of: &str, id: &str, about: &Value, state: &str, facts: &mut Facts<'_>) -> Result<(), Error> {
    let values = [
        (Attribute::Browser, of),
        (Attribute::Id, id),
        (Attribute::Url, text(about, "external_update_url")),
        (Attribute::Url, text(about, "update_url")),
        (Attribute::Path, text(about, "external_crx")),
        (Attribute::Version, text(about, "external_version")),
        (Attribute::State, state),
        (Attribute::Source, "policy"),
    ];
    facts.add(FactKind::Extension, &values)
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    const ID: &str = "ahkjpbeeocnddjkakilopmfdlnjdpcdm";

    #[test]
    fn manifests_are_named_by_their_folder() {
        let text = br#"{"manifest_version":3,"name":"Example Protection","version":"30.1"}"#;
        let name = format!("home/a/.config/google-chrome/Default/Extensions/{ID}/30.1_0/manifest.json");
        let facts = facts_of(&Manifest, &name, text);
        assert_eq!(facts[0].get(Attribute::Id), Some(ID));
        assert_eq!(facts[0].get(Attribute::Browser), Some("chrome"));
        let text = br#"{"manifest_version":2,"name":"x","browser_specific_settings":{"gecko":{"id":"x@example.com"}}}"#;
        let facts = facts_of(&Manifest, "manifest.json", text);
        assert_eq!(facts[0].get(Attribute::Id), Some("x@example.com"));
        assert!(facts_of(&Manifest, "manifest.json", br#"{"name":"web app"}"#).is_empty());
    }

    #[test]
    fn settings_list_extensions() {
        let text = format!(
            r#"{{"extensions":{{"settings":{{"{ID}":{{"state":0,"manifest":{{"name":"E"}}}},"x":{{}}}}}}}}"#
        );
        let facts = facts_of(&Preferences, "Default/Secure Preferences", text.as_bytes());
        assert_eq!(facts.len(), 1);
        assert_eq!(facts[0].get(Attribute::State), Some("disabled"));
    }

    #[test]
    fn policies_force_extensions() {
        let text = format!(
            r#"{{"ExtensionInstallForcelist":["{ID};https://x"],"ExtensionSettings":{{"{ID}":{{"installation_mode":"blocked"}}}}}}"#
        );
        let facts = facts_of(&External, "etc/opt/chrome/policies/managed/a.json", text.as_bytes());
        assert_eq!(facts[0].get(Attribute::State), Some("forced"));
        assert_eq!(facts[1].get(Attribute::State), Some("blocked"));
        let text = br#"{"external_update_url":"https://x"}"#;
        let facts = facts_of(&External, &format!("opt/google/chrome/extensions/{ID}.json"), text);
        assert_eq!(facts[0].get(Attribute::Id), Some(ID));
    }
}
