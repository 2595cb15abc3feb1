//! Extensions that a profile of Firefox has: `extensions.json`.

use candor_object::{Attribute, FactKind};
use serde_json::Value;

use crate::json::{self, list, text};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Firefox;

impl Reader for Firefox {
    fn name(&self) -> &'static str {
        "extensions of Firefox"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        subject.is_named("extensions.json") && json::is_object(subject.head)
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let document = json::read(subject)?;
        for addon in list(&document, "addons") {
            subject.time_left()?;
            let about = addon.get("defaultLocale").unwrap_or(&Value::Null);
            let active = addon.get("active").and_then(Value::as_bool).unwrap_or(true);
            let values = [
                (Attribute::Browser, "firefox"),
                (Attribute::Id, text(addon, "id")),
                (Attribute::Name, text(about, "name")),
                (Attribute::Version, text(addon, "version")),
                (Attribute::Description, text(about, "description")),
                (Attribute::Publisher, text(about, "creator")),
                (Attribute::Url, text(addon, "sourceURI")),
                (Attribute::Path, text(addon, "path")),
                (Attribute::State, if active { "installed" } else { "disabled" }),
                (Attribute::Source, text(addon, "location")),
            ];
            if !text(addon, "id").is_empty() {
                facts.add(FactKind::Extension, &values)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn addons_are_told() {
        let text =
            br#"{"addons":[{"id":"a@b","version":"1","active":false,"defaultLocale":{"name":"A"}},{}]}"#;
        let facts = facts_of(&Firefox, "x.default/extensions.json", text);
        assert_eq!(facts.len(), 1);
        assert_eq!(facts[0].get(Attribute::Name), Some("A"));
        assert_eq!(facts[0].get(Attribute::State), Some("disabled"));
    }
}
