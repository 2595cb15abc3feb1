//! Nothing that a name or a signature says reaches the terminal or the page as a command.

mod program;

use std::fs;

use program::{EVIL, Ground};
use sha2::{Digest, Sha256};

const HOSTILE: &str = "a\x1b[2J\u{9b}31m\u{202e}gpj.\u{2066}\n\t<script>alert(1)</script>\"'&.exe";

fn is_dangerous(character: char) -> bool {
    (character.is_control() && character != '\n')
        || ('\u{202a}'..='\u{202e}').contains(&character)
        || ('\u{2066}'..='\u{2069}').contains(&character)
}

fn hostile_ground() -> Ground {
    let ground = Ground::new();
    // A name holds no slash.
    ground.file(HOSTILE.replace('/', "|"), EVIL);
    let digest = hex::encode(Sha256::digest(EVIL));
    let name = "Evil\x1b]0;title\x07\u{202e}<img src=x>";
    fs::write(ground.path("known.hashes"), format!("{digest} {name}\nbroken\x1b[2J\n")).unwrap();
    ground
}

#[test]
fn every_format_is_plain_text() {
    let ground = hostile_ground();
    for format in ["human", "json", "jsonl", "sarif", "html"] {
        for detail in [&["--verbose"][..], &[]] {
            let mut arguments = vec!["--format", format];
            arguments.extend(detail);
            let seen = ground.scan(&arguments).expect(1);
            for text in [&seen.stdout, &seen.stderr] {
                assert!(!text.chars().any(is_dangerous), "{format}: {text:?}");
            }
            if format == "html" {
                assert!(!seen.stdout.contains("<script"), "{seen:#?}");
                assert!(!seen.stdout.contains("<img"), "{seen:#?}");
                assert!(seen.stdout.contains("&lt;script&gt;"), "{seen:#?}");
            }
        }
    }
}

#[test]
fn explain_check_and_errors_are_plain_text() {
    let ground = hostile_ground();
    let path = format!("files/{}", HOSTILE.replace('/', "|"));
    let missing = format!("missing{path}");
    let option = format!("--x{HOSTILE}");
    for arguments in [
        &["explain", path.as_str(), "--signatures", "known.hashes"][..],
        &["explain", path.as_str(), "--signatures", "known.hashes", "--format", "json"],
        &["db", "check", "known.hashes"],
        &["db", "check", "known.hashes", "--format", "json"],
        &["scan", missing.as_str(), "--no-clamav"],
        &["explain", missing.as_str()],
        &["db", "info", missing.as_str()],
        &["scan", option.as_str()],
    ] {
        let seen = ground.run(arguments);
        for text in [&seen.stdout, &seen.stderr] {
            assert!(!text.chars().any(is_dangerous), "{arguments:?}: {text:?}");
        }
    }
}

#[test]
fn json_keeps_the_name_as_it_is() {
    let ground = hostile_ground();
    let report = ground.scan(&["--format", "json"]).expect(1).json();
    let expected = format!("files/{}", HOSTILE.replace('/', "|"));
    assert_eq!(report["roots"][0]["path"], expected);
}
