//! Golden files: a test is a dropped file. Put a sample into `tests/golden`, below folders that make the name which its
//! reader expects, run the tests with `CANDOR_UPDATE_GOLDEN=1`, and review the `.facts` that appears beside it.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use candor_inventory::{Facts, HEAD, Subject, read};
use candor_object::{Content, FileType, Object, ObjectId};

fn samples(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            samples(&path, into);
        } else if path.extension().is_none_or(|extension| extension != "facts") {
            into.push(path);
        }
    }
}

/// What all readers say of a sample: a line for each fact, and one for all that went wrong.
fn described(name: &str, bytes: Vec<u8>) -> String {
    let head = bytes[..bytes.len().min(HEAD)].to_vec();
    let mut object = Object::root(Content::from_vec(bytes), FileType::DATA);
    name.clone_into(&mut object.name);
    let deadline = Instant::now() + Duration::from_secs(60);
    let subject =
        Subject { object: &object, head: &head, containers: &[], layout: None, signed: None, deadline };
    let (mut all, mut length, mut text) = (Vec::new(), 0, String::new());
    let mut failures = Vec::new();
    read(&subject, &mut Facts::new(ObjectId::ROOT, &mut all, &mut length), |reader, error| {
        failures.push(format!("! {reader}: {error}\n"));
    });
    for fact in all {
        text.push_str(fact.kind.name());
        for (attribute, value) in &fact.attributes {
            let _ = write!(text, " {}={value:?}", attribute.name());
        }
        text.push('\n');
    }
    text + &failures.concat()
}

#[test]
fn samples_say_what_is_recorded() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut paths = Vec::new();
    samples(&golden, &mut paths);
    paths.sort();
    assert!(paths.len() > 40);
    let mut wrong = Vec::new();
    for path in paths {
        let name = path.strip_prefix(&golden).unwrap().to_str().unwrap().to_owned();
        let told = described(&name, fs::read(&path).unwrap());
        let recorded = PathBuf::from(format!("{}.facts", path.display()));
        if std::env::var_os("CANDOR_UPDATE_GOLDEN").is_some() {
            fs::write(&recorded, &told).unwrap();
        }
        let expected = fs::read_to_string(&recorded).unwrap_or_default();
        if told.is_empty() || told != expected {
            wrong.push(format!("{name}\nrecorded:\n{expected}told:\n{told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
