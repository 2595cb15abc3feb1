//! Property lists that say what is installed on macOS: `Info.plist` of bundles, receipts of packages
//! (`/var/db/receipts`), services of launchd, and the list of system extensions (`/Library/SystemExtensions/db.plist`).

use candor_object::{Attribute, FactKind};

use crate::plist::{self, Value, is_plist};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct PropertyLists;

impl Reader for PropertyLists {
    fn name(&self) -> &'static str {
        "property list"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        is_plist(subject.head)
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let list = plist::read(subject)?;
        receipt(&list, facts)?;
        bundle(&list, facts)?;
        service(&list, facts)?;
        extensions(&list, facts)
    }
}

/// A receipt: what an installer of packages has put here.
fn receipt(list: &Value, facts: &mut Facts<'_>) -> Result<(), Error> {
    let id = list.text("PackageIdentifier");
    if id.is_empty() {
        return Ok(());
    }
    let values = [
        (Attribute::Manager, "pkgutil"),
        (Attribute::State, "installed"),
        (Attribute::Name, id),
        (Attribute::Id, id),
        (Attribute::Version, list.text("PackageVersion")),
        (Attribute::Original, list.text("PackageFileName")),
        (Attribute::Path, list.text("InstallPrefixPath")),
        (Attribute::Time, list.text("InstallDate")),
        (Attribute::Source, list.text("InstallProcessName")),
    ];
    facts.add(FactKind::Package, &values)
}

/// A bundle: an application, a framework, a plug-in.
fn bundle(list: &Value, facts: &mut Facts<'_>) -> Result<(), Error> {
    let id = list.text("CFBundleIdentifier");
    if id.is_empty() {
        return Ok(());
    }
    let name = match list.text("CFBundleDisplayName") {
        "" => list.text("CFBundleName"),
        name => name,
    };
    let values = [
        (Attribute::Source, "bundle"),
        (Attribute::State, "installed"),
        (Attribute::Name, name),
        (Attribute::Id, id),
        (Attribute::Version, list.text("CFBundleShortVersionString")),
        (Attribute::Version, list.text("CFBundleVersion")),
        (Attribute::Original, list.text("CFBundleExecutable")),
        (Attribute::Description, list.text("CFBundleGetInfoString")),
        (Attribute::Data, list.text("NSHumanReadableCopyright")),
    ];
    facts.add(FactKind::Program, &values)
}

/// A service of launchd.
fn service(list: &Value, facts: &mut Facts<'_>) -> Result<(), Error> {
    let arguments = list.get("ProgramArguments").map(Value::list).unwrap_or_default();
    let first = arguments.first().and_then(Value::as_text).unwrap_or_default();
    let program = match list.text("Program") {
        "" => first,
        program => program,
    };
    if list.text("Label").is_empty() || program.is_empty() {
        return Ok(());
    }
    let state = if list.is_set("Disabled") { "disabled" } else { "registered" };
    let values = [
        (Attribute::Manager, "launchd"),
        (Attribute::Name, list.text("Label")),
        (Attribute::Path, program),
        (Attribute::State, state),
    ];
    facts.add(FactKind::Service, &values)
}

/// System extensions, which are what has become of kernel extensions.
fn extensions(list: &Value, facts: &mut Facts<'_>) -> Result<(), Error> {
    for extension in list.get("extensions").map(Value::list).unwrap_or_default() {
        let version = extension.get("bundleVersion");
        let version = |key| version.map(|version| version.text(key)).unwrap_or_default();
        let values = [
            (Attribute::Manager, "system-extension"),
            (Attribute::Name, extension.text("identifier")),
            (Attribute::Id, extension.text("identifier")),
            (Attribute::TeamId, extension.text("teamID")),
            (Attribute::Version, version("CFBundleShortVersionString")),
            (Attribute::Version, version("CFBundleVersion")),
            (Attribute::Path, extension.text("originPath")),
            (Attribute::State, extension.text("state")),
        ];
        if !extension.text("identifier").is_empty() {
            facts.add(FactKind::Service, &values)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    fn read(inside: &str) -> Vec<candor_object::Fact> {
        let text = format!("<?xml version=\"1.0\"?>\n<plist version=\"1.0\"><dict>{inside}</dict></plist>");
        facts_of(&PropertyLists, "x.plist", text.as_bytes())
    }

    fn pair(key: &str, value: &str) -> String {
        format!("<key>{key}</key><string>{value}</string>")
    }

    #[test]
    fn receipts_and_bundles() {
        let facts = read(&(pair("PackageIdentifier", "com.example.kav") + &pair("PackageVersion", "1.2")));
        assert_eq!(facts[0].kind, FactKind::Package);
        assert_eq!(facts[0].get(Attribute::Name), Some("com.example.kav"));
        let facts = read(&(pair("CFBundleIdentifier", "com.example.app") + &pair("CFBundleName", "App")));
        assert_eq!(facts[0].kind, FactKind::Program);
        assert_eq!(facts[0].get(Attribute::Name), Some("App"));
        assert!(read(&pair("Other", "x")).is_empty());
    }

    #[test]
    fn services_and_system_extensions() {
        let arguments =
            "<key>ProgramArguments</key><array><string>/bin/x</string><string>-d</string></array>";
        let facts = read(&(pair("Label", "com.example.d") + arguments));
        assert_eq!(facts[0].get(Attribute::Path), Some("/bin/x"));
        let inside = format!(
            "<key>extensions</key><array><dict>{}{}{}<key>bundleVersion</key><dict>{}</dict></dict></array>",
            pair("identifier", "com.example.sysext"),
            pair("teamID", "ABCDE12345"),
            pair("state", "activated_enabled"),
            pair("CFBundleShortVersionString", "3.1"),
        );
        let facts = read(&inside);
        assert_eq!(facts[0].get(Attribute::TeamId), Some("ABCDE12345"));
        assert_eq!(facts[0].get(Attribute::Version), Some("3.1"));
    }
}
