//! How sections find their tasks, and that nothing breaks the reader.

use proptest::prelude::*;

use super::*;

#[test]
fn a_section_says_its_task_or_not() {
    assert_eq!(split("ScanScope.item_0000"), (None, "ScanScope"));
    assert_eq!(split("Nightly.ScanScope.item_0003"), (Some("Nightly"), "ScanScope"));
    assert_eq!(split("Nightly"), (Some("Nightly"), ""));
    assert_eq!(split("\u{fc}ScanScope"), (Some("\u{fc}ScanScope"), ""));
    assert_eq!(split(""), (None, ""));
}

proptest! {
    #[test]
    fn hostile_settings_are_told(
        lines in proptest::collection::vec("(\\[(T\\.)?(ScanScope|ExcludedFromScanScope)\\.item_0\\]|(Path|AreaMask.item_0|UseExcludeMasks|ExcludeMasks.item_1|RuleType|StartTime|TimeLimit|ProxyServer)=[a-z/*?\\[{:;0-9@% \"\\\\]{0,12})", 0..12)
    ) {
        let text = lines.join("\n");
        let imported = import(&[Source { name: "T.ini", text: &text }], Dangerous::Taken);
        for (name, text) in imported.files() {
            prop_assert!(!name.contains('/'));
            if name.ends_with(".toml") {
                prop_assert!(text.parse::<toml::Table>().is_ok(), "{}", text);
            }
        }
        for exclusion in &imported.exclusions {
            prop_assert!(regex::bytes::Regex::new(&exclusion.regex).is_ok());
        }
    }
}
