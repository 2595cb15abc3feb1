//! Golden files: a test is a dropped file. Put a sample into `tests/golden/FORMAT/`, run the tests, and review
//! the `.snap` that appears (`INSTA_UPDATE=always cargo test -p candor-formats --test golden` writes it).

#![expect(clippy::disallowed_methods, reason = "the test reads samples; the formats read nothing")]

use std::fmt::Write;

use candor_formats::{Collector, file_type, identify};
use candor_object::{Budget, Content, Limits};

mod image;

#[test]
fn samples_open_as_recorded() {
    insta::glob!("golden", "*/*", |path| {
        if path.extension().is_some_and(|extension| extension == "snap" || extension == "new") {
            return;
        }
        let folder = path.parent().and_then(Path::file_name).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        insta::with_settings!({
            snapshot_path => path.parent().unwrap(), prepend_module_to_snapshot => false,
            omit_expression => true, snapshot_suffix => "", input_file => Path::new(folder).join(&name),
        }, { insta::assert_snapshot!(name.clone(), describe(&image::read(path))) });
    });
}

fn describe(bytes: &[u8]) -> String {
    let content = Content::from_vec(bytes.to_vec());
    let mut text = format!("type {}\n", file_type(&content).unwrap());
    let Some(format) = identify(&content).unwrap() else {
        return text;
    };
    if let Some(layout) = format.layout(&content).unwrap() {
        let _ = writeln!(text, "{layout:#?}");
    }
    let sink = Collector::new(Budget::new(&Limits::default(), content.size()));
    let mut sink = sink.with_passwords(&["wrong", "infected"]);
    let stopped = format.open(&content, &mut sink).is_err();
    for child in &sink.children {
        let bytes = child.content.window(0, usize::MAX).unwrap();
        let (size, crc) = (bytes.len(), crc32fast::hash(&bytes));
        let kind = child.file_type.unwrap_or_else(|| file_type(&child.content).unwrap());
        let _ =
            writeln!(text, "{} {:?} {kind} {size} bytes crc32 {crc:08x}", child.relation.name(), child.name);
        // A form is readable, and its size says little.
        if child.file_type.is_some() && size < 2000 {
            let _ = writeln!(text, "    \"{}\"", bytes.escape_ascii());
        }
    }
    for (reason, detail) in &sink.gaps {
        let _ = writeln!(text, "gap {}: {detail}", reason.name());
    }
    for (name, detail) in &sink.anomalies {
        let _ = writeln!(text, "anomaly {name}: {detail}");
    }
    if stopped {
        text.push_str("stopped\n");
    }
    text
}
