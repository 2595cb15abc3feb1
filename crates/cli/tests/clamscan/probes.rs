//! One signature line, one sample, the verdict that ClamAV 1.4.6 gave: ours is the same, through the whole program.
//!
//! `probes.tsv` has the extension, the line, the verdict of clamscan, and where ours differs ours and the kind of
//! difference, which `docs/signatures.md` explains. Where clamscan is installed its verdicts are asked again. A second table is not part of the repository: it is read where
//! `CANDOR_SHARED` names the folder that has `data/probes/clamav-1.4.6.tsv`.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, thread};

use super::program::{Ground, Seen};
use super::{Scene, clamscan_is_there};

/// What the lines of our table are held against.
const SAMPLE: &[u8] = b"\0\0\0\0....hello blee....HELLO....qqqq";
const TABLE: &str = include_str!("probes.tsv");
/// Where the kinds of differences are explained, and most rows that may differ.
const EXPLAINED: &str = include_str!("../../../../docs/signatures.md");
const MOST_DIFFERENCES: usize = 32;

/// Calls `each` for every row from two threads, each with a folder of its own; what it returns is collected.
fn rows<T: Send>(table: &str, each: impl Fn(&Scene, &[&str]) -> Option<T> + Sync) -> Vec<T> {
    let rows: Vec<&str> = table.lines().collect();
    let (next, collected) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let scene = Scene(Ground::new());
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let columns: Vec<&str> = row.split('\t').collect();
                    let came = each(&scene, &columns);
                    collected.lock().unwrap().extend(came);
                }
            });
        }
    });
    collected.into_inner().unwrap()
}

/// Writes a line and a sample; the arguments for them.
fn arguments(scene: &Scene, extension: &str, line: &str, sample: &[u8]) -> Vec<String> {
    let file = format!("x.{extension}");
    scene.write(&file, format!("{line}\n").as_bytes());
    scene.write("sample", sample);
    scene.write("other.ndb", b"A:0:*:68656c6c6f\n");
    let mut arguments = vec!["--no-summary", "-d", &file];
    // What is trusted or ignored shows only beside something that is found.
    if matches!(extension, "fp" | "sfp" | "ign2") {
        arguments.extend(["-d", "other.ndb"]);
    }
    arguments.push("sample");
    arguments.into_iter().map(str::to_owned).collect()
}

fn verdict(seen: &Seen) -> String {
    if seen.status == 2 {
        return "LOAD-ERROR".to_owned();
    }
    seen.stdout.trim_end().strip_prefix("sample: ").unwrap_or(&seen.stdout).to_owned()
}

fn borrowed(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

#[test]
fn every_line_has_its_verdict() {
    let oracle = clamscan_is_there();
    let different = rows(TABLE, |scene, row| {
        let [extension, line, theirs, more @ ..] = row else {
            return Some(format!("{row:?} has too few columns"));
        };
        let arguments = arguments(scene, extension, line, SAMPLE);
        let arguments = borrowed(&arguments);
        let expected = more.first().unwrap_or(theirs);
        let ours = verdict(&scene.run(&arguments));
        if ours != *expected {
            return Some(format!("{extension} {line:?}: {ours} instead of {expected}"));
        }
        let asked = oracle.then(|| verdict(&scene.clamscan(&arguments)));
        asked
            .filter(|asked| asked != theirs)
            .map(|asked| format!("{extension} {line:?}: clamscan says {asked}, the table {theirs}"))
    });
    assert!(TABLE.lines().count() > 800);
    assert!(different.is_empty(), "{} differences:\n{}", different.len(), different.join("\n"));
}

#[test]
fn every_difference_is_of_a_kind_that_is_explained() {
    let kinds: Vec<&str> = TABLE.lines().filter_map(|row| row.split('\t').nth(4)).collect();
    for kind in &kinds {
        assert!(
            EXPLAINED.contains(&format!("\n| `{kind}` | ")),
            "{kind} is not explained in docs/signatures.md"
        );
    }
    let incomplete = TABLE.lines().find(|row| row.split('\t').count() == 4);
    assert_eq!(incomplete, None, "a row that differs has its kind");
    assert!(kinds.len() <= MOST_DIFFERENCES, "{} differences", kinds.len());
}

#[test]
fn every_shared_probe_has_its_verdict() {
    let Some(shared) = std::env::var_os("CANDOR_SHARED") else {
        println!("skipped: CANDOR_SHARED does not name the probes");
        return;
    };
    let table = fs::read_to_string(Path::new(&shared).join("data/probes/clamav-1.4.6.tsv")).unwrap();
    let different = rows(&table, |scene, row| {
        let [extension, line, sample, theirs] = row else { return Some(format!("{row:?}")) };
        // Some verdicts carry a remark.
        let theirs = theirs.split(" (").next().unwrap();
        let seen = scene.run(&borrowed(&arguments(scene, extension, line, &hex::decode(sample).unwrap())));
        let ours = verdict(&seen);
        (ours != theirs).then(|| format!("{extension} {line}: {ours} instead of {theirs}"))
    });
    println!("{} rows", table.lines().count());
    assert!(different.is_empty(), "{different:#?}");
}
