//! Settings as the incumbent writes them, made for these tests, with all that they come to.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use candor_transition::import::kesl::{Source, import};
use candor_transition::import::{Danger, Dangerous, Fate, Imported};

fn golden(names: &[&str], dangerous: Dangerous) -> Imported {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/kesl");
    let texts: Vec<String> =
        names.iter().map(|name| fs::read_to_string(folder.join(name)).unwrap()).collect();
    let sources: Vec<Source<'_>> =
        names.iter().zip(&texts).map(|(name, text)| Source { name, text }).collect();
    import(&sources, dangerous)
}

fn told(imported: &Imported) -> String {
    let mut told = String::new();
    for remark in &imported.remarks {
        let danger = remark.danger.map_or_else(String::new, |danger| format!(" !! {danger:?}"));
        let _ = writeln!(
            told,
            "{}:{} {}: {}: {}{danger}",
            remark.file,
            remark.line,
            remark.setting,
            remark.fate.name(),
            remark.text
        );
    }
    for (name, text) in imported.files() {
        let _ = write!(told, "--- {name}\n{text}");
    }
    told
}

#[test]
fn settings_of_tasks() {
    let names = ["File_Threat_Protection.ini", "Nightly.ini", "Nightly.schedule.ini", "tasks.ini"];
    insta::assert_snapshot!(told(&golden(&names, Dangerous::LeftOut)));
}

#[test]
fn one_export_of_everything() {
    insta::assert_snapshot!(told(&golden(&["all.ini"], Dangerous::LeftOut)));
}

#[test]
fn settings_of_the_installation() {
    insta::assert_snapshot!(told(&golden(&["autoinstall.ini"], Dangerous::LeftOut)));
}

#[test]
fn secrets_go_nowhere() {
    let imported = golden(&["all.ini", "autoinstall.ini"], Dangerous::LeftOut);
    let everything = format!("{imported:?}{}", told(&imported));
    assert!(!everything.contains("hunter2") && !everything.contains("BBBBB"));
}

#[test]
fn what_hides_a_system_is_taken_only_if_somebody_insists() {
    let excluded = |dangerous| {
        let imported = golden(&["File_Threat_Protection.ini"], dangerous);
        let regexes: Vec<String> =
            imported.exclusions.iter().map(|exclusion| exclusion.regex.clone()).collect();
        let marked = imported.remarks.iter().filter(|remark| remark.danger == Some(Danger::SystemFolder));
        assert_eq!(marked.count(), 1);
        regexes
    };
    assert!(!excluded(Dangerous::LeftOut).contains(&"^/usr(/|$)".to_owned()));
    assert!(excluded(Dangerous::Taken).contains(&"^/usr(/|$)".to_owned()));
}

#[test]
fn every_line_has_a_fate() {
    for name in ["File_Threat_Protection.ini", "Nightly.ini", "all.ini", "autoinstall.ini"] {
        let imported = golden(&[name], Dangerous::LeftOut);
        assert_eq!(imported.count(Fate::Unreadable), usize::from(name == "all.ini"));
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/kesl");
        let text = fs::read_to_string(folder.join(name)).unwrap();
        let in_area =
            ["AreaDesc", "UseScanArea", "Path", "AreaMask", "ProgramPath", "Apply", "UseExcludedFor"];
        let with_another = ["UseProxy", "StartTime"];
        for (number, line) in (1..).zip(text.lines()) {
            let silent = |names: &[&str]| names.iter().any(|name| line.starts_with(name));
            let head = line.starts_with('[') && !line.contains("ScanScope") && !line.contains("ForProgram");
            if line.starts_with('#') || head || silent(&in_area) || silent(&with_another) {
                continue;
            }
            let told = imported.remarks.iter().any(|remark| remark.line == number);
            assert!(told, "{name}:{number}: {line}");
        }
    }
}
