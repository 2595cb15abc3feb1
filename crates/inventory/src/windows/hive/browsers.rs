//! What the registry makes browsers load: extensions that a policy or an installer put there, and programs that
//! extensions talk to.

use candor_object::{Attribute, FactKind};

use super::{Branch, Hive};
use crate::{Error, Facts};

/// Browsers, and where their keys are.
const BROWSERS: [(&str, &str); 4] = [
    ("chrome", r"Google\Chrome"),
    ("edge", r"Microsoft\Edge"),
    ("chromium", "Chromium"),
    ("brave", r"BraveSoftware\Brave"),
];

pub(super) fn read(hive: &Hive<'_>, view: &Branch, facts: &mut Facts<'_>) -> Result<(), Error> {
    for (browser, path) in BROWSERS {
        forced(hive, view, browser, path, facts)?;
        installed(hive, view, browser, path, facts)?;
    }
    for (browser, path) in BROWSERS.into_iter().chain([("firefox", "Mozilla")]) {
        hosts(hive, view, browser, path, facts)?;
    }
    Ok(())
}

/// `identifier;address of updates`.
fn forced(
    hive: &Hive<'_>,
    view: &Branch,
    browser: &str,
    path: &str,
    facts: &mut Facts<'_>,
) -> Result<(), Error> {
    let Some(list) = view.at(hive, &format!(r"Policies\{path}\ExtensionInstallForcelist"))? else {
        return Ok(());
    };
    for value in list.values(hive)? {
        let text = value.text();
        let (id, url) = text.split_once(';').unwrap_or((&text, ""));
        let values = [
            (Attribute::Browser, browser),
            (Attribute::Id, id),
            (Attribute::Url, url),
            (Attribute::State, "forced"),
            (Attribute::Key, &list.path),
        ];
        facts.add(FactKind::Extension, &values)?;
    }
    Ok(())
}

fn installed(
    hive: &Hive<'_>,
    view: &Branch,
    browser: &str,
    path: &str,
    facts: &mut Facts<'_>,
) -> Result<(), Error> {
    let Some(list) = view.at(hive, &format!(r"{path}\Extensions"))? else { return Ok(()) };
    for entry in list.children(hive)? {
        let fields =
            [("update_url", Attribute::Url), ("path", Attribute::Path), ("version", Attribute::Version)];
        let found = entry.attributes(hive, &fields)?;
        let fixed = [
            (Attribute::Browser, browser),
            (Attribute::Id, entry.key.name.as_str()),
            (Attribute::State, "registered"),
            (Attribute::Key, entry.path.as_str()),
        ];
        super::add(facts, FactKind::Extension, &fixed, &found)?;
    }
    Ok(())
}

/// Programs that extensions may start; the default value names the manifest.
fn hosts(
    hive: &Hive<'_>,
    view: &Branch,
    browser: &str,
    path: &str,
    facts: &mut Facts<'_>,
) -> Result<(), Error> {
    let Some(list) = view.at(hive, &format!(r"{path}\NativeMessagingHosts"))? else { return Ok(()) };
    for entry in list.children(hive)? {
        let found = entry.attributes(hive, &[("", Attribute::Path)])?;
        let fixed = [
            (Attribute::Browser, browser),
            (Attribute::Manager, "native-messaging"),
            (Attribute::Name, entry.key.name.as_str()),
            (Attribute::State, "registered"),
            (Attribute::Key, entry.path.as_str()),
        ];
        super::add(facts, FactKind::Extension, &fixed, &found)?;
    }
    Ok(())
}
