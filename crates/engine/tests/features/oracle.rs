//! ClamAV's clamscan over the same files: it finds what we find.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::carriers::Kind;
use super::feature::{HIT, Made, NEVER};
use super::features;

/// Whether clamscan finds the two names in the file and in its twin; nothing where it refuses the signatures.
fn asked(folder: &Path, made: &Made) -> Option<[(bool, bool); 2]> {
    let database = folder.join("db");
    let _ = fs::remove_dir_all(&database);
    fs::create_dir(&database).unwrap();
    for (name, text) in &made.signatures {
        fs::write(database.join(name), text).unwrap();
    }
    fs::write(folder.join("hit"), &made.hit).unwrap();
    fs::write(folder.join("miss"), &made.miss).unwrap();
    let output = Command::new("clamscan")
        .args(["--no-summary", "-z", "--detect-pua", "--bytecode-unsigned", "-d"])
        .arg(&database)
        .args([folder.join("hit"), folder.join("miss")])
        .output()
        .unwrap();
    if output.status.code() == Some(2) {
        return None;
    }
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let finds = |file: &str, name: &str| {
        said.lines().any(|line| {
            line.contains(&format!("/{file}: ")) && line.ends_with(" FOUND") && line.contains(name)
        })
    };
    Some([HIT, NEVER].map(|name| (finds("hit", name), finds("miss", name))))
}

#[test]
fn clamscan_says_the_same() {
    if std::env::var_os("CANDOR_ORACLE").is_none() {
        println!("skipped: CANDOR_ORACLE is not set");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut same, mut pages, mut different) = (0, 0, Vec::new());
    for feature in &features() {
        for kind in feature.carriers {
            let said = asked(folder.path(), &feature.made(*kind));
            // A page as it is has been replaced by its forms there, in which it lies elsewhere.
            let page = *kind == Kind::Html && said == Some([(false, false); 2]);
            let agrees = page || said == Some([(true, false), (false, false)]);
            pages += usize::from(page);
            let expected = feature.differs.is_none_or(|(kinds, _)| !kinds.contains(kind));
            match (agrees, expected) {
                (true, _) if page => {}
                (true, true) => same += 1,
                (false, false) => {}
                _ => different.push(format!("{} in {kind:?}: {said:?}", feature.what)),
            }
        }
    }
    println!(
        "{same} pairs of files are judged the same, without {pages} of pages that are not seen as they are"
    );
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
}
