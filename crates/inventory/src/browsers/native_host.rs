//! Programs that extensions may start: manifests of native messaging hosts
//! ([format](https://developer.chrome.com/docs/extensions/develop/concepts/native-messaging)).

use candor_object::{Attribute, FactKind};
use serde_json::Value;

use super::browser;
use crate::fields::holds;
use crate::json::{self, list, text};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct NativeHost;

/// Most extensions of a host that are named.
const MOST: usize = 8;

impl Reader for NativeHost {
    fn name(&self) -> &'static str {
        "native messaging host"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        json::is_object(subject.head)
            && holds(subject.head, b"\"stdio\"")
            && (holds(subject.head, b"\"allowed_origins\"") || holds(subject.head, b"\"allowed_extensions\""))
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let host = json::read(subject)?;
        let path = subject.path();
        let of = match browser(&path) {
            "" if host.get("allowed_extensions").is_some() => "firefox",
            of => of,
        };
        let mut values = vec![
            (Attribute::Manager, "native-messaging"),
            (Attribute::Browser, of),
            (Attribute::Name, text(&host, "name")),
            (Attribute::Description, text(&host, "description")),
            (Attribute::Path, text(&host, "path")),
            (Attribute::State, "registered"),
        ];
        let origins = list(&host, "allowed_origins").iter().chain(list(&host, "allowed_extensions"));
        for origin in origins.filter_map(Value::as_str).take(MOST) {
            let id = origin.trim_start_matches("chrome-extension://").trim_end_matches('/');
            values.push((Attribute::Id, id));
        }
        facts.add(FactKind::Extension, &values)
    }
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn hosts_name_their_program_and_extensions() {
        let text = br#"{"name":"com.example.host","type":"stdio","path":"/opt/x","allowed_origins":["chrome-extension://abc/"]}"#;
        let facts =
            facts_of(&NativeHost, "etc/opt/chrome/native-messaging-hosts/com.example.host.json", text);
        assert_eq!(facts[0].get(Attribute::Id), Some("abc"));
        assert_eq!(facts[0].get(Attribute::Browser), Some("chrome"));
        assert_eq!(facts[0].get(Attribute::Path), Some("/opt/x"));
    }
}
