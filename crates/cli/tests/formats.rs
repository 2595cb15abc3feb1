//! What programs read is what the schemas promise.

mod program;

use std::fs;
use std::path::Path;

use program::{EVIL, Ground, NAME, gzip};
use serde_json::Value;

fn schema(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn conforms(schema: &Value, document: &Value) {
    let validator = jsonschema::validator_for(schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(document)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{document:#}");
}

/// The official schema, in which two patterns have a stray bracket that strict readers of regular expressions
/// refuse.
fn sarif_schema() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas/sarif-schema-2.1.0.json");
    let text = fs::read_to_string(path).unwrap();
    let mended = text.replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}?$");
    assert_ne!(text, mended);
    serde_json::from_str(&mended).unwrap()
}

/// Findings at several depths, gaps, errors, and files without anything to tell.
fn ground() -> Ground {
    let ground = Ground::new();
    ground.file("evil.bin", EVIL);
    ground.file("sub/evil.gz", &gzip(&gzip(EVIL)));
    ground.file("cut.gz", &gzip(&[7; 9000])[..30]);
    ground.file("a.txt", b"hello");
    ground.file("empty", b"");
    ground
}

const VARIANTS: [&[&str]; 4] = [&[], &["--verbose"], &["--quiet"], &["missing"]];

#[test]
fn json_is_what_its_schema_says() {
    let ground = ground();
    let schema = schema("../../docs/report.schema.json");
    for variant in VARIANTS {
        let mut arguments = vec!["--format", "json"];
        arguments.extend(variant);
        let report = ground.scan(&arguments).expect(1).json();
        conforms(&schema, &report);
        let roots = report["roots"].as_array().unwrap().len();
        assert_eq!(roots, if variant == ["--verbose"] { 5 } else { 3 });
        assert_eq!(report["summary"]["found"], 2);
        assert_eq!(report["summary"]["exit_status"], 1);
    }
    let nothing = Ground::new().scan(&["--format", "json"]).expect(0).json();
    conforms(&schema, &nothing);
    let explained = ground
        .run(&["explain", "files/sub/evil.gz", "--format", "json", "--signatures", "known.hashes"])
        .expect(1)
        .json();
    conforms(&schema, &explained);
    let root = &explained["roots"][0];
    assert_eq!(root["findings"][0]["path"], "files/sub/evil.gz > <stream> > <stream>");
    assert_eq!(root["findings"][0]["name"], NAME);
    assert_eq!(root["findings"][0]["evidence"][0]["excerpt_hex"], hex::encode(EVIL));
    assert_eq!(root["objects"].as_array().unwrap().len(), 3);
}

#[test]
fn lines_are_what_the_schema_says_and_the_summary_is_last() {
    let ground = ground();
    let mut schema = schema("../../docs/report.schema.json");
    let object = schema.as_object_mut().unwrap();
    for keyword in ["type", "properties", "required", "additionalProperties"] {
        object.remove(keyword);
    }
    object.insert("$ref".into(), "#/$defs/line".into());
    for variant in VARIANTS {
        let mut arguments = vec!["--format", "jsonl"];
        arguments.extend(variant);
        let seen = ground.scan(&arguments).expect(1);
        let lines: Vec<Value> = seen.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for line in &lines {
            conforms(&schema, line);
        }
        let roots = lines.iter().filter(|line| line["record"] == "root").count();
        assert_eq!(roots, if variant == ["--verbose"] { 5 } else { 3 });
        assert_eq!(lines.last().unwrap()["record"], "summary");
        let errors = lines.iter().filter(|line| line["record"] == "error").count();
        assert_eq!(errors, usize::from(variant == ["missing"]));
    }
}

#[test]
fn sarif_is_valid_and_tells_gaps() {
    let ground = ground();
    let schema = sarif_schema();
    for variant in VARIANTS {
        let mut arguments = vec!["--format", "sarif"];
        arguments.extend(variant);
        let report = ground.scan(&arguments).expect(1).json();
        conforms(&schema, &report);
        let run = &report["runs"][0];
        assert_eq!(run["results"].as_array().unwrap().len(), 2);
        let invocation = &run["invocations"][0];
        assert_eq!(invocation["executionSuccessful"], false);
        let notifications = invocation["toolExecutionNotifications"].as_array().unwrap();
        assert_eq!(notifications.len(), 1 + usize::from(variant == ["missing"]));
        for result in run["results"].as_array().unwrap() {
            assert_eq!(result["ruleId"], NAME);
            let place = &result["locations"][0]["physicalLocation"]["artifactLocation"]["index"];
            let artifact = &run["artifacts"][place.as_u64().unwrap() as usize];
            assert_eq!(artifact["hashes"]["sha-256"].as_str().unwrap().len(), 64);
        }
    }
    let nothing = Ground::new().scan(&["--format", "sarif"]).expect(0).json();
    conforms(&schema, &nothing);
    assert_eq!(nothing["runs"][0]["invocations"][0]["executionSuccessful"], true);
}

#[test]
fn html_is_one_file_with_everything_in_it() {
    let ground = ground();
    let seen = ground.scan(&["--format", "html", "--output", "report.html"]).expect(1);
    assert_eq!(seen.stdout, "");
    let page = fs::read_to_string(ground.path("report.html")).unwrap();
    for expected in [
        "<!DOCTYPE html>",
        "2 files reported",
        "files/sub/evil.gz",
        "&lt;stream&gt;",
        NAME,
        "63 6f 6e 74 65 6e 74",
        "truncated",
        "max-unpacked-bytes",
        "known.hashes",
        "Identity (SHA-256)",
    ] {
        assert!(page.contains(expected), "{expected} is missing");
    }
    for unwanted in ["<script", "http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(unwanted), "{unwanted}");
    }
    assert!(page.trim_end().ends_with("</html>"));
}

#[test]
fn quiet_verbose_and_pipes_without_colours() {
    let ground = ground();
    let quiet = ground.scan(&["--quiet"]).expect(1);
    assert_eq!(quiet.stdout.lines().count(), 4, "{quiet:#?}");
    assert_eq!(quiet.stderr, "");
    let normal = ground.scan(&[]).expect(1);
    assert_eq!(normal.stderr, "");
    assert!(!normal.stdout.contains("files/a.txt"), "{normal:#?}");
    let verbose = ground.scan(&["--verbose"]).expect(1);
    assert!(verbose.stdout.contains("undetected  files/a.txt"), "{verbose:#?}");
    for seen in [quiet, normal, verbose] {
        assert!(!seen.stdout.contains('\x1b'), "{seen:#?}");
        assert!(seen.stdout.lines().all(|line| line.chars().count() <= 80), "{seen:#?}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let ground = Ground::new();
    for number in 0..3000 {
        ground.file(format!("{number}"), b"x");
    }
    for format in ["human", "json", "jsonl", "sarif", "html"] {
        let mut command = ground.command(&["scan", "files", "--verbose", "--no-clamav", "--format", format]);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let status = output.status.code().unwrap();
        assert!([0, 3].contains(&status), "{format}: {status}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(stderr, "", "{format}");
    }
}
